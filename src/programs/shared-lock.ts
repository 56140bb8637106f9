/** The lock of those who read a replica beside the nights (restic, drill, give-back): any number hold it, and no file leaves meanwhile. */
import { accessSync, closeSync, constants, openSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { Failure } from '../errors.ts';
import type { Owner } from '../state/become.ts';
import { asUserApart } from './as-user.ts';
import { atOnce } from './at-once.ts';

/** How long files that are just leaving are waited for, in seconds. */
const patience = 60;

/**
 * Takes the lock at `path` together with others; what it returns lets it go, and so does the end of this process. `owner`:
 * whose file it is, where root does not become him. Throws Failure when files are leaving for longer than a minute, and what
 * `interrupt` was aborted with.
 */
export async function shareLock(path: string, owner?: Owner, interrupt?: AbortSignal): Promise<() => void> {
  const file = owner === undefined ? open(path) : openOf(owner, path);
  if (file === undefined) return () => undefined;
  const letGo = (): void => {
    closeSync(file);
  };
  const flock = spawn('flock', ['-s', '-w', String(patience), '3'], {
    stdio: ['ignore', 'ignore', 'ignore', file],
    ...(interrupt && { signal: interrupt }),
  });
  const [code] = (await once(flock, 'close').catch(() => [null])) as [number | null];
  if (code === 0) return letGo;
  letGo();
  interrupt?.throwIfAborted();
  throw new Failure(
    code === 1
      ? `files are leaving the replica for more than ${patience} s`
      : `cannot lock ${path}: flock ended with ${code ?? 'a signal'}`,
    code === 1
      ? 'a night lets go what was due: try again when it has ended. Nothing was started'
      : 'a disk that does not answer, or no flock on this file system: try by hand: flock -s -n FILE true. Nothing was started',
  );
}

/** How long making a file may take, in milliseconds. */
const toMake = 60_000;

/** Made with the owner's rights, and opened by root for reading alone: what the owner has put in its place, a link, say, is not followed. */
function openOf(owner: Owner, path: string): number | undefined {
  const [file, ...args] = [...asUserApart(owner), 'sh', '-c', 'umask 077; : >>"$0"', path];
  const made = atOnce(file, args, toMake);
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  return made.code === 0 ? openSync(path, flags) : open(path, flags);
}

/** From a disk that is mounted read-only nothing leaves, and without the file nobody has taken the lock there. */
function open(path: string, flags: number | 'a' = 'a'): number | undefined {
  try {
    return openSync(path, flags, 0o600);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'EROFS' || (flags !== 'a' && code === 'ENOENT' && isReadOnly(path))) return undefined;
    throw error;
  }
}

function isReadOnly(path: string): boolean {
  try {
    accessSync(dirname(path), constants.W_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EROFS';
  }
}
