/** Kernel locks that die with their holder (flock(2)), through flock(1) from util-linux on an inherited descriptor. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fchmodSync, fstatSync, ftruncateSync, openSync, writeFileSync } from 'node:fs';
import { Failure } from '../errors.ts';
import { unending } from './process.ts';
import { readText, unreadable } from './read-file.ts';

/** A lock that is held until `release`, or until this process ends in whatever way. */
export interface Lock {
  /** What the holder before us wrote into the lock file; empty when it tidied up. */
  readonly note: string;
  /** Writes into the lock file what a run that is killed leaves behind. */
  write(note: string): void;
  /** Lets it go; `note` is left in the lock file: what a killed run wrote there, by one who has not tidied up after it. */
  release(note?: string): void;
}

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
  const ended = await endOf(flock, (wait + grace) * 1000);
  if (ended === 0) return heldLock(path, file);
  closeSync(file);
  if (ended === 1) return undefined;
  throw new Failure(`cannot lock ${path}: flock ended with ${ended ?? 'a signal'}`, 'a disk that does not answer, or no flock on this file system: try by hand: flock -n FILE true');
}

/** The exit code of a program that gets KILL after `patience` milliseconds; null when that ended it. Throws Failure when not even that does: a dead disk. */
async function endOf(flock: ChildProcess, patience: number): Promise<number | null> {
  let timer: NodeJS.Timeout | undefined;
  const givenUp = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      flock.kill('SIGKILL');
      timer = setTimeout(resolve, afterKill, undefined);
    }, patience);
  });
  const ended = await Promise.race([once(flock, 'close') as Promise<[number | null]>, givenUp]);
  clearTimeout(timer);
  if (ended === undefined) throw unending(flock, 'flock');
  return ended[0];
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

function heldLock(path: string, file: number): Lock {
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
      closeSync(file);
    },
  };
}
