/** Prune windows: is one open, what may it let through. Decided once, at the start of a run. */
import * as v from 'valibot';
import type { PruneWindowRow, Weekday } from '../../config/config.ts';
import { moment, versionOne, whole } from '../../state/schema.ts';

const commandWindowSchema = v.object({
  openedAt: moment,
  until: moment,
  maxDeletions: whole,
  used: whole,
  allowKeys: v.boolean(),
  reason: v.string(),
  openedBy: v.string(),
});

export type CommandWindow = Readonly<v.InferOutput<typeof commandWindowSchema>>;

/** What the occurrences of configured rows have used up, by their key; only the newest are kept. */
type Rows = Readonly<Record<string, { readonly used: number; readonly closed: boolean }>>;

/** What `prune-window.json` holds. */
export const windowsSchema = v.object({
  version: versionOne,
  /** The window that was opened by hand, until it is closed or another is opened. */
  command: v.nullable(commandWindowSchema),
  rows: v.pipe(v.record(v.string(), v.object({ used: whole, closed: v.boolean() })), v.transform(byContent)),
});

export type StoredWindows = Readonly<v.InferOutput<typeof windowsSchema>>;

/** The window that is open now. */
export interface OpenWindow {
  readonly source: 'command' | 'config';
  readonly until: Date;
  /** Deletions that it lets through, over all runs in it, and how many it already has. */
  readonly budget: number;
  readonly used: number;
  readonly allowKeys: boolean;
  /** Its key among the stored rows; undefined for one opened by hand. */
  readonly row: string | undefined;
}

/** The answer: an open window, or none, or one that must not count, with the reason. */
export type WindowDecision = { readonly open: OpenWindow | undefined; readonly refused: string | undefined };

export const noWindows: StoredWindows = { version: 1, command: null, rows: {} };

/** The longest that a window may be open, in milliseconds. */
export const longestWindow = 7 * 24 * 3600 * 1000;

/**
 * Which window is open at `now`. One opened by hand goes before a configured row. `reread`: when its record was read, if
 * that was later: a run decides at its start whether a window is open in time, and heeds until the end what its record says.
 */
export function decideWindow(
  now: Date,
  stored: StoredWindows,
  rows: readonly PruneWindowRow[],
  reread = now,
): WindowDecision {
  const refused = refusal(reread, stored.command);
  const byHand = refused === undefined ? commandWindow(now, stored.command) : undefined;
  return { open: byHand ?? rowWindow(now, stored, rows), refused };
}

function refusal(now: Date, command: CommandWindow | null): string | undefined {
  if (command === null) return undefined;
  const [opened, until] = [Date.parse(command.openedAt), Date.parse(command.until)];
  if (now.getTime() < opened)
    return `the clock has jumped back behind the opening of the prune window (${command.openedAt})`;
  if (until - opened > longestWindow) return 'the prune window is longer than 7 days';
  return undefined;
}

function commandWindow(now: Date, command: CommandWindow | null): OpenWindow | undefined {
  if (command === null || now.getTime() >= Date.parse(command.until)) return undefined;
  const { until, maxDeletions, used, allowKeys } = command;
  return { source: 'command', until: new Date(until), budget: maxDeletions, used, allowKeys, row: undefined };
}

function rowWindow(now: Date, stored: StoredWindows, rows: readonly PruneWindowRow[]): OpenWindow | undefined {
  for (const row of rows) {
    const occurrence = occurrenceAt(now, row);
    if (occurrence === undefined) continue;
    const key = occurrence.from.toISOString();
    const { used = 0, closed = false } = stored.rows[key] ?? {};
    if (closed) continue;
    const [until, budget] = [occurrence.to, row.maxDeletions];
    return { source: 'config', until, budget, used, allowKeys: false, row: key };
  }
  return undefined;
}

