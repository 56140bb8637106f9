/** What restic's proof of a night's candidates can come to, as data. */
import type { Entry } from './books.ts';
import { sinceThen } from './clock.ts';
import type { Memory } from './memory.ts';

/** A candidate that must not enter, and why. */
export interface Junk {
  readonly entry: Entry;
  readonly message: string;
}

export type Proof =
  /** `heldBack`: snapshots that decrypt, but whose tree cannot be read yet. */
  | { readonly outcome: 'passed' | 'skipped'; readonly heldBack: readonly Entry[] }
  /** `junk`: what does not decrypt; empty when restic refuses the whole and no single file can be blamed. */
  | { readonly outcome: 'failed'; readonly junk: readonly Junk[]; readonly words: string };

/** The outcome of a check that reads a share of all data, `n/t`. */
export interface CheckResult {
  readonly share: string;
  readonly passed: boolean;
  /** restic's words when it did not pass. */
  readonly words: string;
}

/** The share that follows `last` (`n/t`), so that `total` checks read everything. */
export function nextShare(last: string | undefined, total: number): string {
  const [number = 0] = (last ?? '').split('/').map(Number);
  return `${(Number.isInteger(number) ? number : 0) % total + 1}/${total}`;
}

/**
 * The shares to check in a night that begins at `now`: every night the one of those that failed that was tried longest ago,
 * until it passes; and the next one when it is due (`every` in milliseconds), so that a failure does not keep the turn waiting.
 */
export function sharesDue({ failed, turn, turnAt }: Memory['checks'], check: { readonly every: number; readonly readDataSubset: number }, now: Date): string[] {
  const [again] = failed;
  const next = sinceThen(turnAt ?? undefined, now) >= check.every ? nextShare(turn ?? undefined, check.readDataSubset) : undefined;
  return [...(again === undefined ? [] : [again.share]), ...(next === undefined || next === again?.share ? [] : [next])];
}
