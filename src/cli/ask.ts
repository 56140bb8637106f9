/** A question on the terminal. */
import { createInterface } from 'node:readline/promises';

/** Asks for a yes; undefined where there is no terminal to ask on. */
export async function isYes(question: string): Promise<boolean | undefined> {
  if (!process.stdin.isTTY) return undefined;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(question);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}
