/** Records are sorted whole, however many there are: none is lost where the room in memory grows, or ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecordSorter } from '../../src/proof/record-sorter.ts';
import { temporaryFolder } from '../support/temporary.ts';

const id = (n: number): string => n.toString(16).padStart(64, '0');

for (const [what, capacity] of [['all of them in memory', undefined], ['most of them on disk', 1500]] as const) {
  test(`five thousand records come back in order, entered or copied: ${what}`, (t) => {
    const folder = temporaryFolder(t);
    const [entered, copied] = [new RecordSorter(folder, capacity), new RecordSorter(folder, capacity)];
    for (let n = 5000; n > 0; n -= 1) entered.add({ pack: id(7), blob: id(n), isTree: false, isCompressed: false, offset: n, length: 40, plain: 8 });
    for (const record of entered.sorted()) copied.addRecord(record);
    for (const sorter of [entered, copied]) {
      const offsets = [...sorter.sorted()].map((record) => record.readUInt32BE(64));
      assert.deepEqual(offsets, Array.from({ length: 5000 }, (_, n) => n + 1));
    }
  });
}
