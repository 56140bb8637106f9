/** The choice of a drill: from a listing of any length, whatever its names are, and never more than is allowed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Choice, patternOf, snapshotsToTry } from '../../src/rescue/choice.ts';

const listing = (...nodes: readonly object[]): Buffer => Buffer.from(`${nodes.map((node) => JSON.stringify(node)).join('\n')}\n`);
const file = (path: string, size?: number) => ({ type: 'file', path, size });

/** What is chosen of a listing that comes in pieces of seven bytes. */
function chosen(bytes: Uint8Array, files = 25, most = 1000, chance: () => number = () => 0.5): string[] {
  const choice = new Choice(files, most, chance);
  for (let at = 0; at < bytes.length; at += 7) choice.read(bytes.subarray(at, at + 7));
  return choice.chosen().map(({ path, size }) => `${path} ${size}`);
}

test('regular files alone, with names of all kinds; what JSON cannot name and what is no line of ls is passed over', () => {
  const nodes = listing({ struct_type: 'snapshot', id: 'x' }, file('/a\nb', 1), file('/é', 2), file('/empty'), { type: 'dir', path: '/d' }, { type: 'symlink', path: '/l' }, file('/b\ufffd', 1), file('relative', 1), { type: 'file' }, file('/minus', 0.5));
  assert.deepEqual(chosen(Buffer.concat([nodes, Buffer.from('no json\nnull\n[]\n')])).sort(), ['/a\nb 1', '/empty 0', '/é 2']);
});

test('no more files, and no more bytes, than allowed: the largest stay out', () => {
  const many = listing(...Array.from({ length: 1000 }, (_, n) => file(`/${n}`, n % 50)));
  assert.equal(chosen(many, 25, 1e9).length, 25);
  const some = chosen(listing(file('/a', 600), file('/b', 500), file('/c', 400), file('/d', 2000)));
  assert.deepEqual(some, ['/c 400', '/b 500']);
  assert.deepEqual(chosen(listing(file('/a', 1001))), []);
});

test('each file is as likely as any other', () => {
  let seed = 1;
  const chance = (): number => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const nodes = listing(...Array.from({ length: 20 }, (_, n) => file(`/${n}`, 1)));
  const counts = new Map<string, number>();
  for (let n = 0; n < 2000; n++) for (const path of chosen(nodes, 5, 1000, chance)) counts.set(path, (counts.get(path) ?? 0) + 1);
  for (const [path, count] of counts) assert.ok(count > 400 && count < 600, `${path}: ${count} of 500`);
  assert.equal(counts.size, 20);
});

test('a path as a pattern means itself', () => {
  for (const [path, pattern] of [['/a[1].txt', '/a\\[1].txt'], ['/s*r?', '/s\\*r\\?'], ['/b\\c', '/b\\\\c'], ['/n\nl', '/n\nl']] as const) assert.equal(patternOf(path), pattern);
});

test('the newest snapshot, and one of the others', () => {
  const id = (n: number): string => String(n).repeat(64);
  const list = (...ns: readonly number[]): string => JSON.stringify(ns.map((n) => ({ id: id(n), time: `2026-01-0${n}T00:00:00Z` })));
  assert.deepEqual(snapshotsToTry(list(2, 3, 1), () => 0), [id(3), id(2)]);
  assert.deepEqual(snapshotsToTry(list(2, 3, 1), () => 0.99), [id(3), id(1)]);
  assert.deepEqual(snapshotsToTry(list(4), () => 0), [id(4)]);
  assert.deepEqual(snapshotsToTry('null', () => 0), []);
  assert.deepEqual(snapshotsToTry('[{"id":"../x","time":"y"}]', () => 0), []);
});
