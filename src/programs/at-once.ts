/** Small programs that are waited for on the spot, where nothing else is to be done meanwhile; none may take for ever. */
import { spawnSync } from 'node:child_process';

/** What such a program came to. `code` is null when it could not be started, or a signal ended it (ours, when its time was over). */
interface AtOnce {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program and waits; KILL ends it after `patience` milliseconds. `env` is the whole environment; by default it is ours. */
export function atOnce(
  file: string,
  args: readonly string[],
  patience: number,
  env?: Readonly<Record<string, string>>,
): AtOnce {
  const ended = spawnSync(file, args, {
    ...(env === undefined ? {} : { env }),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: patience,
    killSignal: 'SIGKILL',
  }) as { status: number | null; signal: string | null; stdout: string | null; stderr: string | null }; // null when there is no such program
  return { code: ended.status, signal: ended.signal, stdout: ended.stdout ?? '', stderr: ended.stderr ?? '' };
}
