/** What the parts of `doctor` share: a thing to look at, a file with a secret, and asking a program. */
import { bad, type Verdict } from './checkup.ts';
import { secretFault } from '../config/secrets.ts';
import { run, type Ended } from '../programs/process.ts';
import { masterEnvironment } from '../programs/ssh-command.ts';
import type { Bounds } from '../programs/watchdog.ts';

/** One thing to look at. */
export interface Check {
  readonly item: string;
  /** May throw; `signal` is aborted when the time is over or somebody interrupts. */
  readonly look: (signal: AbortSignal) => Promise<Verdict> | Verdict;
  /** Milliseconds; by default a minute. */
  readonly patience?: number;
}

/** What is wrong with a file that holds a secret, as a verdict; undefined when nothing is, or there is none. */
export function secretCross(file: string | undefined): Verdict | undefined {
  const fault = file === undefined ? undefined : secretFault(file);
  return fault === undefined ? undefined : bad(fault.words, `it ${fault.must}`);
}

const patience = 60_000;
/** What a program said; `code` is undefined when it could not be started or was ended. */
export interface Said {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

const outputKept = 1024 * 1024;

/** Runs a program to its end, or to ours; its output is capped. */
export async function ask(
  file: string,
  args: readonly string[],
  signal: AbortSignal,
  env = masterEnvironment(),
): Promise<Said> {
  return answerOf(signal, (bounds, onStdout) => run({ file, args, env }, bounds, onStdout));
}

/** The clocks of one question. */
export function boundsOf(signal: AbortSignal): Bounds {
  return { stall: patience, deadline: Date.now() + patience, interrupt: signal };
}

/** The same of whatever runs a program. */
export async function answerOf(
  signal: AbortSignal,
  running: (bounds: Bounds, onStdout: (chunk: Buffer) => void) => Promise<Ended>,
): Promise<Said> {
  let stdout = '';
  const ended = await running(boundsOf(signal), (chunk) => {
    if (stdout.length < outputKept) stdout += chunk.toString('utf8');
  });
  return { code: ended.stopped === undefined ? ended.code : undefined, stdout, stderr: ended.stderr };
}
