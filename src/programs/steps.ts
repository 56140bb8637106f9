/** Several commands of one sandbox on one pair of pipes, told apart: what each prints, and how each ends. */
import type { Ended } from './process.ts';
import type { Step } from './sandbox.ts';

interface Listener {
  readonly onOutput?: (step: number, chunk: Buffer) => void;
  readonly onEnd?: (step: number) => void;
}

/** The end of a marker: number of the step, exit code, and whether the step has ended or only one command of it. */
const marker = / (\d{1,6}) (\d{1,3}) ([.+])\n/y;
const longestMarker = 16;

export class StepReader {
  readonly #mark: Buffer | undefined;
  readonly #steps: readonly Step[];
  readonly #listener: Listener;
  #held = Buffer.alloc(0);
  /** The step that runs. */
  #step = 0;
  #code = 0;

  /** `nonce`: what a marker begins with; undefined where there is one step and no marker. */
  constructor(nonce: string | undefined, steps: readonly Step[], listener: Listener) {
    this.#mark = nonce === undefined ? undefined : Buffer.from(`\n${nonce}`, 'latin1');
    this.#steps = steps;
    this.#listener = listener;
  }

  /** How many steps have ended well. */
  get passed(): number {
    return this.#step;
  }

  /** Takes what was printed; `keep` gets it without the markers, one character a byte. */
  read(chunk: Buffer, keep: (text: string) => void): void {
    if (this.#mark === undefined) return this.#tell(chunk, keep);
    let rest = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    for (;;) {
      const at = rest.indexOf(this.#mark);
      if (at < 0) break;
      marker.lastIndex = 0;
      const found = marker.exec(
        rest.toString('latin1', at + this.#mark.length, at + this.#mark.length + longestMarker),
      );
      if (found === null) return this.#hold(rest, at, keep);
      this.#tell(rest.subarray(0, at), keep);
      this.#end(Number(found[1]), Number(found[2]), found[3] === '.');
      rest = rest.subarray(at + this.#mark.length + found[0].length);
    }
    this.#hold(rest, Math.max(0, rest.length - this.#mark.length), keep);
  }

  /** Keeps back what may be the beginning of a marker. */
  #hold(rest: Buffer, from: number, keep: (text: string) => void): void {
    this.#tell(rest.subarray(0, from), keep);
    this.#held = Buffer.from(rest.subarray(from));
  }

  #tell(chunk: Buffer, keep: (text: string) => void): void {
    if (chunk.length === 0) return;
    this.#listener.onOutput?.(this.#step, chunk);
    keep(chunk.toString('latin1'));
  }

  #end(step: number, code: number, isLast: boolean): void {
    this.#code = code;
    if (code !== 0) return;
    this.#step = isLast ? step + 1 : step;
    if (!isLast || this.#steps[step] !== 'each index') this.#listener.onEnd?.(step);
  }

  /** What each step has said on stderr, and what came after the last. */
  #said(stderr: string): string[] {
    return this.#mark === undefined ? [stderr] : stderr.split(`${this.#mark.toString('latin1')}\n`);
  }

  /** How restic itself ended: with the code of the step that failed, or as the script did. `stderr` is that of the last step. */
  judge(ended: Ended): { readonly ended: Ended; readonly passed: number } {
    const parts = this.#said(ended.stderr);
    const isWhole = ended.code === 0 && ended.stopped === undefined && this.#code === 0;
    const passed = this.#mark === undefined && isWhole ? this.#steps.length : this.#step;
    const stderr = this.#code === 0 ? parts.join('\n') : (parts.at(-2) ?? parts[0] ?? '');
    // The script says 0 when something ends it in the middle of a step, too: a yes is only what each step has said.
    if (ended.code === 0 && passed < this.#steps.length && this.#code === 0)
      return { ended: { ...ended, code: undefined, signal: ended.signal ?? 'before its end', stderr }, passed };
    if (this.#code === 0 || ended.stopped !== undefined) return { ended: { ...ended, stderr }, passed };
    // A shell says 128 and the number for what a signal ended.
    const end =
      this.#code > 128
        ? { code: undefined, signal: `signal ${this.#code - 128}` }
        : { code: this.#code, signal: undefined };
    return { ended: { ...ended, ...end, stderr }, passed };
  }
}
