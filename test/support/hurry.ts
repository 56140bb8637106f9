/** The program's clocks in a test's hands: time limits pass when the story has come so far, however fast the machine is. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Running } from './cli.ts';
import { type Ending, temporaryFolder } from './temporary.ts';
import { pollFor } from './watch.ts';

/** What makes the program's clock of stalls or of deadlines jump ahead by an hour for each byte of `file`; to be put into NODE_OPTIONS, and the environment. */
export const hurried = (file: string, clock: 'stall' | 'run'): { readonly option: string; readonly env: Readonly<Record<string, string>> } =>
  ({ option: `--import ${fileURLToPath(new URL('./hurry.mjs', import.meta.url))}`, env: { HURRY_FILE: file, HURRY_CLOCK: clock } });

export interface Clock {
  /** For the program. */
  readonly env: Readonly<Record<string, string>>;
  /** An hour passes; resolves when a watchdog of the program has looked at its clock since. */
  jump(): Promise<void>;
  /** Hour after hour passes until the program has ended. */
  jumpUntilEnd(running: Pick<Running, 'finished'>): Promise<void>;
}

/** A clock for one run: of stalls (`timeouts.stall`), or of deadlines (`timeouts.run`). */
export function clockFor(t: Ending, clock: 'stall' | 'run'): Clock {
  const folder = temporaryFolder(t);
  const file = join(folder, 'hours');
  const { option, env } = hurried(file, clock);
  let hours = 0;
  const isSeen = (): boolean => existsSync(`${file}.seen`) && Number(readFileSync(`${file}.seen`, 'utf8')) >= hours;
  const pass = (): void => {
    appendFileSync(file, '.');
    hours += 1;
  };
  return {
    env: { NODE_OPTIONS: option, ...env },
    async jump() {
      pass();
      await pollFor(isSeen);
    },
    async jumpUntilEnd(running) {
      const night = { isOver: false };
      void running.finished.then(() => { night.isOver = true; });
      // A wait that begins just after a jump is seen by the next one only.
      for (; !night.isOver; await pollFor(() => night.isOver || isSeen(), 1000).catch(() => undefined)) pass();
    },
  };
}
