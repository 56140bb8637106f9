/** What the books come to: tonight's deletions, what will leave soon, the newest snapshot, a fair sample. */
import * as questions from '../../src/audit/questions.ts';
import { gone } from '../../src/audit/questions.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { repositoryPath, type HashedType } from '../../src/layout.ts';
import { buriedIn, reminderIn, sampleOf, sizeIn } from '../../src/ratchet/stock.ts';
import { apply, type TombstoneEvent } from '../../src/ratchet/departure/tombstones.ts';
import { booksOf, burial, dayOf, emptyBooks, enter, idOf, pathFor } from '../support/burials.ts';

const types: readonly HashedType[] = ['key', 'pack', 'index', 'snapshot'];
const everything = types.map((type) => pathFor(type, type));
const [key = '', pack = '', index = ''] = everything;

/** Books of one file of each type, of which serverA no longer has some; `before` have tombstones already. */
function tonight(paths: readonly string[], before: readonly string[] = []): ReturnType<typeof booksOf> {
  const books = booksOf(everything, before.map((path) => burial(path)));
  for (const path of [...paths, ...before]) books.set(enter(books, path), gone);
  return books;
}

/** Each: what is gone tonight, what was gone before, and what the mail tells: keys, packs, indexes, snapshots, bytes. */
for (const [what, paths, before, expected] of [
  ['nothing', [], [], [0, 0, 0, 0, 0]],
  ['a pack', [pack], [], [0, 1, 0, 0, 10]],
  ['one of each', everything, [], [1, 1, 1, 1, 40]],
  ['a pack, and an index that was gone before', [pack], [index], [0, 1, 0, 0, 10]],
  ['nothing but what was gone before', [], everything, [0, 0, 0, 0, 0]],
] as const) {
  test(`tonight's deletions: ${what}`, () => {
    const { types: found, bytes, snapshots } = buriedIn(tonight(paths, before));
    assert.deepEqual([found.key, found.pack, found.index, found.snapshot, bytes], expected);
    assert.deepEqual(snapshots, expected[3] === 0 ? [] : [idOf('snapshot')]);
  });
}

test('tonight\'s deletions name fifty snapshots and count the rest', () => {
  const books = emptyBooks();
  for (let n = 0; n < 60; n++) books.set(enter(books, repositoryPath('snapshot', idOf(String(n)))), gone);
  const { types: found, snapshots } = buriedIn(books);
  assert.deepEqual([found.snapshot, snapshots.length, snapshots[49]], [60, 50, idOf('49')]);
});

const due = (n: number): TombstoneEvent => ({ event: 'confirmed', due: dayOf(n), remind: true });
const keep = (path: string): TombstoneEvent => ({ event: 'kept', path });

/** Each: the events, how many wait for their due date, how many of them for restic, and the reminder of the first of the month. */
const stocks: readonly (readonly [what: string, events: readonly TombstoneEvent[], pending: number, unconfirmed: number, remind?: readonly [files: number, first: number]])[] = [
  ['no tombstones', [], 0, 0],
  ['two that restic has not confirmed', [burial(pack), burial(index)], 2, 2],
  ['one confirmed, one not', [burial(pack), due(30), burial(index)], 2, 1],
  ['one of two kept', [burial(pack), burial(index), keep(pack)], 1, 1],
  ['all kept', [burial(pack), keep(pack)], 0, 0],
  ['one that leaves in a week and one a day later', [burial(pack), due(8), burial(index), due(9)], 2, 0, [1, 8]],
  ['two that leave within a week', [burial(pack), due(8), burial(index), due(4)], 2, 0, [2, 4]],
  ['two within a week, one of them kept', [burial(pack), due(8), burial(index), due(4), keep(index)], 1, 0, [1, 8]],
  ['two within a week, and people were reminded of one', [burial(pack), due(8), burial(index), due(4), { event: 'reminded', until: dayOf(5) }], 2, 0, [1, 8]],
  ['one overdue', [burial(pack, { state: 'confirmed', due: '2026-10-01T00:00:00.000Z' })], 1, 0, [1, -30]],
];

for (const [what, events, pending, unconfirmed, remind] of stocks) {
  test(`what will leave: ${what}`, () => {
    const books = booksOf(everything, events);
    assert.deepEqual([books.amount(questions.pending).files, books.amount(questions.unconfirmed).files], [pending, unconfirmed]);
    const expected = remind === undefined ? undefined : { amount: { files: remind[0], bytes: remind[0] * 10 }, firstDue: new Date(dayOf(remind[1])) };
    assert.deepEqual(reminderIn(books, new Date(dayOf(1))), expected);
  });
}

test('a reminder is given once: after it, and the event that notes it, there is none', () => {
  const anyDue = fc.array(fc.integer({ min: 1, max: 28 }), { minLength: 1, maxLength: 4 });
  fc.assert(fc.property(anyDue, fc.integer({ min: 1, max: 28 }), (dues, today) => {
    const books = booksOf(everything, dues.flatMap((n, at) => [burial(everything[at] ?? ''), due(n)]));
    const now = new Date(dayOf(today));
    assert.equal(reminderIn(books, now)?.amount.files ?? 0, dues.filter((n) => n <= today + 7).length);
    apply({ event: 'reminded', until: dayOf(today + 7) }, books);
    assert.equal(reminderIn(books, now), undefined);
  }));
});

test('the newest snapshot is the newest of those that the replica has', () => {
  const books = booksOf([key, pack, index]);
  assert.equal(sizeIn(books).newestSnapshot, null);
  enter(books, pack, 10, 1_900_000_000);
  for (const [name, mtime] of [['a', 1_700_000_000], ['b', 1_800_000_000], ['c', 1_600_000_000]] as const) enter(books, pathFor(name, 'snapshot'), 10, mtime);
  books.enter('snapshot', idOf('only wanted'), 10, 1_850_000_000);
  assert.equal(sizeIn(books).newestSnapshot, '2027-01-15T08:00:00.000Z');
});

test('a sample has no more than was asked for, each entry at most once, and all when there are few', () => {
  fc.assert(fc.property(fc.nat(50), fc.nat(60), fc.infiniteStream(fc.nat()), (count, n, stream) => {
    const random = (below: number): number => (stream.next().value as number) % below;
    const sample = sampleOf(Array.from({ length: count }, (_, entry) => entry), n, random);
    assert.equal(sample.length, Math.min(count, n));
    assert.equal(new Set(sample).size, sample.length);
    assert.ok(sample.every((entry) => entry >= 0 && entry < count));
  }));
});

test('every entry has the same chance to be in a sample', () => {
  // All that chance can do with 4 entries, of which 2 are taken: the third may go to 3 places, the fourth to 4.
  const seen = [0, 0, 0, 0];
  for (let third = 0; third < 3; third++) {
    for (let fourth = 0; fourth < 4; fourth++) {
      const sample = sampleOf([0, 1, 2, 3], 2, (below) => (below === 3 ? third : fourth));
      for (const entry of sample) seen[entry] = (seen[entry] ?? 0) + 1;
    }
  }
  assert.deepEqual(seen, [6, 6, 6, 6]);
});
