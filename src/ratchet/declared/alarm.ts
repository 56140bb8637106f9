/** The alarm: what is kept of a violation until an operator acknowledges it. */
import * as v from 'valibot';
import type { Finding } from '../../audit/findings.ts';
import { listOf, moment, versionOne } from '../../state/schema.ts';
import type { Run } from '../run.ts';

const finding = v.custom<Finding>(
  (value) =>
    v.is(v.looseObject({ rule: v.string(), severity: v.string(), path: v.string(), message: v.string() }), value),
  'no finding',
);

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

/** So many findings are kept in `alarm.json`. */
const keptFindings = 50;

/** The alarm after a run with violations: a new one that stands `since` then, or the standing one with the rules that this run broke. */
export function alarmWith(standing: Alarm | undefined, run: Run, messageId: string, since: string): Alarm {
  const violations = run.findings.kept.filter((finding) => finding.severity === 'violation');
  const rules = run.findings.rules('violation').map(({ rule }) => rule);
  if (standing !== undefined) return { ...standing, rules: [...new Set([...standing.rules, ...rules])] };
  return {
    version: 1,
    runId: run.runId,
    since,
    rules,
    findings: violations.slice(0, keptFindings),
    messageId,
  };
}
