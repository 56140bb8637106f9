/** How a repository stands, as data, and what every reader of it asks. */
import type { Amount } from '../audit/books.ts';
import { escapeText } from '../printable.ts';
import type { UnreadSince } from '../state/unread.ts';
import type { Alarm } from '../ratchet/declared/alarm.ts';
import type { WindowDecision } from '../ratchet/declared/window.ts';
import type { Memory } from '../state/memory.ts';
import type { ReplicaSize } from '../ratchet/run.ts';
import type { ScrubMemory } from '../scrub/share.ts';
import type { JournalLine } from '../state/chain.ts';
import type { Waiting } from '../telling/spooled.ts';
import { text } from '../words/history.ts';

/** What is known of a repository. */
export interface Status {
  readonly repository: string;
  /** Undefined where this user may not look. */
  readonly isInitialised: boolean | undefined;
  /** When the replica was made or adopted, ISO 8601, by the journal. */
  readonly initialisedAt: string | undefined;
  readonly alarm: Alarm | undefined;
  readonly window: WindowDecision;
  /** The last finished `sync`, and the last that ended with exit code 0 or 4. */
  readonly lastRun: JournalLine | undefined;
  readonly lastSuccess: JournalLine | undefined;
  /** When a snapshot was last admitted, ISO 8601, by the journal. */
  readonly snapshotAdmittedAt: string | undefined;
  readonly tombstones: { readonly pending: number; readonly bytes: number; readonly nextDue: string | null };
  /** What is in quarantine; undefined where this user may not look. */
  readonly quarantine: Amount | undefined;
  /** The last scrub. */
  readonly scrub: ScrubMemory | undefined;
  /** What of the replica restic has not read, and since when; null for nothing. */
  readonly unread: UnreadSince;
  /** Whether restic checks the replica, and its last check, by the journal. */
  readonly checks: boolean;
  readonly lastCheck: JournalLine | undefined;
  /** Whether drills are made, and the last one, by the memory. */
  readonly drills: boolean;
  readonly lastDrill: Memory['drill'];
  /** Bytes; undefined while the replica is not there. */
  readonly disk: { readonly free: number; readonly total: number } | undefined;
  /** Alerts that wait to be delivered; undefined where this user may not look. */
  readonly spool: Waiting | undefined;
  /** What is configured to tell people and machines. */
  readonly tells: { readonly alerts: boolean; readonly ping: boolean; readonly metrics: boolean };
  /** Whether restic proves what comes before it is admitted. */
  readonly proves: boolean;
}

/** Milliseconds since the last success; undefined for never. */
export function ageOf({ lastSuccess }: Status, now: Date): number | undefined {
  return lastSuccess === undefined ? undefined : now.getTime() - Date.parse(lastSuccess.time);
}

/** A time that has passed (milliseconds) as `5h 12m`. */
export function ageWords(milliseconds: number): string {
  const minutes = Math.max(0, Math.round(milliseconds / 60_000));
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)];
  return days > 0 ? `${days}d ${hours}h` : hours > 0 ? `${hours}h ${minutes % 60}m` : `${minutes}m`;
}

/** What the replica held after the last run that looked. */
export function replicaOf(status: Status): ReplicaSize | undefined {
  return (status.lastRun?.['replica'] ?? status.lastSuccess?.['replica']) as ReplicaSize | undefined;
}

/** The share that the last check read, when it failed; undefined when it passed or there was none. */
export function failedShare({ lastCheck }: Status): string | undefined {
  return lastCheck === undefined || lastCheck['passed'] === true ? undefined : escapeText(text(lastCheck['share']), 20);
}
