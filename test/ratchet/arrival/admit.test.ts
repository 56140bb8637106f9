import { rejected, verified, wanted } from '../../../src/audit/questions.ts';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, linkSync, lstatSync, mkdirSync, readFileSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { admissionOrder, type HashedType } from '../../../src/layout.ts';
import { Failure } from '../../../src/errors.ts';
import { admit } from '../../../src/ratchet/arrival/admit.ts';
import { bench, put, seedFile, type Bench, type SeedFile } from '../../support/wantedFiles.ts';
import { digest } from '../../support/tree.ts';

const all = new Set(admissionOrder);
const files = admissionOrder.map((type) => seedFile(type, `a ${type}`)) as [SeedFile, SeedFile, SeedFile, SeedFile];
const [key, pack, index, snapshot] = files;

/** A replica with one verified candidate of each type. */
function ready(t: TestContext): Bench {
  const b = bench(t);
  for (const file of files) candidate(b, file);
  return b;
}

function candidate(b: Bench, file: SeedFile, flag: typeof verified     = verified): SeedFile {
  chmodSync(put(b.paths.candidate, file.path, file.content), 0o400);
  return b.want(file, flag);
}

const run = (b: Bench, types: ReadonlySet<HashedType> = all) => admit(b.replica, b.paths.candidate, b.books, types);
const inReplica = (b: Bench): string[] => digest(b.replica, { folders: false, without: ['.rsync-ratchet'] }).map((line) => line.split(' ', 1)[0] ?? '');
const candidates = (b: Bench): string[] => digest(b.paths.candidate, { folders: false }).map((line) => line.split(' ', 1)[0] ?? '');
const pathsOf = (some: readonly SeedFile[]): string[] => some.map(({ path }) => path).sort();
const bytesOf = (some: readonly SeedFile[]): number => some.reduce((sum, { content }) => sum + content.length, 0);

describe('admission', () => {
  test('each candidate is linked in, with its mode, and is a candidate no more', async (t) => {
    const b = ready(t);
    const before = lstatSync(join(b.paths.candidate, pack.path));
    assert.deepEqual(await run(b), { files: 4, bytes: bytesOf(files) });
    assert.deepEqual([inReplica(b), candidates(b)], [pathsOf(files), []]);
    const after = lstatSync(join(b.replica, pack.path));
    assert.deepEqual([after.ino, after.mode & 0o7777, after.nlink, after.mtimeMs], [before.ino, 0o400, 1, before.mtimeMs]);
  });

  test('only what was verified, and is one of the types', async (t) => {
    const b = bench(t);
    const [onlyWanted, bad] = [seedFile('pack', 'wanted'), seedFile('pack', 'bad')];
    for (const file of files) candidate(b, file);
    candidate(b, onlyWanted, wanted);
    candidate(b, bad, rejected);
    put(b.paths.candidate, seedFile('pack', 'unknown').path, 'unknown');
    put(b.paths.candidate, 'config', 'x');
    put(b.paths.candidate, 'data/00/x', 'x');
    put(b.paths.candidate, `index/${pack.id}`, 'x');
    const left = [onlyWanted.path, bad.path, seedFile('pack', 'unknown').path, 'config', 'data/00/x', `index/${pack.id}`];
    assert.deepEqual(await run(b, new Set(['pack'])), { files: 1, bytes: pack.content.length });
    assert.deepEqual(inReplica(b), [pack.path]);
    assert.deepEqual(candidates(b), [...left, key.path, index.path, snapshot.path].sort());
    assert.deepEqual(await run(b), { files: 3, bytes: bytesOf([key, index, snapshot]) });
    assert.deepEqual(candidates(b), left.sort());
  });

  test('a folder of packs that is missing is made, for us alone', async (t) => {
    const b = bench(t);
    candidate(b, pack);
    const folder = join(b.replica, pack.path.slice(0, 7));
    rmdirSync(folder);
    await run(b);
    assert.deepEqual([lstatSync(folder).mode & 0o7777, inReplica(b)], [0o700, [pack.path]]);
  });

  test('there is nothing to admit', async (t) => {
    const b = bench(t);
    const before = digest(b.replica);
    assert.deepEqual(await run(b), { files: 0, bytes: 0 });
    assert.deepEqual(digest(b.replica), before);
  });

  test('a folder of candidates is not followed out of its place', async (t) => {
    const b = bench(t);
    candidate(b, pack);
    symlinkSync('/nonexistent', join(b.paths.candidate, 'index'));
    assert.equal((await run(b)).files, 1);
  });
});

