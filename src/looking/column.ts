/** A column of `status`: one thing that is known of a repository, and how terminal, JSON, metrics and Nagios show it. */
import { Failure } from '../errors.ts';
import type { Config, Repository } from '../config/config.ts';
import type { Memory } from '../state/memory.ts';
import type { State } from '../ratchet/state.ts';
import type { Family } from './metric.ts';
import type { Status } from './standing.ts';

/** What a column may read: small files alone, without a lock. */
export interface Seen {
  readonly config: Config;
  readonly repository: Repository;
  readonly state: State;
  readonly memory: Memory;
  /** Undefined where this user may not look. */
  readonly isInitialised: boolean | undefined;
  readonly now: Date;
}

/** What a row means for its colour. */
export type Tone = 'plain' | 'good' | 'warning' | 'bad';

/** One thing that is known: what it is ('': still the one before), how it stands, and what that means for its colour. */
export type StatusRow = readonly [name: string, text: string, tone: Tone];

/** How old the last success may be (milliseconds), for Nagios; and what time it is. */
export interface Patience {
  readonly maxAge: number;
  readonly now: Date;
}

/** What Nagios is told that is not as it should be: 1 WARNING, 2 CRITICAL, 3 UNKNOWN. */
export type Complaint = readonly [code: 1 | 2 | 3, words: string];

/** A figure for Nagios, absent where nothing is known: `'repository_NAME'=VALUE[unit];[warn];[crit];[min];[max]`. */
type Datum = readonly [name: string, value: number | undefined, rest?: string];

/** `Fields`: what of a `Status` it reads; other columns may show that as well. Each reader passes over what it lacks. */
export interface Column<Fields extends keyof Status = never> {
  /** Its name for the orders in columns.ts. */
  readonly name: string;
  /** Throws Failure for a file that is damaged, closed to this user, or not that of the replica. */
  readonly read?: (seen: Seen) => Pick<Status, Fields>;
  /** `isOverdue`: the last success is older than what was asked for. */
  readonly rows?: (status: Status, isOverdue: boolean) => readonly StatusRow[];
  /** Its keys in the document of `--json`. */
  readonly json?: (status: Status) => object;
  readonly metrics?: readonly Family[];
  readonly complaints?: (status: Status, patience: Patience) => readonly Complaint[];
  readonly data?: (status: Status, patience: Patience) => readonly Datum[];
}

/** A row; without a tone it is nothing special. */
export function row(name: string, text: string, tone: Tone = 'plain'): StatusRow {
  return [name, text, tone];
}

/** `2026-11-23 01:27` of an ISO time. */
export function minute(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ');
}

/** What `look` finds; undefined where this user may not look. */
export function unlessClosed<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const cause = (error instanceof Failure ? error.cause : error) as NodeJS.ErrnoException | undefined;
    if (cause?.code === 'EACCES' || cause?.code === 'EPERM') return undefined;
    throw error;
  }
}
