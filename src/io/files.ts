/** Small files that survive a power cut, and durability for many files at once. */
import { execa } from 'execa';
import { closeSync, fchmodSync, fstatSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Failure } from '../errors.ts';

/** Replaces a file as a whole: temporary file, fsync, rename, fsync of the folder. Mode 0600, or what `mode` says. */
export function replaceFile(path: string, content: string | Uint8Array, mode?: number): void {
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  const file = openSync(temporary, 'wx', 0o600);
  try {
    writeFileSync(file, content);
    if (mode === undefined) shareWithGroup(file, dirname(path));
    else fchmodSync(file, mode);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  syncFolder(dirname(path));
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

/**
 * Makes everything on the file system of `folder` durable, data and entries (sync(1) `-f`, syncfs(2)). One call for a
 * night instead of an fsync for each of a million files. Throws Failure when the disk reports an error.
 */
export async function syncFileSystem(folder: string): Promise<void> {
  const result = await execa('sync', ['-f', folder], { reject: false, stdin: 'ignore' });
  if (result.failed) {
    throw new Failure(
      `the file system of ${folder} could not be synced: ${result.stderr || result.message}`,
      'look at `dmesg` and at the disk; nothing that was not safe on disk is in the replica',
    );
  }
}

/** Writes lines to an open file in batches. `flush` at the end, and fsync where it matters. */
export class LineWriter {
  readonly #file: number;
  #lines: string[] = [];

  constructor(file: number) {
    this.#file = file;
  }

  line(text: string): void {
    if (this.#lines.push(`${text}\n`) === 1000) this.flush();
  }

  flush(): void {
    writeFileSync(this.#file, this.#lines.join(''));
    this.#lines = [];
  }
}

/** How much of a log's end is read to find its last lines, in bytes. */
const tailLength = 1024 * 1024;

/** The end of an open log file, as bytes, one per character. */
export function readTail(file: number): string {
  const { size } = fstatSync(file);
  const bytes = Buffer.alloc(Math.min(size, tailLength));
  readSync(file, bytes, 0, bytes.length, size - bytes.length);
  return bytes.toString('latin1');
}

/** Drops a last line without a newline, which a crash left; returns how many bytes that were. */
export function cutTornLine(file: number): number {
  const tail = readTail(file);
  const torn = tail.length - (tail.lastIndexOf('\n') + 1);
  if (torn > 0) ftruncateSync(file, fstatSync(file).size - torn);
  return torn;
}
