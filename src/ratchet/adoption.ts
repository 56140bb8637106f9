/**
 * What `init` finds in a folder that is to become a replica: whoever made the copy, serverA perhaps, chose every name, type and
 * link in it. Nothing is made, moved or deleted through a link, and nothing is adopted that a night would not have let in.
 */
import { closeSync, fstatSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Amount } from '../audit/books.ts';
import { present } from '../audit/questions.ts';
import { walkReplica, type ReplicaWalk } from '../audit/walk.ts';
import { Failure } from '../errors.ts';
import { foldersOf, layoutFolders, placeOf } from '../layout.ts';
import { escapeText } from '../printable.ts';
import type { OwnPaths } from '../replica-path.ts';
import { PatientHash } from '../state/file-hash.ts';
import { namesIn } from '../state/files.ts';
import { notRegular, openOrRefused } from './arrival/fitness.ts';

/** So many files are named. */
const shown = 20;

/** Throws Failure where a link, or something else that is no folder, stands where init, or the nights after, would go through a folder. */
export function requireRealFolders({ replica, own, incoming, expired, candidate, quarantine }: OwnPaths): void {
  const layout = [...layoutFolders, ...foldersOf('pack')];
  for (const name of layout) requireFolder(join(replica, name), moveIn);
  requireFolder(own, moveAway(own));
  const files = namesIn(own).map((name) => join(own, name));
  const tops = [incoming, expired].flatMap((top) => [top, ...namesIn(top).map((name) => join(top, name))]);
  const copies = [candidate, quarantine, join(quarantine, 'replaced')];
  for (const file of files) requireAlone(file, moveAway(own));
  for (const folder of [...tops, ...copies, ...copies.flatMap((top) => layout.map((name) => join(top, name)))])
    requireFolder(folder, moveAway(own));
}

const moveIn =
  'a replica is one folder on one file system: move what it stands for to its place, or it away. Nothing was changed';

const moveAway = (own: string): string =>
  `${own} is made by init alone, and this one has come with the copy or was changed: move it away, then run init once more. Nothing was changed`;

function requireFolder(path: string, hint: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || stats.isDirectory()) return;
  throw new Failure(
    `${escapeText(path)} is no folder, but ${stats.isSymbolicLink() ? 'a symlink' : 'something else'}`,
    hint,
  );
}

/** What is written to must have no other name. */
function requireAlone(path: string, hint: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || stats.isDirectory() || (stats.isFile() && stats.nlink === 1)) return;
  throw new Failure(`${escapeText(path)} is neither a folder nor a file of its own`, hint);
}

/**
 * Looks at everything that is already there, and with `hashes` reads every hash-named file: undefined without. Throws Failure
 * when one is not what it is called, or not ours.
 */
export async function verifyExisting(
  { replica }: OwnPaths,
  ignore: readonly string[],
  hashes: boolean,
  interrupt: AbortSignal,
): Promise<Amount | undefined> {
  const walk = walkReplica(replica, ignore);
  const faults = wrongTypes(walk);
  const amount = walk.books.amount(present);
  const files = amount.files + faults.length;
  if (hashes) faults.push(...(await faultsIn(walk, interrupt)));
  if (faults.length === 0) return hashes ? amount : undefined;
  const words = [...faults.slice(0, shown), ...(faults.length > shown ? [`and ${faults.length - shown} more`] : [])];
  throw new Failure(
    `${faults.length} of ${files} files in the existing copy are not what their name says:\n  ${words.join('\n  ')}`,
    'the copy was not adopted; move these files away (the first sync fetches them again), or make them yours (chown), then run init once more',
  );
}

/** Under a name of the layout there can be a link or a pipe: an audit would call that a crime of serverA's. */
function wrongTypes({ others }: ReplicaWalk): string[] {
  return [...others]
    .filter(([path, { type }]) => type !== (path === 'config' ? 'file' : 'folder') && placeOf(path).of !== 'outside')
    .map(([path]) => `${path}: ${notRegular}`);
}

async function faultsIn({ replica, books }: ReplicaWalk, interrupt: AbortSignal): Promise<string[]> {
  const [faults, hashing]: [string[], PatientHash] = [[], new PatientHash(interrupt)];
  for (const entry of books.select(present)) {
    const fault = await faultOfOurs(replica, books.path(entry), hashing);
    if (fault !== undefined) faults.push(`${books.path(entry)}: ${fault}`);
  }
  return faults;
}

/** What makes a file that lies in the replica, whoever put it there, none of ours: its type, its owner, its content. It is not waited for, and no link is followed. */
export async function faultOfOurs(replica: string, path: string, hashing: PatientHash): Promise<string | undefined> {
  const file = openOrRefused(join(replica, path));
  if (file === undefined) return 'cannot be read, or is a link';
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) return notRegular;
    if (stats.uid !== process.getuid?.()) return `belongs to another user (uid ${stats.uid})`;
    const hash = await hashing.of(file);
    return path.endsWith(hash) ? undefined : `its content has the SHA-256 ${hash}`;
  } finally {
    closeSync(file);
  }
}
