/** A scrub as data: which files are whose share, in which order, what was found, and what is remembered in between. */
import * as v from 'valibot';
import type { Failure } from '../errors.ts';
import { exitCodeOf, exitCodes } from '../errors.ts';
import type { Amount } from '../audit/books.ts';
import { foldersOf, placeOf } from '../layout.ts';
import { listOf, moment, shareOfData, versionOne, whole } from '../state/schema.ts';

/** The n-th of t parts of a replica, n from 1 to t. */
export interface Share {
  readonly n: number;
  readonly t: number;
}

/** The most parts that a replica may be scrubbed in. */
export const mostShares = 10_000;

/** `3/30` as a share; undefined when it is none. */
export function parseShare(text: string): Share | undefined {
  const [n = 0, t = 0] = /^[1-9]\d{0,4}\/[1-9]\d{0,4}$/.test(text) ? text.split('/').map(Number) : [];
  return n >= 1 && n <= t && t <= mostShares ? { n, t } : undefined;
}

/** Whether a file is of the share, by its ID, which is a hash already; always the same. Every file is of exactly one. */
export function isInShare(id: string, share: Share | undefined): boolean {
  return share === undefined || Number.parseInt(id.slice(0, 8), 16) % share.t === share.n - 1;
}

export function shareText(share: Share | undefined): string | null {
  return share === undefined ? null : `${share.n}/${share.t}`;
}

/** The folders with files to hash, in the order of a scrub; the first is the repository itself, for `config`. */
export const scrubOrder: readonly string[] = ['', 'keys', 'index', 'snapshots', ...foldersOf('pack')];

/**
 * Where a scrub goes on after `path`: the number of the folder in `scrubOrder`, and the name in it that was the last
 * one done. A path that is a folder could not be read, and was done as a whole.
 */
export function placeAfter(path: string): { folder: number; name: string } {
  if (path === '') return { folder: 0, name: '' };
  const itself = scrubOrder.indexOf(path);
  if (itself >= 0) return { folder: itself + 1, name: '' };
  const slash = path.lastIndexOf('/');
  return {
    folder: Math.max(0, scrubOrder.indexOf(slash < 0 ? '' : path.slice(0, slash))),
    name: path.slice(slash + 1),
  };
}

/** What was read of one file, or of a folder that could not be. `fault` says what is wrong; undefined: nothing. */
export interface Hashed {
  readonly path: string;
  readonly bytes: number;
  readonly fault: string | undefined;
}

/** A file (or an unreadable folder) that is not what it should be. */
export interface Damage {
  readonly path: string;
  readonly fault: string;
  /** What became of the repair: true, or why not; undefined: not tried. */
  readonly mended: true | string | undefined;
}

/** A scrub that has found so many ends there: the disk is dying, and memory is bounded. The next one goes on. */
export const mostDamages = 1000;

/** One scrub of one repository. */
export interface Scrub {
  readonly repository: string;
  readonly runId: string;
  readonly share: Share | undefined;
  readonly startedAt: Date;
  finishedAt: Date;
  /** What was hashed, by the interrupted scrub that this one goes on with too. */
  hashed: Amount;
  /** The last path done, '' at the beginning. */
  after: string;
  /** Whether it goes on where another one was interrupted. */
  isResumed: boolean;
  isComplete: boolean;
  /** By path. Also what an earlier scrub found and what is damaged still. */
  readonly damages: Map<string, Damage>;
  /** Who kept us from working: another scrub from all of it, a run from the repair. */
  lockedBy: 'scrub' | 'run' | undefined;
  failure: Failure | undefined;
}

export function newScrub(repository: string, runId: string, share: Share | undefined, startedAt: Date): Scrub {
  return {
    repository,
    runId,
    share,
    startedAt,
    finishedAt: startedAt,
    hashed: { files: 0, bytes: 0 },
    after: '',
    isResumed: false,
    isComplete: false,
    damages: new Map(),
    lockedBy: undefined,
    failure: undefined,
  };
}

/** What is damaged and has not been repaired. */
export function leftIn(scrub: Scrub): Damage[] {
  return [...scrub.damages.values()].filter(({ mended }) => mended !== true);
}

export function repairedIn(scrub: Scrub): Damage[] {
  return [...scrub.damages.values()].filter(({ mended }) => mended === true);
}

type ScrubOutcome = 'whole' | 'repaired' | 'damaged' | 'locked' | 'failed' | 'interrupted';

/** What a scrub came to. `locked` also when a run keeps us from repairing; `damaged` also when it stopped before the end. */
export function scrubOutcome(scrub: Scrub): ScrubOutcome {
  if (scrub.failure !== undefined) return exitCodeOf(scrub.failure) > 128 ? 'interrupted' : 'failed';
  const left = leftIn(scrub).length;
  if (scrub.lockedBy === 'scrub' || (scrub.lockedBy === 'run' && left > 0)) return 'locked';
  if (left > 0 || !scrub.isComplete) return 'damaged';
  return repairedIn(scrub).length > 0 ? 'repaired' : 'whole';
}

/** The exit code of a scrub: 0 when every file of the share is whole now. */
export function scrubExitCode(scrub: Scrub): number {
  switch (scrubOutcome(scrub)) {
    case 'whole':
    case 'repaired':
      return 0;
    case 'damaged':
      return exitCodes.warned;
    case 'locked':
      return exitCodes.locked;
    case 'failed':
    case 'interrupted':
      return exitCodeOf(scrub.failure);
  }
}

export const scrubMemorySchema = v.object({
  version: versionOne,
  share: v.nullable(shareOfData),
  savedAt: moment,
  isComplete: v.boolean(),
  after: v.pipe(
    v.string(),
    v.check((path) => path === '' || isScrubbed(path), 'no path of a scrub'),
  ),
  files: whole,
  bytes: whole,
  damages: listOf(v.object({ path: v.pipe(v.string(), v.check(isScrubbed, 'no path of a scrub')), fault: v.string() })),
});

/** `scrub.json`: what a scrub leaves to the next one. */
export type ScrubMemory = Readonly<v.InferOutput<typeof scrubMemorySchema>>;

export function memoryOf(scrub: Scrub, now: Date): ScrubMemory {
  const { share, isComplete, after, hashed } = scrub;
  const damages = leftIn(scrub).map(({ path, fault }) => ({ path, fault }));
  return { version: 1, share: shareText(share), savedAt: now.toISOString(), isComplete, after, ...hashed, damages };
}

/** An interrupted scrub that is older than this is begun anew, in milliseconds. */
const oldest = 30 * 24 * 3600 * 1000;

/** Goes on where an interrupted scrub of the same share stopped, unless that is long ago. */
export function resume(scrub: Scrub, memory: ScrubMemory): void {
  const age = scrub.startedAt.getTime() - Date.parse(memory.savedAt);
  if (memory.isComplete || memory.after === '' || memory.share !== shareText(scrub.share) || !(Math.abs(age) <= oldest))
    return;
  scrub.isResumed = true;
  scrub.after = memory.after;
  scrub.hashed = { files: memory.files, bytes: memory.bytes };
}

/** Whether a path is one that a scrub names. */
function isScrubbed(path: string): boolean {
  const place = placeOf(path);
  return place.of !== 'outside' && path !== '';
}
