/** Small files that survive a power cut; never below a replica. */
import {
  accessSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Failure } from '../errors.ts';
import { pathOf, type Replica } from '../replica-path.ts';
import { identityOf, isWithinThat } from './same-folder.ts';
import { makeFolder as makeAnywhere, replace, replaceFile as replaceAnywhere, type Ids } from './unguarded.ts';

export { shareWithGroup, syncFolder } from './unguarded.ts';

/** The replicas' folders. */
const closed = new Set<string>();
/** Those that this process works with, by what they were at its start: what writes a failure down must not wait for their disk. */
const opened = new Map<string, string>();

/**
 * Said at the start: from now on nothing in here writes below a replica. What other names lead there (symlinks, mounts) is
 * looked at for the `mine`; the disks of others may hang.
 */
export function keepOutOf(replicas: readonly Replica[], mine: readonly Replica[]): void {
  for (const replica of replicas) closed.add(pathOf(replica));
  for (const replica of mine) opened.set(pathOf(replica), identityOf(pathOf(replica)));
}

/** The replica that a path lies in, or is: its folder; undefined when there is none. */
export function replicaAround(path: string): string | undefined {
  const whole = resolve(path);
  return (
    [...closed].find((folder) => `${whole}/`.startsWith(`${folder}/`)) ??
    [...opened].find(([, identity]) => isWithinThat(whole, identity))?.[0]
  );
}

/** Throws Failure below a replica: the lock's own writers are in unguarded.ts. */
export function requireOutside(path: string): void {
  const replica = replicaAround(path);
  if (replica === undefined) return;
  throw new Failure(
    `${path} lies in the replica ${replica}, where only a night may write`,
    'name a place outside of every replica; nothing was written',
  );
}

/** Replaces a file as a whole: temporary file, fsync, rename, fsync of the folder. Mode 0600, or what `mode` says; ours, or the `owner`'s. Throws Failure below a replica. */
export function replaceFile(path: string, content: string | Uint8Array, mode?: number, owner?: Ids): void {
  requireOutside(path);
  replaceAnywhere(path, content, mode, owner);
}

/** Makes folders that are missing, 0700. Throws Failure below a replica. */
export function makeFolder(folder: string): void {
  requireOutside(folder);
  makeAnywhere(folder);
}

/** As replaceFile, for a file of many lines, which are never held together. */
export function replaceLines(path: string, write: (writer: LineWriter) => void): void {
  requireOutside(path);
  replace(path, undefined, (file) => {
    const writer = new LineWriter(file);
    write(writer);
    writer.flush();
  });
}

/** The same for a file that is too large to be held in memory, in a folder that is made: `make` writes its pieces, in order. */
export function replaceByPieces(path: string, make: (write: (piece: Uint8Array) => void) => void): void {
  makeFolder(dirname(path));
  requireOutside(path);
  replace(path, 0o600, (file) => {
    make((piece) => {
      writeFileSync(file, piece);
    });
  });
}

/** Deletes a file of ours, if it is there. Throws Failure below a replica. */
export function forgetFile(path: string): void {
  requireOutside(path);
  rmSync(path, { force: true });
}

/** As makeFolder, where anybody may have named the folder: below /proc Node would try to make them all for ever. */
export function makeFolderOrFail(folder: string): void {
  requireOutside(folder);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  makeFolderOrFail(dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
}

/** Writes lines to an open file in batches. `flush` at the end, and fsync where it matters. */
export class LineWriter {
  readonly #file: number;
  readonly #end: string;
  #lines: string[] = [];

  /** `end` closes each line: a newline, or a NUL for names. */
  constructor(file: number, end = '\n') {
    this.#file = file;
    this.#end = end;
  }

  line(text: string): void {
    if (this.#lines.push(text + this.#end) === 1000) this.flush();
  }

  flush(): void {
    writeFileSync(this.#file, this.#lines.join(''));
    this.#lines = [];
  }
}

/** Writes names, each ended by a NUL, as rsync's `--from0` and `xargs -0` take them; how many. */
export function writeNames(path: string, names: Iterable<string>): number {
  requireOutside(path);
  const file = openSync(path, 'w', 0o600);
  try {
    const writer = new LineWriter(file, '\0');
    let count = 0;
    for (const name of names) {
      writer.line(name);
      count++;
    }
    writer.flush();
    return count;
  } finally {
    closeSync(file);
  }
}

/** What `look` gives; undefined when there is no such file or folder. */
export function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether this user may make files in a folder that is there. */
export function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return statSync(folder).isDirectory();
  } catch {
    return false; // the answer, not an error
  }
}

/** The names in a folder; none where there is no folder. */
export function namesIn(folder: string): string[] {
  return ifThere(() => readdirSync(folder)) ?? [];
}

/** Whether a file is there that we may read (`constants.R_OK`) or start (`X_OK`). */
export function isFileFor(path: string, right: number): boolean {
  try {
    accessSync(path, right);
    return statSync(path).isFile();
  } catch {
    return false; // the answer, not an error
  }
}
