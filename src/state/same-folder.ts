/** Whether one folder is or lies in another, by what is on the disk: symlinks and bind mounts included. */
import { closeSync, constants, openSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Whether `path` is `folder` or lies in it; neither needs to be there. What may not be looked at counts by its name. */
export function isReallyWithin(path: string, folder: string): boolean {
  return isWithinThat(path, identityOf(folder));
}

/** The same, of a folder that was looked at before: it is not touched, and may hang by now. */
export function isWithinThat(path: string, folderIdentity: string): boolean {
  return foldersAround(real(path)).map(identity).includes(folderIdentity);
}

/** What a folder is, whatever it is called. */
export function identityOf(folder: string): string {
  return identity(real(folder));
}

/**
 * Whether what is written in one of these folders can come to lie in the other: one is in the other by its path, or on the
 * disk, where a bind mount may show a part of it elsewhere. Neither needs to be there.
 */
export function doOverlap(one: string, other: string): boolean {
  if (isReallyWithin(one, other) || isReallyWithin(other, one)) return true;
  const [a, b] = [placeOnDisk(real(one)), placeOnDisk(real(other))];
  return a.device === b.device && (isBelow(a.path, b.path) || isBelow(b.path, a.path));
}

/** What is mounted below a folder, in the order of the mounts (proc_pid_mountinfo(5)). */
export function mountsBelow(folder: string): string[] {
  const around = real(folder);
  const points = mounts().map(([, , , , point = '']) => Buffer.from(unescaped(point), 'latin1').toString());
  return points.filter((point) => point !== around && isBelow(point, around));
}

const isBelow = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);

/** The file system that a path is of, and where it lies in that (proc_pid_mountinfo(5)), whatever part of it is mounted there. */
function placeOnDisk(path: string): { readonly device: string; readonly path: string } {
  const folder = ifFolder(path);
  if (folder === undefined) {
    const above = placeOnDisk(dirname(path));
    return { ...above, path: `${above.path.replace(/\/$/, '')}/${basename(path)}` };
  }
  try {
    const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${folder}`, 'latin1'))?.[1] ?? '';
    const [, , device = '', root = '', point = ''] = mounts().find(([mount]) => mount === id) ?? [];
    const below = readlinkSync(`/proc/self/fd/${folder}`, 'latin1').slice(unescaped(point).replace(/\/$/, '').length);
    return { device, path: `${unescaped(root).replace(/\/$/, '')}${below}` || '/' };
  } finally {
    closeSync(folder);
  }
}

/** The fields of each mount: its number, that of the one above, device, root in the file system, place. */
function mounts(): string[][] {
  return readFileSync('/proc/self/mountinfo', 'latin1')
    .split('\n')
    .map((line) => line.split(' '));
}

/** Undefined where there is no such folder, or it may not be looked at. */
function ifFolder(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    if (path === '/') throw error;
    return undefined;
  }
}

/** As the kernel writes blanks and the like: `\040`. */
const unescaped = (text: string): string =>
  text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

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
