/**
 * Tombstones: the records of deletions accepted in a prune window. `tombstones.jsonl` is a log of events; what it comes
 * to is kept as flags and due dates in the books, so that a million tombstones cost no more than a million files.
 */
import type { Books, Entry } from './books.ts';
import { confirmed, inReplica, kept, reminded, told, tombstoned } from './flags.ts';

/** One accepted deletion. `due` is ISO 8601, or null for never. */
export interface Tombstone {
  readonly event: 'tombstone';
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly run: string;
  readonly window: 'command' | 'config';
  readonly at: string;
  readonly state: 'unconfirmed' | 'confirmed' | 'kept';
  readonly due: string | null;
  readonly reminded: boolean;
}

/** What can happen to tombstones. Without a path: to all of them. */
export type TombstoneEvent =
  | Tombstone
  /** serverA lists the file again, or it has left the replica. */
  | { readonly event: 'dropped' | 'expired'; readonly path: string }
  /** An operator said that it stays. */
  | { readonly event: 'kept'; readonly path: string }
  /** What was unconfirmed has a due date now. `remind`: whether people are reminded before it leaves. */
  | { readonly event: 'confirmed'; readonly due: string | null; readonly remind: boolean }
  /** An alarm stood for so many milliseconds; due dates move on. */
  | { readonly event: 'postponed'; readonly by: number }
  /** People were reminded of all that is due until then. */
  | { readonly event: 'reminded'; readonly until: string };

/** How long before files leave people are reminded, in milliseconds. */
export const reminderLead = 7 * 24 * 3600 * 1000;

/** One line of the log; throws TypeError when it is none. */
export function parseTombstoneEvent(line: string): TombstoneEvent {
  const value = JSON.parse(line) as TombstoneEvent;
  if (!knownEvents.has(value.event)) throw new TypeError(`unknown event ${value.event}`);
  return value;
}

const knownEvents = new Set(['tombstone', 'dropped', 'expired', 'kept', 'confirmed', 'postponed', 'reminded']);
const allFlags = [tombstoned, confirmed, kept, reminded];

/** Brings the books up to date with one event. Tombstones of files that the replica no longer has mean nothing. */
export function apply(event: TombstoneEvent, books: Books): void {
  if ('path' in event) {
    const entry = books.at(event.path);
    if (entry >= 0 && books.has(entry, inReplica)) applyToOne(event, books, entry);
    return;
  }
  books.each(tombstoned, kept, (entry) => { applyToAll(event, books, entry); });
}

function applyToOne(event: Extract<TombstoneEvent, { path: string }>, books: Books, entry: Entry): void {
  if (event.event === 'tombstone') return revive(event, books, entry);
  if (event.event === 'kept') return books.set(entry, kept);
  for (const flag of allFlags) books.clear(entry, flag);
}

function revive(tombstone: Tombstone, books: Books, entry: Entry): void {
  for (const flag of allFlags) books.clear(entry, flag);
  books.set(entry, tombstoned);
  if (tombstone.state !== 'unconfirmed') books.set(entry, confirmed);
  if (tombstone.state === 'kept') books.set(entry, kept);
  if (tombstone.reminded) books.set(entry, reminded);
  books.setDue(entry, tombstone.due === null ? Infinity : Date.parse(tombstone.due));
}

function applyToAll(event: Exclude<TombstoneEvent, { path: string }>, books: Books, entry: Entry): void {
  if (event.event === 'confirmed') {
    if (books.has(entry, confirmed)) return;
    books.set(entry, confirmed);
    if (!event.remind) books.set(entry, reminded);
    books.setDue(entry, event.due === null ? Infinity : Date.parse(event.due));
  } else if (event.event === 'postponed') {
    if (books.has(entry, confirmed)) books.setDue(entry, books.due(entry) + event.by);
  } else if (books.has(entry, confirmed) && books.due(entry) <= Date.parse(event.until)) {
    books.set(entry, reminded);
  }
}

/** Tombstones of files that the replica, entered as a whole, no longer has are none. */
export function clearStale(books: Books): void {
  for (const entry of books.select(tombstoned, inReplica)) for (const flag of allFlags) books.clear(entry, flag);
}

/** The tombstone as it stands in the books now; undefined when it does not, or was told already. */
export function current(tombstone: Tombstone, books: Books): Tombstone | undefined {
  const entry = books.at(tombstone.path);
  if (entry < 0 || !books.has(entry, inReplica) || !books.has(entry, tombstoned) || books.has(entry, told)) return undefined;
  books.set(entry, told);
  const due = books.due(entry);
  return {
    ...tombstone,
    state: books.has(entry, kept) ? 'kept' : books.has(entry, confirmed) ? 'confirmed' : 'unconfirmed',
    due: Number.isFinite(due) ? new Date(due).toISOString() : null,
    reminded: books.has(entry, reminded),
  };
}

/** The `confirmed` event for a grace in milliseconds. */
export function confirmation(now: Date, grace: number | 'forever'): Extract<TombstoneEvent, { event: 'confirmed' }> {
  const due = grace === 'forever' ? null : new Date(now.getTime() + grace).toISOString();
  return { event: 'confirmed', due, remind: grace !== 'forever' && grace > reminderLead };
}

/** Whether a tombstoned file may leave. */
export function isDue(books: Books, entry: Entry, now: Date): boolean {
  return books.has(entry, confirmed) && !books.has(entry, kept) && books.due(entry) <= now.getTime();
}

/** Whether people must be told once more that the file will leave. */
export function needsReminder(books: Books, entry: Entry, now: Date): boolean {
  return books.has(entry, confirmed) && !books.has(entry, kept) && !books.has(entry, reminded) && books.due(entry) <= now.getTime() + reminderLead;
}
