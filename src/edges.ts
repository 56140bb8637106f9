/** What a night needs of the world outside, as an interface: `nightly.ts` sees nothing else of it. */
import type { Alarm, Told } from './core/alerts.ts';
import type { Catalogue } from './core/audit.ts';
import type { Amount, Books } from './core/books.ts';
import type { JournalEvent } from './core/chain.ts';
import type { Email, Repository } from './core/config.ts';
import type { Remembered } from './core/freshness.ts';
import type { Change } from './core/itemize.ts';
import type { HashedType, Pass } from './core/layout.ts';
import type { Mail } from './core/mail.ts';
import type { Place } from './core/report.ts';
import type { Run, Stage } from './core/run.ts';
import type { WindowDecision } from './core/window.ts';
import type { Failure } from './errors.ts';

/** Everything outside that a night needs. What cannot be finished is thrown as Failure. */
export interface Edges {
  readonly repository: Repository;
  readonly place: Place;
  /** Undefined when no mail is configured. */
  readonly onSuccess: Email['onSuccess'] | undefined;
  /** Milliseconds without a new snapshot after which a run warns; undefined for never. */
  readonly freshness: number | undefined;
  now(): Date;
  /** Four random hexadecimal digits. */
  random(): string;
  /** Takes the lock of an initialised replica; false when another run holds it. */
  lock(): Promise<boolean>;
  /** Opens the one connection of the run. */
  connect(): Promise<void>;
  /** Ends everything that was opened, lock included. */
  close(): Promise<void>;
  /** Whether a run has completed before; `limits` do not apply to the first copy. */
  hasCompletedOnce(): boolean;
  recordCompletion(): void;
  window(now: Date): WindowDecision;
  alarm(): Alarm | undefined;
  /** Raises the alarm with this run's violations, or adds them to the one that stands. */
  raiseAlarm(run: Run): Promise<Alarm>;
  /** Everything in the replica, with its tombstones. */
  walk(): Catalogue;
  exists(path: string): boolean;
  freeSpace(): { free: number; total: number };
  /** One dry run; a Failure as a value when files vanished meanwhile, which is worth a second try. */
  dryRun(pass: Pass, deadline: Date, judge: (change: Change) => void): Promise<Failure | undefined>;
  /** Writes what is gone as tombstones and drops those whose file is listed again; spends the window's budget. */
  bury(run: Run, books: Books): Promise<void>;
  /** Moves what is due out of the replica and deletes it. */
  expire(run: Run, books: Books): Promise<Amount>;
  /** Verifies what an earlier run left behind into `candidate/`, and deletes the rest. */
  takeLeftovers(run: Run, books: Books): void;
  /** Fetches what is wanted and not there yet, verifying each file while the transfer runs. */
  fetch(runId: string, deadline: Date): Promise<Fetched>;
  admit(books: Books, types: ReadonlySet<HashedType>): Promise<Amount>;
  told(fingerprint: string): Told;
  fingerprint(text: string): string;
  /** When the journal was last written. */
  lastJournaled(): Date | undefined;
  /** Appends to the journal; the new head hash. */
  journal(event: JournalEvent): Promise<string>;
  /** Keeps a run's findings for people. */
  record(run: Run): void;
  /** Sends the mail of a run, or spools it. Never throws: what went wrong has been said on stderr. */
  mail(mail: Mail, run: Run): Promise<'sent' | 'spooled' | 'lost'>;
  /** What freshness is judged by. */
  remembered(): Remembered;
  /** Brings the metrics file up to date with the end of this run. Never throws. */
  metrics(end: JournalEvent): Promise<void>;
  /** Notes that people were reminded of what is due within a week. */
  recordReminder(now: Date): Promise<void>;
  stage(name: Stage): void;
}

/** How a fetch ended. What was delivered has been verified in any case. */
export interface Fetched {
  readonly end: 'complete' | 'unfinished' | Failure;
  readonly delivered: Amount;
  readonly quarantined: Amount;
}
