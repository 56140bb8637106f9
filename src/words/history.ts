/** The journal for people: one line for each event. */
import type { JournalLine } from '../state/chain.ts';
import { escapeText } from '../printable.ts';
import { counted, formatBytes, formatCount } from '../figures.ts';

/** `2026-11-23 01:27:44  finished           synced (exit 0), run …`, printable ASCII. */
export function historyLine(line: JournalLine): string {
  const words = eventWords(line);
  const run = typeof line.runId === 'string' ? `run ${line.runId}` : '';
  const rest = [words, run].filter((each) => each !== '').join('; ');
  return escapeText(`${line.time.slice(0, 19).replace('T', ' ')}  ${line.event.padEnd(18)} ${rest}`, 400);
}

const known: Readonly<Record<string, (line: JournalLine) => string>> = {
  started: () => '',
  verdict: (line) => `${found(line) || 'nothing new'}${rulesOf(line['violations'], line)}`,
  audited,
  finished: (line) => `${ended(line)}${rulesOf(line['rules'])}`,
  admitted: amount,
  quarantined: amount,
  drilled: (line) =>
    `${line['passed'] === true ? 'passed' : 'FAILED'}, ${amount(line)} of ${counted(number(line['snapshots']), 'snapshot')}${line['passed'] === true ? '' : `: ${text(line['words'])}`}`,
  checked: (line) =>
    `${line['passed'] === true ? 'passed' : 'FAILED'}, share ${text(line['share'])} of the data${line['passed'] === true ? '' : `: ${text(line['words'])}`}`,
  scrubbed: (line) =>
    `${amount(line)} hashed, ${text(line['damaged'])} damaged${line['complete'] === true ? '' : ', not finished'}`,
  repaired: (line) => `${amount(line)}, ${text(line['left'])} damaged still`,
  expired: amount,
  'give-back-begun': (line) =>
    `${amount(line)}${line['all'] === true ? ', of everything' : ''}, to ${text(line['to'])}, by ${text(line['who'])}`,
  'gave-back': (line) =>
    `${amount(line)} sent to ${text(line['to'])}, ${line['left'] === null ? 'broken off' : `${text(line['left'])} left there`}`,
  tombstones: (line) => amounts(line, ['added', 'dropped']),
  'tombstones-confirmed': (line) => counted(number(line['files']), 'file'),
  'tombstones-kept': (line) => `${counted(number(line['files']), 'file')}, by ${text(line['who'])}`,
  'window-opened': (line) =>
    `until ${text(line['until'])}, ${counted(number(line['maxDeletions']), 'deletion')}${line['allowKeys'] === true ? ', keys' : ''}, by ${text(line['who'])}${reason(line)}`,
  'window-closed': (line) => `${counted(number(line['used']), 'deletion')} used, by ${text(line['who'])}`,
  'alarm-raised': (line) => list(line['rules']),
  acknowledged: (line) =>
    `the alarm of run ${text(line['alarm'])} (${list(line['rules'])}), by ${text(line['who'])}${reason(line)}`,
  initialised: (line) => text(line['did']),
  'marker-renamed': () => 'the replica has the new name, too',
  renamed: (line) => `until here it was called ${text(line['from'])}`,
  'alert-sent': (line) => (line['spooledAt'] === undefined ? '' : `had waited since ${text(line['spooledAt'])}`),
  'alert-spooled': () => 'it waits in the spool',
  'alert-lost': () => 'NOT EVEN SPOOLED: nobody was told',
  'journal-repaired': (line) =>
    `${counted(number(line['bytesDropped']), 'byte')} of a line that a crash cut short were dropped`,
  'journal-damaged': () => 'LINES BEFORE THIS ONE HAD BEEN CHANGED OR CUT OFF',
};

const common = ['sequence', 'time', 'repository', 'event', 'runId', 'previous', 'warnings'];

/** What an event says, not escaped yet. One that this table does not know is told with its details. */
export function eventWords(line: JournalLine): string {
  const words = Object.hasOwn(known, line.event) ? known[line.event] : undefined;
  if (words !== undefined) return words(line);
  return Object.entries(line)
    .filter(([name]) => !common.includes(name))
    .map(([name, value]) => `${name} ${text(value)}`)
    .join(', ');
}

function ended(line: JournalLine): string {
  const failure = typeof line['failure'] === 'string' ? `: ${line['failure']}` : '';
  return `${text(line['outcome'])} (exit ${text(line['exitCode'])})${failure}`;
}

/** An audit fetches nothing, so its outcome alone would hide what it found. */
function audited(line: JournalLine): string {
  const counts = { ...(line['audit'] as object | undefined) };
  const rules = rulesOf(line['rules'], counts);
  if (line['outcome'] === 'unchanged')
    return `${found(counts) || 'nothing new'} (exit ${text(line['exitCode'])})${rules}`;
  return [ended(line), found(counts)].filter((words) => words !== '').join('; ') + rules;
}

/** What the dry runs found: `3 new, 1,052 deleted`. */
function found(counts: Counts): string {
  return amounts(counts, verdictCounts);
}

const verdictCounts = ['new', 'modified', 'deleted', 'foreign'];

/** Counts by name, as far as they are numbers. */
type Counts = Readonly<Record<string, unknown>>;

function amount(line: JournalLine): string {
  return `${counted(number(line['files']), 'file')} (${formatBytes(number(line['bytes']))})`;
}

function amounts(counts: Counts, names: readonly string[]): string {
  return names
    .filter((name) => number(counts[name]) > 0)
    .map((name) => `${formatCount(number(counts[name]))} ${name}`)
    .join(', ');
}

/** The rules, but those whose count `said` has told already. */
function rulesOf(rules: unknown, said: Counts = {}): string {
  const words = ruleCounts(rules).filter(
    (each) => !verdictCounts.some((name) => each === `${number(said[name])} ${name}`),
  );
  return words.length === 0 ? '' : `; ${words.join(', ')}`;
}

/** `1052 deleted`, for each rule that a line of the journal names. */
export function ruleCounts(rules: unknown): string[] {
  if (!Array.isArray(rules)) return [];
  return rules.map((each: { rule?: unknown; count?: unknown } | null) => `${text(each?.count)} ${text(each?.rule)}`);
}

function reason(line: JournalLine): string {
  return typeof line['reason'] === 'string' && line['reason'] !== '' ? `: ${line['reason']}` : '';
}

function list(value: unknown): string {
  return Array.isArray(value) ? value.map(text).join(', ') : '';
}

/** A number of the journal; 0 where there is none. */
export function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

/** A detail of the journal as words; '' where there is none. */
export function text(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  return value === undefined || value === null ? '' : JSON.stringify(value);
}
