/** Small programs that take moments, and must not take for ever. */
import { execa } from 'execa';
import { unending } from './process.ts';
import { watchTheEnd } from './survivors.ts';

/** What a small program came to; `code` is undefined when it could not be started, or was not done in time. */
interface Brief {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program that is ended by KILL after `patience` milliseconds, or when somebody interrupts. Throws Failure, which
 * names the process, when it does not end even then.
 */
export async function briefly(
  file: string,
  args: readonly string[],
  patience: number,
  interrupt?: AbortSignal,
): Promise<Brief> {
  const child = execa(file, args, { reject: false, stdin: 'ignore' });
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const givenUp = new Promise<undefined>((resolve) => {
    const end = (): void => {
      late.abort();
      child.kill('SIGKILL');
      clearTimeout(timer);
      watchTheEnd(child.pid === undefined ? [] : [child.pid], () => {
        resolve(undefined);
      });
    };
    timer = setTimeout(end, patience);
    interrupt?.addEventListener('abort', end, { once: true });
    if (interrupt?.aborted === true) end();
    void child.finally(() => {
      interrupt?.removeEventListener('abort', end);
    });
  });
  const ended = await Promise.race([child, givenUp]);
  clearTimeout(timer);
  if (ended === undefined) throw unending(child, file);
  const words = late.signal.aborted
    ? `${file} was not done within ${patience / 1000} s`
    : ended.code === 'ENOENT'
      ? `${file} is not installed`
      : (ended.originalMessage ?? '');
  return {
    code: late.signal.aborted ? undefined : ended.exitCode,
    stdout: ended.stdout,
    stderr: ended.stderr === '' ? words : ended.stderr,
  };
}
