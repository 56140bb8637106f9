/** Steps 2 and 3 of a night: three dry runs, judged line by line against our own walk of the replica; what was seen stays seen. */
import { Audit, type Limits } from '../audit/audit.ts';
import { waitForNews } from '../audit/deletions.ts';
import { Flood, mostStrangers } from '../audit/flood.ts';
import { passes } from '../layout.ts';
import { auditPass } from '../audit/passes.ts';
import type { Run } from './run.ts';
import { clearStale } from './departure/tombstones.ts';
import type { Edges } from './edges.ts';
import type { Failure } from '../errors.ts';
import type { Audited } from './suspects.ts';
import { deadlineOf } from './stage.ts';

/** The audit of a night. Throws the failure of a pass, after what the passes had seen has been put among the findings. */
export async function audit(edges: Edges, run: Run, noLimits: boolean): Promise<Audited> {
  const connecting = edges.connect(run, deadlineOf(edges, run));
  const [catalogue] = await Promise.all([edges.walk(), connecting]);
  if (edges.lacksRoom()) run.findings.add('warning', 'no-room', '', 'bubblewrap does not work here: rsync sees this whole machine, and could write into the replica if serverA took it over');
  const bounds: Limits = noLimits || !edges.hasCompletedOnce() ? {} : edges.repository.limits;
  const judging = new Audit(catalogue, { initialising: false, window: run.window }, (path) => edges.exists(path), mostStrangers(bounds.newFiles));
  const failure = await auditPasses(edges, run, judging);
  if (failure === undefined || failure instanceof Flood) {
    catalogue.enterAll();
    clearStale(catalogue.books);
  }
  const budget = run.window === undefined ? {} : { deletions: run.window.budget - run.window.used };
  run.awaitsNews = waitForNews(catalogue.books, edges.restic.canProve, edges.repository.deletionGrace);
  const verdict = judging.verdict({ ...bounds, ...budget, isNewsAwaited: run.awaitsNews });
  run.audit = verdict.counts;
  run.findings.merge(verdict.findings);
  if (failure instanceof Flood) run.findings.add('violation', 'over-limit', '', failure.message);
  else if (failure !== undefined) throw failure;
  if (run.command === 'sync') await edges.journal({ event: 'verdict', runId: run.runId, ...verdict.counts, violations: run.findings.rules('violation') });
  return { books: catalogue.books, configMtime: verdict.configMtime };
}

/** All passes that can be had: one that failed must not hide what the next one would show. The first failure counts. */
async function auditPasses(edges: Edges, run: Run, judging: Audit): Promise<Failure | undefined> {
  let first: Failure | undefined;
  for (const pass of passes) {
    const failed = await auditPass(judging, pass, (hidden) => edges.dryRun(pass, deadlineOf(edges, run), judging, hidden));
    if (failed === undefined) continue;
    first ??= failed.failure;
    judging.fail(pass);
    if (failed.mayGoOn) continue;
    for (const later of passes) if (later > pass) judging.fail(later);
    break;
  }
  return first;
}
