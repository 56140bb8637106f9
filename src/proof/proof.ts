/** What restic's proof of a night's candidates can come to, as data. */
import type { Books, Entry } from '../audit/books.ts';
import type { Rule } from '../audit/policy.ts';

/** A candidate that must not enter, and why. */
export interface Junk {
  readonly entry: Entry;
  readonly message: string;
}

/** The alarm names the first culprits and does not wait for the last. */
export const mostCulprits = 8;

/** A warning of the proof. */
export interface Doubt {
  /** The candidate that waits because of it; without one, nothing does. */
  readonly entry?: Entry;
  readonly path: string;
  readonly rule: Rule;
  /** Empty when the finding of another doubt says it. */
  readonly message: string;
}

/** A doubt about a candidate, or a file of the replica. */
export function doubt(books: Books, entry: Entry, rule: Rule, message: string): Doubt {
  return { entry, path: books.path(entry), rule, message };
}

/** What is said of candidates that the time did not suffice for. */
export function unfinished(books: Books, entries: readonly Entry[]): Doubt[] {
  return entries.map((entry) => doubt(books, entry, 'unfinished', notRead));
}

const notRead = 'restic has not read it within timeouts.prove; it waits as a candidate';

/** What reading candidates came to. */
export interface Reading {
  readonly junk: readonly Junk[];
  readonly doubts: readonly Doubt[];
  /** What enters although the time did not suffice to read it. */
  readonly unread: readonly Entry[];
}

/** All was read, and nothing is wrong. */
export const allGood: Reading = { junk: [], doubts: [], unread: [] };

export type Proof =
  /** `unread`: candidates that may enter although restic has not read them. */
  | { readonly outcome: 'passed' | 'skipped'; readonly doubts: readonly Doubt[]; readonly unread: readonly Entry[] }
  /** `junk`: what must not enter; empty when restic refuses the whole and no single file can be blamed. */
  | { readonly outcome: 'failed'; readonly junk: readonly Junk[]; readonly words: string };

/** The outcome of a check that reads a share of all data, `n/t`. */
export interface CheckResult {
  readonly share: string;
  readonly passed: boolean;
  /** restic's words when it did not pass. */
  readonly words: string;
  /** Paths of packs that a `missing-pack` warning names already: but for these, it passed. */
  readonly missing?: readonly string[];
}

/** What restic reads at once, in bytes: a share that the deadline ends is lost. */
const shareBytes = 2 * 2 ** 30;
/** restic refuses more shares than this: it goes by the first byte of a pack's name. */
const mostShares = 256;

/** In how many shares so many bytes are read. */
export function sharesFor(bytes: number): number {
  return Math.min(mostShares, Math.max(1, Math.ceil(bytes / shareBytes)));
}

/** In which share, from 1 on, restic reads a pack (`--read-data-subset=n/t`). */
export function shareOf(pack: string, total: number): number {
  return (parseInt(pack.slice(0, 2), 16) % total) + 1;
}
