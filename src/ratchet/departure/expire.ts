/** Expire: tombstoned files whose grace has passed leave the replica, through `expired/<run>/`. */
import { renameSync, rmSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Amount, Books, Entry } from '../../audit/books.ts';
import { inReplica } from '../../audit/questions.ts';
import type { HashedType } from '../../layout.ts';
import { makeFolder } from '../../state/unguarded.ts';
import { Unsynced } from '../../programs/sync.ts';

/** What points at others leaves first: then the replica is consistent at every instant. */
const expiryOrder: readonly HashedType[] = ['snapshot', 'index', 'pack', 'key'];

/**
 * Moves what is due out of the replica, kind by kind, each durable before the next begins. A kill at any point leaves
 * each file either in the replica with its tombstone, or out of it. `emptyExpired` deletes what was moved.
 */
export async function moveOut(replica: string, expired: string, books: Books, due: readonly Entry[]): Promise<Amount> {
  const moved: Amount = { files: 0, bytes: 0 };
  const unsynced = new Unsynced(replica);
  for (const type of expiryOrder) {
    const those = due.filter((entry) => books.type(entry) === type);
    for (const entry of those) {
      const path = books.path(entry);
      takeOut(join(replica, path), join(expired, path));
      unsynced.add(dirname(join(replica, path)));
      books.clear(entry, inReplica);
      moved.files++;
      moved.bytes += books.size(entry);
    }
    if (those.length > 0) await unsynced.sync();
  }
  return moved;
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

/** Deletes what has left the replica, of this run and of runs that were killed before they could. */
export function emptyExpired(expired: string): void {
  rmSync(expired, { recursive: true, force: true });
}
