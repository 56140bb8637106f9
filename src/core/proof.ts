/** What restic's proof of a night's candidates can come to, as data. */
import type { Entry } from './books.ts';

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
