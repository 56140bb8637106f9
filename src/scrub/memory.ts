/** `scrub.json` in the state folder: where an interrupted scrub goes on, and what is damaged. */
import { join } from 'node:path';
import { scrubMemorySchema, type ScrubMemory } from './share.ts';
import { replaceFile } from '../state/files.ts';
import { readJson } from '../state/json-file.ts';

/** What the last scrub left; undefined when there was none. `state` is the repository's state folder. Throws Failure when the file is damaged. */
export function readScrubMemory(state: string): ScrubMemory | undefined {
  return readJson(
    fileIn(state),
    scrubMemorySchema,
    'it says which files are damaged: read what is left of it, move it away, and run a whole scrub',
  );
}

export function writeScrubMemory(state: string, memory: ScrubMemory): void {
  replaceFile(fileIn(state), `${JSON.stringify(memory, null, 1)}\n`);
}

function fileIn(state: string): string {
  return join(state, 'scrub.json');
}
