/**
 * The walk of what lies below `data`, by find(1): there for speed, without an object for each file and beside what rsync
 * does. It must agree with the slow form (walk.ts).
 */
import { inReplica } from './questions.ts';
import { join } from 'node:path';
import { asFailure, Failure } from '../errors.ts';
import { escapePath, escapeText } from '../printable.ts';
import { bareEnvironment, findProgram, run, type Command, type Ended } from '../programs/process.ts';
import type { Bounds } from '../programs/watchdog.ts';
import type { Known } from './facts.ts';
import { Lines, NotUnderstood } from './itemize.ts';
import { packs, type ReplicaWalk } from './walk.ts';

/** A walk that goes on by itself. */
export interface PacksWalk {
  /** Comes when it has ended: undefined, and all is in the books; or why not. */
  readonly end: Promise<Failure | undefined>;
  /** Nobody waits for the rest any more; comes when it has ended. */
  stop(): Promise<void>;
}

/** Begins to walk what lies below `data` in the replica of `walk`, and enters it there. */
export function findPacks(walk: ReplicaWalk, ignore: readonly string[], bounds: Bounds): PacksWalk {
  const stopper = new AbortController();
  const interrupt = AbortSignal.any([bounds.interrupt, stopper.signal]);
  const end = walk.hasPacks ? found(walk, ignore, { ...bounds, interrupt }) : Promise.resolve(undefined);
  return {
    end,
    stop: async () => {
      stopper.abort();
      await end;
    },
  };
}

async function found(walk: ReplicaWalk, ignore: readonly string[], bounds: Bounds): Promise<Failure | undefined> {
  const lines = new Lines((bytes, start, end) => enter(walk, bytes, start, end), Infinity, 0);
  try {
    const ended = await run(findCommand(join(walk.replica, packs), ignore), bounds, (chunk) => lines.push(chunk));
    if (ended.code !== 0 || ended.stopped !== undefined) return failureOf(ended, bounds);
    lines.end();
    return undefined;
  } catch (error) {
    return error instanceof NotUnderstood
      ? failed(`what find printed cannot be understood: ${error.message}`)
      : asFailure(error);
  }
}

/**
 * Type, size, time and path of everything below a folder, each record ended by a NUL. Not `-xdev`: rsync goes on at a mount
 * point, too. Folders that the configuration ignores are not opened; somebody may have closed them.
 */
export function findCommand(folder: string, ignore: readonly string[]): Command {
  const names = ignore.flatMap((name, n) => [...(n === 0 ? [] : ['-o']), '-name', name.replace(/[?[\\]/g, '\\$&')]);
  const ignored = names.length === 0 ? [] : ['-type', 'd', '(', ...names, ')', '-prune', '-o'];
  return {
    file: findProgram('find', 'findutils'),
    args: [folder, '-mindepth', '1', ...ignored, '-printf', '%y %s %T@ %P\\0'],
    env: bareEnvironment('/'),
    cwd: '/',
    atOurEnd: 'itself',
  };
}

const [space, dot, minus, zero, nine, slash] = [32, 46, 45, 48, 57, 47] as const;
/** Below `data`: two digits, a slash, the ID. */
const packPathLength = 3 + 64;

/** Enters one record, `f 1234 1795397264.5000000000 ab/ab…`: the time is a floor and a fraction, also before 1970. Throws NotUnderstood when it is none. */
function enter(walk: ReplicaWalk, bytes: Buffer, start: number, end: number): void {
  const sizeEnd = digitsEnd(bytes, start + 2);
  const isBefore1970 = bytes[sizeEnd + 1] === minus;
  const timeAt = sizeEnd + (isBefore1970 ? 2 : 1);
  const timeEnd = digitsEnd(bytes, timeAt);
  const pathAt = digitsEnd(bytes, timeEnd + 1) + 1;
  const isRecord =
    bytes[start + 1] === space && bytes[sizeEnd] === space && bytes[timeEnd] === dot && bytes[pathAt - 1] === space;
  if (!isRecord || sizeEnd === start + 2 || timeEnd === timeAt || pathAt >= end)
    throw new NotUnderstood(`"${escapePath(bytes.toString('latin1', start, Math.min(end, start + 200)))}"`);
  const type = typeOf[String.fromCharCode(bytes[start] ?? 0)] ?? 'special';
  const size = numberIn(bytes, start + 2, sizeEnd);
  const mtime = numberIn(bytes, timeAt, timeEnd) * (isBefore1970 ? -1 : 1);
  if (type === 'file' && end - pathAt === packPathLength && enterPack(walk, bytes, pathAt, size, mtime)) return;
  walk.enterFound(`${packs}/${bytes.toString('latin1', pathAt, end)}`, { type, size, mtime });
}

const typeOf: Readonly<Partial<Record<string, Known['type']>>> = { f: 'file', d: 'folder' };

/** Whether it was one: nearly all are. */
function enterPack({ books }: ReplicaWalk, bytes: Buffer, at: number, size: number, mtime: number): boolean {
  if (bytes[at + 2] !== slash || bytes[at] !== bytes[at + 3] || bytes[at + 1] !== bytes[at + 4]) return false;
  const entry = books.enterAt('pack', bytes, at + 3, size, mtime);
  if (entry >= 0) books.set(entry, inReplica);
  return entry >= 0;
}

function digitsEnd(bytes: Buffer, at: number): number {
  let end = at;
  while ((bytes[end] ?? 0) >= zero && (bytes[end] ?? 0) <= nine) end++;
  return end;
}

function numberIn(bytes: Buffer, from: number, to: number): number {
  let number = 0;
  for (let i = from; i < to; i++) number = number * 10 + (bytes[i] ?? 0) - zero;
  return number;
}

function failureOf({ code, signal, stopped, stderr }: Ended, { interrupt }: Bounds): Failure {
  if (stopped === 'interrupt') return asFailure(interrupt.reason);
  const how = stopped ?? (code === undefined ? `ended by ${signal ?? 'an error at its start'}` : `exit code ${code}`);
  return failed(`find: ${how}${stderr === '' ? '' : `: ${escapeText(stderr.trim())}`}`);
}

function failed(why: string): Failure {
  return new Failure(
    `the replica could not be looked at (${why})`,
    "see whether the user that the nights run as may read all of the replica's data, and whether its disk answers; nothing was fetched",
  );
}
