/** What a night needs of the world outside, as an interface: `nightly.ts` sees nothing else of it. */
import type { Alarm } from './declared/alarm.ts';
import type { Told } from '../telling/mail-due.ts';
import type { Catalogue } from '../audit/catalogue.ts';
import type { Amount, Books, Entry } from '../audit/books.ts';
import type { JournalEvent } from '../state/chain.ts';
import type { Objection } from '../audit/deletions.ts';
import type { Email, Repository } from '../config/config.ts';
import type { Judge } from '../audit/itemize.ts';
import type { Pass } from '../layout.ts';
import type { CheckResult, Doubt, Proof } from '../proof/proof.ts';
import type { Mail } from '../telling/mail.ts';
import type { Memory } from './memory.ts';
import type { FailedPass } from '../audit/passes.ts';
import type { Place } from '../words/report.ts';
import type { Run, Stage } from './run.ts';
import type { Unread } from '../proof/unread.ts';
import type { WindowDecision } from './declared/window.ts';
import type { Failure } from '../errors.ts';

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
  /** Opens the one connection of the run; what the night will surely ask serverA for is started there. */
  connect(run: Run, deadline: Date): Promise<void>;
  /** Whether `rsync.sandbox: auto` has to do without a room; known once connected. */
  lacksRoom(): boolean;
  /** Ends everything that was opened, lock included. */
  close(): Promise<void>;
  /** Whether a run has completed before; `limits` do not apply to the first copy. */
  hasCompletedOnce(): boolean;
  recordCompletion(): void;
  window(now: Date): WindowDecision;
  alarm(): Alarm | undefined;
  /** Raises the alarm with this run's violations, or adds them to the one that stands. */
  raiseAlarm(run: Run): Promise<Alarm>;
  /** Forgets tombstones whose file has left the replica, and heeds what operators said meanwhile. */
  forgetStale(books: Books): Promise<void>;
  /** Everything in the replica, with its tombstones; goes on walking while it waits for serverA. */
  walk(): Promise<Catalogue>;
  exists(path: string): boolean;
  freeSpace(): { free: number; total: number };
  /** How many files the disk can still take; undefined where its file system does not count them. */
  freeInodes(): { free: number; total: number } | undefined;
  /** One dry run; undefined when it succeeded. `hidden`: folders of serverA that rsync is not to open. */
  dryRun(pass: Pass, deadline: Date, judge: Judge, hidden: readonly string[]): Promise<FailedPass | undefined>;
  /** Keeps the suspects of this run, which are too many, so that an operator can settle these and no others. */
  noteSuspects(runId: string, books: Books): void;
  /** Tonight's suspects that an operator has settled (`acknowledge --accept-mtimes`); undefined when he has not said so. */
  acceptedMtimes(books: Books): Entry[] | undefined;
  /** Fetches files that the replica has, and hashes what comes; calls `told` for each. The replica is not touched. */
  examine(run: Run, paths: readonly string[], deadline: Date, told: (path: string, found: Examined) => void): Promise<void>;
  /** What the replica's file system keeps of a modification time, both in seconds. */
  keptMtime(mtime: number): number;
  /** Gives a file of the replica the modification time (seconds) that serverA lists. */
  setMtime(path: string, mtime: number): void;
  /** `n` entries at random. */
  sample(entries: Iterable<Entry>, n: number): Entry[];
  /**
   * Writes what is gone as tombstones and drops those whose file is listed again; journals it and spends the window's
   * budget. Or returns what speaks against it where they are born; then nothing is written.
   */
  bury(run: Run, books: Books): Promise<Objection[]>;
  /** Gives unconfirmed tombstones their due date (undefined for never); undefined when `asked` is not exactly what may leave any more. */
  confirm(books: Books, asked: readonly Entry[]): Promise<{ readonly due: Date | undefined } | undefined>;
  /** Moves what is due at `when` out of the replica, and deletes it; undefined, and nothing leaves, when that is not exactly `due` any more. */
  expire(run: Run, books: Books, due: readonly Entry[], when: Date): Promise<Amount | undefined>;
  /** Due dates move by so many milliseconds. */
  moveDueDates(by: number): Promise<void>;
  /** How many snapshots of the replica were never there before; undefined in the first night that looks. */
  newSnapshots(books: Books): number | undefined;
  /** Whether anything that the replica lacks lies in quarantine, waits as a candidate, or was not delivered last night. */
  hasLooseEnds(): boolean;
  readonly restic: ProofEdges;
  /** Verifies what an earlier run left behind into `candidate/`, and deletes the rest; rejects what is not to be tried tonight. */
  takeLeftovers(run: Run, books: Books): void;
  /** Fetches what is wanted and not there yet, verifying each file while the transfer runs. */
  fetch(runId: string, deadline: Date): Promise<Fetched>;
  /** Links the candidates that do not wait into the replica. */
  admit(books: Books): Promise<Amount>;
  told(fingerprint: string): Told;
  fingerprint(text: string): string;
  /** What is remembered of earlier runs. */
  memory(): Memory;
  /** Appends to the journal; the new head hash. */
  journal(event: JournalEvent): Promise<string>;
  /** Keeps a run's findings for people. */
  record(run: Run): void;
  /** Sends the mail of a run, or spools it. Never throws: what went wrong has been said on stderr. */
  mail(mail: Mail, run: Run): Promise<'sent' | 'spooled' | 'lost'>;
  /** Brings the metrics file up to date with the end of this run. Never throws. */
  metrics(end: JournalEvent): Promise<void>;
  /** Notes that people were reminded of what is due within a week. */
  recordReminder(now: Date): Promise<void>;
  stage(name: Stage): void;
}

/** What came when a file of the replica was asked for. */
export type Examined = 'right' | 'missing' | { readonly wrong: string };

/** restic's own word on the repository, in a sandbox without a network. */
export interface ProofEdges {
  /** Whether restic is asked: a password is at hand, and `restic.prove` is not off. */
  readonly canProve: boolean;
  /** Throws Failure when this machine's restic is too old to be believed. */
  requireFit(): Promise<void>;
  /** Opens *replica + candidates*; without restic only the structure of the candidates is looked at. */
  prove(books: Books): Promise<Proof>;
  /** Before the admission: these enter although restic has not read them. */
  noteUnread(books: Books, entries: readonly Entry[]): void;
  /** Reads what is unread, as far as the time of this night's proof goes; what is wrong with it, as warnings. */
  readUnread(books: Books): Promise<Doubt[]>;
  /** What of the replica is unread, besides `without`; nothing where restic is never asked. */
  unread(books: Books, without?: readonly Entry[]): Unread;
  /** After the admission: remembers what the proof has learned, and what is to be read again because of what has come; warnings that stand. */
  settle(books: Books): Doubt[];
  /** Whether `settle` has found something to be read again at once. */
  readonly readsAgain: boolean;
  /** Candidates that must not enter go to quarantine, and their names are remembered: they are not fetched again. */
  rejectAll(books: Books, entries: readonly Entry[]): void;
  /** What would be missing without `hidden`, in restic's words; undefined when the repository is complete. */
  whatIsMissing(hidden: readonly string[], withCandidates: boolean): Promise<string | undefined>;
  /** The shares (`n/t`) to check now: one that failed, until it passes, and the next one when its turn is due. */
  dueChecks(now: Date): string[];
  check(share: string): Promise<CheckResult>;
}

/** How a fetch ended. What was delivered has been verified in any case. */
export interface Fetched {
  readonly end: 'complete' | 'unfinished' | Failure;
  readonly delivered: Amount;
  readonly quarantined: Amount;
}
