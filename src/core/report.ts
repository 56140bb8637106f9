/** Words for people: subjects, mail bodies, summaries. Everything in here is printable ASCII but for line ends. */
import { foundIn, type Found } from './found.ts';
import { escapeText } from './itemize.ts';
import { outcomeOf, type Run } from './run.ts';
import { ruleWords } from './rules.ts';
import type { Rule } from './policy.ts';

/** Where a run took place. */
export interface Place {
  readonly host: string;
  readonly replica: string;
  /** How a command begins that finds the same configuration; by default `rsync-ratchet`. */
  readonly program?: string;
}

const verdicts = {
  synced: '[OK]', unchanged: '[OK]', warned: '[WARNING]', alarm: '[ALARM]', failed: '[FAILED]',
  locked: '[LOCKED]', interrupted: '[INTERRUPTED]',
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
    case 'locked': return 'another run is at work; nothing was done';
    case 'failed': case 'interrupted': return escapeText(run.failure?.message ?? 'failed', 200);
    case 'alarm': return alarmHeadline(run);
    case 'warned': return [growth(run), ...deletions(run), countsOf(run, 'warning')].join('; ');
    case 'synced': case 'unchanged': return [growth(run), ...deletions(run)].join('; ');
  }
}

function alarmHeadline(run: Run): string {
  const found = countsOf(run, 'violation');
  if (run.alarm === undefined || run.alarm.runId === run.runId) return found;
  const standing = `the alarm of ${run.alarm.since.slice(0, 16).replace('T', ' ')} UTC (${run.alarm.rules.join(', ')}) still stands`;
  return found === '' ? `${standing}; nothing else was found` : `${found}; ${standing}`;
}

function deletions(run: Run): string[] {
  const { added, dropped, expired } = run.tombstones;
  return [
    ...(added > 0 ? [`${formatCount(added)} deletions accepted`] : []),
    ...(dropped > 0 ? [`${formatCount(dropped)} deleted files came back`] : []),
    ...(expired > 0 ? [`${formatCount(expired)} files expired`] : []),
  ];
}

function countsOf(run: Run, severity: 'violation' | 'warning'): string {
  return run.findings.rules(severity).map(({ rule, count }) => `${formatCount(count)} ${rule}`).join(', ');
}

function growth(run: Run): string {
  if (run.command === 'audit') return run.audit.new === 0 ? 'nothing new' : `${files(run.audit.new, run.audit.newBytes)} would be fetched`;
  return run.admitted.files === 0 ? 'nothing new' : `${files(run.admitted.files, run.admitted.bytes)} admitted`;
}

function files(count: number, bytes: number): string {
  return `${formatCount(count)} new ${count === 1 ? 'file' : 'files'} (${formatBytes(bytes)})`;
}

/** Deletions that were accepted tonight, in words. */
export function buriedLines(run: Run): string[] {
  if (run.buried === undefined) return [];
  const { types, bytes, snapshots, due } = run.buried;
  const counts = (['snapshot', 'index', 'pack', 'key'] as const).filter((type) => types[type] > 0).map((type) => `${formatCount(types[type])} ${type}`);
  return [
    `serverA deleted ${counts.join(', ')} (${formatBytes(bytes)}), as the open prune window allows. The files are still in the replica.`,
    due === undefined ? 'They never leave (deletionGrace: forever).' : `They leave the replica on ${isoMinute(due)} UTC or in the first run after that.`,
    `To keep them for good: rsync-ratchet tombstones keep ${run.repository} --run ${run.runId}`,
    ...snapshots.map((id) => `snapshot ${id}`),
    ...(types.snapshot > snapshots.length ? [`... and ${formatCount(types.snapshot - snapshots.length)} more snapshots`] : []),
  ];
}

/** What will leave within a week, in words. */
export function reminderLines(run: Run): string[] {
  if (run.reminder === undefined) return [];
  const { amount, firstDue } = run.reminder;
  return [
    `${formatCount(amount.files)} files (${formatBytes(amount.bytes)}) whose deletion was accepted leave the replica from ${isoMinute(firstDue)} UTC on.`,
    `What they are: rsync-ratchet tombstones list ${run.repository}`,
    `To keep them for good: rsync-ratchet tombstones keep ${run.repository} --all`,
  ];
}

/** `2026-11-23 01:27`. */
export function isoMinute(time: Date): string {
  return time.toISOString().slice(0, 16).replace('T', ' ');
}

/** A title with its lines indented below it; nothing when there are no lines. */
export function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`), ''];
}

/** What the dry runs reported, in one line. */
export function auditLine(run: Run): string {
  const { audit } = run;
  const words = (['unchanged', 'new', 'modified', 'deleted', 'known', 'foreign'] as const)
    .filter((name) => audit[name] > 0 || name === 'unchanged')
    .map((name) => `${formatCount(audit[name])} ${name}`);
  return words.join(', ');
}

/** What this run left undone on purpose. */
export function notDone(run: Run): string[] {
  switch (outcomeOf(run)) {
    case 'alarm': return ['Nothing was fetched, nothing was admitted, nothing was removed: the replica is as it was before this run.'];
    case 'failed': case 'interrupted':
      return [run.admitted.files > 0 ? 'The run was not completed; what was admitted is verified.' : 'The replica is as it was before this run. What had been verified is kept for the next one.'];
    case 'warned': return ['The files named below were not admitted; everything else was.'];
    default: return [];
  }
}

/** The lines for one rule's findings; what is said of all of them alike need not be said again. */
export function foundLines({ means, rows, shared, rest }: Found): string[] {
  const lines = rows.map(({ path, message }) => (path === '' ? `- ${message}` : shared === undefined ? `- ${path}: ${message}` : `- ${path}`));
  return [means, ...lines, ...(rest > 0 ? [`... and ${formatCount(rest)} more`] : [])];
}

function foundSections(run: Run): string[] {
  return foundIn(run).flatMap((found) => section(`${found.rule} (${formatCount(found.count)})`, foundLines(found)));
}

/** The road back for each rule that was broken, or that the standing alarm names. */
export function roads(run: Run, place: Place): { rule: Rule; lines: string[] }[] {
  const found = [...run.findings.rules('violation'), ...run.findings.rules('warning')].map(({ rule }) => rule);
  const standing = (run.alarm?.rules ?? []).filter((rule): rule is Rule => Object.hasOwn(ruleWords, rule));
  return [...new Set([...found, ...standing])].map((rule) => ({ rule, lines: ruleWords[rule].road.map((line) => filled(line, run, place)) }));
}

function filled(line: string, run: Run, place: Place): string {
  return line.replaceAll('REPO', () => run.repository).replaceAll('REPLICA', () => place.replica)
    .replace(/\brsync-ratchet (?=[a-z])/g, () => `${place.program ?? 'rsync-ratchet'} `);
}

/** What a terminal is told of a run: lines without colour. The first is the verdict. */
export function summary(run: Run): string[] {
  return [
    `${run.repository}: ${headline(run)}`,
    ...(run.failure === undefined ? [] : [`  hint: ${run.failure.hint}`]),
    ...buriedLines(run).map((line) => `  ${line}`),
    ...foundSections(run).filter((line) => line !== '').map((line) => `  ${line}`),
    ...(run.command === 'audit' && run.alarm !== undefined ? [`  note: the alarm of run ${run.alarm.runId} still stands; sync fetches nothing until it is acknowledged`] : []),
  ];
}

/** 1234567 as `1,234,567`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Bytes with a binary unit and three digits, `84.2 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 999.5 ? Math.round(value) : value.toPrecision(3)} ${units[power] ?? 'B'}`;
}
