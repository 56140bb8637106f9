/** Another command of this program, as a process: whatever it needs to be, it becomes by itself. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Failure } from '../errors.ts';
import { briefly } from './briefly.ts';

/** What starts us once more. */
const ours = (): [string, ...string[]] => [process.execPath, ...process.execArgv, process.argv[1] ?? ''];

/** Runs it on our terminal; its exit code. */
export async function runOurselves(words: readonly string[]): Promise<number> {
  const [file, ...args] = ours();
  const child = spawn(file, [...args, ...words], { stdio: 'inherit' });
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 1;
}

/** The document that it prints with `--json`. Throws Failure, with what it said, where it prints none. */
export async function askOurselves(
  words: readonly string[],
  patience: number,
  interrupt: AbortSignal,
): Promise<unknown> {
  const [file, ...args] = ours();
  const { stdout, stderr } = await briefly(file, [...args, '--json', ...words], patience, interrupt);
  interrupt.throwIfAborted();
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Failure(stderr.trim() || `${words.join(' ')} said nothing`, 'see above; then start setup again');
  }
}
