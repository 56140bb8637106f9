/** Ending programs: a whole process group, by TERM and then by KILL. */
import { setTimeout as wait } from 'node:timers/promises';
import { familyOf, survivorsOf, watchTheEnd } from './survivors.ts';
import type { Bounds, StopReason } from './watchdog.ts';

/** How long a process group may take to end after TERM before it gets KILL, in milliseconds. */
const patience = 3000;
/** How often we look who is left of those that were told to end, in milliseconds. */
const interval = 20;

/** TERM to the process group now, KILL if it has not gone after a while. */
export function endGroup(pid: number | undefined): void {
  killGroup(pid, 'SIGTERM');
  setTimeout(() => {
    killGroup(pid, 'SIGKILL');
  }, patience).unref();
}

/** A signal to a whole process group, which may have gone. */
export function killGroup(pid: number | undefined, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The end that we put to a program, once. */
export class Ending {
  readonly #pid: number | undefined;
  readonly #bounds: Bounds;
  /** Why it was told to end. */
  stopped: StopReason | undefined;
  /** The program and what it had started by then. */
  family: readonly number[] = [];
  #giveUp: () => void = () => undefined;
  /** Comes when not even KILL has ended them. */
  readonly givenUp = new Promise<undefined>((resolve) => {
    this.#giveUp = () => {
      resolve(undefined);
    };
  });

  constructor(pid: number | undefined, bounds: Bounds) {
    this.#pid = pid;
    this.#bounds = bounds;
  }

  /** The first reason counts. */
  stop(reason: StopReason): void {
    this.stopped ??= reason;
    this.family = this.#pid === undefined ? [] : familyOf(this.#pid);
    this.#bounds.beforeStop?.();
    endGroup(this.#pid);
    watchTheEnd(this.family, this.#giveUp);
  }

  /**
   * Whether all that were told to end have ended, once the program itself has: who holds none of our pipes is not waited for
   * by anybody else. False when that was given up.
   */
  async isOver(): Promise<boolean> {
    const givenUp = this.givenUp.then(() => true);
    while (this.stopped !== undefined && survivorsOf(this.family).length > 0)
      if (await Promise.race([givenUp, wait(interval, false)])) return false;
    return true;
  }
}
