/** Words for people: subjects, mail bodies, summaries. Everything in here is printable ASCII but for line ends. */
import { counted, formatBytes, formatCount } from '../figures.ts';
import { foundIn, type Found } from './found.ts';
import { escapeText } from '../printable.ts';
import { outcomeOf, type Run } from '../ratchet/run.ts';
import { ruleWords } from './rules.ts';
import type { Rule } from '../audit/policy.ts';
import { buriedLines } from './deletions.ts';

/** Where a run took place. */
export interface Place {
  readonly host: string;
  readonly replica: string;
  /** Where give-back would send: the source's folder, as far as the configuration tells; what it does not tell is in capitals. */
  readonly destination?: string;
  /** How a command begins that finds the same configuration; by default `rsync-ratchet`. */
  readonly program?: string;
}

/** Whether serverA was looked at. */
export function isAudited({ command }: Run): boolean {
  return command === 'sync' || command === 'audit';
}

const verdicts = {
  synced: '[OK]',
  unchanged: '[OK]',
  warned: '[WARNING]',
  alarm: '[ALARM]',
  failed: '[FAILED]',
  locked: '[LOCKED]',
  interrupted: '[INTERRUPTED]',
} as const;

/** The verdict of a run as a mark, `[ALARM]`. */
export function verdictOf(run: Run): string {
  return verdicts[outcomeOf(run)];
}

/** What one run came to, in one line: `[ALARM] nightly on serverB: 3 modified, 1 deleted`. */
export function subject(run: Run, host: string): string {
  return `${verdictOf(run)} ${run.repository} on ${host}: ${headline(run)}`;
}

/** The essence of a run, without its name. */
export function headline(run: Run): string {
  switch (outcomeOf(run)) {
    case 'locked':
      return 'another run is at work; nothing was done';
    case 'failed':
    case 'interrupted':
      return escapeText(run.failure?.message ?? 'failed');
    case 'alarm':
      return alarmHeadline(run);
    case 'warned':
      return [...growth(run), ...deletions(run), countsOf(run, 'warning')].join('; ');
    case 'synced':
    case 'unchanged':
      return [...growth(run), ...deletions(run)].join('; ');
  }
}

function alarmHeadline(run: Run): string {
  const found = countsOf(run, 'violation');
  if (run.alarm === undefined || run.alarm.runId === run.runId) return found;
  const standing = `the alarm of ${run.alarm.since.slice(0, 16).replace('T', ' ')} UTC (${run.alarm.rules.join(', ')}) still stands`;
  if (found !== '') return `${found}; ${standing}`;
  return run.failure === undefined
    ? `${standing}; nothing else was found`
    : `${standing}, and this run failed: ${escapeText(run.failure.message)}`;
}

function deletions(run: Run): string[] {
  const { added, dropped, expired } = run.tombstones;
  return [
    ...(added > 0 ? [`${counted(added, 'deletion')} accepted`] : []),
    ...(dropped > 0 ? [`${counted(dropped, 'deleted file')} came back`] : []),
    ...(expired > 0 ? [`${counted(expired, 'file')} expired`] : []),
  ];
}

function countsOf(run: Run, severity: 'violation' | 'warning'): string {
  return run.findings
    .rules(severity)
    .map(({ rule, count }) => `${formatCount(count)} ${rule}`)
    .join(', ');
}

function growth(run: Run): string[] {
  if (!isAudited(run)) return [];
  if (run.command === 'audit')
    return [run.audit.new === 0 ? 'nothing new' : `${files(run.audit.new, run.audit.newBytes)} would be fetched`];
  return [run.admitted.files === 0 ? 'nothing new' : `${files(run.admitted.files, run.admitted.bytes)} admitted`];
}

function files(count: number, bytes: number): string {
  return `${counted(count, 'new file')} (${formatBytes(bytes)})`;
}

