/** A local `sendmail`, which queues what it takes: exit code 0 means that it has the mail. */
import { execa } from 'execa';
import { afterLastWords, unending } from './process.ts';
import { endGroup } from './ending.ts';

/** How long TERM and KILL may take, in milliseconds. */
const afterKill = 10_000;

/** The program, and arguments that it has before ours. */
interface Program {
  readonly path: string;
  readonly args: readonly string[];
}

/**
 * Hands a whole message over. Returns what went wrong, or undefined when it was taken. One that has not ended within
 * `patience` milliseconds is ended with all that it has started; what one that did end left behind to deliver in the
 * background goes on, and is not waited for, although it may hold our pipes open.
 */
export async function handToSendmail(
  { path, args }: Program,
  from: string,
  to: readonly string[],
  message: Buffer,
  patience: number,
): Promise<string | undefined> {
  const child = execa(path, [...args, '-i', '-f', from, ...to], {
    input: message,
    reject: false,
    stdout: 'ignore',
    detached: true,
    extendEnv: false,
    env: { LC_ALL: 'C', PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  const limit = AbortSignal.timeout(patience);
  const end = (): void => {
    endGroup(child.pid);
  };
  limit.addEventListener('abort', end);
  child.once('exit', () => {
    afterLastWords(() => {
      for (const pipe of [child.stdin, child.stderr]) pipe.destroy();
    });
  });
  const ended = await Promise.race([
    child,
    new Promise<undefined>((resolve) => {
      setTimeout(resolve, patience + afterKill, undefined).unref();
    }),
  ]);
  limit.removeEventListener('abort', end);
  if (ended === undefined) return unending(child, path).message;
  if (ended.exitCode === 0) return undefined;
  if (limit.aborted) return `${path} did not end within ${patience / 1000} s`;
  return `${path}: ${ended.stderr !== '' ? ended.stderr : (ended.originalMessage ?? `exit code ${ended.exitCode ?? 'unknown'}`)}`;
}
