/** Admit: candidates enter the replica by link(2), which refuses an existing name. Never by rename onto it. */
import { linkSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Amount, Books, Entry } from '../../audit/books.ts';
import { admissible, inReplica, verified, waiting, wanted } from '../../audit/questions.ts';
import { admissionOrder, foldersOf, type HashedType } from '../../layout.ts';
import { Failure } from '../../errors.ts';
import { namesIn } from '../../state/files.ts';
import { exists } from '../replica.ts';
import { Unsynced } from '../../programs/sync.ts';

/**
 * Links the verified candidates of `types` into the replica: keys, packs, indexes, then snapshots, each kind durable
 * before the next begins, so that a snapshot never stands there before its index, nor that before its packs.
 * A run that is killed half-way leaves a consistent replica; the next run finishes it.
 */
export async function admit(
  replica: string,
  candidate: string,
  books: Books,
  types: ReadonlySet<HashedType>,
): Promise<Amount> {
  const admitted: Amount = { files: 0, bytes: 0 };
  const unsynced = new Unsynced(replica);
  addCandidates(unsynced, candidate, books);
  await unsynced.sync();
  for (const type of admissionOrder.filter((each) => types.has(each))) {
    const before = admitted.files;
    eachCandidate(candidate, type, books, (path, entry) => {
      linkInto(replica, candidate, path, unsynced);
      admitted.files++;
      admitted.bytes += books.size(entry);
    });
    if (admitted.files === before) continue;
    await unsynced.sync();
    eachCandidate(candidate, type, books, (path, entry) => {
      unlinkSync(`${candidate}/${path}`);
      books.set(entry, inReplica);
      books.clear(entry, wanted | verified);
    });
  }
  return admitted;
}

/** What the candidates hold must be on the disk before the first of them is linked in. */
function addCandidates(unsynced: Unsynced, candidate: string, books: Books): void {
  for (const entry of books.select(admissible)) {
    if (exists(candidate, books.path(entry))) unsynced.add(`${candidate}/${books.path(entry)}`);
    if (unsynced.isMany) return;
  }
}

/** Visits folder by folder, so that a million candidates are never held as names. */
function eachCandidate(
  candidate: string,
  type: HashedType,
  books: Books,
  visit: (path: string, entry: Entry) => void,
): void {
  for (const folder of foldersOf(type)) {
    for (const name of namesIn(`${candidate}/${folder}`)) {
      const entry = books.at(`${folder}/${name}`);
      if (entry >= 0 && books.has(entry, verified) && !books.has(entry, waiting)) visit(`${folder}/${name}`, entry);
    }
  }
}

/** A link that is there already is an earlier run's, which may have been killed before it was durable. */
function linkInto(replica: string, candidate: string, path: string, unsynced: Unsynced): void {
  const [from, to] = [`${candidate}/${path}`, `${replica}/${path}`];
  // The folder above as well, which may hold this one since that run only.
  if (!unsynced.isMany) for (const folder of [dirname(to), dirname(dirname(to))]) unsynced.add(folder);
  try {
    linkOrMakeFolder(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if (lstatSync(from).ino !== lstatSync(to).ino) {
      throw new Failure(
        `${path} has appeared in the replica meanwhile`,
        'somebody writes into the replica on this machine: find out who; it was not overwritten',
      );
    }
  }
}

function linkOrMakeFolder(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dirname(to), { mode: 0o700 });
    linkSync(from, to);
  }
}
