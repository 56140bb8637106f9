/** What the HTML report shows of a repository, folded from its journal: days, alarms, windows, tombstones. */
import type { Outcome } from '../../errors.ts';
import type { JournalLine } from '../../state/chain.ts';
import { number, text } from '../../words/history.ts';
import type { Stage } from '../../ratchet/run.ts';

/** The stages of a night, in their order. */
export const stages: readonly Stage[] = ['audit', 'expire', 'fetch', 'prove', 'admit', 'check'];

/** All nights that ended on one day (UTC). A day is what plots and calendar count in: a second run at noon draws no hair. */
export interface Day {
  /** Milliseconds of its midnight. */
  readonly midnight: number;
  /** The worst of its nights. */
  outcome: Outcome;
  newBytes: number;
  /** Seconds, all nights together. */
  readonly seconds: Record<Stage, number>;
  /** After the last night that looked. */
  bytes: number | undefined;
  snapshots: number | undefined;
  tombstones: number | undefined;
}

/** Something that stood for a while. Times are ISO 8601; `until` is undefined while it stands. */
export interface Standing {
  readonly since: string;
  until: string | undefined;
  /** What it was, and how it ended; not escaped yet. */
  readonly what: string;
  end: string;
}

/** The whole journal of a repository, as the report needs it: oldest first everywhere. */
export interface Story {
  readonly days: readonly Day[];
  readonly alarms: readonly Standing[];
  readonly windows: readonly Standing[];
  /** Lines about deletions, and lines about what was not well. */
  readonly deletions: readonly JournalLine[];
  readonly troubles: readonly JournalLine[];
}

const dayLength = 24 * 3600 * 1000;

/** Outcomes, the worst first. */
export const outcomes: readonly Outcome[] = [
  'alarm',
  'failed',
  'interrupted',
  'warned',
  'locked',
  'synced',
  'unchanged',
];

/** Folds the lines of a journal, oldest first. What is missing in a line of an older version counts as unknown. */
export function storyOf(lines: Iterable<JournalLine>, now: Date): Story {
  const days = new Map<number, Day>();
  const story = {
    alarms: [] as Standing[],
    windows: [] as Standing[],
    deletions: [] as JournalLine[],
    troubles: [] as JournalLine[],
  };
  for (const line of lines) {
    if (line.event === 'finished') addNight(days, line);
    else foldDeclaration(story, line);
    if (deletionEvents.has(line.event)) story.deletions.push(line);
    if (isTrouble(line)) story.troubles.push(line);
  }
  for (const window of story.windows)
    if (window.end === '' && isOver(window, now.toISOString())) window.end = 'ran out';
  return { ...story, days: [...days.values()].sort((a, b) => a.midnight - b.midnight) };
}

const deletionEvents = new Set(['tombstones', 'tombstones-confirmed', 'tombstones-kept', 'expired']);
const alwaysTrouble = new Set(['alert-lost', 'journal-damaged', 'journal-repaired', 'quarantined']);

function isTrouble(line: JournalLine): boolean {
  if (line.event === 'finished') return line['exitCode'] !== 0;
  if (line.event === 'checked' || line.event === 'drilled') return line['passed'] !== true;
  if (line.event === 'scrubbed') return number(line['damaged']) > 0;
  return alwaysTrouble.has(line.event);
}

function addNight(days: Map<number, Day>, line: JournalLine): void {
  const midnight = Math.floor(Date.parse(line.time) / dayLength) * dayLength;
  const outcome = outcomes.find((each) => each === line['outcome']);
  if (Number.isNaN(midnight) || outcome === undefined) return;
  const day = days.get(midnight) ?? emptyDay(midnight, outcome);
  days.set(midnight, day);
  const replica = line['replica'] as { bytes?: number; types?: { snapshot?: { files?: number } } } | null | undefined;
  if (outcomes.indexOf(outcome) < outcomes.indexOf(day.outcome)) day.outcome = outcome;
  day.newBytes += number(detail(line, 'admitted', 'bytes'));
  for (const stage of stages) day.seconds[stage] += number(detail(line, 'seconds', stage));
  day.bytes = replica?.bytes ?? day.bytes;
  day.snapshots = replica?.types?.snapshot?.files ?? day.snapshots;
  day.tombstones = number(detail(line, 'tombstones', 'pending'));
}

function emptyDay(midnight: number, outcome: Outcome): Day {
  const seconds = { audit: 0, expire: 0, fetch: 0, prove: 0, admit: 0, check: 0 };
  return { midnight, outcome, newBytes: 0, seconds, bytes: undefined, snapshots: undefined, tombstones: undefined };
}

function detail(line: JournalLine, table: string, name: string): unknown {
  return (line[table] as Record<string, unknown> | null | undefined)?.[name];
}

function foldDeclaration({ alarms, windows }: { alarms: Standing[]; windows: Standing[] }, line: JournalLine): void {
  if (line.event === 'alarm-raised')
    alarms.push({ since: line.time, until: undefined, what: list(line['rules']), end: '' });
  if (line.event === 'acknowledged') lower(alarms, line);
  if (line.event === 'window-opened') open(windows, line);
  if (line.event === 'window-closed') close(windows, line);
}

/** Lowers the newest alarm; one whose raising was never written down is told by what acknowledged it. */
function lower(alarms: Standing[], line: JournalLine): void {
  const end = `${text(line['who'])}${reasonOf(line)}`;
  const last = alarms.at(-1);
  if (last !== undefined && last.until === undefined) Object.assign(last, { until: line.time, end });
  else alarms.push({ since: text(line['since']) || line.time, until: line.time, what: list(line['rules']), end });
}

/** A window that is opened while another is open takes its place. */
function open(windows: Standing[], line: JournalLine): void {
  const last = windows.at(-1);
  if (last?.end === '' && !isOver(last, line.time))
    Object.assign(last, { until: line.time, end: 'another was opened' });
  const keys = line['allowKeys'] === true ? ', keys may change' : '';
  const what = `${text(line['maxDeletions'])} deletions${keys}; by ${text(line['who'])}${reasonOf(line)}`;
  windows.push({ since: line.time, until: text(line['until']), what, end: '' });
}

/** A window of the configuration is known only when it is closed by hand. */
function close(windows: Standing[], line: JournalLine): void {
  const end = `closed by ${text(line['who'])}, ${text(line['used'])} deletions used`;
  const last = windows.at(-1);
  if (line['source'] === 'config' || last === undefined)
    windows.push({ since: line.time, until: line.time, what: 'a window of the configuration', end });
  else Object.assign(last, { until: line.time, end });
}

function isOver({ until }: Standing, time: string): boolean {
  return until !== undefined && until <= time;
}

function reasonOf(line: JournalLine): string {
  const reason = text(line['reason']);
  return reason === '' ? '' : `: ${reason}`;
}

function list(value: unknown): string {
  return Array.isArray(value) ? value.map(text).join(', ') : text(value);
}
