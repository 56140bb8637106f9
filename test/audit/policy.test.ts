import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { policy, rule, type ChangeKind, type Ruling, type Subject } from '../../src/audit/policy.ts';
import { ruleWords } from '../../src/words/rules.ts';

const kinds: readonly ChangeKind[] = ['unchanged', 'new', 'mtime', 'content', 'type', 'non-regular', 'deleted'];
const subjects: readonly Subject[] = ['pack', 'index', 'snapshot', 'key', 'config', 'folder', 'outside'];

/** The whole of section 6, cell by cell: nothing, folder, accepted, or the name of a violation (!) or a warning (?). */
const night: Readonly<Record<ChangeKind, readonly string[]>> = {
  //                pack             index            snapshot         key              config           folder           outside
  unchanged:     ['nothing',       'nothing',       'nothing',       'nothing',       'nothing',       'folder',        '?foreign'],
  new:           ['fetch',      'fetch',      'fetch',      '!pinned',       '!pinned',       'folder',        '?foreign'],
  mtime:         ['suspect',       'suspect',       'suspect',       'suspect',       'suspect',       'folder',        '?foreign'],
  content:       ['!modified',     '!modified',     '!modified',     '!modified',     '!modified',     'folder',        '?foreign'],
  type:          ['!type-changed', '!type-changed', '!type-changed', '!type-changed', '!type-changed', '!type-changed', '?foreign'],
  'non-regular': ['?foreign',      '?foreign',      '?foreign',      '?foreign',      '?foreign',      '?foreign',      '?foreign'],
  deleted:       ['!deleted',      '!deleted',      '!deleted',      '!pinned',       '!pinned',       'folder',        '?stray'],
};

function short(ruling: Ruling): string {
  if (ruling.verdict === 'violation') return `!${ruling.rule}`;
  return ruling.verdict === 'warning' ? `?${ruling.rule}` : ruling.verdict;
}

interface Night {
  readonly initialising?: boolean;
  readonly window?: { readonly allowKeys: boolean };
  readonly hasTombstone?: boolean;
}

const rowOf = (kind: ChangeKind, subject: Subject, { initialising = false, window, hasTombstone = false }: Night) =>
  rule(kind, subject, { initialising, window }, hasTombstone);
const rulings = (context: Night): Record<ChangeKind, string[]> =>
  Object.fromEntries(kinds.map((kind) => [kind, subjects.map((subject) => short(rowOf(kind, subject, context).ruling))])) as Record<ChangeKind, string[]>;

/** What differs from an ordinary night, and nothing else does. */
const otherNights: readonly (readonly [name: string, context: Night, changes: Partial<Record<ChangeKind, readonly string[]>>])[] = [
  ['at init', { initialising: true }, { new: ['fetch', 'fetch', 'fetch', 'fetch', 'fetch', 'folder', '?foreign'] }],
  ['in a window', { window: { allowKeys: false } }, {
    deleted: ['bury', 'bury', 'bury', '!pinned', '!pinned', 'folder', '?stray'],
  }],
  ['in a window that lets keys change', { window: { allowKeys: true } }, {
    new: ['fetch', 'fetch', 'fetch', 'fetch', '!pinned', 'folder', '?foreign'],
    deleted: ['bury', 'bury', 'bury', 'bury', '!pinned', 'folder', '?stray'],
  }],
  ['for what has a tombstone', { hasTombstone: true }, {
    deleted: ['known', 'known', 'known', 'known', '!pinned', 'folder', '?stray'],
  }],
];

describe('the table', () => {
  for (const kind of kinds) test(`a ${kind} change in an ordinary night`, () => { assert.deepEqual(rulings({})[kind], night[kind]); });

  for (const [name, context, changes] of otherNights) {
    test(`${name} just what the table says is different`, () => { assert.deepEqual(rulings(context), { ...night, ...changes }); });
  }

  test('every row but the last is reached by something', () => {
    const reached = new Set([{}, ...otherNights.map(([, context]) => context)].flatMap((context) =>
      kinds.flatMap((kind) => subjects.map((subject) => rowOf(kind, subject, context)))));
    assert.deepEqual(policy.filter((row) => !reached.has(row)), [policy.at(-1)]);
  });

  test('the last row refuses whatever comes', () => {
    const last = policy.at(-1);
    assert.deepEqual([last?.change, last?.of, last?.when, last?.ruling], ['any', 'any', undefined, { verdict: 'violation', rule: 'refused' }]);
    assert.equal(rule('something new' as ChangeKind, 'pack', { initialising: true, window: undefined }), last);
    assert.equal(rule('deleted', 'something new' as Subject, { initialising: true, window: undefined }), last);
  });

  test('every row says why', () => {
    for (const { reason } of policy) assert.match(reason, /^[ -~]{5,}$/);
  });
});

test('only growth is ever accepted, and deletions under a condition', () => {
  for (const row of policy.filter(({ ruling }) => ruling.verdict === 'fetch' || ruling.verdict === 'bury')) {
    assert.ok(row.change !== 'any');
    assert.deepEqual(row.change, row.ruling.verdict === 'bury' ? ['deleted'] : ['new']);
    if (row.ruling.verdict === 'bury') assert.ok(row.when !== undefined);
  }
});

describe('words', () => {
  for (const row of policy) {
    const { ruling } = row;
    if (!('rule' in ruling)) continue;
    test(`${ruling.rule} has a meaning and a road back`, () => {
      assert.match(ruleWords[ruling.rule].means, /^[ -~]{10,}$/);
      assert.ok(ruleWords[ruling.rule].road.length > 0);
    });
  }
});
