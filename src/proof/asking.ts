/** What the parts of a proof share: restic, what is new, what is known, and the one deadline. */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import type { Books, Entry } from '../audit/books.ts';
import { admissible, heldBack, present } from '../audit/questions.ts';
import { shareOf, sharesFor } from './proof.ts';
import { IndexReader, type IndexEntry } from './index-json.ts';
import { Failure } from '../errors.ts';
import { sha256OfFile } from '../state/file-hash.ts';
import { openForReading } from '../state/read-file.ts';
import type { KnownBlobs } from './known-blobs.ts';
import type { Missing } from './missing-packs.ts';
import type { Progress } from '../programs/progress.ts';
import { OutOfTime, cannotOpen } from '../programs/restic-failures.ts';
import type { Restic } from '../programs/restic.ts';
import type { Listening, Shown } from '../programs/restic-question.ts';
import type { Step } from '../programs/sandbox.ts';
import type { Shows } from '../programs/sandbox-view.ts';

export interface Asking {
  readonly restic: Restic;
  readonly books: Books;
  readonly candidate: string;
  /** A private folder. */
  readonly scratch: string;
  /** Whether what the time does not suffice for may enter unread: only in a first copy. */
  readonly mayEnterUnread: boolean;
  /** When all must be over, in milliseconds since 1970. */
  readonly until: number;
  readonly known: KnownBlobs;
  readonly missing: Missing;
  readonly progress?: Progress | undefined;
}

/** Candidates of a type that may enter tonight. */
export function news(books: Books, type: 'pack' | 'index' | 'snapshot' | 'key'): Entry[] {
  return [...books.select(admissible, type)];
}

export const idOf = (books: Books, entry: Entry): string => books.path(entry).slice(-64);

/** Paths of candidates that do not enter tonight: they are hidden from restic too. */
export function waitingPaths(books: Books): string[] {
  return [...books.select(heldBack)].map((entry) => books.path(entry));
}

/** A view without snapshots and with the replica's own keys; restic may write indexes in it. */
export function bare(shows: Partial<Shows>, without: readonly string[] = []): Omit<Shown, 'candidate'> {
  return { shows: { data: '', index: '', keys: 'r', snapshots: '', ...shows }, without, mayWrite: true };
}

/** What reading the packs of a view came to. */
export interface PacksRead {
  /** Whether restic found every pack that it read to be what its header (or index) says. */
  readonly isGood: boolean;
  /** Whether a pack is in a share that was read before the time was over. */
  isRead(pack: string): boolean;
}

/**
 * Reads all packs of a view, share by share: what no index names comes in by its header. `tell` gets what the merged
 * index says of each blob; that is the truth when all is good. `checks`: look at the structure first.
 */
export async function readPacks(
  { restic, until, progress }: Asking,
  shown: Shown,
  bytes: number,
  checks: boolean,
  tell: (entry: IndexEntry) => void,
): Promise<PacksRead> {
  const shares = sharesFor(bytes);
  const read = Array.from({ length: shares }, (_, n) => [
    'check',
    shares === 1 ? '--read-data' : `--read-data-subset=${n + 1}/${shares}`,
  ]);
  const before: Step[] = [...(checks ? [['check']] : []), await restic.rebuildIndex(), 'each index'];
  const asked = await restic.ask(shown, [...before, ...read], {
    until,
    progress,
    ...mergedIndexes(before.length - 1, tell),
  });
  const done = Math.max(0, asked.passed - before.length);
  if (asked.isRefused && asked.passed === (checks ? 1 : 0)) throw cannotOpen(asked.words);
  return {
    isGood: !asked.isRefused,
    isRead: (pack) => shareOf(pack, shares) <= done,
  };
}

/** Reads what the packs of a view say in their headers, without their content. Throws OutOfTime. */
export async function readHeaders(
  { restic, until }: Asking,
  shown: Shown,
  tell: (entry: IndexEntry) => void,
): Promise<void> {
  const steps: Step[] = [await restic.rebuildIndex(), 'each index'];
  const asked = await restic.ask(shown, steps, { until, ...mergedIndexes(1, tell) });
  if (asked.isRefused) throw cannotOpen(asked.words);
  if (asked.passed < steps.length) throw new OutOfTime();
}

/** Reads what step `number` prints: indexes that restic itself has just written. */
function mergedIndexes(number: number, tell: (entry: IndexEntry) => void): Pick<Listening, 'onOutput' | 'onEnd'> {
  const reader = new IndexReader(tell);
  return {
    onOutput: (step, chunk) => {
      if (step === number) reader.read(chunk);
    },
    onEnd: (step) => {
      const fault = step === number ? reader.end() : undefined;
      if (fault !== undefined)
        throw new Failure(
          `what this restic writes is not understood: ${fault}`,
          'report this together with what restic version says; nothing was admitted',
        );
    },
  };
}

/**
 * Before anything is blamed: the same commands on a view of `config` and `keys/` alone must say yes, and the files that
 * are to blame must still be what their names say. Throws Failure: then it is our own trouble.
 */
export async function requireOwnHealth(
  { restic, books, candidate, until }: Asking,
  blamed: readonly Entry[],
): Promise<void> {
  const steps: Step[] = [['check'], await restic.rebuildIndex(), ['check', '--read-data']];
  const asked = await restic.ask(bare({}), steps, { until });
  if (asked.isRefused) throw cannotOpen(asked.words);
  if (asked.passed < steps.length) throw new OutOfTime();
  for (const entry of blamed) {
    if (hashOf(join(candidate, books.path(entry))) !== idOf(books, entry))
      throw new Failure(
        `${books.path(entry)} has changed on this machine since it was verified`,
        'look at the disk of the replica (dmesg, smartctl) and at its memory; nothing was admitted',
      );
  }
}

/** Undefined when there is no such file any more. */
function hashOf(path: string): string | undefined {
  const file = openForReading(path);
  if (file === undefined) return undefined;
  try {
    return sha256OfFile(file);
  } finally {
    closeSync(file);
  }
}

/** The packs of the replica in portions, by their folders. */
export function packFolders(books: Books): string[][] {
  const bytes = new Map<string, number>();
  for (const entry of books.select(present, 'pack')) {
    const folder = idOf(books, entry).slice(0, 2);
    bytes.set(folder, (bytes.get(folder) ?? 0) + books.size(entry));
  }
  return portionsOf([...bytes.keys()].sort(), (folder) => bytes.get(folder) ?? 0);
}

/** So many bytes of packs have an index of some ten megabytes, which lies in memory. */
const portionBytes = 64 * 2 ** 30;

/** What comes to so many bytes of packs at most, or is one thing alone; in the order that is given. */
export function portionsOf<T>(things: readonly T[], bytesOf: (thing: T) => number): T[][] {
  const portions: T[][] = [];
  let room = 0;
  for (const thing of things) {
    if (portions.length === 0 || bytesOf(thing) > room) {
      portions.push([]);
      room = portionBytes;
    }
    portions.at(-1)?.push(thing);
    room -= bytesOf(thing);
  }
  return portions;
}
