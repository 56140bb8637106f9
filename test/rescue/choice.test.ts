/** The choice of a drill: from a listing of any length, whatever its names are, and never more than is allowed. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Choice, patternOf, snapshotsAtRandom } from '../../src/rescue/choice.ts';
import { temporaryFolder } from '../support/temporary.ts';

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

test('a name that no file can have here is passed over: a zero byte, a folder or a path longer than the kernel opens; a size below zero', () => {
  const deep = `/${Array.from({ length: 40 }, () => 'd'.repeat(100)).join('/')}`;
  const nodes = listing(file('/nul\0', 1), file(`/${'n'.repeat(256)}`, 1), file(`/${'é'.repeat(128)}/x`, 1), file(deep, 1), file('/minus', -1), file(`/${'n'.repeat(255)}`, 1), file(deep.slice(0, 3900), 1));
  assert.deepEqual(chosen(nodes).map((each) => each.length).sort(), [258, 3902]);
});

test('the paths of a choice are arguments of one program: together they stay below what it takes', () => {
  const many = listing(...Array.from({ length: 500 }, (_, n) => file(`/${`${'d'.repeat(200)}/`.repeat(15)}${n}`, 1)));
  const paths = chosen(many, 500).join('').length;
  assert.ok(paths > 100_000 && paths < 140_000, String(paths));
});

test('a line that no file needs is passed over, however long; what stands behind it is not', () => {
  const choice = new Choice(25, 1000, () => 0.5);
  const piece = Buffer.alloc(65_536, 'x');
  choice.read(Buffer.from('{"type":"file","path":"/'));
  for (let n = 0; n < 1000; n++) choice.read(piece);
  choice.read(Buffer.from('","size":1}\n{"type":"file","path":"/a","size":1}\n'));
  assert.deepEqual(choice.chosen(), [{ path: '/a', size: 1 }]);
});

test('the first line names the snapshot, behind whatever a client has said of it, and nothing else does', () => {
  const [id, other] = ['a', 'b'].map((letter) => letter.repeat(64));
  const first = (tag: string): string => JSON.stringify({ time: '2099-01-01T00:00:00Z', tags: [tag], id, short_id: 'aaaaaaaa', struct_type: 'snapshot' });
  const named = (text: string): string | undefined => {
    const choice = new Choice(1, 1, () => 0);
    for (let at = 0; at < text.length; at += 1000) choice.read(Buffer.from(text.slice(at, at + 1000)));
    return choice.snapshot;
  };
  assert.equal(named(`${first('short')}\n${JSON.stringify({ id: other })}\n`), id);
  assert.equal(named(`${first('x'.repeat(200_000))}\n`), id);
  assert.equal(named(`${first(`,"id":"${other}"`)}\n`), id);
  assert.equal(named(`no snapshot\n${first('')}\n`), undefined);
  assert.equal(named(''), undefined);
});

test('two snapshots of those that are there, each as likely as any other', (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'snapshots'));
  const id = (n: number): string => String(n).repeat(64);
  const put = (...names: readonly string[]): void => { names.forEach((name) => { writeFileSync(join(folder, 'snapshots', name), ''); }); };
  put('stray', 'a'.repeat(63));
  assert.deepEqual(snapshotsAtRandom(folder, () => 0.99), []);
  put(id(1));
  assert.deepEqual(snapshotsAtRandom(folder, () => 0.99), [id(1)]);
  put(id(2), id(3));
  const counts = new Map<string, number>();
  for (let a = 0; a < 3; a++) for (let b = 0; b < 2; b++) {
    const draws = [a / 3, b / 2];
    const pair = snapshotsAtRandom(folder, () => draws.shift() ?? 0);
    assert.equal(new Set(pair).size, 2);
    for (const each of pair) counts.set(each, (counts.get(each) ?? 0) + 1);
  }
  assert.deepEqual([...counts.values()], [4, 4, 4]);
});
