/** A local `sendmail`, which queues what it takes: exit code 0 means that it has the mail. */
import { execa } from 'execa';

/** Hands a whole message over. Returns what went wrong, or undefined when it was taken. `patience` in milliseconds. */
export async function handToSendmail(path: string, from: string, to: readonly string[], message: Buffer, patience: number): Promise<string | undefined> {
  const ended = await execa(path, ['-i', '-f', from, ...to], {
    input: message, reject: false, stdout: 'ignore', timeout: patience, killSignal: 'SIGKILL',
    extendEnv: false, env: { LC_ALL: 'C', PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  if (!ended.failed) return undefined;
  if (ended.timedOut) return `${path} did not end within ${patience / 1000} s`;
  return `${path}: ${ended.stderr !== '' ? ended.stderr : (ended.originalMessage ?? `exit code ${ended.exitCode ?? 'unknown'}`)}`;
}
