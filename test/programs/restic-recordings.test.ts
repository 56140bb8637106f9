import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resticRecordings } from '../support/resticRecordings.ts';

/** Exit codes by question, of 0.11, 0.14, 0.18 and 0.19; null: it was still trying again after 20 seconds. */
const answers: Readonly<Record<string, readonly (number | null)[]>> = {
  'version': [0, 0, 0, 0],
  'cat config': [0, 0, 0, 0],
  'check': [0, 0, 0, 0],
  'check --read-data': [0, 0, 0, 0],
  'check of a share': [0, 0, 0, 0],
  'check of a share of more than 256': [1, 1, 1, 1],
  'rebuild-index': [0, 0, 0, 0],
  'repair index': [1, 1, 0, 0],
  'a wrong password': [1, 1, 12, 12],
  'an empty password': [1, 1, 1, 1],
  'no key': [1, 1, 12, 12],
  'a damaged key': [1, 1, 1, 1],
  'a damaged config': [1, 1, 1, 1],
  'a missing repository': [1, 1, 10, 10],
  'a missing pack of data, check': [1, 1, 1, 1],
  'a missing pack of trees, check': [null, null, 1, 1],
  'a cut pack, check': [0, 1, 1, 1], // 0.11 compares no sizes: it may not prove
  'a damaged pack of data, check': [0, 0, 0, 0],
  'a damaged pack of data, check --read-data': [1, 1, 1, 1],
  'a missing index, check': [1, 1, 1, 1],
  'a damaged index, check': [1, 1, 1, 1],
  'a damaged index, rebuild-index': [0, 0, 0, 0],
  'a damaged snapshot, check': [1, 1, 1, 1],
  'a closed pack': [null, null, 1, 1],
};

const recordings = resticRecordings();

test('each version has answered the same questions', () => {
  assert.deepEqual([...recordings.keys()], ['0.11.0', '0.14.0', '0.18.0', '0.19.1']);
  const [first, ...others] = [...recordings.values()].map((all) => all.map(({ name }) => name));
  for (const other of others) assert.deepEqual(other, first);
});

[...recordings].forEach(([version, recorded], n) => {
  describe(`restic ${version}`, () => {
    for (const [name, codes] of Object.entries(answers)) {
      test(`${name}: ${codes[n] ?? 'tries again and again'}`, () => {
        assert.equal(recorded.find((one) => one.name === name)?.code, codes[n]);
      });
    }

    test('it says its version in one form', () => {
      assert.match(recorded.find(({ name }) => name === 'version')?.stdout ?? '', new RegExp(`^restic ${version.replaceAll('.', '\\.')} compiled with go`));
    });
  });
});
