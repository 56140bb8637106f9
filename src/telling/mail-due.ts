/** When a mail is due: the outcome table of DESIGN section 8, decided from this run and what was told before. */
import type { Email } from '../config/config.ts';
import type { Memory } from '../state/memory.ts';
import { outcomeOf, type Run } from '../ratchet/run.ts';
import { sinceThen } from '../state/clock.ts';

/** The same warnings are mailed again after so many milliseconds. */
const week = 7 * 24 * 3600 * 1000;

/** What is remembered of earlier runs. */
export interface Told {
  /** The last finished `sync`. */
  readonly finished: Memory['lastRun'];
  /** When the same set of warnings was last told by mail; undefined for never. */
  readonly sameWarnings: string | undefined;
  /** The runs that accepted deletions and that no mail has told of: they were killed, or the mail failed. */
  readonly untold: Memory['untold'];
}

/** The set of a run's warnings as one line, to see whether it differs from the last run's. */
export function warningsOf(run: Run): string {
  const warnings = run.findings.kept.filter((finding) => finding.severity === 'warning');
  const counts = run.findings.rules('warning').map(({ rule, count }) => `${rule}=${count}`);
  return [...counts, ...warnings.map((finding) => `${finding.rule} ${finding.path}`)].sort().join('\n');
}

/** Whether this run is told by mail. `fingerprint` stands for `warningsOf` in the journal. */
export function isMailDue(run: Run, fingerprint: string, told: Told, onSuccess: Email['onSuccess']): boolean {
  switch (outcomeOf(run)) {
    case 'alarm':
    case 'failed':
      return true;
    case 'locked':
    case 'interrupted':
      return false;
    case 'warned':
      return mustTell(run, told) || isNewWarning(run, fingerprint, told);
    case 'synced':
    case 'unchanged':
      if (mustTell(run, told)) return true;
      return onSuccess === 'always' || (onSuccess === 'recovery' && isRecovery(told.finished));
  }
}

function mustTell(run: Run, told: Told): boolean {
  return run.buried !== undefined || run.reminder !== undefined || told.untold.length > 0 || run.hasConfirmed;
}

const hasFailedLook = ({ check, drill }: Run): boolean => check?.passed === false || drill?.passed === false;

/** A failed check or drill is told each time; other warnings when they change, and once a week. */
function isNewWarning(run: Run, fingerprint: string, told: Told): boolean {
  return hasFailedLook(run) || told.finished?.['warnings'] !== fingerprint || isLongAgo(run, told.sameWarnings);
}

function isLongAgo(run: Run, sameWarnings: string | undefined): boolean {
  return sinceThen(sameWarnings, run.startedAt) >= week;
}

/** The same for a `check` or a `scrub`, which no `finished` line remembers: what it found is told at once, and once a week. */
export function isAsideMailDue(run: Run, { sameWarnings }: Told): boolean {
  const outcome = outcomeOf(run);
  if (outcome !== 'warned') return outcome === 'failed';
  return hasFailedLook(run) || isLongAgo(run, sameWarnings);
}

function isRecovery(last: Memory['lastRun']): boolean {
  return last !== null && last.outcome !== 'synced' && last.outcome !== 'unchanged';
}
