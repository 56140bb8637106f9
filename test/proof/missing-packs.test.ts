/** What indexes say of packs that are not there is remembered in bounded memory, whatever they say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Asking } from '../../src/proof/asking.ts';
import { KnownBlobs } from '../../src/proof/known-blobs.ts';
import { Missing, missingPacks } from '../../src/proof/missing-packs.ts';
import { RecordSorter } from '../../src/proof/record-sorter.ts';
import { Books } from '../../src/audit/books.ts';
import { temporaryFolder } from '../support/temporary.ts';

const id = (n: number): string => n.toString(16).padStart(64, '0');

test('an index that names more absent packs than can be remembered waits, and keeps no other from entering', async (t) => {
  const folder = temporaryFolder(t);
  const [absent, none] = [new RecordSorter(folder), new RecordSorter(folder)];
  const missing = new Missing(folder, () => true);
  const books = new Books();
  const indexes = [books.enter('index', id(1), 100, 0), books.enter('index', id(2), 100, 0)];
  const blob = { isTree: false, isCompressed: false, offset: 0, length: 2 ** 32 - 1, plain: 2 ** 32 - 33 };
  absent.add({ ...blob, pack: id(7), blob: id(7) }, 0);
  for (let n = 0; n < 100_000; n += 1) absent.add({ ...blob, pack: id(1000 + n), blob: id(1000 + n) }, 1);
  for (let n = 0; n < 70_000; n += 1) absent.add({ ...blob, pack: id(7), blob: id(1_000_000 + n) }, 0);
  const doubts = await missingPacks({ books, missing, known: new KnownBlobs(folder) } as Asking, indexes, absent, none, []);
  assert.deepEqual(doubts.flatMap(({ entry }) => entry ?? []), indexes.slice(1));
  assert.match(doubts.at(-1)?.message ?? '', /more of them than the 100000 that are remembered/);
  missing.settle();
  assert.deepEqual([...new Missing(folder, () => true).admitted.keys()], [id(7)], 'written and read again, though it would be larger than any file');
});
