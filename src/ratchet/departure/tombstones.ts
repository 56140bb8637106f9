/**
 * Tombstones: the records of deletions accepted in a prune window. `tombstones.jsonl` is a log of events; what it comes
 * to is kept as flags and due dates in the books, so that a million tombstones cost no more than a million files.
 */
import * as v from 'valibot';
import type { Books, Entry } from '../../audit/books.ts';
import {
  confirmed,
  inReplica,
  kept,
  mayLeave,
  pending,
  reminded,
  told,
  tombstoned,
  unburied,
} from '../../audit/questions.ts';
import { moment, whole } from '../../state/schema.ts';

const path = v.string();

/** One accepted deletion. Size in bytes; `due` is null for never. */
const tombstone = v.object({
  event: v.literal('tombstone'),
  path,
  size: whole,
  run: v.string(),
  window: v.picklist(['command', 'config']),
  at: moment,
  /** `came-back`: kept, and serverA lists the file again; when it is gone once more, it is kept. */
  state: v.picklist(['unconfirmed', 'confirmed', 'kept', 'came-back']),
  due: v.nullable(moment),
  reminded: v.boolean(),
});

export type Tombstone = Readonly<v.InferOutput<typeof tombstone>>;

/** What can happen to tombstones. Without a path: to all of them. */
export const tombstoneEvent = v.variant('event', [
  tombstone,
  /** serverA lists the file again, or it has left the replica. */
  v.object({ event: v.literal('dropped'), path }),
  v.object({ event: v.literal('expired'), path }),
  /** serverA lists a kept file again; the operator's word stands. */
  v.object({ event: v.literal('came-back'), path }),
  /** An operator said that it stays. */
  v.object({ event: v.literal('kept'), path }),
  /** What was unconfirmed has a due date now. `remind`: whether people are reminded before it leaves. */
  v.object({ event: v.literal('confirmed'), due: v.nullable(moment), remind: v.boolean() }),
  /** An alarm stood for so many milliseconds, or the clock has jumped by them; due dates move. */
  v.object({ event: v.literal('postponed'), by: v.pipe(v.number(), v.safeInteger()) }),
  /** People were reminded of all that is due until then. */
  v.object({ event: v.literal('reminded'), until: moment }),
]);

export type TombstoneEvent = Readonly<v.InferOutput<typeof tombstoneEvent>>;

/** How long before files leave people are reminded, in milliseconds. */
export const reminderLead = 7 * 24 * 3600 * 1000;

const allFlags = tombstoned | confirmed | kept | reminded;

/** Brings the books up to date with one event. Tombstones of files that the replica no longer has mean nothing. */
export function apply(event: TombstoneEvent, books: Books): void {
  if ('path' in event) {
    const entry = books.at(event.path);
    if (entry >= 0 && books.has(entry, inReplica)) applyToOne(event, books, entry);
    return;
  }
  for (const entry of books.select(mayLeave)) applyToAll(event, books, entry);
}

function applyToOne(event: Extract<TombstoneEvent, { path: string }>, books: Books, entry: Entry): void {
  if (event.event === 'tombstone') return revive(event, books, entry);
  if (event.event === 'kept') return books.set(entry, kept);
  const isKept = event.event === 'came-back' && books.has(entry, kept);
  books.clear(entry, allFlags);
  if (isKept) books.set(entry, kept);
}

function revive(tombstone: Tombstone, books: Books, entry: Entry): void {
  books.clear(entry, allFlags);
  if (tombstone.state === 'came-back') return books.set(entry, kept);
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
    if (!books.has(entry, confirmed)) return;
    books.setDue(entry, books.due(entry) + event.by);
    if (event.by > reminderLead) books.clear(entry, reminded); // so long ago that people are reminded anew
  } else if (books.has(entry, confirmed) && books.due(entry) <= Date.parse(event.until)) {
    books.set(entry, reminded);
  }
}

/** Tombstones of files that the replica, entered as a whole, no longer has are none. */
export function clearStale(books: Books): void {
  for (const mark of [tombstoned, kept])
    for (const entry of books.select([mark, inReplica])) books.clear(entry, allFlags);
}

/** The tombstone as it stands in the books now; undefined when it does not, or was told already. */
export function current(tombstone: Tombstone, books: Books): Tombstone | undefined {
  const entry = books.at(tombstone.path);
  if (entry < 0 || !books.has(entry, inReplica) || books.has(entry, told)) return undefined;
  const [isBuried, isKept] = [books.has(entry, tombstoned), books.has(entry, kept)];
  if (!isBuried && !isKept) return undefined;
  books.set(entry, told);
  const due = isBuried ? books.due(entry) : Infinity; // what came back is not due, whatever it was before
  return {
    ...tombstone,
    state: !isBuried ? 'came-back' : isKept ? 'kept' : books.has(entry, confirmed) ? 'confirmed' : 'unconfirmed',
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

/** What may leave the replica at `when`: what is due, and never the last key, whatever serverA listed. */
export function leaving(books: Books, when: Date): Entry[] {
  const hasOtherKey = books.amount(unburied, 'key').files > 0;
  return [...books.select(pending)].filter(
    (entry) => isDue(books, entry, when) && (hasOtherKey || books.type(entry) !== 'key'),
  );
}

/** Whether people must be told once more that the file will leave. */
export function needsReminder(books: Books, entry: Entry, now: Date): boolean {
  return isDue(books, entry, new Date(now.getTime() + reminderLead)) && !books.has(entry, reminded);
}
