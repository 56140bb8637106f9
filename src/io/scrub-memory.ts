/** `scrub.json` in the state folder: where an interrupted scrub goes on, and what is damaged. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseMemory, type ScrubMemory } from '../core/scrub.ts';
import { ifThere, replaceFile } from './files.ts';

/** What the last scrub left; undefined when there was none. `state` is the repository's state folder. */
export function readScrubMemory(state: string): ScrubMemory | undefined {
  const text = ifThere(() => readFileSync(fileIn(state), 'utf8'));
  return text === undefined ? undefined : parseMemory(text);
}

export function writeScrubMemory(state: string, memory: ScrubMemory): void {
  replaceFile(fileIn(state), `${JSON.stringify(memory, null, 1)}\n`);
}

function fileIn(state: string): string {
  return join(state, 'scrub.json');
}
