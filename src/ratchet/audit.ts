/** Steps 2 and 3 of a night: three dry runs, judged line by line against our own walk of the replica; what was seen stays seen. */
import { Audit } from '../audit/audit.ts';
import { Flood, mostStrangers, type Limits } from '../audit/tally.ts';
import { waitForNews } from '../audit/deletions.ts';
import type { Amount, Books } from '../audit/books.ts';
import { inReplica, present } from '../audit/questions.ts';
import { dryRun } from '../audit/dry-run.ts';
import { findPacks } from '../audit/find-packs.ts';
import type { Judge } from '../audit/itemize.ts';
import { withWhatLiesThere } from '../programs/look-around.ts';
import { auditPass, type FailedPass } from '../audit/passes.ts';
import { judgeReport } from '../audit/report.ts';
import { ReplicaWalk } from '../audit/walk.ts';
import type { Progress } from '../programs/progress.ts';
import { passes, type Pass } from '../layout.ts';
import { expectNight } from './arrival/fetch.ts';
import { exists } from './replica.ts';
import { reportOpener, reportsAt, type OpenReport } from '../programs/reports.ts';
import type { ReplicaSize, Run } from './run.ts';
import { clearStale } from './departure/tombstones.ts';
import { deadlineOf, hasCompletedOnce, journal, type Holdings } from './holdings.ts';
import type { Failure } from '../errors.ts';

const nothing: Amount = { files: 0, bytes: 0 };

/** What the audit leaves to be acted on. */
export interface Audited {
  readonly books: Books;
  /** The modification time that serverA lists for `config`, when only that differs. */
  readonly configMtime: number | undefined;
}

/** How a night's options bear on its audit. */
export interface AuditWish {
  /** The one-off override of `limits.newFiles` and `limits.newBytes`. */
  readonly noLimits: boolean;
  /** A report that was kept, or the folder of a run with its reports: judged in place of what serverA says now. */
  readonly report?: string;
}

/** The audit of a night. Throws the failure of a pass, after what the passes had seen has been put among the findings. */
export async function audit(held: Holdings, run: Run, { noLimits, report }: AuditWish): Promise<Audited> {
  const deadline = deadlineOf(held, run.startedAt);
  const isAsked = report === undefined;
  const [catalogue] = await Promise.all([
    beginWalk(held, deadline),
    isAsked ? connect(held, run, deadline) : undefined,
  ]);
  const bounds: Limits = noLimits || !hasCompletedOnce(held) ? {} : held.repository.limits;
  const judging = new Audit(
    catalogue,
    { initialising: false, window: run.window },
    (path) => exists(held.paths.replica, path),
    mostStrangers(bounds.newFiles),
  );
  const failure = isAsked
    ? await held.options.console.withProgress(`${held.repository.name}: list`, (progress) =>
        auditPasses(
          judging,
          dryRuns(held, reportsOf(held, run, bounds.newFiles), deadline, counted(judging, progress)),
        ),
      )
    : await judgeKept(held, report, judging);
  return conclude(held, run, judging, catalogue.books, bounds, failure);
}

/** The verdict. Throws the failure after it. */
async function conclude(
  held: Holdings,
  run: Run,
  judging: Audit,
  books: Books,
  bounds: Limits,
  failure: Failure | undefined,
): Promise<Audited> {
  const isJudged = failure === undefined || failure instanceof Flood;
  const unwalked = isJudged ? await held.packsWalk?.end : undefined;
  if (isJudged && unwalked === undefined) clearStale(books);
  const budget = run.window === undefined ? {} : { deletions: run.window.budget - run.window.used };
  run.awaitsNews = waitForNews(books, held.prover.canProve, held.repository.deletionGrace);
  const verdict = judging.verdict({ ...bounds, ...budget, isNewsAwaited: run.awaitsNews });
  run.audit = verdict.counts;
  run.findings.merge(verdict.findings);
  if (failure instanceof Flood) run.findings.add('violation', 'over-limit', '', failure.message);
  const lacking = failure instanceof Flood ? unwalked : failure;
  if (lacking !== undefined) throw lacking;
  if (run.command === 'sync')
    await journal(held, {
      event: 'verdict',
      runId: run.runId,
      ...verdict.counts,
      violations: run.findings.rules('violation'),
    });
  return { books, configMtime: verdict.configMtime };
}

