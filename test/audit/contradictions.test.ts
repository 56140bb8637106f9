/** What a report says twice, takes back, or says of what never was: of each pass its last try counts, and of each path its first word. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Audit } from '../../src/audit/audit.ts';
import type { Change } from '../../src/audit/itemize.ts';
import { bornTonight, listedNew } from '../../src/audit/questions.ts';
import type { Limits } from '../../src/audit/tally.ts';
import { passes, type Pass } from '../../src/layout.ts';
import { fileOf } from '../support/itemized.ts';
import { catalogueOf, file, findingsOf, reportOf, repository, without, type Tree } from '../support/trees.ts';

const [pack, snapshot, newPack, newSnapshot, newKey] = [
  fileOf('pack', 'old'), fileOf('snapshot', 'old'), fileOf('pack', 'new'), fileOf('snapshot', 'new'), fileOf('key', 'new'),
];
const key = fileOf('key', 'old');
const deletion = (path: string): Change => ({ kind: 'deletion', isFolder: false, path });
const noFile = (path: string): Change => ({ kind: 'non-regular', path });

/** The tries of the passes, one after another; by default each pass has one, with what an honest rsync says of `source`. */
interface Story {
  readonly replica?: Tree;
  readonly source?: Tree;
  readonly tries?: Partial<Record<Pass, readonly (readonly Change[])[]>>;
  readonly failed?: readonly Pass[];
  readonly hasWindow?: boolean;
  readonly limits?: Limits;
}

function told({ replica = repository, source = replica, tries = {}, failed = [], hasWindow = false, limits = {} }: Story) {
  const catalogue = catalogueOf(replica);
  const audit = new Audit(catalogue, { initialising: false, window: hasWindow ? { allowKeys: true } : undefined }, (path) => replica[path] !== undefined);
  const honest = reportOf(source, replica);
  for (const pass of passes) {
    for (const changes of tries[pass] ?? [honest[pass]]) {
      audit.begin(pass);
      for (const change of changes) audit.judge(change);
    }
    if (failed.includes(pass)) audit.fail(pass);
  }
  const verdict = audit.verdict(limits);
  return { verdict, findings: findingsOf(verdict), books: catalogue.books };
}

const honest = reportOf(repository, repository);
const root = honest[3].slice(0, 1);

describe('a pass that is run again takes back what its first try said', () => {
  for (const pass of passes) {
    test(`that data is no folder, said in pass ${pass}: what is below it must be named`, () => {
      const second = pass === 3 ? root : honest[pass];
      const { findings } = told({ tries: { [pass]: [[...honest[pass], noFile('data')], second], ...(pass === 3 ? {} : { 3: [root] }) } });
      assert.deepEqual(findings, ['data', pack.slice(0, 7), pack].map((path) => `!unaccounted ${path}`).sort());
    });
  }

  test('that a folder stays', () => {
    const replica = { ...repository, stray: { type: 'folder', size: 0, mtime: 0 } } as const;
    const { findings } = told({ replica, source: repository, tries: { 2: [[...honest[2], { kind: 'standing', path: 'stray' }], honest[2]] } });
    assert.deepEqual(findings, ['!unaccounted stray']);
  });

  for (const [what, lie] of Object.entries({ deleted: deletion(snapshot), 'no file': noFile(snapshot) })) {
    test(`that what an earlier pass had listed is ${what}: the earlier pass stands`, () => {
      const { findings, books } = told({ hasWindow: true, tries: { 2: [[...honest[2], lie], honest[2]] } });
      assert.deepEqual([findings, books.amount(bornTonight).files], [[], 0]);
    });
  }

  test('that what an earlier pass had listed is new: it is fetched with the size that the earlier pass gave', () => {
    const source = { ...repository, [newSnapshot]: file(7) };
    const again = reportOf({ [newSnapshot]: file(8) }, {})[1];
    const { verdict, findings, books } = told({ source, tries: { 2: [[...honest[2], ...again.slice(1)], honest[2]] } });
    assert.deepEqual([findings, books.amount(listedNew), verdict.counts.new, verdict.counts.newBytes], [[], { files: 1, bytes: 7 }, 1, 7]);
  });
});

describe('what the first try of a pass saw, when the second fails', () => {
  const seen = [...honest[1].filter(({ path }) => path !== snapshot), deletion(snapshot)];
  const cases: readonly (readonly [name: string, tries: readonly (readonly Change[])[], failed: readonly Pass[], findings: readonly string[]])[] = [
    ['and says nothing: stays seen', [seen, []], [1], [`!deleted ${snapshot}`]],
    ['and says the same: is said once', [seen, seen], [1], [`!deleted ${snapshot}`]],
    ['for the second time: stays seen', [seen, [], []], [1], [`!deleted ${snapshot}`]],
    ['but what the second did not say is not missing, nor what is foreign told', [[...seen, noFile('snapshots/link')], root], [1], [`!deleted ${snapshot}`]],
    ['it does not: counts for nothing', [seen, honest[1]], [], []],
  ];
  for (const [name, tries, failed, findings] of cases) {
    test(name, () => { assert.deepEqual(told({ tries: { 1: tries }, failed }).findings, findings); });
  }

  test('of what was no longer the source nothing counts, of what was it before all', () => {
    const audit = new Audit(catalogueOf(repository), { initialising: false, window: undefined }, () => false);
    for (const changes of [seen, [deletion(key), deletion('x')]]) {
      audit.begin(1);
      for (const change of changes) audit.judge(change);
    }
    audit.drop();
    for (const pass of passes) audit.fail(pass);
    assert.deepEqual(findingsOf(audit.verdict({})), [`!deleted ${snapshot}`]);
  });
});

describe('a deletion, in a window, of what the replica never had', () => {
  for (const path of [newPack, newSnapshot, newKey]) {
    test(`${path.slice(0, 10)}…: unaccounted, no tombstone, and what was seen before stays seen`, () => {
      const source = { ...repository, [pack]: file(1) };
      const pass = path === newPack ? 3 : path === newSnapshot ? 1 : 2;
      const { findings, books } = told({ source, hasWindow: true, tries: { [pass]: [[...reportOf(source, repository)[pass], deletion(path)]] } });
      assert.deepEqual([findings, books.amount(bornTonight).files], [[`!modified ${pack}`, `!unaccounted ${path}`], 0]);
    });
  }
});

describe('whether a snapshot and a key are left, when a pass failed', () => {
  const noSnapshot = without(repository, snapshot);
  const noKey = without(repository, key);
  const stories: readonly (readonly [name: string, story: Story, findings: readonly string[]])[] = [
    ['no snapshot is left, and pass 2 failed', { source: noSnapshot, failed: [2] }, ['!over-budget ']],
    ['no snapshot is left, and pass 3 failed', { source: noSnapshot, failed: [3] }, ['!over-budget ']],
    ['no key is left, and pass 1 failed', { source: noKey, failed: [1] }, ['!pinned ']],
    ['no snapshot is left of what pass 1 had said when it failed', { source: noSnapshot, failed: [1] }, []],
    ['no key is left of what pass 2 had said when it failed', { source: noKey, failed: [2] }, []],
    ['a new snapshot may make up for the old one, and pass 2 failed', { source: { ...noSnapshot, [newSnapshot]: file() }, failed: [2] }, []],
    ['no pass failed', { source: without(noKey, snapshot) }, ['!over-budget ', '!pinned ']],
  ];
  for (const [name, story, expected] of stories) {
    test(name, () => { assert.deepEqual(told({ ...story, hasWindow: true }).findings, expected); });
  }
});
