/** Our own clocks. rsync's `--timeout` does not fire once the file list is through (DESIGN section 5, rule 8). */

/** Why we ended a process ourselves. */
export type StopReason = 'stall' | 'deadline' | 'interrupt' | 'refused' | 'overrun';

/** What a watched process may take. */
export interface Bounds {
  /** Milliseconds without any progress. */
  readonly stall: number;
  /** When all must be over, in milliseconds since 1970. */
  readonly deadline: number;
  /** Aborted when we are told to stop. */
  readonly interrupt: AbortSignal;
  /** Asked before a stall is called one: whether there was progress that the output does not show. */
  readonly hiddenProgress?: () => boolean;
  /** Asked every second: whether the process has written more than it may. */
  readonly overrun?: () => boolean;
  /** Called before the process is told to end: a mount that it may be waiting for goes first. */
  readonly beforeStop?: () => void;
}

/** How often `overrun` is asked, in milliseconds. */
const lookEvery = 1000;

/** Calls `stop` at most once, when a bound is passed. */
export class Watchdog {
  readonly #bounds: Bounds;
  readonly #stop: (reason: StopReason) => void;
  #lastProgress = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #fired = false;
  readonly #onInterrupt = (): void => {
    this.#fire('interrupt');
  };

  constructor(bounds: Bounds, stop: (reason: StopReason) => void) {
    this.#bounds = bounds;
    this.#stop = stop;
    bounds.interrupt.addEventListener('abort', this.#onInterrupt);
    if (bounds.interrupt.aborted) this.#fire('interrupt');
    else this.#schedule();
  }

  /** There was output. */
  progress(): void {
    this.#lastProgress = performance.now();
  }

  /** The process has ended. */
  end(): void {
    clearTimeout(this.#timer);
    this.#bounds.interrupt.removeEventListener('abort', this.#onInterrupt);
  }

  /** Looks again when the nearer of the two clocks runs out. Timers above 2^31 ms would fire at once. */
  #schedule(): void {
    const next = this.#bounds.overrun === undefined ? 2 ** 31 - 2 : lookEvery;
    const wait = Math.min(this.#untilStall(), this.#untilDeadline(), next);
    this.#timer = setTimeout(
      () => {
        this.#look();
      },
      Math.max(wait, 0) + 1,
    );
  }

  #look(): void {
    if (this.#bounds.overrun?.() === true) return this.#fire('overrun');
    if (this.#untilDeadline() <= 0) return this.#fire('deadline');
    if (this.#untilStall() <= 0) {
      if (this.#bounds.hiddenProgress?.() !== true) return this.#fire('stall');
      this.progress();
    }
    this.#schedule();
  }

  #untilStall(): number {
    return this.#lastProgress + this.#bounds.stall - performance.now();
  }

  #untilDeadline(): number {
    return this.#bounds.deadline - Date.now();
  }

  #fire(reason: StopReason): void {
    if (this.#fired) return;
    this.#fired = true;
    this.end();
    this.#stop(reason);
  }
}
