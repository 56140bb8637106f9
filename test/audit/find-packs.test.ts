/** The walk by find: it finds what the slow form finds, beside whatever else goes on, and what it cannot read is a failure. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { findPacks } from '../../src/audit/find-packs.ts';
import { ReplicaWalk, walkReplica } from '../../src/audit/walk.ts';
import { Failure } from '../../src/errors.ts';
import { repositoryPath } from '../../src/layout.ts';
import { setVariables } from '../support/environment.ts';
import { makeTree } from '../support/makeTree.ts';
import { nights, oddNames } from '../support/nights.ts';
import { contentOf } from '../support/replica.ts';
import { boundsOf } from '../support/rsyncContext.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';
import { file, folder, repository, special, type Tree } from '../support/trees.ts';

function made(t: TestContext, tree: Tree): string {
  const replica = join(temporaryFolder(t), 'rep lica');
  makeTree(replica, tree);
  return replica;
}

async function byFind(replica: string, ignore: readonly string[], changes: Parameters<typeof boundsOf>[0] = {}): Promise<string[]> {
  const walk = new ReplicaWalk(replica, ignore);
  const failure = await findPacks(walk, ignore, boundsOf(changes)).end;
  if (failure !== undefined) throw failure;
  return contentOf(walk);
}

const packs = Array.from({ length: 300 }, (_, n) => repositoryPath('pack', createHash('sha256').update(String(n)).digest('hex')));
const packTree: Tree = { data: folder, ...Object.fromEntries(packs.flatMap((path, n) => [[path.slice(0, 7), folder], [path, file(n * 1000, 1_790_000_000 + n)]])) };
const id = 'ab'.repeat(32);
const [ab, x] = ['data/ab', 'data/x'] as const;
const below = (root: string, names: readonly string[]): Tree => Object.fromEntries(names.map((name) => [`${root}/${name}`, file()]));

const trees: readonly (readonly [name: string, tree: Tree, ignore?: readonly string[]])[] = [
  ['many packs', packTree],
  ['a repository', repository],
  ['no data', { index: folder }],
  ['data that is a file', { data: file() }],
  ['data that is a symlink', { data: special }],
  ['an empty data', { data: folder }],
  ['names of any bytes, as files', { data: folder, [ab]: folder, ...below('data', oddNames), ...below(ab, oddNames) }],
  ['names of any bytes, as folders', { data: folder, ...Object.fromEntries(oddNames.flatMap((name) => [[`data/${name}`, folder], [`data/${name}/f`, file()]])) }],
  ['what only looks like a pack', {
    data: folder, [ab]: folder, [x]: folder, 'data/AB': folder, 'data/abc': folder,
    [`${ab}/${'cd'.repeat(32)}`]: file(), [`${ab}/${id.toUpperCase()}`]: file(), [`${ab}/${id}0`]: file(), [`${ab}/${id.slice(1)}`]: file(), [`${ab}/${id.slice(1)}g`]: file(),
    [`data/${id}`]: file(), [`${x}/${id}`]: file(), [`data/AB/${id}`]: file(), [`data/abc/${id.slice(0, 62)}`]: file(), [`${ab}/${'ab'.repeat(31)}\n0`]: file(),
  }],
  ['packs that are a folder and a symlink', { data: folder, [ab]: folder, [`${ab}/${id}`]: folder, [`${ab}/${id}/x`]: file(), [`${ab}/${id.slice(0, 63)}c`]: special }],
  ['times before 1970, and sizes', { data: folder, [ab]: folder, [`${ab}/${id}`]: file(5_000_000, -1), [`${ab}/old`]: file(0, -86_400 * 365), [`${ab}/${id.slice(0, 62)}00`]: file(0, 0) }],
  ['uploads in progress', {
    data: folder, [ab]: folder, [`${ab}/${id}-restic-temp-1`]: file(), [`${ab}/a-tmp-b`]: folder, [`${ab}/a-tmp-b/${id}`]: file(), [`${ab}/x.partial`]: folder, [`${ab}/x.partial/y`]: folder, [`${ab}/x.partial/y/z`]: file(),
    [`${ab}/${'a-tmp-'.padEnd(64, 'b')}`]: folder, [`${ab}/${'a-tmp-'.padEnd(64, 'b')}/x`]: file(), [x]: folder, [`${x}/${'a-tmp-'.padEnd(64, 'b')}`]: folder, [`${x}/${'a-tmp-'.padEnd(64, 'b')}/x`]: file(),
  }],
  ['what is ignored, as it is written', {
    data: folder, [ab]: folder, ...below(ab, ['.DS_Store', '._a', 'a.bak', '[x]', 'x', 'a?', 'ab', '\\', '\\a', 'a\\', 'ä', Buffer.from('ä').toString('latin1')]),
    ...Object.fromEntries(['._b', 'b.bak', '@eaDir', '[y]', 'y'].flatMap((name) => [[`${ab}/${name}`, folder], [`${ab}/${name}/${id}`, file()], [`${ab}/${name}/deep`, folder], [`${ab}/${name}/deep/er`, file()]])),
  }, ['.DS_Store', '._*', '*.bak', '@eaDir', '[x]', '[y]', 'a?', '\\*', 'ä']],
  ['nothing but the ignored', { data: folder, 'data/@eaDir': folder, 'data/@eaDir/x': file() }, ['@eaDir']],
];

describe('it finds what the slow form finds', () => {
  for (const [name, tree, ignore = []] of trees) {
    test(name, async (t) => {
      const replica = made(t, tree);
      const before = digest(replica);
      assert.deepEqual(await byFind(replica, ignore), contentOf(walkReplica(replica, ignore)));
      assert.deepEqual(digest(replica), before);
    });
  }
  for (const night of nights) {
    test(`the replica of: ${night.name}`, async (t) => {
      const replica = made(t, night.replica);
      assert.deepEqual(await byFind(replica, night.ignore), contentOf(walkReplica(replica, night.ignore)));
    });
  }

  test('any tree', async (t) => {
    const part = fc.oneof({ arbitrary: fc.constantFrom('ab', 'cd', 'x', 'a-tmp-b', '@eaDir', 'n.bak', id, id.slice(0, 63), `cd${id.slice(2)}`, 'a-tmp-'.padEnd(64, 'b')), weight: 4 },
      { arbitrary: fc.string({ unit: fc.integer({ min: 1, max: 255 }).filter((c) => c !== 47).map((c) => String.fromCharCode(c)), minLength: 1, maxLength: 6 }).filter((name) => name !== '.' && name !== '..'), weight: 1 });
    const entry = fc.record({ type: fc.constantFrom('file', 'file', 'special', 'folder'), size: fc.integer({ min: 1, max: 2 ** 33 }), mtime: fc.integer({ min: -(2 ** 31), max: 2 ** 32 }) });
    const branch = fc.tuple(fc.array(part, { minLength: 1, maxLength: 4 }), entry);
    const ignored = fc.subarray(['@eaDir', '*.bak', 'a*', '[x]', '*-b', '?']);
    await fc.assert(fc.asyncProperty(fc.array(branch, { maxLength: 12 }), ignored, async (branches, ignore) => {
      const tree: Record<string, Tree[string]> = { data: folder };
      for (const [parts, { type, size, mtime }] of branches) {
        const paths = parts.map((_, n) => ['data', ...parts.slice(0, n + 1)].join('/'));
        if (paths.slice(0, -1).some((path) => (tree[path] ?? folder).type !== 'folder') || tree[paths.at(-1) ?? ''] !== undefined) continue;
        for (const path of paths.slice(0, -1)) tree[path] ??= folder;
        tree[paths.at(-1) ?? ''] = { type: type, size: type === 'special' ? 3 : size, mtime };
      }
      const replica = made(t, tree);
      assert.deepEqual(await byFind(replica, ignore), contentOf(walkReplica(replica, ignore)));
      rmSync(replica, { recursive: true });
    }), { numRuns: 60 });
  });

  for (const time of ['1795397264.000000001', '1795397264.999999999', '0.999999999', '0', '-1', '-0.5', '-1.999999999', '-0.000000001', '4102444800.999999999']) {
    test(`the full seconds of ${time}`, async (t) => {
      const replica = made(t, { data: folder, [ab]: folder, [`${ab}/${id}`]: file(), [`${ab}/x`]: file() });
      for (const name of [id, 'x']) execFileSync('touch', ['-d', `@${time}`, join(replica, ab, name)]);
      assert.deepEqual(await byFind(replica, []), contentOf(walkReplica(replica, [])));
    });
  }
});

/** A `find` of this name and behaviour comes first from now on. */
function putFind(t: TestContext, script: string): string {
  const bin = temporaryFolder(t);
  writeFileSync(join(bin, 'find'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, 'find'), 0o755);
  setVariables(t, { PATH: `${bin}:${process.env['PATH'] ?? ''}` });
  return bin;
}

