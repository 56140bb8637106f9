/** One run for one repository, as data: what mail, journal, terminal and JSON are told from. */
import { exitCodeOf, exitCodes, type Failure, type Outcome } from '../errors.ts';
import type { Alarm } from './declared/alarm.ts';
import { noCounts, type AuditCounts } from '../audit/tally.ts';
import type { Amount } from '../audit/books.ts';
import type { HashedType } from '../layout.ts';
import type { CheckResult } from '../proof/proof.ts';
import { nothingUnread, type Unread } from '../state/unread.ts';
import type { OpenWindow } from './declared/window.ts';
import { Findings } from '../audit/findings.ts';

/** Stages with a clock of their own. */
export type Stage = 'audit' | 'fetch' | 'prove' | 'admit' | 'expire' | 'check';

/** Deletions that became tombstones tonight, for the mail that always tells them. */
export interface Buried {
  readonly types: Readonly<Record<HashedType, number>>;
  readonly bytes: number;
  /** IDs, capped. */
  readonly snapshots: readonly string[];
}

/** Tombstones that will be due within a week, told once more. */
export interface Reminder {
  readonly amount: Amount;
  readonly firstDue: Date;
}

/** What the replica holds. */
export interface ReplicaSize extends Amount {
  readonly types: Readonly<Record<HashedType, Amount>>;
  /** Modification time of the newest snapshot file, ISO 8601. */
  readonly newestSnapshot: string | null;
}

/** How long no new snapshot has come. Times are ISO 8601. */
export interface Quiet {
  /** When a run last admitted a snapshot; null for never. */
  readonly admittedAt: string | null;
  /** That, or when the replica was made. */
  readonly since: string;
}

/** What a drill came to: what was to be restored, from how many snapshots; in `words` what went wrong, escaped. */
export interface DrillResult extends Amount {
  readonly snapshots: number;
  readonly passed: boolean;
  readonly words: string;
}

export interface Run {
  readonly repository: string;
  readonly runId: string;
  /** What was asked: the whole night, its first three steps, or a look at the replica alone. */
  readonly command: 'sync' | 'audit' | 'check' | 'scrub' | 'drill';
  readonly startedAt: Date;
  finishedAt: Date;
  audit: AuditCounts;
  readonly findings: Findings;
  fetched: Amount;
  admitted: Amount;
  quarantined: Amount;
  /** Seconds. */
  readonly seconds: Record<Stage, number>;
  alerts: { sent: number; spooled: number };
  window: OpenWindow | undefined;
  /** The alarm that stands after this run. */
  alarm: Alarm | undefined;
  tombstones: { added: number; unconfirmed: number; dropped: number; expired: number; pending: number };
  buried: Buried | undefined;
  /** Whether tombstones got their due date in this run. */
  hasConfirmed: boolean;
  /** That due date; undefined for never. */
  tombstonesDue: Date | undefined;
  proof: 'passed' | 'failed' | 'skipped';
  check: CheckResult | undefined;
  drill: DrillResult | undefined;
  /** What of the replica restic has not read. */
  unread: Unread;
  reminder: Reminder | undefined;
  /** What the replica holds after this run; undefined while nobody has looked. */
  replica: ReplicaSize | undefined;
  /** Snapshots that were never there before this run. */
  snapshotsAdmitted: number;
  /** Spot checks that did not come; undefined when none was asked for. */
  spotsMissed: number | undefined;
  /** The clock is too far from that of earlier runs: nothing is buried, confirmed or expired. */
  isClockDoubted: boolean;
  /** Tonight's deletions leave no snapshot, or no key, but what is new tonight: they are accepted once that is admitted. */
  awaitsNews: boolean;
  quiet: Quiet | undefined;
  isLocked: boolean;
  failure: Failure | undefined;
}

export function newRun(repository: string, runId: string, command: Run['command'], startedAt: Date): Run {
  return {
    repository,
    runId,
    command,
    startedAt,
    finishedAt: startedAt,
    audit: noCounts(),
    findings: new Findings(),
    fetched: { files: 0, bytes: 0 },
    admitted: { files: 0, bytes: 0 },
    quarantined: { files: 0, bytes: 0 },
    seconds: { audit: 0, fetch: 0, prove: 0, admit: 0, expire: 0, check: 0 },
    alerts: { sent: 0, spooled: 0 },
    window: undefined,
    alarm: undefined,
    tombstones: { added: 0, unconfirmed: 0, dropped: 0, expired: 0, pending: 0 },
    buried: undefined,
    hasConfirmed: false,
    tombstonesDue: undefined,
    proof: 'skipped',
    check: undefined,
    drill: undefined,
    unread: nothingUnread,
    reminder: undefined,
    replica: undefined,
    snapshotsAdmitted: 0,
    spotsMissed: undefined,
    isClockDoubted: false,
    awaitsNews: false,
    quiet: undefined,
    isLocked: false,
    failure: undefined,
  };
}

/** The name of a run: its start in UTC and four random hexadecimal digits, `20261123T012744Z-3f9c`. */
export function runIdOf(startedAt: Date, random: string): string {
  return `${startedAt.toISOString().replace(/[-:]|\.\d+/g, '')}-${random}`;
}

/** The Message-ID of a run's mail, without brackets. */
export function messageIdOf(run: Pick<Run, 'runId' | 'repository'>, host: string): string {
  return `${run.runId}.${run.repository}@${host}`;
}

/** What the run came to. A violation counts for more than a failure after it. */
export function outcomeOf(run: Run): Outcome {
  if (run.isLocked) return 'locked';
  if (run.findings.rules('violation').length > 0 || (run.alarm !== undefined && run.command === 'sync')) return 'alarm';
  if (run.failure !== undefined) return exitCodeOf(run.failure) > 128 ? 'interrupted' : 'failed';
  if (run.findings.rules('warning').length > 0) return 'warned';
  return run.admitted.files > 0 ? 'synced' : 'unchanged';
}

/** The exit code of one run. */
export function runExitCode(run: Run): number {
  const outcome = outcomeOf(run);
  return outcome === 'interrupted' ? exitCodeOf(run.failure) : exitCodes[outcome];
}

/** Rounded to milliseconds. */
export function secondsBetween(from: Date, to: Date): number {
  return (to.getTime() - from.getTime()) / 1000;
}
