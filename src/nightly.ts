/** One night for one repository, top to bottom, as DESIGN section 4 tells it. */
import { isMailDue, warningsOf, type Told } from './core/alerts.ts';
import { Audit, type Catalogue } from './core/audit.ts';
import { rejected, verified, wanted, type Books } from './core/books.ts';
import type { JournalEvent } from './core/chain.ts';
import type { Email, Repository } from './core/config.ts';
import type { Findings } from './core/findings.ts';
import type { Change } from './core/itemize.ts';
import { admissionOrder, passes, type HashedType, type Pass } from './core/layout.ts';
import { formatBytes, mailOf, type Mail, type Place } from './core/report.ts';
import { newRun, outcomeOf, runExitCode, runIdOf, secondsBetween, type Amount, type Run, type Stage } from './core/run.ts';
import { asFailure, Failure } from './errors.ts';

/** Everything outside that a night needs. What cannot be finished is thrown as Failure. */
export interface Edges {
  readonly repository: Repository;
  readonly place: Place;
  /** Undefined when no mail is configured. */
  readonly onSuccess: Email['onSuccess'] | undefined;
  now(): Date;
  /** Four random hexadecimal digits. */
  random(): string;
  /** Takes the lock of an initialised replica; false when another run holds it. */
  lock(): Promise<boolean>;
  /** Opens the one connection of the run. */
  connect(runId: string): Promise<void>;
  /** Ends everything that was opened, lock included. */
  close(): Promise<void>;
  /** Whether a run has completed before; `limits` do not apply to the first copy. */
  hasCompletedOnce(): boolean;
  recordCompletion(): void;
  walk(): Catalogue;
  exists(path: string): boolean;
  freeSpace(): { free: number; total: number };
  /** One dry run; a Failure as a value when files vanished meanwhile, which is worth a second try. */
  dryRun(pass: Pass, deadline: Date, judge: (change: Change) => void): Promise<Failure | undefined>;
  /** Verifies what an earlier run left behind into `candidate/`, and deletes the rest. */
  takeLeftovers(books: Books, findings: Findings): void;
  /** Fetches what is wanted and not there yet, verifying each file while the transfer runs. */
  fetch(runId: string, deadline: Date): Promise<Fetched>;
  admit(books: Books, types: ReadonlySet<HashedType>): Promise<Amount>;
  told(fingerprint: string): Told;
  fingerprint(text: string): string;
  /** Appends to the journal; the new head hash. */
  journal(event: JournalEvent): Promise<string>;
  /** Keeps a run's findings for people. */
  record(run: Run): void;
  /** Whether the mail was accepted; what went wrong otherwise has been said on stderr. */
  mail(mail: Mail): Promise<boolean>;
  stage(name: Stage): void;
}

/** How a fetch ended. What was delivered has been verified in any case. */
export interface Fetched {
  readonly end: 'complete' | 'unfinished' | Failure;
  readonly delivered: Amount;
  readonly quarantined: Amount;
}

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
  if (run.command === 'sync') await edges.journal({ event: 'started', runId: run.runId });
  const books = await timed(edges, run, 'audit', () => audit(edges, run, options));
  if (outcomeOf(run) === 'alarm' || options.command === 'audit') return;
  const isComplete = await timed(edges, run, 'fetch', () => fetch(edges, run, books));
  await timed(edges, run, 'admit', () => admit(edges, run, books, isComplete));
  if (!edges.hasCompletedOnce() && isComplete) edges.recordCompletion();
}

/** Steps 2 and 3: three dry runs, judged line by line against our own walk of the replica. */
async function audit(edges: Edges, run: Run, options: NightOptions): Promise<Books> {
  const connecting = edges.connect(run.runId);
  const [catalogue] = await Promise.all([Promise.resolve().then(() => edges.walk()), connecting]);
  const judging = new Audit(catalogue, { initialising: false }, (path) => edges.exists(path));
  for (const pass of passes) await auditPass(edges, run, judging, pass);
  const hasLimits = !options.noLimits && edges.hasCompletedOnce();
  const verdict = judging.verdict(hasLimits ? edges.repository.limits : undefined);
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

/** Steps 5 and 6. Returns whether all has come that will come tonight; false when the time was over. */
async function fetch(edges: Edges, run: Run, books: Books): Promise<boolean> {
  edges.takeLeftovers(books, run.findings);
  const missing = amountOf(books, wanted, verified);
  if (missing.files === 0) return true;
  requireSpace(edges, missing);
  const fetched = await edges.fetch(run.runId, deadlineOf(edges, run));
  run.fetched = fetched.delivered;
  run.quarantined = fetched.quarantined;
  if (fetched.end instanceof Failure) throw fetched.end;
  if (fetched.end === 'complete') reportMissing(run, books);
  else run.findings.add('warning', 'unfinished', '', `${missing.files - run.fetched.files} files are still to come; only packs were admitted`);
  return fetched.end === 'complete';
}

function amountOf(books: Books, flags: number, without: number): Amount {
  const amount = { files: 0, bytes: 0 };
  books.each(flags, without, (entry) => {
    amount.files++;
    amount.bytes += books.size(entry);
  });
  return amount;
}

/** Throws Failure when the disk would be fuller than `limits.minFree` allows. */
function requireSpace(edges: Edges, missing: Amount): void {
  const { free, total } = edges.freeSpace();
  const { minFree } = edges.repository.limits;
  const kept = 'percent' in minFree ? (total * minFree.percent) / 100 : minFree.bytes;
  if (free - missing.bytes >= kept) return;
  throw new Failure(
    `not enough room: ${formatBytes(missing.bytes)} to fetch, ${formatBytes(free)} free, limits.minFree keeps ${formatBytes(kept)}`,
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
  if (amountOf(books, verified, 0).files === 0) return;
  const types: readonly HashedType[] = isComplete ? admissionOrder : ['pack'];
  run.admitted = await edges.admit(books, new Set(types));
  if (run.admitted.files > 0) await edges.journal({ event: 'admitted', runId: run.runId, ...run.admitted });
}

/** Step 10: journal, then mail. What fails in here is the run's failure, and the mail goes out all the same. */
async function tell(edges: Edges, run: Run): Promise<void> {
  run.finishedAt = edges.now();
  if (run.isLocked) return;
  const warnings = edges.fingerprint(warningsOf(run));
  let told: Told = { finished: undefined, sameWarnings: undefined };
  let head = 'not written';
  try {
    told = edges.told(warnings);
    edges.record(run);
    head = await edges.journal(endOf(run, warnings));
  } catch (error) {
    run.failure ??= asFailure(error);
  }
  if (run.command === 'audit' || edges.onSuccess === undefined || !isMailDue(run, warnings, told, edges.onSuccess)) return;
  if (await edges.mail(mailOf(run, edges.place, head))) {
    run.alerts.sent++;
    await edges.journal({ event: 'alert-sent', runId: run.runId, warnings }).catch((error: unknown) => { run.failure ??= asFailure(error); });
  }
}

function endOf(run: Run, warnings: string): JournalEvent {
  const { audit, fetched, admitted, quarantined, seconds, failure } = run;
  return {
    event: run.command === 'audit' ? 'audited' : 'finished',
    runId: run.runId, outcome: outcomeOf(run), exitCode: runExitCode(run),
    audit, fetched, admitted, quarantined, seconds, warnings,
    rules: [...run.findings.rules('violation'), ...run.findings.rules('warning')],
    ...(failure === undefined ? {} : { failure: failure.message }),
  };
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
