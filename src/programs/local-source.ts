/** A source on this machine may belong to somebody else: whether rsync will be able to read it is known before the first night. */
import { accessSync, closeSync, constants, lstatSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Repository } from '../config/config.ts';
import { layoutFolders } from '../layout.ts';
import { asFailure, Failure } from '../errors.ts';
import { ownerOf, userName } from '../state/become.ts';
import { atOnce } from './at-once.ts';
import { briefly } from './briefly.ts';
import { inRoom } from './room.ts';
import { letGo, fallenFrom, type HeldFolder, hold } from './held-folder.ts';
import { withSlash } from './ssh-command.ts';
import type { Connection } from './ssh.ts';

/** How long a folder of this machine may take to say what lies in it, in milliseconds. */
const mostSilence = 30_000;

/**
 * Throws Failure when a source on this machine does not answer: a dead NFS server, a hung FUSE mount. Asked by a program of
 * its own, because whoever asks waits in the kernel, where our own clocks would not run.
 */
async function requireAnswer(path: string, interrupt: AbortSignal): Promise<void> {
  const { code } = await briefly('find', oneName(path), mostSilence, interrupt);
  interrupt.throwIfAborted();
  if (code !== undefined) return; // what find thinks of it is not asked here
  throw new Failure(
    `the source ${path} ${silent}`,
    'look at the disk or the mount (dmesg; ls by hand): is the server behind it up? Nothing was fetched',
  );
}

const silent = `does not answer: what lies in it could not be listed within ${mostSilence / 1000} s`;

function oneName(path: string): string[] {
  return [path, '-mindepth', '1', '-maxdepth', '1', '-quit'];
}

/** The same as a question, for who cannot wait for it: why it is silent, or undefined. */
export function silenceOf(path: string): string | undefined {
  return atOnce('find', oneName(path), mostSilence).signal === null ? undefined : silent;
}

/** What rsync may not read in a source on this machine, and what to do about it; undefined where nothing speaks against it. */
export function closedSource({ source, rsync }: Repository): Failure | undefined {
  if (source.kind !== 'local') return undefined;
  const sample = isOpen(source.path) ? sampleOf(source.path) : [source.path];
  const closed = sample.find((path) => !isOpen(path));
  if (closed !== undefined)
    return closedTo(
      closed,
      userName(),
      `run the nights as its owner, or let ${userName()} read it (setfacl -R -m u:${userName()}:rX ${source.path}, and once more with -d for what is still to come)`,
    );
  const foreign =
    rsync.sandbox === 'off' || process.getuid?.() !== 0 ? [] : sample.filter((path) => lstatSync(path).uid !== 0);
  const hidden = foreign.length === 0 ? undefined : unreadableInRoom(source.path, foreign);
  return hidden === undefined
    ? undefined
    : closedTo(
        hidden,
        "rsync, which in its room has none of root's powers",
        [
          `run the nights as ${ownerOf(hidden).name} (init, too)`,
          `or let root read it without its powers: setfacl -R -m u:root:rX ${source.path}, and once more with -d for what is still to come`,
          "or say rsync.sandbox: off for this repository, and rsync reads it with root's powers and sees the rest of this machine, too",
        ].join('; '),
      );
}

function closedTo(path: string, whom: string, hint: string): Failure {
  const { uid, name } = ownerOf(path);
  return new Failure(
    `${path} belongs to ${name === String(uid) ? `user ${uid}` : name} and is closed to ${whom}`,
    `${hint}. Nothing was fetched`,
  );
}

/** The folders and one file of each kind: modes are the same for all that one program has written. */
function sampleOf(source: string): string[] {
  const folders = layoutFolders.map((name) => join(source, name));
  const files = folders.map(firstFileIn).filter((file) => file !== undefined);
  return [source, join(source, 'config'), ...folders, ...files].filter(
    (path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined,
  );
}

function firstFileIn(folder: string): string | undefined {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    const file = entries.find((entry) => entry.isFile());
    if (file !== undefined) return join(folder, file.name);
    for (const entry of entries) {
      const found = entry.isDirectory() ? firstFileIn(join(folder, entry.name)) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  } catch {
    return undefined; // not there, or closed: the folder itself is in the sample
  }
}

/** Whether we may read it ourselves: where root means nobody (NFS, root_squash) only an open tells. */
function isOpen(path: string): boolean {
  try {
    if (lstatSync(path).isDirectory()) accessSync(path, constants.R_OK | constants.X_OK);
    else closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
    return true;
  } catch {
    return false; // the answer, not an error
  }
}

/** How long the question may take, in milliseconds; it reads a few dozen names. */
const patience = 30_000;

/** The first path that is closed in a room like rsync's; undefined where all are open, or no room can be had. */
function unreadableInRoom(source: string, paths: readonly string[]): string | undefined {
  const ask = (args: readonly string[], readable: readonly string[]) => {
    const { file, args: all } = inRoom(
      { file: '/usr/bin/find', args: [...args], env: { LC_ALL: 'C' } },
      { readable, writable: [] },
    );
    return atOnce(file, all, patience);
  };
  const { code, stdout } = ask(
    [...paths, '-maxdepth', '0', '(', '!', '-readable', '-o', '-type', 'd', '!', '-executable', ')', '-print', '-quit'],
    [source],
  );
  const [first = ''] = stdout.split('\n', 1);
  if (code === 0) return first === '' ? undefined : first;
  const hasRoom = ask(['/', '-maxdepth', '0'], []).code === 0;
  return hasRoom ? source : undefined;
}

/** A folder of this machine, a disk perhaps. */
export async function openFolder(repository: Repository, path: string, interrupt: AbortSignal): Promise<Connection> {
  await requireAnswer(path, interrupt);
  const held = holdSource(path);
  const closed = closedSource(repository);
  if (closed !== undefined) {
    letGo(held);
    throw closed;
  }
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) letGo(held);
    isOpen = false;
  };
  const fallen = async (): Promise<Failure | undefined> => {
    try {
      await requireAnswer(path, interrupt);
      return fallenFrom(held);
    } catch (error) {
      return asFailure(error);
    }
  };
  return {
    source: withSlash(path),
    channels: undefined,
    readable: [path],
    held: [held],
    stderr: () => '',
    fallen,
    close,
  };
}
function holdSource(path: string): HeldFolder {
  try {
    return hold(path);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new Failure(
        `the source ${path} is ${code === 'ENOENT' ? 'not there' : 'no folder'}`,
        'is its disk mounted, and the path in source right? Nothing was fetched',
        { cause: error },
      );
    }
    throw new Failure(
      `the source ${path} cannot be opened (${code})`,
      'may this user reach it? Look at the modes of the folders above it; nothing was fetched',
      { cause: error },
    );
  }
}
