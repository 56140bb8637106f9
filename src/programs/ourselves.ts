/** Another command of this program, as a process: whatever it needs to be, it becomes by itself. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { Failure } from '../errors.ts';
import { isFileFor } from '../state/files.ts';
import { briefly } from './briefly.ts';

/** What starts us once more. */
const ours = (): [string, ...string[]] => [process.execPath, ...process.execArgv, process.argv[1] ?? ''];

/** Where a program is found that neither a shell nor a login has told of more. */
const usualPath = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** How cron, or a unit, starts us: by our own name where it finds that and Node, else both by their paths. */
export function ownWords(): string[] {
  const script = process.argv[1] ?? '';
  const isFound = [script, process.execPath].every((path) => usualPath.includes(dirname(path)));
  return isFound ? [script] : [process.execPath, script];
}

/** The folders in which a night finds what we have found: those in which these programs lie here, and the usual ones. */
export function nightPath(programs: readonly string[]): string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  const homes = programs.map((name) => folders.find((folder) => isFileFor(join(folder, name), constants.X_OK)));
  const others = homes.filter((home) => home !== undefined && !usualPath.includes(home));
  return [...new Set([...others, ...usualPath].filter((home) => home !== undefined))];
}

/** Runs it on our terminal; its exit code. */
export async function runOurselves(words: readonly string[]): Promise<number> {
  const [file, ...args] = ours();
  const child = spawn(file, [...args, ...words], { stdio: 'inherit' });
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 1;
}

/** The document that it prints with `--json`. Throws Failure, with what it said, where it prints none, or one of an error. */
export async function askOurselves(
  words: readonly string[],
  patience: number,
  interrupt: AbortSignal,
): Promise<object> {
  const [file, ...args] = ours();
  const { stdout, stderr } = await briefly(file, [...args, '--json', ...words], patience, interrupt);
  interrupt.throwIfAborted();
  const document = parsed(stdout);
  if (document !== undefined && !('error' in document)) return document;
  const { message, hint } = (document?.error ?? {}) as { message?: string; hint?: string };
  throw new Failure(
    message ?? (stderr.trim() || `${words.join(' ')} said nothing`),
    hint ?? 'see above; then start setup again',
  );
}

function parsed(text: string): { error?: unknown } | undefined {
  try {
    return JSON.parse(text) as object;
  } catch {
    return undefined;
  }
}
