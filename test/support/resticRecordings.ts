/** Files in `fixtures/restic`: what each version of restic said to the questions of scripts/record-restic, and how it ended. */
import { readdirSync, readFileSync } from 'node:fs';
import { fixtures } from './golden.ts';

/** One answer. Paths are shown below `/r`: the repository is `/r/repository`, the password file `/r/password`. */
export interface Recorded {
  readonly name: string;
  /** What was asked, behind `restic --no-cache --no-lock -r … --password-file …`. */
  readonly args: readonly string[];
  /** null when it had not ended after 20 seconds. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** By version, oldest first. */
export function resticRecordings(): ReadonlyMap<string, readonly Recorded[]> {
  const names = readdirSync(`${fixtures}restic`).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return new Map(names.map((name) => [name.replace(/\.json$/, ''), JSON.parse(readFileSync(`${fixtures}restic/${name}`, 'utf8')) as Recorded[]]));
}
