/** Books with files and tombstones in them, and what the books know of a tombstone. */
import { createHash } from 'node:crypto';
import { Books, type Entry } from '../../src/audit/books.ts';
import { inReplica } from '../../src/audit/questions.ts';
import { repositoryPath, placeOf, type HashedType } from '../../src/layout.ts';
import { apply, current, type Tombstone, type TombstoneEvent } from '../../src/ratchet/departure/tombstones.ts';

/** The ID of the file that a test calls `name`. */
export const idOf = (name: string): string => createHash('sha256').update(name).digest('hex');

/** The path of the file that a test calls `name`; a pack unless said otherwise. */
export const pathFor = (name: string, type: HashedType = 'pack'): string => repositoryPath(type, idOf(name));

/** A day of the tests, ISO 8601: `dayOf(1)` is 2026-11-01. */
export const dayOf = (n: number): string => new Date(Date.UTC(2026, 10, n)).toISOString();

/** An accepted deletion, not confirmed yet. */
export function burial(path: string, change: Partial<Tombstone> = {}): Tombstone {
  return { event: 'tombstone', path, size: 10, run: 'first', window: 'command', at: dayOf(1), state: 'unconfirmed', due: null, reminded: false, ...change };
}

export const emptyBooks = (): Books => new Books(new Uint32Array(8));

/** Books of a replica that has these files of 10 bytes, brought up to date with the events. */
export function booksOf(paths: readonly string[], events: readonly TombstoneEvent[] = []): Books {
  const books = emptyBooks();
  for (const path of paths) enter(books, path);
  for (const event of events) apply(event, books);
  return books;
}

/** Enters a file of the replica. */
export function enter(books: Books, path: string, size = 10, mtime = 0): Entry {
  const place = placeOf(path);
  if (!('id' in place)) throw new Error(`not a file with a hash for a name: ${path}`);
  const entry = books.enter(place.of, place.id, size, mtime);
  books.set(entry, inReplica);
  return entry;
}

/** The tombstones that stand after the events, as the compacted log would have them. */
export function standing(events: readonly TombstoneEvent[], books: Books): Tombstone[] {
  return events.flatMap((event) => (event.event === 'tombstone' ? (current(event, books) ?? []) : []));
}