/** Opens the one connection of the run; what the night will surely ask serverA for is started there. */
async function connect({ repository, paths, session, options }: Holdings, run: Run, deadline: Date): Promise<void> {
  await options.console.withProgress(`${repository.name}: connect`, async (progress) => {
    progress?.(nothing, nothing);
    await session.connect();
    const willFetch = run.command === 'sync' && run.alarm === undefined && repository.spotCheck > 0;
    await expectNight(session.rsync, paths.replica, willFetch ? 1 : 0, session.bounds(deadline));
  });
  const danger = 'rsync sees this whole machine, and could write into the replica if serverA took it over';
  if (repository.rsync.sandbox === 'auto' && !session.rsync.hasRoom)
    run.findings.add('warning', 'no-room', '', `bubblewrap does not work here: ${danger}`);
}

/** Everything in the replica, with its tombstones; what lies below `data` is walked while we wait for serverA. */
async function beginWalk(held: Holdings, deadline: Date): Promise<ReplicaWalk> {
  const { state, repository } = held;
  const books = await state.locked(() => state.tombstones.ownBooks());
  for (const entry of books.select(present)) books.clear(entry, inReplica); // the walk sees whether they are there
  const walk = new ReplicaWalk(held.paths.replica, repository.ignore, books);
  held.walk = walk;
  const { stall, interrupt } = held.session.bounds(deadline);
  held.packsWalk = findPacks(walk, repository.ignore, { stall, interrupt, deadline: deadline.getTime() });
  return walk;
}

/** Where tonight's reports go; those of earlier runs make room. */
function reportsOf(
  { state, repository, reserve, options }: Holdings,
  run: Run,
  newFiles: number | undefined,
): OpenReport {
  const { lastRun, lastSuccess } = state.memory();
  const size = (lastRun?.['replica'] ?? lastSuccess?.['replica']) as ReplicaSize | undefined;
  const folder = (): string => state.runFolder(run.runId);
  return reportOpener(folder, reserve, { files: size?.files, newFiles }, (why) => {
    options.console.detail(`${repository.name}: rsync's report goes through a pipe, which is slower: ${why}`);
  });
}

/** `judging`, which tells how many lines it has judged so far; nobody knows how many will come. */
function counted(judging: Judge, progress: Progress | undefined): Judge {
  if (progress === undefined) return judging;
  let files = 0;
  const tell = (): void => progress({ files: ++files, bytes: 0 }, nothing);
  progress(nothing, nothing);
  return {
    judge: (change) => {
      tell();
      judging.judge(change);
    },
    judgeUnchanged: (bytes, start, end) => {
      const isJudged = judging.judgeUnchanged(bytes, start, end);
      if (isJudged) tell();
      return isJudged;
    },
  };
}

/** One dry run; undefined when it succeeded. `hidden`: folders of serverA that rsync is not to open. */
type DryRun = (pass: Pass, hidden: readonly string[]) => Promise<FailedPass | undefined>;

function dryRuns({ paths, session, packsWalk }: Holdings, open: OpenReport, deadline: Date, judge: Judge): DryRun {
  const bounds = session.bounds(deadline);
  return async (pass, hidden) => {
    const file = await open(pass);
    const ready = pass === 3 ? packsWalk?.end : undefined;
    const how = { hidden, file, ready };
    const failed = await dryRun(session.rsync, pass, paths.replica, bounds, judge, how).finally(() => file?.close());
    if (failed === undefined || pass !== 1) return failed;
    return withWhatLiesThere(session.rsync, failed, bounds, 'Nothing was fetched');
  };
}

/** All passes that can be had: one that failed must not hide what the next one would show. The first failure counts. */
async function auditPasses(judging: Audit, dryRunOf: DryRun): Promise<Failure | undefined> {
  let first: Failure | undefined;
  for (const pass of passes) {
    const failed = await auditPass(judging, pass, (hidden) => dryRunOf(pass, hidden));
    if (failed === undefined) continue;
    first ??= failed.failure;
    judging.fail(pass);
    if (failed.mayGoOn) continue;
    for (const later of passes) if (later > pass) judging.fail(later);
    break;
  }
  return first;
}

/** What kept reports say, against the replica of now. Passes without one count for nothing. The first failure counts. */
async function judgeKept(held: Holdings, report: string, judging: Audit): Promise<Failure | undefined> {
  let first = await held.packsWalk?.end;
  const kept = reportsAt(report);
  for (const pass of passes) {
    const path = kept.get(pass);
    if (path !== undefined && first === undefined) {
      judging.begin(pass);
      first = judgeReport(path, judging);
      if (first === undefined) continue;
    }
    judging.fail(pass);
  }
  return first;
}
