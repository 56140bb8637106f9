/** Programs that take something from their stdin, a local `sendmail` say: exit code 0 means that they have it. */
import { execa } from 'execa';
import { afterLastWords, collect, unending } from './process.ts';
import { endGroup } from './ending.ts';

/** How long TERM and KILL may take, in milliseconds. */
const afterKill = 10_000;

/** The environment of such a program: it works for people here, so it knows whose home is its own. */
function environment(): Record<string, string> {
  const { PATH = '/usr/sbin:/usr/bin:/sbin:/bin', HOME } = process.env;
  return { LC_ALL: 'C', PATH, ...(HOME === undefined ? {} : { HOME }) };
}

/**
 * Hands all of `input` over. Returns what went wrong, or undefined when it was taken. A program that has not ended within
 * `patience` milliseconds is ended with all that it has started; what one that did end left behind to deliver in the
 * background goes on, and is not waited for, although it may hold our pipes open.
 */
export async function handOver(
  path: string,
  args: readonly string[],
  input: Uint8Array | string,
  patience: number,
): Promise<string | undefined> {
  const child = execa(path, args, {
    input,
    reject: false,
    buffer: false,
    stdout: 'ignore',
    encoding: 'buffer',
    detached: true,
    extendEnv: false,
    env: environment(),
  });
  const said = collect(child.stderr);
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
  return `${path}: ${said().trim() || (ended.originalMessage ?? `exit code ${ended.exitCode ?? 'unknown'}`)}`;
}
