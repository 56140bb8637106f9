/** What can be told of a key file without a password. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFault, keysFault } from '../../src/core/structure.ts';

/** As restic writes it. */
const key = {
  created: '2026-11-23T01:27:44Z', username: 'root', hostname: 'serverA', kdf: 'scrypt', N: 32768, r: 8, p: 1, salt: 'c2FsdA==', data: 'ZGF0YQ==',
};

const cases: readonly (readonly [what: string, content: string, fault: RegExp | undefined])[] = [
  ['a key as restic writes it', JSON.stringify(key), undefined],
  ['a key with another field', JSON.stringify({ ...key, later: 1 }), /fields that no restic key has/],
  ['a key with a field twice', JSON.stringify(key).replace('{', '{"p":2,'), /more than once/],
  ['a key with a field again in other letters', JSON.stringify({ ...key, P: 2 }), /fields that no restic key has/],
  ['scrypt at the limit of memory', JSON.stringify({ ...key, N: 2 ** 20, r: 8 }), undefined],
  ['scrypt just beyond it', JSON.stringify({ ...key, N: 2 ** 20, r: 9 }), /^its scrypt parameters \(N=1048576, r=9, p=1\) would exhaust this machine$/],
  ['absurd scrypt parameters', JSON.stringify({ ...key, N: 2 ** 50, r: 2 ** 30 }), /would exhaust this machine/],
  ['scrypt done over and over', JSON.stringify({ ...key, p: 65 }), /would exhaust this machine/],
  ['N of 0', JSON.stringify({ ...key, N: 0 }), /^without the numbers of a restic key$/],
  ['a negative r', JSON.stringify({ ...key, r: -8 }), /without the numbers/],
  ['half a p', JSON.stringify({ ...key, p: 0.5 }), /without the numbers/],
  ['N as text', JSON.stringify({ ...key, N: '32768' }), /without the numbers/],
  ['N beyond all numbers', JSON.stringify(key).replace('32768', '1e999'), /without the numbers/],
  ['another kdf', JSON.stringify({ ...key, kdf: 'none' }), /^without the fields of a restic key$/],
  ['no salt', JSON.stringify({ ...key, salt: undefined }), /without the fields/],
  ['data that is no text', JSON.stringify({ ...key, data: [1] }), /without the fields/],
  ['an empty object', '{}', /without the fields/],
  ['null', 'null', /without the fields/],
  ['a number', '7', /without the fields/],
  ['a list', '[]', /without the fields/],
  ['nothing', '', /^not JSON, as every restic key is$/],
  ['random bytes', '\x00\x9fkey\xff', /not JSON/],
  ['a key cut short', JSON.stringify(key).slice(0, -1), /not JSON/],
];

for (const [what, content, fault] of cases) {
  test(`${what} is ${fault === undefined ? 'a key' : 'refused as a key'}`, () => {
    const found = keyFault(content);
    if (fault === undefined) assert.equal(found, undefined);
    else assert.match(found ?? 'nothing found', fault);
  });
}

test('as many keys as restic tries are fine, one more is not', () => {
  assert.equal(keysFault(20), undefined);
  assert.equal(keysFault(21), 'there would be 21 keys, and restic tries only 20: it might not find the right one');
});
