/** One night for one repository, top to bottom, as DESIGN section 4 tells it. */
import { Audit } from './core/audit.ts';
import type { Amount, Books } from './core/books.ts';
import { gone, inReplica, rejected, tombstoned, verified, wanted } from './core/flags.ts';
import { admissionOrder, passes, type HashedType, type Pass } from './core/layout.ts';
import { formatBytes } from './core/report.ts';
import { newRun, runIdOf, secondsBetween, type Run, type Stage } from './core/run.ts';
import { buriedIn, countsIn, reminderIn, sizeIn } from './core/stock.ts';
import type { Edges } from './edges.ts';
import { asFailure, Failure } from './errors.ts';
import { tell } from './tell.ts';

export interface NightOptions {
  /** `audit` asks only: steps 1 to 3, nothing is fetched, nobody is mailed. */
  readonly command: 'sync' | 'audit';
  /** The one-off override of `limits.newFiles` and `limits.newBytes`. */
  readonly noLimits: boolean;
}

/** The night. Always returns what it came to; never throws. */
export async function nightlyRun(edges: Edges, options: NightOptions): Promise<Run> {
  const startedAt = edges.now();
  const run = newRun(edges.repository.name, runIdOf(startedAt, edges.random()), options.command, startedAt);
  try {
    run.isLocked = !(await edges.lock());
    if (!run.isLocked) await night(edges, run, options);
  } catch (error) {
    run.failure = asFailure(error);
  }
  await tell(edges, run);
  await edges.close();
  return run;
}

async function night(edges: Edges, run: Run, options: NightOptions): Promise<void> {
  const clockIsSane = await begin(edges, run);
  const books = await timed(edges, run, 'audit', () => audit(edges, run, options));
  try {
    if (run.command === 'sync') await act(edges, run, books, clockIsSane);
  } finally {
    takeStock(run, books);
  }
}

/** Acts on the verdict: a violation stops the run here, before anything is fetched or removed. */
async function act(edges: Edges, run: Run, books: Books, mayExpire: boolean): Promise<void> {
  if (run.findings.rules('violation').length > 0) run.alarm = await edges.raiseAlarm(run);
  if (run.alarm !== undefined) return;
  await bury(edges, run, books);
  if (mayExpire) await timed(edges, run, 'expire', () => expire(edges, run, books));
  const isComplete = await timed(edges, run, 'fetch', () => fetch(edges, run, books));
  await timed(edges, run, 'admit', () => admit(edges, run, books, isComplete));
  if (mayExpire && edges.repository.deletionGrace === 0) await timed(edges, run, 'expire', () => expire(edges, run, books));
  if (!edges.hasCompletedOnce() && isComplete) edges.recordCompletion();
}

/** What is decided once for the whole run: the alarm, the window, whether the clock can be trusted with expiry. */
async function begin(edges: Edges, run: Run): Promise<boolean> {
  const { open, refused } = edges.window(run.startedAt);
  const gap = Math.abs(run.startedAt.getTime() - (edges.lastJournaled() ?? run.startedAt).getTime());
  const clockIsSane = gap <= longestGap;
  run.alarm = edges.alarm();
  run.window = open;
  if (refused !== undefined) run.findings.add('warning', 'clock', '', `${refused}; no window is open`);
  if (!clockIsSane) run.findings.add('warning', 'clock', '', 'the clock is more than seven days from the last line of the journal; nothing expires in this run');
  if (run.command === 'sync') await edges.journal({ event: 'started', runId: run.runId });
  return clockIsSane;
}

/** A clock that is further from the journal's last line is not trusted with expiry, in milliseconds. */
const longestGap = 7 * 24 * 3600 * 1000;

/** Steps 2 and 3: three dry runs, judged line by line against our own walk of the replica. */
async function audit(edges: Edges, run: Run, options: NightOptions): Promise<Books> {
  const connecting = edges.connect();
  const [catalogue] = await Promise.all([Promise.resolve().then(() => edges.walk()), connecting]);
  const judging = new Audit(catalogue, { initialising: false, window: run.window }, (path) => edges.exists(path));
  for (const pass of passes) await auditPass(edges, run, judging, pass);
  const limits = options.noLimits || !edges.hasCompletedOnce() ? {} : edges.repository.limits;
  const budget = run.window === undefined ? {} : { deletions: run.window.budget - run.window.used };
  const verdict = judging.verdict({ ...limits, ...budget });
  run.audit = verdict.counts;
  run.findings.merge(verdict.findings);
  if (run.command === 'sync') await edges.journal({ event: 'verdict', runId: run.runId, ...verdict.counts, violations: run.findings.rules('violation') });
  return catalogue.books;
}