/** The occurrence of a row that `now` lies in: one that began today or, over midnight, yesterday. */
export function occurrenceAt(now: Date, row: PruneWindowRow): { from: Date; to: Date } | undefined {
  const today = localDay(now, row.timezone);
  for (const day of [today, today - dayLength]) {
    if (!row.days.includes(weekdayOf(day))) continue;
    const from = instantOf(day, row.from, row.timezone);
    const to = instantOf(row.to > row.from ? day : day + dayLength, row.to, row.timezone);
    if (from <= now && now < to) return { from, to };
  }
  return undefined;
}

/** The stored windows with `count` more deletions used in `open`, unless another was opened meanwhile. Old rows are forgotten. */
export function withUsed(stored: StoredWindows, open: OpenWindow, count: number): StoredWindows {
  if (open.row === undefined) {
    const { command } = stored;
    if (command?.until !== open.until.toISOString()) return stored;
    return { ...stored, command: { ...command, used: command.used + count } };
  }
  const used = { used: open.used + count, closed: stored.rows[open.row]?.closed ?? false };
  return { ...stored, rows: newest({ ...stored.rows, [open.row]: used }) };
}

/** The stored windows with all closed that are open at `now`: the one opened by hand, refused or not, and every row. */
export function withAllClosed(now: Date, stored: StoredWindows, rows: readonly PruneWindowRow[]): StoredWindows {
  const open = rowWindow(now, stored, rows);
  if (open?.row === undefined) return { ...stored, command: null };
  const closed = { ...stored.rows, [open.row]: { used: open.used, closed: true } };
  return withAllClosed(now, { ...stored, rows: newest(closed) }, rows);
}

/** Twenty, and all that may be open still: the budget of one that is forgotten would be whole again, and what was closed open. */
function newest(rows: Rows): Rows {
  const sorted = Object.entries(rows).sort(([a], [b]) => (a < b ? 1 : -1));
  const latest = Date.parse(sorted[0]?.[0] ?? '');
  return Object.fromEntries(sorted.filter(([start], n) => n < 20 || latest - Date.parse(start) < 2 * dayLength));
}

/**
 * An occurrence is known by the instant of its start, whatever place its row has in the configuration, and however its
 * days, its end or its budget are rewritten meanwhile. Version 0.3.0 wrote `PLACE@START`: closed stays closed, used is used.
 */
function byContent(rows: Rows): Rows {
  const merged: Record<string, { used: number; closed: boolean }> = {};
  for (const [key, { used, closed }] of Object.entries(rows)) {
    const start = key.slice(key.indexOf('@') + 1);
    const before = merged[start];
    merged[start] = { used: Math.max(used, before?.used ?? 0), closed: closed || before?.closed === true };
  }
  return merged;
}

/** A day of the calendar, as milliseconds of its midnight in UTC. */
type Day = number;

const dayLength = 24 * 3600 * 1000;
const weekdays: readonly Weekday[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

function weekdayOf(day: Day): Weekday {
  return weekdays[new Date(day).getUTCDay()] ?? 'sun';
}

function localDay(instant: Date, timezone: string): Day {
  const local = instant.getTime() + offsetAt(instant.getTime(), timezone);
  return Math.floor(local / dayLength) * dayLength;
}

/**
 * The instant of a local time. A time that daylight saving skips moves forward by the gap; of one that comes twice the
 * first counts, so that a window rather closes too early.
 */
function instantOf(day: Day, time: string, timezone: string): Date {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  const local = day + (hours * 60 + minutes) * 60_000;
  const [before, after] = [offsetAt(local - dayLength, timezone), offsetAt(local + dayLength, timezone)];
  const candidates = [local - before, local - after].filter(
    (instant) => instant + offsetAt(instant, timezone) === local,
  );
  return new Date(candidates.length > 0 ? Math.min(...candidates) : local - before);
}

/** Milliseconds that local time is ahead of UTC at an instant. */
function offsetAt(instant: number, timezone: string): number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const parts = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1000) * 1000;
}
