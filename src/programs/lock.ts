/**
 * Kernel locks that die with their holder (flock(2)), on an inherited descriptor: once by flock(1) from util-linux, or again and
 * again by one process, which asks the kernel for room on the disk, too (fallocate(2)): Node can do neither.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, fchmodSync, fstatSync, ftruncateSync, openSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../errors.ts';
import { makeFolder } from '../state/files.ts';
import { fallocateOf, locker } from './lock-script.ts';
import { bareEnvironment, findPerl, unending } from './process.ts';
import { readText, unreadable } from '../state/read-file.ts';

/** A lock that is held until `release`, or until this process ends in whatever way. */
export interface Lock {
  /** What the holder before us wrote into the lock file; empty when it tidied up. */
  readonly note: string;
  /** Writes into the lock file what a run that is killed leaves behind. */
  write(note: string): void;
  /** Lets it go; `note` is left in the lock file: what a killed run wrote there, by one who has not tidied up after it. */
  release(note?: string): void;
}

/** Takes a lock, or comes to undefined when another process holds it for longer than `wait` seconds. */
export type TakeLock = (path: string, wait?: number) => Promise<Lock | undefined>;

/** How long flock may take beyond what it is to wait, in seconds. */
const grace = 60;
/** How long KILL may take, in milliseconds. */
const afterKill = 3000;

/** Takes the lock, or returns undefined when another process holds it for longer than `wait` seconds. */
export async function takeLock(path: string, wait = 0): Promise<Lock | undefined> {
  const file = openLock(path);
  closeToOthers(file);
  const patience = wait > 0 ? ['-w', String(wait)] : ['-n'];
  // Not execa: it does not pass a bare descriptor on.
  const flock = spawn('flock', [...patience, '3'], { stdio: ['ignore', 'ignore', 'ignore', file] });
  const [ended] = await orKilled(
    flock,
    'flock',
    (wait + grace) * 1000,
    once(flock, 'close') as Promise<[number | null]>,
  );
  if (ended === 0)
    return heldLock(path, file, () => {
      closeSync(file);
    });
  closeSync(file);
  if (ended === 1) return undefined;
  throw notLocked(path, `flock ended with ${ended ?? 'a signal'}`);
}

function notLocked(path: string, why: string): Failure {
  return new Failure(
    `cannot lock ${path}: ${why}`,
    'a disk that does not answer, or no flock on this file system: try by hand: flock -n FILE true',
  );
}

/** How the kernel says that another one holds a lock (EWOULDBLOCK). */
const isHeld = 11;
/** How often a lock that another one holds is tried again, in milliseconds. */
const again = 50;

/** What trying to take a lock came to; undefined when the process has ended. */
interface Answer {
  readonly errno: number | undefined;
}

/**
 * The locks of a whole run, which takes some of them many times: one process tries them all. They are on descriptors that
 * are open here as well, so that nobody loses a lock when that process is killed; it ends when we do, in whatever way.
 */
export class Locks {
  #paths: readonly string[];
  /** As open here; to the process the first is 3. */
  #files: number[] = [];
  #process: ChildProcess | undefined;
  #hasEnded = false;
  #end: Promise<Answer> = Promise.resolve({ errno: undefined });
  readonly #waiting: ((answer: Answer) => void)[] = [];
  readonly #held = new Set<string>();

  /** Their files are made, and the folders of all but the first. */
  constructor(...paths: readonly string[]) {
    this.#paths = paths;
  }

