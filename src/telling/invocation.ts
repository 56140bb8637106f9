/** The news of one command that works on repositories: its start, and its end. */
import { randomUUID } from 'node:crypto';
import type { Run } from '../ratchet/run.ts';
import type { Teller } from './channel.ts';
import { spread } from './channels.ts';

export class Invocation {
  readonly #tell: typeof spread;
  readonly #id = randomUUID();
  #started: Promise<void> | undefined;

  /** `tell` never throws. */
  constructor(tell = spread) {
    this.#tell = tell;
  }

  /** Says that the work begins, once, without holding it up. */
  start(teller: Teller): void {
    this.#started ??= this.#tell(teller, { kind: 'started', invocation: this.#id });
  }

  /** Says how it ended, after it was said that it began. */
  async end(teller: Teller, exitCode: number, runs: readonly Run[]): Promise<void> {
    await this.#started;
    await this.#tell(teller, { kind: 'ended', invocation: this.#id, exitCode, runs });
  }
}
