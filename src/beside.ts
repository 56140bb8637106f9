/** Texts that are no TypeScript (a script, a sample) are files of their own; the build puts them into the program. */
import { readdirSync, readFileSync } from 'node:fs';

/** The text of a file beside a module of ours, for what runs without a build: tests, and scripts that make the manual. */
export function textBeside(module: string, name: string): string {
  return readFileSync(new URL(name, module), 'utf8');
}

/** The text of every Markdown file in a folder beside a module of ours, by name, in alphabetical order; `folder` ends with '/'. */
export function textsBeside(module: string, folder: string): Record<string, string> {
  const names = readdirSync(new URL(folder, module)).filter((name) => name.endsWith('.md'));
  return Object.fromEntries(names.sort().map((name) => [name, textBeside(module, `${folder}${name}`)]));
}
