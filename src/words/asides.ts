/** What is looked at beside a night's own steps: a `check` or a `scrub` as a run, so that it is told as a night is. */
import { counted } from '../figures.ts';
import { escapeText } from '../printable.ts';
import type { CheckResult } from '../proof/proof.ts';
import { isUnread, nightsFor, unreadWords } from '../state/unread.ts';
import { newRun, type DrillResult, type Run } from '../ratchet/run.ts';
import { leftIn, type Scrub } from '../scrub/share.ts';
import type { Failure } from '../errors.ts';

/** What `check` came to; a Failure when it could not be finished. */
export function checkAsRun(
  repository: string,
  runId: string,
  startedAt: Date,
  finishedAt: Date,
  result: CheckResult | Failure,
): Run {
  const run = newRun(repository, runId, 'check', startedAt);
  run.finishedAt = finishedAt;
  if (result instanceof Error) run.failure = result;
  else noteCheck(run, result);
  return run;
}

/** Takes over what a check came to. */
export function noteCheck(run: Run, result: CheckResult): void {
  if (run.check?.passed !== false) run.check = result; // of several, one that failed is told
  if (run.command === 'check')
    for (const path of result.missing ?? [])
      run.findings.add('warning', 'missing-pack', path, 'restic check misses it, and nothing besides');
  if (!result.passed)
    run.findings.add('warning', 'check-failed', '', `restic check --read-data-subset=${result.share}: ${result.words}`);
}

/** What `drill` came to; a Failure when it could not be finished. */
export function drillAsRun(
  repository: string,
  runId: string,
  startedAt: Date,
  finishedAt: Date,
  result: DrillResult | Failure | undefined,
): Run {
  const run = newRun(repository, runId, 'drill', startedAt);
  run.finishedAt = finishedAt;
  if (result instanceof Error) run.failure = result;
  else if (result !== undefined) noteDrill(run, result);
  return run;
}

/** Takes over what a drill came to. */
export function noteDrill(run: Run, result: DrillResult): void {
  run.drill = result;
  if (!result.passed) run.findings.add('warning', 'drill-failed', '', result.words);
}

/** What is unread still, and in how many nights of `time` milliseconds the rest is read. `before`: bytes that were unread before tonight's reading. */
export function noteUnread(run: Run, before: number, time: number): void {
  if (!isUnread(run.unread)) return;
  const nights = counted(nightsFor(run.unread, before - run.unread.bytes, time), 'night');
  run.findings.add(
    'warning',
    'unread',
    '',
    `${unreadWords(run.unread)} of the replica have not been read by restic: the nights to come read them, about ${nights} at this pace, and nothing expires until then`,
  );
}

/** What `scrub` came to: a warning for each file that is damaged still. */
export function scrubAsRun(scrub: Scrub): Run {
  const run = newRun(scrub.repository, scrub.runId, 'scrub', scrub.startedAt);
  run.finishedAt = scrub.finishedAt;
  run.failure = scrub.failure;
  run.isLocked = scrub.lockedBy === 'scrub';
  for (const { path, fault, mended } of leftIn(scrub)) {
    run.findings.add(
      'warning',
      'damaged',
      path,
      escapeText(`${fault}${typeof mended === 'string' ? `; not repaired: ${mended}` : ''}`),
    );
  }
  return run;
}
