/** Who is told when: the outcome table of DESIGN section 8, decided from this run and what was told before. */
import * as v from 'valibot';
import type { Email } from '../../config/config.ts';
import { sinceThen } from '../../state/clock.ts';
import type { Finding } from '../../audit/findings.ts';
import type { Memory } from '../memory.ts';
import { listOf, moment, versionOne } from '../../state/schema.ts';
import { outcomeOf, type Run } from '../run.ts';

/** The same warnings are mailed again after so many milliseconds. */
export const week = 7 * 24 * 3600 * 1000;

const finding = v.custom<Finding>((value) => v.is(v.looseObject({ rule: v.string(), severity: v.string(), path: v.string(), message: v.string() }), value), 'no finding');

export const alarmSchema = v.object({
  version: versionOne,
  /** The run that raised it. */
  runId: v.string(),
  since: moment,
  /** The rules that were broken, in this run or a later one. */
  rules: listOf(v.string()),
  /** Of the first run, capped. */
  findings: listOf(finding),
  /** The message that began the thread of mails about it. */
  messageId: v.string(),
});

/** `alarm.json`: a violation that stays raised until an operator acknowledges it. */
export type Alarm = Readonly<v.InferOutput<typeof alarmSchema>>;

/** What is remembered of earlier runs. */
export interface Told {
  /** The last finished `sync`. */
  readonly finished: Memory['lastRun'];
  /** When the same set of warnings was last told by mail; undefined for never. */
  readonly sameWarnings: string | undefined;
  /** The last run that accepted deletions, when no mail since then has told of it: it was killed, or the mail failed. */
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
    case 'alarm': case 'failed': return true;
    case 'locked': case 'interrupted': return false;
    case 'warned': return mustTell(run, told) || isNewWarning(run, fingerprint, told);
    case 'synced': case 'unchanged':
      if (mustTell(run, told)) return true;
      return onSuccess === 'always' || (onSuccess === 'recovery' && isRecovery(told.finished));
  }
}

function mustTell(run: Run, told: Told): boolean {
  return run.buried !== undefined || run.reminder !== undefined || told.untold !== null;
}

/** A failed check is told each time; other warnings when they change, and once a week. */
function isNewWarning(run: Run, fingerprint: string, told: Told): boolean {
  return run.check?.passed === false || told.finished?.['warnings'] !== fingerprint || isLongAgo(run, told.sameWarnings);
}

function isLongAgo(run: Run, sameWarnings: string | undefined): boolean {
  return sinceThen(sameWarnings, run.startedAt) >= week;
}

/** The same for a `check` or a `scrub`, which no `finished` line remembers: what it found is told at once, and once a week. */
export function isAsideMailDue(run: Run, { sameWarnings }: Told): boolean {
  const outcome = outcomeOf(run);
  if (outcome !== 'warned') return outcome === 'failed';
  return run.check?.passed === false || isLongAgo(run, sameWarnings);
}

function isRecovery(last: Memory['lastRun']): boolean {
  return last !== null && last.outcome !== 'synced' && last.outcome !== 'unchanged';
}

/** So many findings are kept in `alarm.json`. */
const keptFindings = 50;

/** The alarm after a run with violations: a new one, or the standing one with the rules that this run broke. */
export function alarmWith(standing: Alarm | undefined, run: Run, messageId: string): Alarm {
  const violations = run.findings.kept.filter((finding) => finding.severity === 'violation');
  const rules = run.findings.rules('violation').map(({ rule }) => rule);
  if (standing !== undefined) return { ...standing, rules: [...new Set([...standing.rules, ...rules])] };
  return { version: 1, runId: run.runId, since: run.startedAt.toISOString(), rules, findings: violations.slice(0, keptFindings), messageId };
}