/** A title with its lines indented below it; nothing when there are no lines. */
export function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`), ''];
}

/** What the dry runs reported, in one line. */
export function auditLine(run: Run): string {
  const { audit } = run;
  const words = (['unchanged', 'new', 'modified', 'deleted', 'known', 'foreign', 'suspects'] as const)
    .filter((name) => audit[name] > 0 || name === 'unchanged')
    .map((name) => `${formatCount(audit[name])} ${name}`);
  return words.join(', ');
}

/** What this run left undone on purpose. */
export function notDone(run: Run): string[] {
  if (!isAudited(run)) return [];
  switch (outcomeOf(run)) {
    case 'alarm':
      return [
        hasChanged(run)
          ? changedWords(run)
          : `${run.fetched.files > 0 ? 'Nothing' : 'Nothing was fetched, nothing'} was admitted, nothing was removed: the replica is as it was before this run.`,
      ];
    case 'failed':
    case 'interrupted':
      return [
        hasChanged(run)
          ? changedWords(run)
          : 'The replica is as it was before this run. What had been verified is kept for the next one.',
      ];
    case 'warned':
      return warnedWords(run);
    default:
      return [];
  }
}

/** Warnings about files that did not come in tonight. */
const keptOut: readonly Rule[] = ['quarantined', 'not-delivered', 'held-back', 'unfinished', 'foreign'];

function warnedWords({ findings }: Run): string[] {
  const out = keptOut.filter((rule) => findings.count(rule) > 0);
  return [
    ...(out.length > 0 ? [`The files named below (${out.join(', ')}) were not admitted; everything else was.`] : []),
    ...(findings.count('postponed') > 0 ? ['Nothing left the replica, although it was due.'] : []),
  ];
}

function hasChanged(run: Run): boolean {
  return run.admitted.files + run.tombstones.expired + run.tombstones.added > 0;
}

function changedWords(run: Run): string {
  const { added, expired } = run.tombstones;
  return `The run was not completed. Before it stopped: ${counted(run.admitted.files, 'file')} admitted, ${counted(added, 'deletion')} accepted, ${counted(expired, 'file')} expired.`;
}

/** The lines for one rule's findings; what is said of all of them alike need not be said again. */
export function foundLines({ means, rows, shared, rest }: Found): string[] {
  const lines = rows.map(({ path, message }) =>
    path === '' ? `- ${message}` : shared === undefined ? `- ${path}: ${message}` : `- ${path}`,
  );
  return [means, ...lines, ...(rest > 0 ? [`... and ${formatCount(rest)} more`] : [])];
}

function foundSections(run: Run): string[] {
  return foundIn(run).flatMap((found) => section(`${found.rule} (${formatCount(found.count)})`, foundLines(found)));
}

/** The road back for each rule that was broken, or that the standing alarm names. */
export function roads(run: Run, place: Place): { rule: Rule; lines: string[] }[] {
  const found = [...run.findings.rules('violation'), ...run.findings.rules('warning')].map(({ rule }) => rule);
  const standing = (run.alarm?.rules ?? []).filter((rule): rule is Rule => Object.hasOwn(ruleWords, rule));
  return [...new Set([...found, ...standing])].map((rule) => ({
    rule,
    lines: ruleWords[rule].road.map((line) => filled(line, run.repository, place)),
  }));
}

/** A line about a rule with the repository's name and places in it. */
export function filled(line: string, repository: string, place: Place): string {
  return withProgram(
    line
      .replaceAll('REPO', () => repository)
      .replaceAll('REPLICA', () => place.replica)
      .replaceAll('DESTINATION', () => place.destination ?? 'USER@serverA:/FOLDER'),
    place,
  );
}

/** A line whose commands find the same configuration as the run. */
export function withProgram(line: string, { program }: Place): string {
  return program === undefined ? line : line.replace(/\brsync-ratchet (?=[a-z])/g, () => `${program} `);
}

/** What a terminal is told of a run: lines without colour. The first is the verdict. */
export function summary(run: Run): string[] {
  return [
    `${run.repository}: ${headline(run)}`,
    ...(run.failure === undefined ? [] : [`  hint: ${escapeText(run.failure.hint, 2000)}`]),
    ...buriedLines(run).map((line) => `  ${line}`),
    ...foundSections(run)
      .filter((line) => line !== '')
      .map((line) => `  ${line}`),
    ...run.findings
      .rules('violation')
      .map(({ rule }) => `  what it means, and the road back: rsync-ratchet explain ${rule} ${run.repository}`),
    ...(run.command === 'audit' && run.alarm !== undefined
      ? [`  note: the alarm of run ${run.alarm.runId} still stands; sync fetches nothing until it is acknowledged`]
      : []),
  ];
}

/** What several runs together have come to, on one line: `3 repositories: 2 synced, 1 warned`. */
export function summaryOfAll(runs: readonly Run[]): string {
  const counts = new Map<string, number>();
  for (const run of runs) counts.set(outcomeOf(run), (counts.get(outcomeOf(run)) ?? 0) + 1);
  return `${formatCount(runs.length)} repositories: ${[...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ')}`;
}
