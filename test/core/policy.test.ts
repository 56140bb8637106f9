import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { policy, rule, type ChangeKind, type Ruling, type Subject } from '../../src/core/policy.ts';
import { ruleWords } from '../../src/core/rules.ts';

const kinds: readonly ChangeKind[] = ['unchanged', 'new', 'mtime', 'content', 'type', 'non-regular', 'deleted'];
const subjects: readonly Subject[] = ['pack', 'index', 'snapshot', 'key', 'config', 'folder', 'outside'];

/** The whole of section 6, cell by cell: nothing, folder, accepted, or the name of a violation (!) or a warning (?). */
const night: Readonly<Record<ChangeKind, readonly string[]>> = {
  //                pack             index            snapshot         key              config           folder           outside
  unchanged:     ['nothing',       'nothing',       'nothing',       'nothing',       'nothing',       'folder',        '?foreign'],
  new:           ['accepted',      'accepted',      'accepted',      '!pinned',       '!pinned',       'folder',        '?foreign'],
  mtime:         ['!modified',     '!modified',     '!modified',     '!modified',     '!modified',     'folder',        '?foreign'],
  content:       ['!modified',     '!modified',     '!modified',     '!modified',     '!modified',     'folder',        '?foreign'],
  type:          ['!type-changed', '!type-changed', '!type-changed', '!type-changed', '!type-changed', '!type-changed', '?foreign'],
  'non-regular': ['?foreign',      '?foreign',      '?foreign',      '?foreign',      '?foreign',      '?foreign',      '?foreign'],
  deleted:       ['!deleted',      '!deleted',      '!deleted',      '!pinned',       '!pinned',       'folder',        '?stray'],
};

function short(ruling: Ruling): string {
  if (ruling.verdict === 'violation') return `!${ruling.rule}`;
  return ruling.verdict === 'warning' ? `?${ruling.rule}` : ruling.verdict;
}

const rulings = (initialising: boolean): Record<ChangeKind, string[]> =>
  Object.fromEntries(kinds.map((kind) => [kind, subjects.map((subject) => short(rule(kind, subject, { initialising, window: undefined }).ruling))])) as Record<ChangeKind, string[]>;

describe('the table', () => {
  for (const kind of kinds) test(`a ${kind} change in an ordinary night`, () => { assert.deepEqual(rulings(false)[kind], night[kind]); });

  test('at init a key and the config are accepted, and nothing else is different', () => {
    const expected = { ...night, new: ['accepted', 'accepted', 'accepted', 'accepted', 'accepted', 'folder', '?foreign'] };
    assert.deepEqual(rulings(true), expected);
  });

  test('every row but the last is reached by something', () => {
    const reached = new Set([true, false].flatMap((initialising) =>
      kinds.flatMap((kind) => subjects.map((subject) => rule(kind, subject, { initialising, window: undefined })))));
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

test('only what a repository grows by is ever accepted', () => {
  for (const row of policy) if (row.ruling.verdict === 'accepted') assert.deepEqual(row.change, ['new']);
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