describe('what is not a whole walk is a failure', () => {
  test('a folder that has vanished', async (t) => {
    const replica = made(t, { data: folder });
    const walk = new ReplicaWalk(replica, []);
    rmdirSync(join(replica, 'data'));
    const failure = await findPacks(walk, [], boundsOf()).end;
    assert.ok(failure instanceof Failure);
    assert.match(failure.message, /the replica could not be looked at \(find: exit code 1: .*No such file or directory/);
  });

  const fakes: readonly (readonly [name: string, script: string, words: RegExp])[] = [
    ['what find said before it failed', `printf 'f 1 2.0 ab/${id}\\0'; echo '/r: Permission denied' >&2; exit 1`, /exit code 1: \/r: Permission denied/],
    ['a signal', 'kill -9 $$', /ended by SIGKILL/],
    ['a record that is cut short', `printf 'f 1 2.0 ab'`, /cut short/],
    ['a record without a time', `printf 'f 1 ab/x\\0'`, /cannot be understood: "f 1 ab\/x"/],
    ['one without a size', `printf 'f  2.0 ab/x\\0'`, /cannot be understood/],
    ['one without a fraction', `printf 'f 1 2 ab/x\\0'`, /cannot be understood/],
    ['one without a path', `printf 'f 1 2.0 \\0'`, /cannot be understood/],
    ['one without a type', `printf '1 2.0 x\\0'`, /cannot be understood/],
    ['another program of that name', 'echo usage: find', /cut short/],
    ['one without an end', 'head -c 5000 /dev/zero | tr "\\0" x', /too long/],
  ];
  for (const [name, script, words] of fakes) {
    test(name, async (t) => {
      putFind(t, script);
      await assert.rejects(byFind(made(t, { data: folder }), []), (error) => error instanceof Failure && words.test(error.message));
    });
  }

  test('one that does not go on, and one that we are told to stop', async (t) => {
    putFind(t, 'exec tail -f /dev/null');
    const replica = made(t, { data: folder });
    await assert.rejects(byFind(replica, [], { stall: 50 }), /find: stall/);
    const reason = new Failure('told to stop', '');
    await assert.rejects(byFind(replica, [], { interrupt: AbortSignal.abort(reason) }), reason);
  });
});

test('it is over when it is told to stop, and nothing of it is left', async (t) => {
  const bin = putFind(t, 'echo $$ >"$0.pid"; exec tail -f /dev/null');
  const walking = findPacks(new ReplicaWalk(made(t, { data: folder }), []), [], boundsOf());
  while (!existsSync(join(bin, 'find.pid'))) await new Promise(setImmediate);
  await walking.stop();
  assert.ok((await walking.end) instanceof Error);
});

test('where we are ourselves does not matter: the folder may be closed to the user of the nights, or gone', async (t) => {
  const gone = join(temporaryFolder(t), 'gone');
  const here = process.cwd();
  mkdirSync(gone);
  process.chdir(gone);
  t.after(() => { process.chdir(here); });
  rmdirSync(gone);
  assert.deepEqual(await byFind(made(t, packTree), []), contentOf(walkReplica(made(t, packTree), [])));
});
