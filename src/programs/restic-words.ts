/**
 * What restic prints, as far as anything hangs on it: whole lines, with the versions that print them. Decisions come
 * from exit codes; a line counts only where an old version has no code of its own. Recordings: fixtures/restic.
 */
import { isOlder } from './versions.ts';

/** Exit codes as restic documents them. Before 0.17 only 0, 1 and 3 are used, and 1 stands for the others too. */
export const resticCodes = { yes: 0, no: 1, noRepository: 10, locked: 11, wrongPassword: 12 } as const;

/** All that versions before 0.17 say when no key is for our password. */
const noKeyFits = /^Fatal: wrong password or no key found$/;

/** The command that makes indexes anew from the headers of packs; the old one where the version is not known (''). */
export function rebuildIndex(version: string): readonly string[] {
  return isOlder(version, '0.16.0') ? ['rebuild-index'] : ['repair', 'index'];
}

/** Whether restic says that none of the keys is for our password, and nothing else: `stderr` is all of it. */
export function saysNoKeyFits(code: number | undefined, stderr: string): boolean {
  return code === resticCodes.wrongPassword || (code === resticCodes.no && noKeyFits.test(stderr.trim()));
}

/** How many snapshots `stats` has counted: the last line that says so; -1 without one. */
export function countedSnapshots(stdout: string): number {
  return Number([...stdout.matchAll(/^ *Snapshots processed: +(\d+) *$/gm)].at(-1)?.[1] ?? -1);
}

/** A line before restic waits for what will not come: 0.14 asks for a missing pack again and again, for fifteen minutes. */
export const retrying = /^Load\(<[a-z]+\/[0-9a-f]+>, \d+, \d+\) returned error, retrying after /m;
