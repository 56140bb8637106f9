/** Expire: tombstoned files whose grace has passed leave the replica, through `expired/<run>/`. */
import { renameSync, rmSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Amount, Books, Entry } from '../../audit/books.ts';
import { inReplica } from '../../audit/questions.ts';
import type { HashedType } from '../../layout.ts';
import { makeFolder } from '../../state/unguarded.ts';
import type { State } from '../state.ts';
import { Unsynced } from '../../programs/sync.ts';

/** What points at others leaves first: then the replica is consistent at every instant. */
const expiryOrder: readonly HashedType[] = ['snapshot', 'index', 'pack', 'key'];

/**
 * Moves what is due out of the replica, kind by kind, each durable before the next begins. A kill at any point leaves
 * each file either in the replica with its tombstone, or out of it. `emptyExpired` deletes what was moved.
 */
async function moveExpired(replica: string, expired: string, books: Books, due: readonly Entry[]): Promise<Amount> {
  const moved: Amount = { files: 0, bytes: 0 };
  const unsynced = new Unsynced(replica);
  for (const type of expiryOrder) {
    const before = moved.files;
    for (const entry of due) if (books.type(entry) === type) moveOne(replica, expired, books, entry, moved, unsynced);
    if (moved.files > before) await unsynced.sync();
  }
  return moved;
}

function moveOne(
  replica: string,
  expired: string,
  books: Books,
  entry: Entry,
  moved: Amount,
  unsynced: Unsynced,
): void {
  const file = join(replica, books.path(entry));
  takeOut(file, join(expired, books.path(entry)));
  unsynced.add(dirname(file));
  books.clear(entry, inReplica);
  moved.files++;
  moved.bytes += books.size(entry);
}

/** A disk that is so full that no folder can be made must still be able to empty itself. */
function takeOut(file: string, target: string): void {
  try {
    makeFolder(dirname(target));
    renameSync(file, target);
  } catch (error) {
    if (!['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    unlinkSync(file);
  }
}

/**
 * Step 4 under the state lock: moves what may leave, and rewrites the log without it.
 */
export async function expire(
  state: State,
  replica: string,
  expired: string,
  books: Books,
  entries: readonly Entry[],
): Promise<Amount> {
  const log = state.tombstones;
  const moved = await moveExpired(replica, expired, books, entries);
  if (moved.files > 0) log.compact(books);
  return moved;
}

/** Deletes what has left the replica, of this run and of runs that were killed before they could. */
export function emptyExpired(expired: string): void {
  rmSync(expired, { recursive: true, force: true });
}
