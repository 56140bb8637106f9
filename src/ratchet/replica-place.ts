/**
 * The place where `init` is to make a replica: whether it is fit for one, and leaving it as it was when nothing comes of
 * it; and the one writer of the marker that makes it one.
 */
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { admissionOrder, excludedFolders, foldersOf, layoutFolders } from '../layout.ts';
import { Failure } from '../errors.ts';
import { freeInodes, leastInodes, noHardLinks } from '../programs/disk.ts';
import { userName } from '../state/become.ts';
import { makeFolder, replaceFile } from '../state/unguarded.ts';
import { ownPaths, type OwnPaths, type Replica } from '../replica-path.ts';
import { requireRealFolders } from './adoption.ts';
import type { Marker } from './replica.ts';

export class ReplicaPlace {
  readonly #paths: OwnPaths;
  /** The folders of a replica that are not there yet, outermost first. */
  readonly #missing: readonly string[];
  readonly #layout: readonly string[];

  constructor(paths: OwnPaths) {
    const { replica, own, incoming, candidate, quarantine } = paths;
    this.#paths = paths;
    const names = [...layoutFolders, ...admissionOrder.flatMap(foldersOf)];
    this.#layout = [...names.map((name) => join(replica, name)), quarantine];
    const kept = names.map((name) => join(candidate, name));
    this.#missing = [...new Set([replica, own, incoming, candidate, ...this.#layout, ...kept])].filter(
      (folder) => !existsSync(folder),
    );
  }

  /** Makes the folders of a replica. Throws Failure, and makes none, where no replica can be. */
  make(): void {
    const { replica, marker } = this.#paths;
    requireOutsideOthers(replica);
    makeTop(replica);
    requireOwnRepository(replica);
    if (!existsSync(marker)) {
      requireRealFolders(this.#paths);
      requireFitDisk(replica);
    }
    for (const folder of this.#layout) makeFolder(folder);
  }

  /** Takes away the folders that were made, as far as nothing lies in them; a replica with a marker stays as it is. */
  leave(): void {
    const { marker, lock, own } = this.#paths;
    if (existsSync(marker)) return;
    if (this.#missing.includes(own)) rmSync(lock, { force: true });
    for (const folder of this.#missing.toReversed()) removeEmpty(folder);
  }
}

/** The folder that it shall lie in may be another user's. */
function makeTop(replica: string): void {
  try {
    makeFolder(replica);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    throw new Failure(
      `${userName()} may not make ${replica}`,
      `as root: install -d -m 700 -o ${userName()} ${replica}. Nothing was made`,
      { cause: error },
    );
  }
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!['ENOTEMPTY', 'ENOENT', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** A folder with other things in it is none that we should put a repository into. */
function requireOwnRepository(replica: string): void {
  const { uid } = lstatSync(replica);
  if (uid !== process.getuid?.()) {
    throw new Failure(
      `${replica} belongs to another user (uid ${uid})`,
      'run init as its owner, or chown -R the replica to this user. Nothing was changed',
    );
  }
  const known = new Set([...layoutFolders, ...excludedFolders, 'config']);
  const others = readdirSync(replica).filter((name) => !known.has(name));
  if (others.length > 0 && !existsSync(join(replica, 'config'))) {
    throw new Failure(
      `${replica} is not empty and not a restic repository`,
      'give the replica a folder of its own. Nothing was changed',
    );
  }
}

/** Another replica may be one of a configuration that we do not know, and nothing is written into it but by its own nights. */
function requireOutsideOthers(replica: string): void {
  let there = dirname(replica);
  while (!existsSync(there)) there = dirname(there);
  const above = existsSync(replica) ? dirname(realpathSync(replica)) : realpathSync(there);
  for (let folder = above; ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.rsync-ratchet', 'replica.json')))
      throw new Failure(
        `${replica} lies in another replica, ${folder}`,
        'give the replica a folder of its own. Nothing was changed',
      );
    if (folder === dirname(folder)) return;
  }
}

/** Candidates become part of a replica by hard links, and each file takes an inode. */
function requireFitDisk(replica: string): void {
  const inodes = freeInodes(replica);
  if (inodes !== undefined && inodes.free < leastInodes) {
    throw new Failure(
      `the disk of ${replica} has ${inodes.free} free inodes: no room for the names of a replica's folders`,
      `remove many small files there (df -i ${dirname(replica)}), or put the replica on another file system. Nothing was made`,
    );
  }
  if (!hasHardLinks(replica)) throw noHardLinks(replica);
}

/** Tries it in a folder of its own, which goes again; what else is in the way is thrown. */
export function hasHardLinks(folder: string): boolean {
  const probe = mkdtempSync(join(folder, 'rsync-ratchet-tmp-'));
  try {
    writeFileSync(join(probe, 'a'), '');
    linkSync(join(probe, 'a'), join(probe, 'b'));
    return true;
  } catch (error) {
    if (['EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EMLINK'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return false;
    throw error;
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
}

/** Writes `replica.json`: at `init`, and where a run lets go of a key, takes a new name or completes for the first time. */
export function writeMarker(replica: Replica, marker: Marker): void {
  replaceFile(ownPaths(replica).marker, `${JSON.stringify(marker, null, 2)}\n`);
}
