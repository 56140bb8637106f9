/** What the books come to: what is buried tonight, what will leave soon, how old the newest snapshot is. */
import type { Amount, Books, Entry } from '../audit/books.ts';
import { bornTonight, buriedHere, present } from '../audit/questions.ts';
import type { HashedType } from '../layout.ts';
import type { Buried, ReplicaSize, Reminder } from './run.ts';
import { needsReminder } from './departure/tombstones.ts';

/** So many snapshots are named in a mail. */
const shownSnapshots = 50;

/** The deletions that tonight's verdict accepts. */
export function buriedIn(books: Books): Buried {
  const types: Record<HashedType, number> = { key: 0, pack: 0, index: 0, snapshot: 0 };
  const snapshots: string[] = [];
  let bytes = 0;
  for (const entry of books.select(bornTonight)) {
    const type = books.type(entry);
    types[type]++;
    bytes += books.size(entry);
    if (type === 'snapshot' && snapshots.length < shownSnapshots)
      snapshots.push(books.path(entry).slice('snapshots/'.length));
  }
  return { types, bytes, snapshots };
}

/** What people must be told once more; undefined when there is nothing. */
export function reminderIn(books: Books, now: Date): Reminder | undefined {
  const amount = { files: 0, bytes: 0 };
  let firstDue = Infinity;
  for (const entry of books.select(buriedHere)) {
    if (!needsReminder(books, entry, now)) continue;
    amount.files++;
    amount.bytes += books.size(entry);
    firstDue = Math.min(firstDue, books.due(entry));
  }
  return amount.files === 0 ? undefined : { amount, firstDue: new Date(firstDue) };
}

/** What the replica holds, by type too. */
export function sizeIn(books: Books): ReplicaSize {
  const none = (): Amount => ({ files: 0, bytes: 0 });
  const all = none();
  const types = { key: none(), pack: none(), index: none(), snapshot: none() };
  let newest = -Infinity;
  for (const entry of books.select(present)) {
    const type = books.type(entry);
    for (const amount of [all, types[type]]) {
      amount.files++;
      amount.bytes += books.size(entry);
    }
    if (type === 'snapshot') newest = Math.max(newest, books.mtime(entry));
  }
  return { ...all, types, newestSnapshot: Number.isFinite(newest) ? new Date(newest * 1000).toISOString() : null };
}

/** `n` of the entries, each with the same chance; `random(below)` is a whole number from 0 (reservoir sampling). */
export function sampleOf(entries: Iterable<Entry>, n: number, random: (below: number) => number): Entry[] {
  const sample: Entry[] = [];
  let seen = 0;
  for (const entry of entries) {
    seen++;
    if (sample.length < n) sample.push(entry);
    else if (n > 0) {
      const place = random(seen);
      if (place < n) sample[place] = entry;
    }
  }
  return sample;
}
