/** The folder for what give-back replaces in a folder of this machine: new, empty, and its owner's. The one thing that rescue makes itself. */
import { closeSync, constants, fchownSync, fstatSync, mkdirSync, openSync, readdirSync, rmdirSync } from 'node:fs';
import { Failure } from '../errors.ts';
import { hold, type HeldFolder } from '../programs/held-folder.ts';
import type { Owner } from '../state/become.ts';

/**
 * Makes the folder, 0700. Whoever may write beside the destination may have put something else in its place a moment later:
 * root gives away only a folder of its own that is empty. Throws Failure where that is not what is there.
 */
export function makeAside(path: string, { uid, gid }: Owner): HeldFolder {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    throw new Failure(
      `the folder for what is replaced cannot be made: ${(error as Error).message}`,
      'name another place with --aside; nothing was sent',
    );
  }
  if (process.geteuid?.() !== 0 || uid === 0) return hold(path);
  const folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    if (fstatSync(folder).uid !== 0 || readdirSync(`/proc/self/fd/${folder}`).length > 0)
      throw new Failure(
        `somebody has put another folder in the place of ${path}`,
        'look who may write there, and name another place with --aside; nothing was sent',
      );
    fchownSync(folder, uid, gid);
  } finally {
    closeSync(folder);
  }
  return hold(path);
}

/** What nothing was set aside in need not stay. */
export function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // It holds what was replaced, or was never made.
  }
}
