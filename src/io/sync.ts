/** Durability for many files at once. */
import { execa } from 'execa';
import { Failure } from '../errors.ts';

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
