/** The same command once more, as the owner of state and replica: for a Node that lets no process become somebody. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Failure } from '../errors.ts';
import { whoTyped, type AnotherProcess, type Owner } from '../state/become.ts';
import { handedPath, handedText } from '../state/handed.ts';

/**
 * Runs it with our words, our terminal and our signals; its exit code. The configuration goes with it, as it was read. The
 * kernel ends it when we are killed. Throws Failure when it cannot be started.
 */
export function startAs({ owner, configuration }: AnotherProcess): Promise<number> {
  const { name, home } = owner;
  const ours = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawn('setpriv', [...identity(owner), '--pdeathsig', 'KILL', '--', ...ours], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: {
      ...process.env,
      ...{ HOME: home, USER: name, LOGNAME: name, SUDO_USER: whoTyped(), [handedPath]: configuration.path },
    },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  const text = child.stdio[handedText];
  if (text && 'end' in text) text.on('error', () => undefined).end(configuration.text); // It need not read it.
  return new Promise((resolve, reject) => {
    child.once('error', ({ message }) => {
      reject(new Failure(`root cannot go on as ${name}: ${message}`, 'apt-get install util-linux. Nothing was tried'));
    });
    child.once('exit', (code, signal) => {
      resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']);
    });
  });
}

/** With the groups that the machine's data base knows of him; a number that it does not know has none but its own. */
function identity({ name, uid, gid }: Owner): string[] {
  const groups = name === String(uid) ? ['--groups', String(gid)] : ['--init-groups'];
  return ['--reuid', String(uid), '--regid', String(gid), ...groups];
}
