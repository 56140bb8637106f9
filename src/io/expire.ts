/** Expire: tombstoned files whose grace has passed leave the replica, through `expired/<run>/`. */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Amount, Books, Entry } from '../core/books.ts';
import { inReplica, tombstoned } from '../core/flags.ts';
import type { HashedType } from '../core/layout.ts';
import { isDue } from '../core/tombstones.ts';
import { syncFileSystem } from './files.ts';
import type { State } from './state.ts';

/** What points at others leaves first: then the replica is consistent at every instant. */
const expiryOrder: readonly HashedType[] = ['snapshot', 'index', 'pack', 'key'];

/**
 * Moves what is due out of the replica, kind by kind, each durable before the next begins. A kill at any point leaves
 * each file either in the replica with its tombstone, or out of it. `emptyExpired` deletes what was moved.
 */
async function moveExpired(replica: string, expired: string, books: Books, now: Date): Promise<Amount> {
  const moved: Amount = { files: 0, bytes: 0 };
  for (const type of expiryOrder) {
    const before = moved.files;
    books.each(inReplica | tombstoned, 0, (entry) => {
      if (books.type(entry) === type && isDue(books, entry, now)) moveOne(replica, expired, books, entry, moved);
    });
    if (moved.files > before) await syncFileSystem(replica);
  }
  return moved;
}

function moveOne(replica: string, expired: string, books: Books, entry: Entry, moved: Amount): void {
  const path = books.path(entry);
  const target = join(expired, path);
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  renameSync(join(replica, path), target);
  books.clear(entry, inReplica);
  moved.files++;
  moved.bytes += books.size(entry);
}

/**
 * Step 4 under the state lock: reads the tombstones anew (an operator may have said `keep` meanwhile), moves what is
 * due, and rewrites the log without it.
 */
export async function expire(state: State, replica: string, expired: string, books: Books, now: Date): Promise<Amount> {
  state.tombstones.fold(books);
  const moved = await moveExpired(replica, expired, books, now);
  if (moved.files > 0) state.tombstones.compact(books);
  return moved;
}

/** Rewrites the log without what has left: a file of that name that came back would be due at once. Under the state lock. */
export function forgetExpired(state: State, books: Books): void {
  state.tombstones.fold(books);
  state.tombstones.compact(books);
}

/** Deletes what has left the replica, of this run and of runs that were killed before they could. */
export function emptyExpired(expired: string): void {
  rmSync(expired, { recursive: true, force: true });
}
