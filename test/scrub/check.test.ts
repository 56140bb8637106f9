/** The shares of restic's check: one after another, so that they read everything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextShare } from '../../src/scrub/check.ts';

const cases: readonly (readonly [last: string | undefined, total: number, next: string])[] = [
  [undefined, 30, '1/30'],
  ['1/30', 30, '2/30'],
  ['29/30', 30, '30/30'],
  ['30/30', 30, '1/30'],
  ['1/1', 1, '1/1'],
  ['30/30', 7, '3/7'],
  ['3/7', 30, '4/30'],
  ['', 3, '1/3'],
  ['junk', 3, '1/3'],
];

for (const [last, total, next] of cases) {
  test(`after share ${last ?? 'none'} of a check in ${total} comes ${next}`, () => {
    assert.equal(nextShare(last, total), next);
  });
}

test('so many checks as there are shares read everything, from wherever they begin', () => {
  for (const total of [1, 2, 3, 7, 30]) {
    for (let begin = 1; begin <= total; begin += 1) {
      const seen = new Set<string>();
      let share = `${begin}/${total}`;
      for (let n = 0; n < total; n += 1) seen.add((share = nextShare(share, total)));
      assert.equal(seen.size, total);
    }
  }
});
