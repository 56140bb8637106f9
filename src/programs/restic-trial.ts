/** What a drill asks in the box: restic and a few small tools, one after another; all of it is in memory but for a target. */
import { randomBytes } from 'node:crypto';
import { cannotOpen, notIsolated, OutOfTime, sandboxFailure, wordsOf } from './restic-failures.ts';
import type { Listening } from './restic-question.ts';
import { boxParts, inputOf, mappingOf, type Boxed } from './restic-box.ts';
import { runRestic } from './restic-run.ts';
import { saysNoKeyFits } from './restic-words.ts';
import { canIsolate, inSandbox, restic } from './sandbox.ts';
import { StepReader } from './steps.ts';

/** A command for restic, or for a program of the box by its path. With `anyEnd` what it ends with says nothing. */
export interface TrialStep {
  readonly of: 'restic' | 'box';
  readonly words: readonly string[];
  readonly anyEnd?: boolean;
}

/** How many of them ended well; the first that does not is the last. Throws OutOfTime, Failure where there is no box or the password is wrong, and what interrupted it. */
export async function tryInBox(
  boxed: Omit<Boxed, 'args'>,
  steps: readonly TrialStep[],
  listening: Listening,
  interrupt: AbortSignal,
): Promise<{ readonly passed: number; readonly words: string }> {
  const nonce = randomBytes(16).toString('hex');
  const asks = steps.map(({ of, words, anyEnd = false }) => {
    const all = of === 'restic' ? [...restic, ...words] : words;
    return ['once', ...(anyEnd ? ['/bin/sh', '-c', '"$@" || :', 'sh', ...all] : all)] as const;
  });
  const command = inSandbox(boxed.restic, boxed.scratch, boxParts(boxed), asks, nonce, mappingOf(boxed.target));
  const reader = new StepReader(
    nonce,
    steps.map(() => []),
    listening,
  );
  const ran = await runRestic({ ...command, ...inputOf(boxed) }, reader, listening, interrupt);
  if (ran.ended.stopped === 'deadline') throw new OutOfTime();
  if (ran.script !== undefined && ran.script !== 0)
    throw (await canIsolate()) ? sandboxFailure(ran.ended) : notIsolated();
  if (saysNoKeyFits(ran.ended.code, ran.ended.stderr)) throw cannotOpen(wordsOf(ran.ended, ''));
  return { passed: ran.passed, words: ran.ended.stderr };
}
