/** What the disk of a replica, or of another folder, has room for. */
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { Failure } from '../errors.ts';
import { pathOf, type Replica } from '../replica-path.ts';

/** The layout's folders, ours, and the first few files. */
export const leastInodes = 300;

/** Free and total bytes of the file system of a replica, or of a folder, as an ordinary user may use them. */
export function freeSpace(where: Replica | string): { free: number; total: number } {
  const { bavail, blocks, bsize } = statfsSync(folderOf(where));
  return { free: bavail * bsize, total: blocks * bsize };
}

/** How many files the disk of a replica, or of a folder, can still take; undefined where the file system does not count them. */
export function freeInodes(where: Replica | string): { free: number; total: number } | undefined {
  const { files, ffree } = statfsSync(folderOf(where));
  return files === 0 ? undefined : { free: ffree, total: files };
}

/** A file was written there, so it is not a matter of rights. */
export function noHardLinks(where: Replica | string): Failure {
  const folder = folderOf(where);
  return new Failure(
    `the file system of ${folder} knows no hard links (vfat, exfat and some network file systems do not): nothing can be admitted there`,
    `put the replica on ext4, xfs, btrfs or zfs; stat -f ${dirname(folder)} says what it is. Nothing was made`,
  );
}

function folderOf(where: Replica | string): string {
  return typeof where === 'string' ? where : pathOf(where);
}
