/**
 * What is a matter of rsync's and of restic's version, in one place (tried: `npm run matrix`; what they print, and their exit
 * codes: fixtures/itemize, fixtures/restic). Words and hints of a program stand beside it; here is what a version lacks.
 */

/** A program whose version matters. */
export type Versioned = 'rsync' | 'restic';

/** What a program prints that we know, and in which versions it was met; the tables are in restic-words.ts and ssh-words.ts. */
export interface Word {
  readonly versions: string;
  readonly pattern: RegExp;
  readonly means: string;
}

/** What versions before `before` lack. `refused`: a night cannot work with them, or would not protect. */
interface Lack {
  readonly before: string;
  readonly refused: boolean;
  readonly lacks: string;
}

export const lacking: Readonly<Record<Versioned, readonly Lack[]>> = {
  rsync: [
    {
      before: '3.2.3',
      refused: true,
      lacks:
        'older than what a night was tried with, and before 3.2.0 there is no --max-alloc, the bound on what a sender may make it hold',
    },
    {
      before: '3.5.0',
      refused: false,
      lacks: 'before 3.5.0 a hostile sender had holes to use; distributions repair them in older versions too',
    },
  ],
  restic: [
    {
      before: '0.14.0',
      refused: true,
      lacks: 'its check compares no sizes, so a pack that was cut short would pass, and it cannot read format 2',
    },
  ],
};

/** How each program says its version, at the beginning of a line. */
const forms: Readonly<Record<Versioned, RegExp>> = {
  rsync: /^rsync +version +v?(\d+\.\d+\.\d+\S*)/m,
  restic: /^restic +v?(\d+\.\d+\.\d+\S*)/m,
};

/** The arguments that make it say so. */
export const versionArguments: Readonly<Record<Versioned, readonly string[]>> = {
  rsync: ['--version'],
  restic: ['version'],
};

/** The version, such as 3.2.7, from what the program said; undefined when it does not say. */
export function versionIn(program: Versioned, said: string): string | undefined {
  return forms[program].exec(said)?.[1];
}

/** What makes a version unfit for a night, for people; undefined when nothing does, or when it is not known (''). */
export function refusal(program: Versioned, version: string): string | undefined {
  const lack =
    version === '' ? undefined : lacking[program].find(({ before, refused }) => refused && isOlder(version, before));
  return lack === undefined ? undefined : `${program} ${version} is too old (${lack.before} is needed): ${lack.lacks}`;
}

/** How to get one that is new enough. */
export function upgradeHint(program: Versioned): string {
  return `install a newer ${program} (a later release of the distribution, its backports, or the project's own), and name it with ${program}.path`;
}

/** Whether a version like 3.2.7 is below another. */
export function isOlder(version: string, than: string): boolean {
  const [ours, theirs] = [version, than].map((text) => text.split(/[^\d]+/).map(Number));
  const differing = theirs?.findIndex((number, index) => (ours?.[index] ?? 0) !== number) ?? -1;
  return differing >= 0 && (ours?.[differing] ?? 0) < (theirs?.[differing] ?? 0);
}
