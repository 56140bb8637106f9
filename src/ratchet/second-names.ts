/** Second names for files of the replica, in our own folder there: restic is shown these as if they were candidates, and no others. */
import { linkSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { OwnPaths } from '../replica-path.ts';
import { makeFolder } from '../state/unguarded.ts';

/** The folder with these files and nothing besides; without any, it is deleted. A run that was killed leaves it to the next. */
export function giveSecondNames({ own, replica }: Pick<OwnPaths, 'own' | 'replica'>, paths: readonly string[]): string {
  const folder = join(own, 'reading');
  rmSync(folder, { recursive: true, force: true });
  for (const path of paths) {
    const name = join(folder, path);
    makeFolder(dirname(name));
    linkSync(join(replica, path), name);
  }
  return folder;
}
