/** Second names for files of the replica, in our own folder there: restic is shown these as if they were candidates, and no others. */
import { linkSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ownPaths } from '../replica-path.ts';
import { makeFolder } from '../state/files.ts';

/** The folder with these files and nothing besides; without any, it is deleted. A run that was killed leaves it to the next. */
export function giveSecondNames(replica: string, paths: readonly string[]): string {
  const folder = join(ownPaths(replica).own, 'reading');
  rmSync(folder, { recursive: true, force: true });
  for (const path of paths) {
    const name = join(folder, path);
    makeFolder(dirname(name));
    linkSync(join(replica, path), name);
  }
  return folder;
}
