/** Whether this machine's clock can be believed, as tables of nights. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clockAfter, isBelieved, jumpAt, noClock, sinceThen, type Clock } from '../../src/state/clock.ts';

const day = 24 * 3600 * 1000;
const at = (days: number): Date => new Date(Date.parse('2026-11-23T01:27:44.000Z') + days * day);

/** What each night that began at these days made of its clock: believed, and by how many days due dates move. */
function nights(days: readonly number[]): (readonly [isBelieved: boolean, moved: number])[] {
  let clock: Clock = noClock;
  return days.map((each) => {
    const said = [isBelieved(clock, at(each)), Math.round((jumpAt(clock, at(each)) ?? 0) / day)] as const;
    clock = clockAfter(clock, at(each));
    return said;
  });
}

const yes = [true, 0] as const;
const no = [false, 0] as const;
const table: readonly (readonly [name: string, days: readonly number[], said: readonly (readonly [boolean, number])[]])[] = [
  ['ordinary nights', [0, 1, 2, 8, 15], [yes, yes, yes, yes, yes]],
  ['sixty days behind, night after night', [0, -60, -59, -58, -55], [yes, no, no, no, no]],
  ['ten years ahead, night after night', [0, 3650, 3651, 3652], [yes, no, no, no]],
  ['once ten years ahead, then right again: that is a jump, too', [0, 3650, 1, 2], [yes, no, no, yes]],
  ['no battery: each boot begins in 1970', [0, -20_000, -20_000, 3, -20_000], [yes, no, no, no, no]],
  ['wrong again after it was right', [0, -60, 1, -60], [yes, no, no, no]],
  ['off for three weeks: believed after a week, and due dates move on by the three weeks', [0, 21, 22, 26, 28, 29], [yes, no, no, no, [true, 21], yes]],
  ['three years behind for good, then put right: what moved back moves on again', [0, -1000, -994, -992, 8, 14, 16], [yes, no, no, [true, -1000], no, no, [true, 1000]]],
  ['nights too far apart prove nothing', [0, -60, -52, -44], [yes, no, no, no]],
];
for (const [name, days, said] of table) test(name, () => { assert.deepEqual(nights(days), said); });

describe('how long ago something was', () => {
  const rows: readonly (readonly [name: string, then: string | undefined, since: number])[] = [
    ['yesterday', at(-1).toISOString(), day], ['never', undefined, Infinity], ['no time at all', 'soon', Infinity],
    ['in ten years: a wrong clock wrote that, so never', at(3650).toISOString(), Infinity],
    ['a minute ahead: NTP', at(60 / 86_400).toISOString(), 0],
  ];
  for (const [name, then, since] of rows) test(name, () => { assert.equal(sinceThen(then, at(0)), since); });
});
