/** Words for people about a scrub, and its JSON. */
import { formatBytes, formatCount } from '../figures.ts';
import { secondsBetween } from '../ratchet/run.ts';
import {
  leftIn,
  mostDamages,
  repairedIn,
  scrubExitCode,
  scrubOutcome,
  shareText,
  type Damage,
  type Scrub,
  type ScrubMemory,
} from '../scrub/share.ts';

/** So many damaged files are named on a terminal. */
const shown = 100;

/** What a scrub came to, one line each; the first is the verdict. */
export function scrubLines(scrub: Scrub): string[] {
  const [left, repaired] = [leftIn(scrub), repairedIn(scrub)];
  return [
    `${scrub.repository}: ${headline(scrub, left.length, repaired.length)}`,
    ...named(
      left,
      ({ path, fault, mended }) =>
        `  ${path}: ${fault}${typeof mended === 'string' ? `; not repaired: ${mended}` : ''}`,
    ),
    ...named(repaired, ({ path }) => `  ${path}: repaired; the damaged copy is in quarantine/replaced`),
    ...[...whyItStopped(scrub), ...whatToDo(scrub, left)].map((line) => `  ${line}`),
  ];
}

function headline(scrub: Scrub, left: number, repaired: number): string {
  const done = `${formatCount(scrub.hashed.files)} files (${formatBytes(scrub.hashed.bytes)}) hashed${shareWords(scrub)}`;
  switch (scrubOutcome(scrub)) {
    case 'locked':
      return scrub.lockedBy === 'scrub'
        ? 'another scrub is at work; nothing was done'
        : `${files(left)} damaged; not repaired, because another run is at work; ${done}`;
    case 'failed':
    case 'interrupted':
      return `not finished; ${done}; ${files(left)} damaged${repaired > 0 ? `, ${files(repaired)} repaired` : ''}`;
    case 'whole':
      return `every file is what its name says; ${done}`;
    case 'repaired':
      return `${files(repaired)} damaged and repaired, all is whole now; ${done}`;
    case 'damaged':
      return `${files(left)} damaged${repaired > 0 ? `, ${files(repaired)} repaired` : ''}; ${done}`;
  }
}

function files(count: number): string {
  return `${formatCount(count)} ${count === 1 ? 'file' : 'files'}`;
}

function shareWords(scrub: Scrub): string {
  const share = scrub.share === undefined ? [] : [`share ${shareText(scrub.share) ?? ''}`];
  const words = [...share, ...(scrub.isResumed ? ['going on where the last one stopped'] : [])];
  return words.length === 0 ? '' : ` (${words.join(', ')})`;
}

function named(damages: readonly Damage[], words: (damage: Damage) => string): string[] {
  const rest = damages.length - shown;
  return [
    ...damages.slice(0, shown).map(words),
    ...(rest > 0 ? [`  ... and ${formatCount(rest)} more (all of them with --json)`] : []),
  ];
}

function whyItStopped({ isComplete, lockedBy, failure }: Scrub): string[] {
  if (isComplete || lockedBy === 'scrub' || failure !== undefined) return [];
  return [
    `The scrub has stopped after ${formatCount(mostDamages)} damaged files: that is a dying disk. The next one goes on from there.`,
  ];
}

function whatToDo(scrub: Scrub, left: readonly Damage[]): string[] {
  const { repository, lockedBy } = scrub;
  if (lockedBy === 'scrub' || left.length === 0) return [];
  const again = `rsync-ratchet scrub --repair ${repository}`;
  const isTried = left.every(({ mended }) => mended !== undefined);
  return [
    'What to do: look at the disk first (dmesg, smartctl): it was this machine that damaged them, not serverA.',
    ...(isTried
      ? [
          'serverA could not help: another copy of these files may be right (its SHA-256 must be the name). If there is none,',
          'restic check tells which snapshots need them.',
        ]
      : [
          `Then: ${again}`,
          'That repairs these first: it fetches them from serverA, lets in only what hashes to its name, and keeps the damaged copies',
          'in quarantine.',
        ]),
  ];
}

/** The document of `--json`, one for all repositories. */
export function scrubsToJson(scrubs: readonly Scrub[]): string {
  return JSON.stringify({ version: 1, scrubs: scrubs.map(scrubToJson) }, null, 2);
}

function scrubToJson(scrub: Scrub): object {
  const { repository, runId, share, startedAt, finishedAt, hashed, isResumed, isComplete, damages, failure } = scrub;
  return {
    repository,
    runId,
    share: shareText(share),
    outcome: scrubOutcome(scrub),
    exitCode: scrubExitCode(scrub),
    ...(failure === undefined ? {} : { error: { message: failure.message, hint: failure.hint } }),
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt.toISOString(),
    seconds: secondsBetween(startedAt, finishedAt),
    resumed: isResumed,
    complete: isComplete,
    hashed,
    damaged: [...damages.values()].map(({ path, fault, mended }) => ({
      path,
      message: fault,
      repaired: mended === true,
      ...(typeof mended === 'string' ? { notRepaired: mended } : {}),
    })),
    repaired: repairedIn(scrub).length,
    left: leftIn(scrub).length,
  };
}

/** The last scrub in one line, for `status`. */
export function lastScrubWords(memory: ScrubMemory | undefined, repository: string): string {
  if (memory === undefined) return 'never';
  const share = memory.share === null ? '' : `, share ${memory.share}`;
  const when = `${memory.savedAt.slice(0, 16).replace('T', ' ')} UTC${share}${memory.isComplete ? '' : ', not finished'}`;
  if (memory.damages.length === 0) return `${when}: ${files(memory.files)} hashed, no damage`;
  return `${when}: ${files(memory.damages.length)} damaged; see rsync-ratchet scrub --repair ${repository}`;
}