/** A pass during which files vanished is run once more: a backup renamed them under rsync's eyes. */
async function auditPass(edges: Edges, run: Run, judging: Audit, pass: Pass): Promise<void> {
  const once = (): Promise<Failure | undefined> => {
    judging.begin(pass);
    return edges.dryRun(pass, deadlineOf(edges, run), (change) => { judging.judge(change); });
  };
  const failure = (await once()) && (await once());
  if (failure !== undefined) throw failure;
}

function deadlineOf(edges: Edges, run: Run): Date {
  return new Date(run.startedAt.getTime() + edges.repository.timeouts.run);
}

/** Accepted deletions become tombstones before the fetch, so that a failed fetch does not forget them. */
async function bury(edges: Edges, run: Run, books: Books): Promise<void> {
  const added = books.amount(gone, tombstoned);
  const dropped = books.amount(tombstoned, gone);
  run.tombstones.added = added.files;
  run.tombstones.dropped = dropped.files;
  if (added.files + dropped.files === 0) return;
  if (added.files > 0) run.buried = buriedIn(books, edges.repository.deletionGrace, run.startedAt);
  await edges.bury(run, books);
  await edges.journal({ event: 'tombstones', runId: run.runId, added: added.files, dropped: dropped.files, window: run.window?.source });
}

/** Step 4. */
async function expire(edges: Edges, run: Run, books: Books): Promise<void> {
  const expired = await edges.expire(run, books);
  if (expired.files === 0) return;
  run.tombstones.expired += expired.files;
  await edges.journal({ event: 'expired', runId: run.runId, ...expired });
}

/** Steps 5 and 6. Returns whether all has come that will come tonight; false when the time was over. */
async function fetch(edges: Edges, run: Run, books: Books): Promise<boolean> {
  edges.takeLeftovers(run, books);
  const missing = books.amount(wanted, verified);
  if (missing.files === 0) return true;
  requireSpace(edges, missing);
  const fetched = await edges.fetch(run.runId, deadlineOf(edges, run));
  run.fetched = fetched.delivered;
  run.quarantined = fetched.quarantined;
  if (run.quarantined.files > 0) await edges.journal({ event: 'quarantined', runId: run.runId, ...run.quarantined });
  if (fetched.end instanceof Failure) throw fetched.end;
  if (fetched.end === 'complete') reportMissing(run, books);
  else run.findings.add('warning', 'unfinished', '', `${missing.files - run.fetched.files} files are still to come; only packs were admitted`);
  return fetched.end === 'complete';
}

/** Throws Failure when the disk would be fuller than `limits.minFree` allows. */
function requireSpace(edges: Edges, missing: Amount): void {
  const { free, total } = edges.freeSpace();
  const { minFree } = edges.repository.limits;
  const reserved = 'percent' in minFree ? (total * minFree.percent) / 100 : minFree.bytes;
  if (free - missing.bytes >= reserved) return;
  throw new Failure(
    `not enough room: ${formatBytes(missing.bytes)} to fetch, ${formatBytes(free)} free, limits.minFree keeps ${formatBytes(reserved)}`,
    'make room on the replica\'s disk or lower limits.minFree; nothing was fetched',
  );
}

function reportMissing(run: Run, books: Books): void {
  books.each(wanted, verified | rejected, (entry) => {
    run.findings.add('warning', 'not-delivered', books.path(entry), 'listed by serverA, but not delivered');
  });
}

/** Step 8. When the time was over before all had come, what points at packs waits for the night that has them all. */
async function admit(edges: Edges, run: Run, books: Books, isComplete: boolean): Promise<void> {
  if (books.amount(verified, 0).files === 0) return;
  const types: readonly HashedType[] = isComplete ? admissionOrder : ['pack'];
  const before = books.amount(inReplica, 0, 'snapshot').files;
  run.admitted = await edges.admit(books, new Set(types));
  run.snapshotsAdmitted = books.amount(inReplica, 0, 'snapshot').files - before;
  if (run.admitted.files > 0) await edges.journal({ event: 'admitted', runId: run.runId, ...run.admitted, snapshots: run.snapshotsAdmitted });
}

/** What the replica holds after the run, and which of it will leave. */
function takeStock(run: Run, books: Books): void {
  const { pending, unconfirmed } = countsIn(books);
  run.tombstones.pending = pending;
  run.tombstones.unconfirmed = unconfirmed;
  run.replica = sizeIn(books);
  run.reminder = reminderIn(books, run.startedAt);
}

/** Keeps a stage's time and announces it. */
async function timed<T>(edges: Edges, run: Run, stage: Stage, work: () => Promise<T>): Promise<T> {
  const from = edges.now();
  edges.stage(stage);
  try {
    return await work();
  } finally {
    run.seconds[stage] += secondsBetween(from, edges.now());
  }
}
