/** What people get wrong on serverA, and what they are told, for each rsync and rrsync that was recorded. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hintFor, rsyncFailure, rsyncHints } from '../../src/programs/rsync-words.ts';
import { recordedWords } from '../support/words.ts';

const expected: Readonly<Record<string, RegExp>> = {
  'a folder that is not there': /^the path in source does not exist on serverA/,
  'a file': /^the path in source is a file on serverA/,
  'a closed folder': /^serverA may not read part of the repository/,
  'no such rsync': /^rsync is missing on serverA, or rsync\.remotePath is wrong/,
  'behind rrsync, a folder that is not there': /relative to rrsync's folder/,
  'behind rrsync, a file': /^the path in source is a file on serverA/,
  "rrsync's own folder is not there": /^the folder does not exist on serverA: it is the one that rrsync is given/,
  'rrsync that may only write': /must say rrsync -ro FOLDER/,
  'behind rrsync, an rsync with its path': /leave rsync\.remotePath away/,
  'no such rrsync': /missing on serverA/,
  'sftp alone': /only sftp \(then say sftp:/,
  'no shell': /one without a shell/,
  'a banner': /a start-up file of its shell that prints/,
  'an option that it does not know': /is openrsync/,
  'filters': /is openrsync/,
};

for (const [recording, words] of recordedWords()) {
  describe(recording, () => {
    for (const { what, code, stderr } of words) {
      test(what, () => { assert.match(hintFor({ code: code ?? undefined, signal: undefined, stderr, stopped: undefined }, stderr), expected[what] ?? /^$/); });
    }
  });
}

test('what rsync says on several lines is told on one', () => {
  const stderr = 'one\n\n two \r\n';
  const { message } = rsyncFailure('the audit failed', { code: 12, signal: undefined, stderr, stopped: undefined }, { stderr: () => 'three\n' });
  assert.equal(message, 'the audit failed: rsync exit code 12: one; two; three');
});

test('every case was recorded of at least one', () => {
  assert.deepEqual([...new Set([...recordedWords().values()].flat().map(({ what }) => what))].sort(), Object.keys(expected).sort());
});

test('the table says in which recordings each of its words was met', () => {
  const met = new Map<string, Set<string>>();
  for (const [recording, words] of recordedWords()) for (const { code, stderr } of words) {
    const hint = hintFor({ code: code ?? undefined, signal: undefined, stderr, stopped: undefined }, stderr);
    met.set(hint, (met.get(hint) ?? new Set()).add(recording));
  }
  for (const { means, versions = '' } of rsyncHints) assert.equal(versions, [...(met.get(means) ?? [])].join(' '), means);
});
