/** Quarantine as tables: what leaves when room is needed, and what is tried in which night. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failedAgain, failuresText, heldOffWords, makeRoom, newest, parseFailures, smallestCopy, triedAgain, weightOf, type Copy, type Failed } from '../../src/core/quarantine.ts';

const MiB = 1024 * 1024;
const copies = (...sizes: number[]): Copy[] => sizes.map((bytes, n) => ({ path: `copy ${n}`, bytes }));

test('room is made by the oldest copies, and by no more of them than needed', () => {
  const table: [name: string, held: number[], bytes: number, limit: number, leaving: number[] | undefined][] = [
    ['nothing there', [], 5 * MiB, 10 * MiB, []],
    ['room enough', [3 * MiB], 5 * MiB, 10 * MiB, []],
    ['just enough', [5 * MiB], 5 * MiB, 10 * MiB, []],
    ['a byte too much', [5 * MiB], 5 * MiB + 1, 10 * MiB, [0]],
    ['the oldest leaves first', [4 * MiB, 4 * MiB], 4 * MiB, 10 * MiB, [0]],
    ['as many as needed', [1 * MiB, 4 * MiB, 5 * MiB], 5 * MiB, 10 * MiB, [0, 1]],
    ['all of them', [4 * MiB, 4 * MiB], 10 * MiB, 10 * MiB, [0, 1]],
    ['larger than all', [4 * MiB], 10 * MiB + 1, 10 * MiB, undefined],
    ['empty files weigh something', [0, 0, 0], 0, 3 * smallestCopy, [0]],
    ['and still fit', [0, 0], 0, 3 * smallestCopy, []],
  ];
  for (const [name, held, bytes, limit, leaving] of table) {
    const list = copies(...held);
    const total = list.reduce((sum, copy) => sum + weightOf(copy.bytes), 0);
    const found = makeRoom(list, total, bytes, limit);
    assert.deepEqual(found, leaving?.map((n) => `copy ${n}`), name);
    if (found === undefined) continue;
    const left = list.filter(({ path }) => !found.includes(path)).reduce((sum, copy) => sum + weightOf(copy.bytes), 0);
    assert.ok(left + weightOf(bytes) <= limit, name);
  }
});

const path = `data/ab/${'ab'.repeat(32)}`;
const listed = { path, size: 500, mtime: 1000 };
const start = Date.parse('2026-11-01T01:27:00Z');
const hour = 3600 * 1000;
const at = (hours: number): Date => new Date(start + hours * hour);

test('three nights with the same size and time, then once a week', () => {
  // Each row: the hour of a run, and whether the name is fetched then (it always fails).
  const table: [name: string, runs: [hours: number, tried: boolean][]][] = [
    ['every night', [[0, true], [24, true], [48, true], [72, false], [96, false], [192, false], [216, true], [240, false], [360, false], [384, true]]],
    ['nights that begin a little early or late', [[0, true], [23.9, true], [48.2, true], [72, false], [216, true], [383.9, true]]],
    ['several runs in one night are one', [[0, true], [1, true], [2, true], [3, true], [24, true], [25, true], [48, true], [49, false]]],
    ['twice a day', [[0, true], [12, true], [24, true], [36, false], [180, true]]],
    ['a clock that was set back tries', [[1000, true], [1024, true], [1048, true], [1072, false], [10, true]]],
  ];
  for (const [name, runs] of table) {
    let failed: Failed | undefined;
    for (const [hours, isTried] of runs) {
      const now = at(hours);
      assert.equal(triedAgain(failed, listed, now) === undefined, isTried, `${name}: hour ${hours}`);
      if (isTried) failed = failedAgain(failed, listed, now);
    }
  }
});

test('another size or time is another file: it is tried, and its nights are counted anew', () => {
  const failed = failedAgain(failedAgain(failedAgain(undefined, listed, at(0)), listed, at(24)), listed, at(48));
  assert.equal(failed.nights, 3);
  assert.notEqual(triedAgain(failed, listed, at(72)), undefined);
  for (const change of [{ size: 501 }, { mtime: 1001 }]) {
    const other = { ...listed, ...change };
    assert.equal(triedAgain(failed, other, at(72)), undefined);
    assert.equal(failedAgain(failed, other, at(72)).nights, 1);
  }
});

test('the words say when it is tried again', () => {
  const failed: Failed = { ...listed, nights: 3, night: at(48).toISOString(), tried: at(48).toISOString() };
  const next = triedAgain(failed, listed, at(72));
  assert.equal(next?.toISOString(), '2026-11-10T01:27:00.000Z');
  assert.match(heldOffWords(failed, next), /in 3 nights .* not fetched tonight, tried again from 2026-11-10 on$/);
});

test('the memory is bounded, newest kept, and a damaged file of it means that all are tried', () => {
  const many = Array.from({ length: 2500 }, (_, n): Failed => ({ path: `name ${n}`, size: 1, mtime: 1, nights: 1, night: at(n).toISOString(), tried: at(n).toISOString() }));
  const kept = newest([...many].reverse());
  assert.deepEqual([kept.length, kept[0]?.path, kept.at(-1)?.path], [2000, 'name 500', 'name 2499']);
  assert.deepEqual(parseFailures(failuresText(many)), kept);
  for (const text of ['', '{', 'null', '[]', '{"failures":3}', '{"failures":[1,null,{"path":3}]}']) assert.deepEqual(parseFailures(text), []);
  const broken: Failed = { ...listed, nights: 3, night: 'x', tried: 'y' };
  assert.equal(triedAgain(broken, listed, at(0)), undefined);
});
