/** Durability for many files at once. */
import { Failure } from '../errors.ts';
import { briefly } from './briefly.ts';

/** A slow disk may have much to write; one that hangs must not keep the night, in milliseconds. */
const patience = 3_600_000;

/**
 * Makes everything on the file system of `folder` durable, data and entries (sync(1) `-f`, syncfs(2)). One call for a
 * night instead of an fsync for each of a million files. Throws Failure when the disk reports an error.
 */
export async function syncFileSystem(folder: string): Promise<void> {
  const { code, stderr } = await briefly('sync', ['-f', folder], patience);
  if (code !== 0) {
    throw new Failure(
      `the file system of ${folder} could not be synced: ${stderr || 'sync ended by a signal'}`,
      'look at `dmesg` and at the disk; nothing that was not safe on disk is in the replica',
    );
  }
}
