/** What can be told of a key file without a password. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFault, keysFault } from '../../src/proof/structure.ts';

const inBase64 = (bytes: number): string => Buffer.alloc(bytes, 7).toString('base64');

/** As restic writes it. */
const key = {
  created: '2026-11-23T01:27:44Z', username: 'root', hostname: 'serverA', kdf: 'scrypt', N: 32768, r: 8, p: 1, salt: inBase64(64), data: inBase64(140),
};

const cases: readonly (readonly [what: string, content: string, fault: RegExp | undefined])[] = [
  ['a key as restic writes it', JSON.stringify(key), undefined],
  ['a key with another field', JSON.stringify({ ...key, later: 1 }), /fields that no restic key has/],
  ['a key with a field twice', JSON.stringify(key).replace('{', '{"p":2,'), /more than once/],
  ['a key with a field again in other letters', JSON.stringify({ ...key, P: 2 }), /fields that no restic key has/],
  ['scrypt at the limit of memory', JSON.stringify({ ...key, N: 2 ** 20, r: 8 }), undefined],
  ['scrypt just beyond it', JSON.stringify({ ...key, N: 2 ** 20, r: 9 }), /^its scrypt parameters \(N=1048576, r=9, p=1\) would exhaust this machine$/],
  ['absurd scrypt parameters', JSON.stringify({ ...key, N: 2 ** 50, r: 2 ** 30 }), /would exhaust this machine/],
  ['scrypt as often as restic asks for on the fastest machine, and more', JSON.stringify({ ...key, p: 32 }), undefined],
  ['scrypt done over and over', JSON.stringify({ ...key, p: 33 }), /would exhaust this machine/],
  ['much memory, over and over', JSON.stringify({ ...key, N: 2 ** 20, p: 2 }), /would exhaust this machine/],
  ['N of 0', JSON.stringify({ ...key, N: 0 }), /^without the numbers of a restic key$/],
  ['a negative r', JSON.stringify({ ...key, r: -8 }), /without the numbers/],
  ['half a p', JSON.stringify({ ...key, p: 0.5 }), /without the numbers/],
  ['N as text', JSON.stringify({ ...key, N: '32768' }), /without the numbers/],
  ['N beyond all numbers', JSON.stringify(key).replace('32768', '1e999'), /without the numbers/],
  ['an N that is no power of two', JSON.stringify({ ...key, N: 1000 }), /^without the numbers of a restic key$/],
  ['an N of 1', JSON.stringify({ ...key, N: 1 }), /without the numbers/],
  ['a number with a point, which Go refuses', JSON.stringify(key).replace('32768', '32768.0'), /without the numbers/],
  ['a number with an exponent, which Go refuses', JSON.stringify(key).replace('"r":8', '"r":8e0'), /without the numbers/],
  ['a quoted number in a name', JSON.stringify({ ...key, username: '{"N": 1.5, "x' }), undefined],
  ['another time zone, and nanoseconds', JSON.stringify({ ...key, created: '2026-11-23T01:27:44.123456789+05:30' }), undefined],
  ['a time that is none', JSON.stringify({ ...key, created: 'no time' }), /^without the fields of a restic key$/],
  ['a day that is none', JSON.stringify({ ...key, created: '2026-02-30T00:00:00Z' }), /without the fields/],
  ['an hour that is none', JSON.stringify({ ...key, created: '2026-02-20T24:00:00Z' }), /without the fields/],
  ['a time zone that is none', JSON.stringify({ ...key, created: '2026-02-20T00:00:00+25:00' }), /without the fields/],
  ['no time and no names, as other programs leave them out', JSON.stringify({ ...key, created: null, username: null, hostname: undefined }), undefined],
  ['a number for a name', JSON.stringify({ ...key, hostname: 7 }), /without the fields/],
  ['a salt that is no base64', JSON.stringify({ ...key, salt: '%' }), /without the fields/],
  ['a salt of another length', JSON.stringify({ ...key, salt: inBase64(63) }), /without the fields/],
  ['base64 without its end', JSON.stringify({ ...key, data: inBase64(140).replace(/=+$/, '') }), /without the fields/],
  ['data that cannot hold a key', JSON.stringify({ ...key, data: inBase64(31) }), /without the fields/],
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
