/** Small files that survive a power cut, and durability for many files at once. */
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** Replaces a file as a whole: temporary file, fsync, rename, fsync of the folder. Mode 0600, or what `mode` says. */
export function replaceFile(path: string, content: string | Uint8Array, mode?: number): void {
  replace(path, mode, (file) => {
    writeFileSync(file, content); // all of it, or an error: write(2) may take a part when the disk fills up
  });
}

/** The same for a file of many lines, which are never held together. */
export function replaceLines(path: string, write: (writer: LineWriter) => void): void {
  replace(path, undefined, (file) => {
    const writer = new LineWriter(file);
    write(writer);
    writer.flush();
  });
}

/** The same for a file that is too large to be held in memory, in a folder that is made: `make` writes its pieces, in order. */
export function replaceByPieces(path: string, make: (write: (piece: Uint8Array) => void) => void): void {
  makeFolder(dirname(path));
  replace(path, 0o600, (file) => {
    make((piece) => {
      writeFileSync(file, piece);
    });
  });
}

/** After a power cut there is the old file or the new one. */
function replace(path: string, mode: number | undefined, write: (file: number) => void): void {
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  const file = openSync(temporary, 'wx', 0o600);
  try {
    write(file);
    if (mode === undefined) shareWithGroup(file, dirname(path));
    else fchmodSync(file, mode);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  syncFolder(dirname(path));
}

/** Deletes a file of ours, if it is there. */
export function forgetFile(path: string): void {
  rmSync(path, { force: true });
}

/**
 * Lets the group read a file of ours where the operator lets it read the folder (`chgrp nagios`, `chmod 2750`): that is
 * how an unprivileged monitoring user may see `status`. Everywhere else files are 0600.
 */
export function shareWithGroup(file: number, folder: string): void {
  if ((statSync(folder).mode & 0o040) !== 0 && (fstatSync(file).mode & 0o040) === 0) fchmodSync(file, 0o640);
}

/** Makes the entries of a folder durable. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Makes folders that are missing, 0700. */
export function makeFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
}

/** The same where anybody may have named the folder: below /proc Node would try to make them all for ever. */
export function makeFolderOrFail(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  makeFolderOrFail(dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
}

/**
 * What the disk of `folder`, which must be ours alone, says to one more folder and file; undefined when it takes them.
 * rsync's word for a full disk is exit code 23, which is serverA's word for a file that it cannot read, too.
 */
export function refusalOf(folder: string): unknown {
  const probe = join(folder, 'probe');
  try {
    mkdirSync(probe, { mode: 0o700 });
    writeFileSync(join(probe, 'file'), Buffer.alloc(64 * 1024), { flag: 'wx' });
    return undefined;
  } catch (error) {
    return error;
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
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
