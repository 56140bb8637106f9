/** Quarantine as tables: what leaves when room is needed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeRoom, quarantineLimit, smallestCopy, weightOf, type Copy } from '../../../src/ratchet/arrival/quarantine-limit.ts';

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

test('a small disk gives it a hundredth, a large one ten gigabytes', () => {
  assert.deepEqual([50e9, 1e12, 16e12].map(quarantineLimit), [0.5e9, 10e9, 10e9]);
});
