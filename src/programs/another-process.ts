/** The same command once more, as the owner of state and replica: for a Node that lets no process become somebody. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Failure } from '../errors.ts';
import { whoTyped, type AnotherProcess } from '../state/become.ts';
import { handedPath, handedText } from '../state/handed.ts';
import { asUserApart } from './as-user.ts';

/**
 * Runs it with our words (or `words`, with `input` on its stdin), our terminal and our signals; its exit code. The
 * configuration goes with it, as it was read. The kernel ends it when we are killed. Throws Failure when it cannot be started.
 */
export function startAs(
  { owner, configuration }: Pick<AnotherProcess, 'owner' | 'configuration'>,
  words: readonly string[] = process.argv.slice(2),
  input?: string,
): Promise<number> {
  const { name, home } = owner;
  const ours = [process.execPath, ...process.execArgv, process.argv[1] ?? '', ...words];
  const [file = '', ...args] = [...asUserApart(owner), 'setpriv', '--pdeathsig', 'KILL', '--', ...ours];
  const child = spawn(file, args, {
    stdio: [input === undefined ? 'inherit' : 'pipe', 'inherit', 'inherit', 'pipe'],
    env: {
      ...process.env,
      ...{ HOME: home, USER: name, LOGNAME: name, SUDO_USER: whoTyped(), [handedPath]: configuration.path },
    },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  child.stdin?.on('error', () => undefined).end(input); // It need not read it, nor the configuration.
  const text = child.stdio[handedText];
  if (text && 'end' in text) text.on('error', () => undefined).end(configuration.text);
  return new Promise((resolve, reject) => {
    child.once('error', ({ message }) => {
      reject(new Failure(`root cannot go on as ${name}: ${message}`, 'apt-get install util-linux. Nothing was tried'));
    });
    child.once('exit', (code, signal) => {
      resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']);
    });
  });
}
