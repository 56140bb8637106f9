/** Whether one folder is or lies in another, by what is on the disk: symlinks and bind mounts included. */
import { realpathSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Whether `path` is `folder` or lies in it; neither needs to be there. What may not be looked at counts by its name. */
export function isReallyWithin(path: string, folder: string): boolean {
  return foldersAround(real(path))
    .map(identity)
    .includes(identity(real(folder)));
}

/** The path itself first, the root last. */
function foldersAround(path: string): string[] {
  return path === '/' ? [path] : [path, ...foldersAround(dirname(path))];
}

/** With symlinks followed, as far as the path is there. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path === '/' ? path : `${real(dirname(path)).replace(/\/$/, '')}/${basename(path)}`;
  }
}

/** Device and inode of the path, or of the nearest folder above it that is there, and the rest of its name. */
function identity(path: string): string {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return path === '/' ? path : `${identity(dirname(path))}/${basename(path)}`;
  }
}
