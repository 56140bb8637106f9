/** Texts that are no TypeScript (a script, a sample) are files of their own; the build puts them into the program. */
import { readFileSync } from 'node:fs';

/** The text of a file beside a module of ours, for what runs without a build: tests, and scripts that make the manual. */
export function textBeside(module: string, name: string): string {
  return readFileSync(new URL(name, module), 'utf8');
}
