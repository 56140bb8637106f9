/** Whose process it is that does something: the one who runs the tests, or an ordinary user. */
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, chownSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Question, Reply } from './askRestic.ts';

const execute = promisify(execFile);

/** `ordinary` is nobody where root runs the tests, and whoever runs them elsewhere. */
export type User = 'runner' | 'ordinary';

const nobody = 65534;
const isRoot = process.getuid?.() === 0;

/** What stands before a command so that it is that user's. */
export function prefixOf(user: User): string[] {
  return user === 'ordinary' && isRoot ? ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', '--'] : [];
}

/** Makes a tree that user's, user and group. */
export function give(user: User, folder: string): void {
  if (user === 'ordinary' && isRoot) execFileSync('chown', ['-R', `${nobody}:${nobody}`, folder]);
}

/** Takes from us, who run the tests, what restic without capabilities needs to read a file; root gives it away for that. */
export function deny(file: string): void {
  if (isRoot) chownSync(file, nobody, nobody);
  chmodSync(file, isRoot ? 0o400 : 0);
}

/** Undoes `deny`. */
export function allow(file: string): void {
  if (isRoot) chownSync(file, 0, 0);
  chmodSync(file, 0o400);
}

/** Runs a command as that user; its stdout. Rejects when it fails. */
export async function runAs(user: User, argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const [file = '', ...args] = [...prefixOf(user), ...argv];
  return (await execute(file, args, { env: { PATH: process.env['PATH'] ?? '', ...env }, maxBuffer: 1 << 26 })).stdout;
}

const script = fileURLToPath(new URL('./askRestic.ts', import.meta.url));
const tsx = import.meta.resolve('tsx');

/** The command that asks. */
export function askCommand(question: Question): string[] {
  return [process.execPath, '--import', tsx, script, JSON.stringify(question)];
}

/** Asks restic in a process of that user's. */
export async function askAs(user: User, question: Question, env: Readonly<Record<string, string>> = {}): Promise<Reply> {
  return JSON.parse(await runAs(user, askCommand(question), env)) as Reply;
}
