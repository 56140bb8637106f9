/**
 * Whether all is there that snapshots need, where a `missing-pack` warning already names packs that are not there: these
 * do not keep everything else from being confirmed, and what was to be in them counts for nothing.
 */
import { asFailure } from '../errors.ts';
import { OutOfTime } from '../programs/restic-failures.ts';
import { saysWrongPassword } from '../programs/restic-words.ts';
import type { Shown } from '../programs/restic-question.ts';
import type { Restic } from '../programs/restic.ts';
import { culprits, first } from './culprits.ts';
import { mostCulprits } from './proof.ts';

export interface Question {
  readonly restic: Restic;
  /** When all must be over, in milliseconds since 1970. */
  readonly until: number;
  /** The packs that are known to be missing, with the bytes that each must have. */
  readonly missing: ReadonlyMap<string, number>;
}

/** What is missing in a view, in restic's words; undefined when it is complete, or lacks only what is known to be missing. */
export async function whatIsMissing(question: Question, shown: Shown): Promise<string | undefined> {
  try {
    const { isGood, words } = await question.restic.isComplete(shown, question.until);
    return isGood || (await lacksOnlyKnown(question, shown)) ? undefined : words;
  } catch (error) {
    if (error instanceof OutOfTime) return 'restic was not done within timeouts.prove';
    const words = asFailure(error).message;
    // Since 0.17 restic has a code of its own for that; a key that leaves is no trouble of ours (`key passwd`).
    if (shown.without?.some((path) => path.startsWith('keys/')) === true && saysWrongPassword(words)) return words;
    throw error;
  }
}

/**
 * Whether nothing is missing in a view but these packs. Indexes without them (in memory) must find all that snapshots
 * need; for the few snapshots that lack something already, with nothing hidden, it is enough that nothing else is missing.
 */
export async function lacksOnlyKnown({ restic, until, missing }: Question, shown: Shown): Promise<boolean> {
  if (missing.size === 0 || !(await restic.mayWrite())) return false;
  const { without = [] } = shown;
  // By the indexes as they are: those that are made anew below would name again what only a hidden index names.
  if (!(await restic.isComplete({ ...shown, standIns: missing }, until)).isGood) return false;
  if (await isWholeWithout(restic, shown, until)) return true;
  const snapshots = restic.snapshots().filter((path) => !without.includes(path));
  const lacks = async (some: readonly string[]): Promise<boolean> =>
    !(await isWholeWithout(restic, { without: snapshots.filter((path) => !some.includes(path)) }, until));
  const incomplete = await first(culprits(snapshots, lacks));
  if (incomplete.length === 0 || incomplete.length >= mostCulprits) return false;
  return isWholeWithout(restic, { ...shown, without: [...without, ...incomplete] }, until);
}

/** Whether all is there that snapshots need, by indexes without what they say of packs that are not there. Throws OutOfTime. */
export async function isWholeWithout(restic: Restic, shown: Shown, until: number): Promise<boolean> {
  return restic.passes({ ...shown, mayWrite: true }, [await restic.rebuildIndex(), ['check']], until);
}
