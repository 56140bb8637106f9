import { wanted } from '../../src/audit/questions.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Known } from '../../src/audit/facts.ts';
import { fileOf } from '../support/itemized.ts';
import { nights, seenIn } from '../support/nights.ts';
import { auditOf, file, findingsOf, folder, repository, special, without, type Tree } from '../support/trees.ts';

const [pack, index, snapshot, key] = (['pack', 'index', 'snapshot', 'key'] as const).map((type) => fileOf(type, 'old')) as [string, string, string, string];
const newFolder = fileOf('pack', 'new').slice(0, 7);
const [newPack, newIndex, newSnapshot, newKey] =
  (['pack', 'index', 'snapshot', 'key'] as const).map((type) => fileOf(type, 'new')) as [string, string, string, string];

describe('honest reports', () => {
  for (const night of nights) {
    test(night.name, () => { assert.deepEqual(findingsOf(auditOf({ ...night, replica: seenIn(night.replica, night), source: seenIn(night.source, night) }).verdict), night.findings); });
  }
});

describe('type changes', () => {
  const kinds: Readonly<Record<string, Known>> = { file: file(), folder, special };
  const names = ['pack', 'index', 'snapshot', 'key', 'config', 'folder of packs', 'top folder', 'stray'] as const;
  const paths = [pack, index, snapshot, key, 'config', pack.slice(0, 7), 'keys', 'stray'];
  for (const [n, name] of names.entries()) {
    for (const [from, here] of Object.entries(kinds)) {
      for (const [to, there] of Object.entries(kinds).filter(([other]) => other !== from)) {
        test(`${name}: from ${from} to ${to}`, () => {
          const path = paths[n] ?? '';
          const { verdict, catalogue } = auditOf({ replica: { ...repository, [path]: here }, source: { ...repository, [path]: there } });
          assert.deepEqual(findingsOf(verdict), [name === 'stray' ? '?foreign stray' : `!type-changed ${path}`]);
          for (const entry of catalogue.books.select([wanted, 0])) assert.fail(`${catalogue.books.path(entry)} would be fetched`);
        });
      }
    }
  }
});

describe('what a clean verdict lets us fetch', () => {
  const source = { ...repository, [newFolder]: folder, [newPack]: file(70), [newIndex]: file(20), [newSnapshot]: file(7), [newKey]: file(1), stray: file(9) };

  test('the new packs, indexes and snapshots, with size and time; no key, no stray', () => {
    const { verdict, catalogue: { books } } = auditOf({ replica: repository, source });
    const found: unknown[] = [];
    for (const entry of books.select([wanted, 0])) found.push([books.path(entry), books.size(entry)]);
    assert.deepEqual(found, [[newSnapshot, 7], [newIndex, 20], [newPack, 70]]);
    assert.deepEqual(verdict.counts, { unchanged: 5, new: 3, newBytes: 97, modified: 0, deleted: 0, known: 0, ignored: 9, foreign: 1, suspects: 0 });
  });

  test('at init the keys too, and the config is counted', () => {
    const { verdict, catalogue: { books } } = auditOf({ replica: {}, source, initialising: true });
    const found: string[] = [];
    for (const entry of books.select([wanted, 0])) found.push(books.path(entry));
    assert.deepEqual(found.sort(), [pack, index, snapshot, key, newPack, newIndex, newSnapshot, newKey].sort());
    assert.deepEqual(findingsOf(verdict), ['?foreign stray']);
    assert.equal(verdict.counts.new, 9);
  });
});

describe('counts', () => {
  test('each change counts once, where it belongs', () => {
    const { verdict } = auditOf({
      replica: { ...repository, only: file() },
      source: { ...without(repository, snapshot, 'config'), [pack]: file(1), [index]: special, x: file(), [newKey]: file() },
    });
    assert.deepEqual(verdict.counts, { unchanged: 1, new: 0, newBytes: 0, modified: 2, deleted: 2, known: 0, ignored: 8, foreign: 2, suspects: 0 });
  });

  const limits = { newFiles: 2, newBytes: 100 };
  const grown = (...sizes: readonly number[]): Tree => ({ ...repository, ...Object.fromEntries(sizes.map((size, n) => [fileOf('index', `new ${n}`), file(size)])) });
  const grownTo: readonly (readonly [name: string, source: Tree, over: boolean])[] = [
    ['at both limits', grown(50, 50), false],
    ['a byte above', grown(50, 51), true],
    ['a file above', grown(1, 1, 1), true],
    ['changes of other kinds do not count', { ...grown(50, 50), x: file(1e9), y: folder }, false],
  ];
  for (const [name, source, over] of grownTo) {
    test(`limits: ${name}`, () => { assert.deepEqual(findingsOf(auditOf({ replica: repository, source, limits }).verdict), [...(over ? ['!over-limit '] : []), ...(name.startsWith('changes') ? ['?foreign x', '?foreign y'] : [])]); });
  }
  test('without limits there are none', () => {
    assert.deepEqual(findingsOf(auditOf({ replica: repository, source: grown(1e15, 1e15, 1e15) }).verdict), []);
  });
});
