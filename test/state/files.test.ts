import assert from 'node:assert/strict';
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Failure } from '../../src/errors.ts';
import { makeFolder, replaceFile, syncFolder } from '../../src/state/files.ts';
import { syncFileSystem } from '../../src/programs/sync.ts';
import { withFileLimit } from '../support/fileLimit.ts';
import { temporaryFolder } from '../support/temporary.ts';

describe('replacing a file', () => {
  test('makes it, 0600, and leaves nothing beside it', (t) => {
    const folder = temporaryFolder(t);
    replaceFile(join(folder, 'x'), 'one\u00e4\n');
    assert.deepEqual([readFileSync(join(folder, 'x'), 'utf8'), readdirSync(folder), lstatSync(join(folder, 'x')).mode & 0o7777], ['one\u00e4\n', ['x'], 0o600]);
  });

  test('is a new file in the old one\'s place: who reads the old one goes on reading it', (t) => {
    const path = join(temporaryFolder(t), 'x');
    writeFileSync(path, 'old', { mode: 0o644 });
    const before = lstatSync(path).ino;
    replaceFile(path, 'new');
    assert.notEqual(lstatSync(path).ino, before);
    assert.deepEqual([readFileSync(path, 'utf8'), lstatSync(path).mode & 0o7777], ['new', 0o600]);
  });

  test('what a crash left of the last time does not matter, and is not followed', (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'precious'), 'precious');
    symlinkSync('precious', join(folder, 'x.new'));
    replaceFile(join(folder, 'x'), 'new');
    assert.deepEqual([readFileSync(join(folder, 'x'), 'utf8'), readFileSync(join(folder, 'precious'), 'utf8'), readdirSync(folder).sort()], ['new', 'precious', ['precious', 'x']]);
  });

  test('where there is no folder: an error', (t) => {
    assert.throws(() => { replaceFile(join(temporaryFolder(t), 'none/x'), ''); }, { code: 'ENOENT' });
  });

  test('when the disk takes only a part of it, the old one stays', async (t) => {
    const path = join(temporaryFolder(t), 'x');
    writeFileSync(path, 'old');
    await assert.rejects(withFileLimit(1000, () => { replaceFile(path, 'new'.repeat(1000)); }), { code: 'EFBIG' });
    assert.equal(readFileSync(path, 'utf8'), 'old');
  });
});

test('folders that are missing are made for us alone; those that are there stay as they are', (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'a'));
  chmodSync(join(folder, 'a'), 0o755);
  makeFolder(join(folder, 'a/b/c'));
  makeFolder(join(folder, 'a'));
  assert.deepEqual(['a', 'a/b', 'a/b/c'].map((path) => lstatSync(join(folder, path)).mode & 0o777), [0o755, 0o700, 0o700]);
});

describe('making durable', () => {
  test('a folder, a file system', async (t) => {
    const folder = temporaryFolder(t);
    syncFolder(folder);
    await syncFileSystem(folder);
  });
  test('what is not there is an error', async (t) => {
    const none = join(temporaryFolder(t), 'none');
    assert.throws(() => { syncFolder(none); }, { code: 'ENOENT' });
    await assert.rejects(syncFileSystem(none), (error: unknown) => error instanceof Failure && error.message.includes(none));
  });
});