  readonly take: TakeLock = async (path, wait = 0) => {
    const child = (this.#process ??= this.#start());
    const number = this.#paths.indexOf(path);
    const file = this.#files[number];
    if (file === undefined) return takeLock(path, wait); // it was not there when the process was started
    const until = performance.now() + wait * 1000;
    while (this.#held.has(path) || !(await this.#isFree(child, path, number))) {
      if (performance.now() >= until) return undefined;
      await pause(again);
    }
    this.#held.add(path);
    return heldLock(path, file, () => {
      this.#held.delete(path);
      this.#process?.stdin?.write(`free ${number + 3}\n`);
    });
  };

  /** Reserves room for a file that is there, beyond its length, which stays as it is: 0, or an errno; undefined where nobody can be asked. */
  readonly reserve = async (path: string, bytes: number): Promise<number | undefined> => {
    if (this.#process === undefined || fallocateOf[process.arch] === undefined) return undefined;
    const { errno } = await this.#ask(this.#process, `room ${Buffer.from(path).toString('hex')} ${bytes}`);
    return errno;
  };

  /** Lets all of them go; when this returns, others can have them. */
  async close(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    child?.stdin?.end();
    if (child !== undefined && !this.#hasEnded) await this.#answer(child, this.#end);
    for (const file of this.#files.splice(0)) closeSync(file);
  }

  /** Tries to take it. Throws Failure when that does not come to anything. */
  async #isFree(child: ChildProcess, path: string, number: number): Promise<boolean> {
    const { errno } = await this.#ask(child, `take ${number + 3}`);
    if (errno === 0) return true;
    if (errno === isHeld) return false;
    throw notLocked(path, errno === undefined ? 'the process that tries it has ended' : `flock(2) says errno ${errno}`);
  }

  #ask(child: ChildProcess, what: string): Promise<Answer> {
    const answer = new Promise<Answer>((resolve) => {
      if (this.#hasEnded) {
        resolve({ errno: undefined });
        return;
      }
      this.#waiting.push(resolve);
      child.stdin?.write(`${what}\n`);
    });
    return this.#answer(child, answer);
  }

  /** It must come, and nothing else may keep us alive meanwhile. */
  async #answer(child: ChildProcess, answer: Promise<Answer>): Promise<Answer> {
    child.ref();
    try {
      return await orKilled(child, 'perl', grace * 1000, answer);
    } catch (error) {
      this.#hasEnded = true; // nobody waits for it once more
      throw error;
    } finally {
      child.unref();
    }
  }

  #start(): ChildProcess {
    for (const path of this.#paths.slice(1)) makeFolder(dirname(path));
    // A replica that is not mounted has no lock, and the state must be written all the same.
    this.#paths = this.#paths.filter((path) => existsSync(dirname(path)));
    this.#files = this.#paths.map(openLock);
    this.#files.forEach(closeToOthers);
    const numbers = this.#files.map((_, index) => String(index + 3));
    const child = spawn(findPerl(), ['-e', locker, '--', String(fallocateOf[process.arch] ?? -1), ...numbers], {
      stdio: ['pipe', 'pipe', 'ignore', ...this.#files],
      env: bareEnvironment('/'),
    });
    const [told, said] = [child.stdin as Socket, child.stdout as Socket];
    for (const handle of [child, told, said]) handle.unref();
    told.on('error', () => undefined); // it has ended, which `exit` tells
    said.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString('latin1').trim().split('\n')) this.#waiting.shift()?.({ errno: Number(line) });
    });
    this.#end = new Promise((resolve) => {
      for (const event of ['error', 'exit'])
        child.once(event, () => {
          resolve({ errno: undefined });
        });
    });
    void this.#end.then((answer) => {
      this.#hasEnded = true;
      for (const tell of this.#waiting.splice(0)) tell(answer);
    });
    return child;
  }
}

/** What `end` comes to; after `patience` milliseconds the program gets KILL. Throws Failure when not even that ends it: a dead disk. */
async function orKilled<T extends object>(
  child: ChildProcess,
  name: string,
  patience: number,
  end: Promise<T>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const givenUp = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      child.kill('SIGKILL');
      timer = setTimeout(resolve, afterKill, undefined);
    }, patience);
  });
  const ended = await Promise.race([end, givenUp]);
  clearTimeout(timer);
  if (ended === undefined) throw unending(child, name);
  return ended;
}

function openLock(path: string): number {
  try {
    return openSync(path, 'a+', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EISDIR') throw error;
    throw unreadable(path, error as NodeJS.ErrnoException);
  }
}

/** Whoever can read a file can lock it: a monitoring user that may read our files must not be able to hold this one. */
function closeToOthers(file: number): void {
  const { mode, uid } = fstatSync(file);
  if ((mode & 0o077) !== 0 && uid === process.getuid?.()) fchmodSync(file, 0o600);
}

function heldLock(path: string, file: number, letGo: () => void): Lock {
  return {
    note: readText(path) ?? '',
    write: (note) => {
      ftruncateSync(file, 0);
      try {
        writeFileSync(file, note);
      } catch (error) {
        // A full disk must be able to empty itself; without the note the next run only tidies up less.
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    },
    release: (note = '') => {
      ftruncateSync(file, 0);
      if (note !== '') writeFileSync(file, note);
      letGo();
    },
  };
}
