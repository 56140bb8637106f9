/** What give-back asks of the rsync at the destination, besides the audit: whose folder it is, whether content is the same, and to take files. */
import { pathOf } from '../replica-path.ts';
import { auditFormat, Lines, parseLine } from '../audit/itemize.ts';
import { Failure } from '../errors.ts';
import type { Ended } from '../programs/process.ts';
import { commonOptions, dryRunLimits, failureOf, mostMemory, memoryForFile } from '../programs/rsync.ts';
import { runRsync, sourcePath, type RsyncContext } from '../programs/rsync-call.ts';
import type { Bounds } from '../programs/watchdog.ts';

/** Whose a folder is, and its mode as chmod(1) takes it, `0750`. */
export interface Folder {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** Names the folder itself, and a replica's own folder where it is one. */
function lookArguments({ repository, connection, nonce }: RsyncContext, source: string): string[] {
  return [
    '-dpog',
    '--super', // else an ordinary user is told of his own groups alone
    '--numeric-ids',
    '--dry-run',
    '--itemize-changes',
    '--itemize-changes',
    `--out-format=${nonce} %i|%U|%G|%B|%n`, // without %i rsync does not name what is the same,
    '--include=/.rsync-ratchet/',
    '--exclude=*',
    ...commonOptions(repository, connection),
    source,
    `${pathOf(repository.replica)}/`,
  ];
}

/** Which of the listed names have the same content; who is not there is not named. */
function contentArguments({ repository, connection, nonce }: RsyncContext, names: string): string[] {
  return [
    '-t',
    '--no-dirs',
    '--checksum',
    '--dry-run',
    '--itemize-changes',
    '--itemize-changes',
    `--out-format=${auditFormat(nonce)}`,
    '--ignore-missing-args',
    '--from0',
    `--files-from=${names}`,
    ...commonOptions(repository, connection),
    connection.source,
    `${pathOf(repository.replica)}/`,
  ];
}

/**
 * The one rsync of ours that has another machine, or a folder outside the replica, as its destination. It deletes nothing
 * there: what it replaces it sets aside, symlinks and devices too (-lD).
 */
export function sendArguments(
  { repository, connection, nonce }: RsyncContext,
  names: string,
  { uid, gid, mode }: Folder,
  aside: string,
): string[] {
  const { bandwidthLimit } = repository.rsync;
  return [
    '-tlDp',
    '--ignore-times',
    '--omit-dir-times',
    '--whole-file',
    '-og',
    '--numeric-ids',
    `--usermap=*:${uid}`,
    `--groupmap=*:${gid}`,
    `--chmod=D${(mode | 0o700).toString(8)},F${((mode & 0o644) | 0o600).toString(8)}`,
    '--backup',
    '--backup-dir',
    aside,
    '--from0',
    `--files-from=${names}`,
    `--out-format=${nonce} %i|%l|%n`,
    ...(bandwidthLimit === undefined ? [] : [`--bwlimit=${Math.max(1, Math.floor(bandwidthLimit / 1024))}`]),
    ...commonOptions(repository, connection),
    `${pathOf(repository.replica)}/`,
    connection.source,
  ];
}

/** The folder at a path of the destination, by default the destination itself; undefined where rsync finds none. */
export async function look(context: RsyncContext, bounds: Bounds, path?: string): Promise<Folder | Ended> {
  const { repository, connection, nonce } = context;
  const source =
    path === undefined
      ? connection.source
      : `${connection.source.slice(0, -sourcePath(connection.source).length)}${path}/`;
  let said = '';
  const ended = await runRsync(
    context,
    {
      args: lookArguments(context, source),
      room: { readable: [pathOf(repository.replica)], writable: [] },
      limits: dryRunLimits,
      wish: { path: sourcePath(source), isLiteral: true },
    },
    bounds,
    (chunk) => {
      if (said.length < 2 ** 16) said += chunk.toString('latin1');
    },
  );
  if (ended.code !== 0 || ended.stopped !== undefined) return ended;
  const lines = said
    .split('\n')
    .map((line) => (line.startsWith(`${nonce} `) ? folderIn(line.slice(nonce.length + 1)) : undefined));
  if (lines.some((line) => line?.name === '.rsync-ratchet/')) throw isReplica();
  return lines.find((line) => line?.name === './') ?? ended;
}

/** Why nothing is sent there. */
export function isReplica(): Failure {
  return new Failure(
    'the destination, or a folder that it lies in, has a folder .rsync-ratchet: it is a replica itself',
    'nothing is written into a replica but by its own nights: name another folder; nothing was sent',
  );
}

function folderIn(line: string): (Folder & { name: string }) | undefined {
  const [, uid, gid, mode = '', name = ''] = /^[^|]{11}\|(\d+)\|(\d+)\|([-rwxsStT]{9})\|(.+)$/.exec(line) ?? [];
  return uid === undefined ? undefined : { uid: Number(uid), gid: Number(gid), mode: modeOf(mode), name };
}

/** `rwxr-s---` as a number. */
export function modeOf(text: string): number {
  const special = [0o4000, 0o2000, 0o1000];
  let mode = 0;
  for (let n = 0; n < text.length; n++) {
    if (/[rwxst]/.test(text.charAt(n))) mode |= 1 << (8 - n);
    if (/[sStT]/.test(text.charAt(n))) mode |= special[Math.floor(n / 3)] ?? 0;
  }
  return mode;
}

/** Of files that are there, and as large as here, those whose content is another one, or that are gone by now. Throws Failure. */
export async function otherContent(
  context: RsyncContext,
  names: string,
  paths: readonly string[],
  bounds: Bounds,
): Promise<string[]> {
  const left = new Set(paths);
  const prefix = `${context.nonce} `;
  const lines = new Lines(
    (bytes, start, end) => {
      const change = parseLine(bytes, start, end, prefix);
      if (change.kind === 'item' && change.itemized.startsWith('.f')) left.delete(change.path); // no other sign than of its time
    },
    4 * paths.length + 1000,
  );
  const ended = await runRsync(
    context,
    {
      args: contentArguments(context, names),
      room: { readable: [pathOf(context.repository.replica), names], writable: [] },
      limits: dryRunLimits,
    },
    bounds,
    (chunk) => {
      lines.push(chunk);
    },
  );
  if (ended.code !== 0 || ended.stopped !== undefined)
    throw failureOf('the content there cannot be compared', ended, context.connection, bounds);
  return [...left];
}

/** Sends the listed files; `onFile` is called for each that goes. How it ended is a value. */
export async function send(
  context: RsyncContext,
  names: string,
  count: number,
  folder: Folder,
  aside: string,
  bounds: Bounds,
  onFile: (bytes: number) => void,
): Promise<Ended> {
  const form = new RegExp(`^${context.nonce} <f.{9}\\|(\\d+)\\|`);
  const lines = new Lines(
    (bytes, start, end) => {
      const size = form.exec(bytes.toString('latin1', start, end))?.[1];
      if (size !== undefined) onFile(Number(size));
    },
    4 * count + 2000,
  );
  return runRsync(
    context,
    {
      args: sendArguments(context, names, folder, aside),
      room: { readable: [pathOf(context.repository.replica), names], writable: [] },
      limits: { memory: mostMemory + memoryForFile * count, fileSize: dryRunLimits.fileSize },
      wish: { path: sourcePath(context.connection.source), receives: true },
    },
    bounds,
    (chunk) => {
      lines.push(chunk);
    },
  );
}
