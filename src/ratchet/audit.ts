/** Steps 2 and 3 of a night: three dry runs, judged line by line against our own walk of the replica; what was seen stays seen. */
import { present } from '../audit/questions.ts';
import { Audit } from '../audit/audit.ts';
import type { Limits } from '../audit/tally.ts';
import { waitForNews } from '../audit/deletions.ts';
import { Flood, mostStrangers } from '../audit/flood.ts';
import type { Books } from '../audit/books.ts';
import { dryRun } from '../audit/dry-run.ts';
import { inReplica } from '../audit/flags.ts';
import { withWhatLiesThere } from '../audit/look-around.ts';
import { auditPass, type FailedPass } from '../audit/passes.ts';
import { ReplicaWalk } from '../audit/walk.ts';
import { passes, type Pass } from '../layout.ts';
import { expectNight } from './arrival/fetch.ts';
import { exists } from './replica.ts';
import type { Run } from './run.ts';
import { clearStale } from './departure/tombstones.ts';
import { deadlineOf, hasCompletedOnce, journal, type Holdings } from './holdings.ts';
import type { Failure } from '../errors.ts';

/** What the audit leaves to be acted on. */
export interface Audited {
  readonly books: Books;
  /** The modification time that serverA lists for `config`, when only that differs. */
  readonly configMtime: number | undefined;
}

/** The audit of a night. Throws the failure of a pass, after what the passes had seen has been put among the findings. */
export async function audit(held: Holdings, run: Run, noLimits: boolean): Promise<Audited> {
  const deadline = deadlineOf(held, run.startedAt);
  const [catalogue] = await Promise.all([beginWalk(held), connect(held, run, deadline)]);
  if (lacksRoom(held))
    run.findings.add(
      'warning',
      'no-room',
      '',
      'bubblewrap does not work here: rsync sees this whole machine, and could write into the replica if serverA took it over',
    );
  const bounds: Limits = noLimits || !hasCompletedOnce(held) ? {} : held.repository.limits;
  const judging = new Audit(
    catalogue,
    { initialising: false, window: run.window },
    (path) => exists(held.repository.replica, path),
    mostStrangers(bounds.newFiles),
  );
  const failure = await auditPasses(held, deadline, judging);
  if (failure === undefined || failure instanceof Flood) {
    catalogue.enterAll();
    clearStale(catalogue.books);
  }
  const budget = run.window === undefined ? {} : { deletions: run.window.budget - run.window.used };
  run.awaitsNews = waitForNews(catalogue.books, held.prover.canProve, held.repository.deletionGrace);
  const verdict = judging.verdict({ ...bounds, ...budget, isNewsAwaited: run.awaitsNews });
  run.audit = verdict.counts;
  run.findings.merge(verdict.findings);
  if (failure instanceof Flood) run.findings.add('violation', 'over-limit', '', failure.message);
  else if (failure !== undefined) throw failure;
  if (run.command === 'sync')
    await journal(held, {
      event: 'verdict',
      runId: run.runId,
      ...verdict.counts,
      violations: run.findings.rules('violation'),
    });
  return { books: catalogue.books, configMtime: verdict.configMtime };
}

/** Opens the one connection of the run; what the night will surely ask serverA for is started there. */
async function connect({ repository, session }: Holdings, run: Run, deadline: Date): Promise<void> {
  await session.connect();
  const willFetch = run.command === 'sync' && run.alarm === undefined && repository.spotCheck > 0;
  await expectNight(session.rsync, repository.replica, willFetch ? 1 : 0, session.bounds(deadline));
}

/** Whether `rsync.sandbox: auto` has to do without a room; known once connected. */
function lacksRoom({ repository, session }: Holdings): boolean {
  return repository.rsync.sandbox === 'auto' && !session.rsync.hasRoom;
}

/** Everything in the replica, with its tombstones; it goes on walking while it waits for serverA. */
async function beginWalk(held: Holdings): Promise<ReplicaWalk> {
  const { state, repository } = held;
  const books = await state.locked(() => state.tombstones.ownBooks());
  books.each(...present, (entry) => {
    books.clear(entry, inReplica); // the walk sees whether they are there
  });
  const walk = new ReplicaWalk(repository.replica, repository.ignore, books);
  held.walk = walk;
  void walk.goOn();
  return walk;
}

/** One dry run; undefined when it succeeded. `hidden`: folders of serverA that rsync is not to open. */
async function dryRunOf(
  { repository, session }: Holdings,
  pass: Pass,
  deadline: Date,
  judging: Audit,
  hidden: readonly string[],
): Promise<FailedPass | undefined> {
  const bounds = session.bounds(deadline);
  const failed = await dryRun(session.rsync, pass, repository.replica, bounds, judging, hidden);
  if (failed === undefined || pass !== 1) return failed;
  return withWhatLiesThere(session.rsync, failed, bounds, 'Nothing was fetched');
}

/** All passes that can be had: one that failed must not hide what the next one would show. The first failure counts. */
async function auditPasses(held: Holdings, deadline: Date, judging: Audit): Promise<Failure | undefined> {
  let first: Failure | undefined;
  for (const pass of passes) {
    const failed = await auditPass(judging, pass, (hidden) => dryRunOf(held, pass, deadline, judging, hidden));
    if (failed === undefined) continue;
    first ??= failed.failure;
    judging.fail(pass);
    if (failed.mayGoOn) continue;
    for (const later of passes) if (later > pass) judging.fail(later);
    break;
  }
  return first;
}