describe('the order', () => {
  const folders = ['keys', 'data', 'index', 'snapshots'];
  /** Replaces a folder of the replica by a file: no link into it works, whoever runs this. */
  for (const [n, type] of admissionOrder.entries()) {
    test(`when no ${type} can be linked, just what comes before it is in, and the next run finishes`, async (t) => {
      const b = ready(t);
      const folder = join(b.replica, folders[n] ?? '');
      execFileSync('mv', [folder, `${folder}.away`]);
      writeFileSync(folder, '');
      await assert.rejects(run(b), { code: 'ENOTDIR' });
      const [before, later] = [files.slice(0, n), files.slice(n)];
      rmSync(folder);
      execFileSync('mv', [`${folder}.away`, folder]);
      assert.deepEqual([inReplica(b), candidates(b)], [pathsOf(before), pathsOf(later)]);
      assert.deepEqual(await run(b), { files: later.length, bytes: bytesOf(later) });
      assert.deepEqual([inReplica(b), candidates(b)], [pathsOf(files), []]);
    });
  }
});

describe('a name that the replica has', () => {
  test('the same file: a run was killed between link and unlink, and this one finishes it', async (t) => {
    const b = ready(t);
    for (const { path } of files) linkSync(join(b.paths.candidate, path), join(b.replica, path));
    const before = digest(b.replica, { inode: true, without: ['.rsync-ratchet'] });
    assert.equal((await run(b)).files, 4);
    assert.deepEqual([digest(b.replica, { inode: true, without: ['.rsync-ratchet'] }), candidates(b)], [before, []]);
  });

  test('again and again: nothing more happens', async (t) => {
    const b = ready(t);
    await run(b);
    const before = digest(b.replica, { inode: true });
    assert.deepEqual(await run(b), { files: 0, bytes: 0 });
    assert.deepEqual(digest(b.replica, { inode: true }), before);
  });

  const others: readonly (readonly [name: string, make: (path: string) => void])[] = [
    ['another file', (path) => writeFileSync(path, 'precious')],
    ['a file of the same content', (path) => writeFileSync(path, pack.content)],
    ['an empty file', (path) => writeFileSync(path, '')],
    ['a symlink', (path) => symlinkSync('/nonexistent', path)],
    ['a symlink to the candidate', (path) => symlinkSync(`../../.rsync-ratchet/candidate/${pack.path}`, path)],
    ['a folder', (path) => mkdirSync(path)],
    ['a fifo', (path) => execFileSync('mkfifo', [path])],
  ];
  for (const [name, make] of others) {
    test(`${name}: nothing is overwritten, and the run fails`, async (t) => {
      const b = ready(t);
      make(join(b.replica, pack.path));
      const before = digest(join(b.replica, 'data'), { inode: true });
      await assert.rejects(run(b), (error: unknown) => error instanceof Failure && error.message.includes(pack.path) && error.hint.includes('not overwritten'));
      assert.deepEqual(digest(join(b.replica, 'data'), { inode: true }), before);
      assert.equal(readFileSync(join(b.paths.candidate, pack.path), 'utf8'), pack.content);
      assert.deepEqual([index, snapshot].map(({ path }) => existsSync(join(b.replica, path))), [false, false]);
    });
  }
});
