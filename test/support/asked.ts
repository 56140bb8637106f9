/** Whose process it is that does something: the one who runs the tests, or an ordinary user. */
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, chownSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { buildSync } from 'esbuild';
import { script as sandbox } from '../../src/programs/sandbox-script.ts';
import { answer, type Question, type Reply } from './askRestic.ts';
import { temporaryFolder } from './temporary.ts';

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

let script: string | undefined;

/** One file that every user may read and that starts at once. */
function built(): string {
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  const outfile = join(folder, 'ask.mjs');
  const banner = { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" };
  const define = { __SANDBOX__: JSON.stringify(sandbox) }; // as the build hands it in
  buildSync({ define, entryPoints: [fileURLToPath(new URL('./askRestic.main.ts', import.meta.url))], outfile, bundle: true, platform: 'node', format: 'esm', banner, logLevel: 'warning' });
  return outfile;
}

/** The command that asks. */
export function askCommand(question: Question): string[] {
  return [process.execPath, script ??= built(), JSON.stringify(question)];
}

/** Asks restic as that user: in a process of its own where that is needed. */
export async function askAs(user: User, question: Question, env?: Readonly<Record<string, string>>): Promise<Reply> {
  if (env === undefined && prefixOf(user).length === 0) return answer(question);
  return JSON.parse(await runAs(user, askCommand(question), env)) as Reply;
}
