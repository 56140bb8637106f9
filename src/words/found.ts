/** What a run found, by rule, as people are shown it: capped, the most serious first. */
import type { Finding, Severity } from '../audit/findings.ts';
import type { Rule } from '../audit/policy.ts';
import { ruleWords } from './rules.ts';
import type { Run } from '../ratchet/run.ts';

/** The findings of one rule. */
export interface Found {
  readonly rule: Rule;
  readonly severity: Severity;
  readonly count: number;
  readonly means: string;
  /** At most `shownPerRule`, each path at most `longestPath` characters. */
  readonly rows: readonly Pick<Finding, 'path' | 'message'>[];
  /** What all rows say alike, if there are several. */
  readonly shared: string | undefined;
  /** How many are not shown. */
  readonly rest: number;
}

/** So many paths of each rule are shown to people. */
const shownPerRule = 50;
/** A name of serverA may be 4096 bytes long, each of them escaped to five characters. */
const longestPath = 500;

/** Violations, then warnings, then notes. */
export function foundIn(run: Run): Found[] {
  const { findings } = run;
  return (['violation', 'warning', 'note'] as const).flatMap((severity) =>
    findings.rules(severity).map(({ rule, count }) => foundOf(run, rule, severity, count)),
  );
}

function foundOf(run: Run, rule: Rule, severity: Severity, count: number): Found {
  const kept = run.findings.kept.filter((finding) => finding.rule === rule).slice(0, shownPerRule);
  const rows = kept.map(({ path, message }) => ({ path: shortened(path), message }));
  const isShared = rows.length > 1 && rows.every(({ path, message }) => path !== '' && message === rows[0]?.message);
  return {
    rule,
    severity,
    count,
    means: ruleWords[rule].means,
    rows,
    shared: isShared ? rows[0]?.message : undefined,
    rest: count - rows.length,
  };
}

/** Whether people were not shown all of it, so that the whole list is worth attaching. */
export function isCapped(run: Run): boolean {
  return foundIn(run).some(({ rest, rows }) => rest > 0 || rows.some(({ path }) => path.endsWith(cut)));
}

const cut = '...';

function shortened(path: string): string {
  return path.length > longestPath ? `${path.slice(0, longestPath - cut.length)}${cut}` : path;
}
