/** A question on the terminal. */
import { createInterface } from 'node:readline/promises';

/** Asks for a yes; undefined where there is no terminal to ask on. Throws what interrupts. */
export async function isYes(question: string, interrupt: AbortSignal): Promise<boolean | undefined> {
  if (!process.stdin.isTTY) return undefined;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT')); // of Ctrl-C the terminal itself makes none meanwhile
  try {
    return /^y(es)?$/i.test((await terminal.question(question, { signal: interrupt })).trim());
  } catch {
    interrupt.throwIfAborted();
    return false; // Ctrl-D: nothing more will be typed
  } finally {
    terminal.close();
  }
}
