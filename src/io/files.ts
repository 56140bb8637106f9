/** Small files that survive a power cut, and durability for many files at once. */
import { execa } from 'execa';
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Failure } from '../errors.ts';

/** Replaces a file as a whole: temporary file, fsync, rename, fsync of the folder. Mode 0600. */
export function replaceFile(path: string, content: string): void {
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  const file = openSync(temporary, 'wx', 0o600);
  try {
    writeFileSync(file, content); // all of it, or an error: write(2) may take a part when the disk fills up
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  syncFolder(dirname(path));
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
