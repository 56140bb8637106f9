/** Whether a file that came is what its name and serverA's list say. */
import { closeSync, constants, fchmodSync, fstatSync, futimesSync, lstatSync, openSync, type Stats } from 'node:fs';
import { sha256OfFile } from '../../state/file-hash.ts';

/** What serverA listed for a file: bytes, and seconds since 1970. */
export interface Listed {
  readonly size: number;
  readonly mtime: number;
}

/**
 * What makes a delivered file unfit: its type, a second link, its size where serverA listed one, or content without the
 * right SHA-256. It is read-only from then on, and has the time that serverA listed: with another, which the fetch may
 * have brought, the next audit would suspect it.
 */
export function faultOf(name: string, right: string, listed?: Listed): string | undefined {
  return lstatSync(name).isFile() ? faultOfFile(name, right, listed) : notRegular;
}

/**
 * The same of what `lstat` has called a regular file, where nobody else can exchange it. `before`: called with the open
 * file when only its content is left to see.
 */
export function faultOfFile(
  name: string,
  right: string,
  listed?: Listed,
  before: (file: number) => void = () => undefined,
): string | undefined {
  return withFile(name, listed, (file) => {
    before(file);
    const hash = sha256OfFile(file);
    return hash === right ? undefined : `its content has the SHA-256 ${hash}`;
  });
}

export const notRegular = 'not a regular file';

/** What `lstat` says against a file. */
export function outerFault(stats: Stats, listed?: Listed): string | undefined {
  if (!stats.isFile()) return notRegular;
  if (stats.nlink !== 1) return 'has a second link';
  return listed === undefined || stats.size === listed.size
    ? undefined
    : `has ${stats.size} bytes, serverA listed ${listed.size}`;
}

/** Makes a regular file fit but for its content, and gives the time of its last change (ctime, ms); undefined when it cannot be fit. */
export function settledSince(name: string, listed: Listed): number | undefined {
  let since: number | undefined;
  withFile(name, listed, (file) => {
    since = fstatSync(file).ctimeMs;
    return undefined;
  });
  return since;
}

/** Lets `look` find a fault in an open file that has none but for its content. */
function withFile(
  name: string,
  listed: Listed | undefined,
  look: (file: number) => string | undefined,
): string | undefined {
  const file = openOrRefused(name);
  if (file === undefined) return 'cannot be read';
  try {
    const opened = fstatSync(file);
    const fault = outerFault(opened, listed);
    if (fault !== undefined) return fault;
    if (listed !== undefined && Math.floor(opened.mtimeMs / 1000) !== listed.mtime)
      futimesSync(file, listed.mtime, listed.mtime);
    if ((opened.mode & 0o7777) !== 0o400) fchmodSync(file, 0o400);
    return look(file);
  } finally {
    closeSync(file);
  }
}

/** Undefined where whoever wrote the file has left us no right to read it, or it is a link or a socket; a pipe is not waited for. */
export function openOrRefused(name: string): number | undefined {
  try {
    return openSync(name, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (['EACCES', 'EPERM', 'ELOOP', 'ENXIO'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** rsync writes into `.NAME.XXXXXX` and renames at the end; what is left of that was broken off. */
export function isTemporary(path: string): boolean {
  return /(^|\/)\.[0-9a-f]{64}\.[A-Za-z0-9]{6}$/.test(path);
}
