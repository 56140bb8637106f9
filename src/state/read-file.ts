/** How a file of ours is opened for reading, and what is said where it cannot be: a message that leads astray costs a night. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Failure } from '../errors.ts';
import { userName } from './become.ts';
import { ifThere } from './files.ts';

/**
 * Opens a file of ours; undefined when there is none. Throws Failure when it may not be read, or is no file at all: a pipe
 * in its place would be waited for for ever.
 */
export function openForReading(path: string): number | undefined {
  const file = opened(path);
  if (file === undefined) return undefined;
  const stats = fstatSync(file);
  if (stats.isFile()) return file;
  closeSync(file);
  throw noFile(path, stats.isDirectory() ? 'a folder' : stats.isFIFO() ? 'a pipe' : 'a device');
}

/**
 * Opens whatever has that name, for reading alone: the one place where a room that writes nothing opens. A pipe is waited for,
 * but with `no link`. Throws what the system says.
 */
export function openToRead(path: string, follow: 'follow links' | 'no link' = 'follow links'): number {
  return openSync(path, follow === 'no link' ? withoutWaiting | constants.O_NOFOLLOW : constants.O_RDONLY);
}

const withoutWaiting = constants.O_RDONLY | constants.O_NONBLOCK;

function opened(path: string): number | undefined {
  try {
    return ifThere(() => openSync(path, withoutWaiting | (isAnothers(path) ? constants.O_NOFOLLOW : 0)));
  } catch (error) {
    throw unreadable(path, error as NodeJS.ErrnoException);
  }
}

/** Where no process can become the owner, root reads his books: a link of his may lead to what root alone may open, a device that acts when it is. */
function isAnothers(path: string): boolean {
  return process.geteuid?.() === 0 && lstatSync(path).uid !== 0;
}

function noFile(path: string, kind: string): Failure {
  return new Failure(
    `${path} is no file, but ${kind}`,
    `nothing was done; something else than rsync-ratchet put it there: look who can write in ${dirname(path)}, then restore the file from a backup of this machine`,
  );
}

/** What a small file of ours holds; undefined when there is none. Throws Failure as openForReading does. */
export function readBytes(path: string): Buffer | undefined {
  const file = openForReading(path);
  if (file === undefined) return undefined;
  try {
    return readFileSync(file);
  } catch (error) {
    throw unreadable(path, error as NodeJS.ErrnoException);
  } finally {
    closeSync(file);
  }
}

/** The same as text. */
export function readText(path: string): string | undefined {
  return readBytes(path)?.toString('utf8');
}

/** A file that is there and whole for all we know, but not for this user; or a disk that does not give it. */
export function unreadable(path: string, error: NodeJS.ErrnoException): Failure {
  if (error.code === 'EISDIR') return noFile(path, 'a folder');
  if (error.code === 'ELOOP') return noFile(path, 'a link that root does not follow, since another user made it');
  if (error.code === 'ENXIO') return noFile(path, 'a socket');
  const isClosed = error.code === 'EACCES' || error.code === 'EPERM';
  return new Failure(
    isClosed
      ? `${path} may not be read by the user ${userName()}`
      : `${path} could not be read (${error.code ?? error.message})`,
    isClosed
      ? `nothing is damaged, and nothing was done; as root: chown -R ${userName()}: ${dirname(path)}, unless another user runs the nights (ls -l shows whose it is)`
      : 'look at the disk (dmesg); nothing was done',
    { cause: error },
  );
}
