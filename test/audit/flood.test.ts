import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Audit } from '../../src/audit/audit.ts';
import { Flood, mostStrangers } from '../../src/audit/tally.ts';
import { Lines, NotUnderstood, type Change } from '../../src/audit/itemize.ts';
import { Failure } from '../../src/errors.ts';
import { fileOf } from '../support/itemized.ts';
import { catalogueOf, reportOf, repository, type Tree } from '../support/trees.ts';

test('strangers are each new file, a folder for it, and some more; without a limit they are not endless either', () => {
  assert.deepEqual([mostStrangers(0), mostStrangers(100), mostStrangers()], [1000, 1200, 40_001_000]);
});

describe('an audit that takes two strangers', () => {
  const backup: Tree = { ...repository, [fileOf('pack', 'new')]: { type: 'file', size: 5, mtime: 5 }, [fileOf('pack', 'newer')]: { type: 'file', size: 5, mtime: 5 } };
  const [packs, strange] = [reportOf(repository, repository)[3], reportOf(backup, repository)[3]];
  const judged = (...changes: readonly Change[]) => {
    const audit = new Audit(catalogueOf(repository), { initialising: false, window: undefined }, () => false, 2);
    audit.begin(3);
    for (const change of changes) audit.judge(change);
    return audit;
  };
  const again = (times: number): Change[] => Array.from({ length: times }, () => packs.at(-1) ?? assert.fail('no pack'));

  test('takes what the replica has, and two new packs', () => { judged(...strange); });
  test('takes a line three times', () => { judged(...packs, ...again(2)); });
  test('and not a fourth time', () => { assert.throws(() => judged(...packs, ...again(3)), Flood); });
  test('a pass that is begun anew has its own count', () => {
    const audit = judged(...strange);
    audit.begin(3);
    for (const change of strange) audit.judge(change);
  });
  test('says what to do', () => {
    assert.throws(() => judged(...packs, ...again(3)), (error) =>
      error instanceof Failure && error.message.includes('more than 2 names') && error.hint.includes('limits.newFiles'));
  });
});

describe('how many lines are cut from a stream', () => {
  function cut(text: string, most?: number): number {
    let lines = 0;
    new Lines(() => { lines++; }, most).push(Buffer.from(text));
    return lines;
  }

  test('by default any number', () => { assert.equal(cut('\n'.repeat(100_000)), 100_000); });
  test('as many as are allowed', () => { assert.equal(cut('a\nb\nc', 2), 2); });
  test('one more is an error', () => { assert.throws(() => cut('a\nb\nc\n', 2), (error) => error instanceof NotUnderstood && error.message === 'more than 2 lines'); });
});
