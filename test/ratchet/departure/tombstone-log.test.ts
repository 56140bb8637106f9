/** The log of tombstones beside a run: what operators say meanwhile is heeded, and what has left is forgotten. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { placeOf } from '../../../src/layout.ts';
import { clearStale, type Tombstone } from '../../../src/ratchet/departure/tombstones.ts';
import type { Books } from '../../../src/audit/books.ts';
import { inReplica, tombstoned } from '../../../src/audit/questions.ts';
import { State } from '../../../src/ratchet/state.ts';
import { burial, dayOf, enter, pathFor } from '../../support/burials.ts';
import { type Ending, temporaryFolder } from '../../support/temporary.ts';

const [stays, left] = [pathFor('stays'), pathFor('left')];

/** A log with two confirmed tombstones, and the books of a run whose walk found only the file of the first. */
function begun(t: Ending): { state: State; books: Books } {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'nightly'));
  const state = new State(folder, 'nightly');
  state.tombstones.append([burial(stays), burial(left), { event: 'confirmed', run: 'first', at: dayOf(1), due: dayOf(20), remind: false } as never]);
  const books = state.tombstones.ownBooks();
  for (const entry of books.select([inReplica, 0])) books.clear(entry, inReplica);
  enter(books, stays);
  clearStale(books);
  return { state, books };
}

function standing(state: State, books: Books): Tombstone[] {
  const found: Tombstone[] = [];
  state.tombstones.eachCurrent(books, (tombstone) => found.push(tombstone));
  return found;
}

test('a tombstone whose file has left is none, and does not fall on a file of its name that comes later', (t) => {
  const { state, books } = begun(t);
  const place = placeOf(left);
  const entry = 'id' in place ? books.find(place.of, place.id) : -1;
  assert.ok(!books.has(entry, tombstoned));
  state.tombstones.forgetStale(books);
  books.set(entry, inReplica); // fetched again
  state.tombstones.fold(books);
  assert.deepEqual(standing(state, books).map(({ path }) => path), [stays]);
});

test('what an operator said while the run audited outlives the forgetting of others', (t) => {
  const { state, books } = begun(t);
  const day = 24 * 3600 * 1000;
  state.tombstones.append([{ event: 'postponed', by: day }, { event: 'kept', path: stays } as never]);
  state.tombstones.forgetStale(books);
  const [only, ...more] = standing(state, books);
  assert.deepEqual([only?.path, only?.state, more.length], [stays, 'kept', 0]);
  const fresh = state.tombstones.ownBooks();
  assert.deepEqual(standing(state, fresh).map(({ state: how }) => how), ['kept'], 'in the log too');
});

test('a deletion of what came back and went again is of the run that accepted it, also where a kill left the dropped one', (t) => {
  const { state, books } = begun(t);
  state.tombstones.append([{ event: 'dropped', path: stays }]); // and the run was killed before it could compact the log
  state.tombstones.forgetStale(books);
  state.tombstones.append([burial(stays, { run: 'second' })]);
  state.tombstones.fold(books);
  assert.deepEqual(standing(state, books).map(({ path, run }) => [path, run]), [[stays, 'second']], 'keep --run second would not find it');
});
