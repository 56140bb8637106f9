/**
 * What restic prints, as far as anything hangs on it: whole lines, with the versions that print them. Decisions come
 * from exit codes; a line counts only where an old version has no code of its own. Recordings: fixtures/restic.
 */
import { isOlder, type Word } from './versions.ts';

/** Exit codes as restic documents them. Before 0.17 only 0, 1 and 3 are used, and 1 stands for the others too. */
export const resticCodes = { yes: 0, no: 1, noRepository: 10, locked: 11, wrongPassword: 12 } as const;

/** What it prints that we know: which versions print it, how it looks, and what it means. */
export const resticSays = {
  noKeyFits: {
    versions: 'before 0.17, in place of an exit code',
    pattern: /^Fatal: wrong password or no key found$/,
    means: 'no key is for our password; decides where it is all that was said',
  },
  wrongPassword: {
    versions: 'all',
    pattern: /wrong password or no key found/,
    means: 'the same, somewhere in what was said: for the hint alone',
  },
  counted: {
    versions: 'all',
    pattern: /^ *Snapshots processed: +(\d+) *$/gm,
    means: 'how many snapshots `stats` has counted; held against the number that it was asked for',
  },
  retrying: {
    versions: '0.14',
    pattern: /^Load\(<[a-z]+\/[0-9a-f]+>, \d+, \d+\) returned error, retrying after /m,
    means: 'it waits for what will not come: a missing pack is asked for again and again, for fifteen minutes',
  },
  stack: {
    versions: '0.14',
    pattern: /^\s*(\S+\.go:\d+|(github\.com|runtime|main|golang\.org)[./]\S*)$/,
    means: "a line of Go's stack behind an error; nobody needs that",
  },
  progress: { versions: 'all', pattern: /^\[\d+:\d\d/, means: 'a line of progress: no words for people' },
  packs: {
    versions: 'all',
    pattern: / (\d+) \/ (\d+) packs/,
    means: 'how many packs have been read of how many: `[0:01] 41.67%  5 / 12 packs`',
  },
} as const satisfies Record<string, Word>;

/** The command that makes indexes anew from the headers of packs; the old one where the version is not known (''). */
export function rebuildIndex(version: string): readonly string[] {
  return isOlder(version, '0.16.0') ? ['rebuild-index'] : ['repair', 'index'];
}

/** Whether restic says that none of the keys is for our password, and nothing else: `stderr` is all of it. */
export function saysNoKeyFits(code: number | undefined, stderr: string): boolean {
  return (
    code === resticCodes.wrongPassword || (code === resticCodes.no && resticSays.noKeyFits.pattern.test(stderr.trim()))
  );
}

/** For the hint; either way nothing leaves, and nothing is confirmed. */
export function saysWrongPassword(words: string): boolean {
  return words.search(resticSays.wrongPassword.pattern) >= 0;
}

/** How many snapshots `stats` has counted: the last line that says so; -1 without one. */
export function countedSnapshots(stdout: string): number {
  return Number([...stdout.matchAll(resticSays.counted.pattern)].at(-1)?.[1] ?? -1);
}

/** Whether a line is for people: neither blank, nor progress, nor Go's stack. */
export function isForPeople(line: string): boolean {
  return line.trim() !== '' && !resticSays.stack.pattern.test(line) && !resticSays.progress.pattern.test(line);
}

/** How many packs have been read, and of how many, by the last line of progress in `said`; undefined without one. */
export function packsRead(said: string): readonly [done: number, total: number] | undefined {
  const parts = said.split(resticSays.packs.pattern);
  return parts.length > 3 ? [Number(parts.at(-3)), Number(parts.at(-2))] : undefined;
}
