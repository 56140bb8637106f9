/** Files in `fixtures/words`: what comes back where a person got something wrong, by the rsync (and rrsync) on serverA. */
import { readdirSync, readFileSync } from 'node:fs';
import { fixtures } from './golden.ts';

/** One try of scripts/record-words; `dropbear` was recorded by hand with the same cases; `openrsync` and `3.0.9` are written after their sources, which no Debian has. */
export interface Words {
  readonly what: string;
  readonly code: number | null;
  readonly stderr: string;
}

/** By the name of the recording. */
export function recordedWords(): ReadonlyMap<string, readonly Words[]> {
  return new Map(readdirSync(`${fixtures}words`).sort().map((name) => [name.replace(/\.json$/, ''), JSON.parse(readFileSync(`${fixtures}words/${name}`, 'utf8')) as Words[]]));
}
