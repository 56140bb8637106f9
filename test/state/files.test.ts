import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { Failure } from '../../src/errors.ts';
import { pathOf, Replica } from '../../src/replica-path.ts';
import { forgetFile, keepOutOf, makeFolder, replaceFile, replaceLines, replicaAround, syncFolder, writeNames } from '../../src/state/files.ts';
import { appendLines } from '../../src/state/lines.ts';
import { IdFile } from '../../src/state/id-file.ts';
import { syncFileSystem } from '../../src/programs/sync.ts';
import { withFileLimit } from '../support/fileLimit.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';

describe('a replica', () => {
  /**
   * A replica with a file, a link to its folder, and a neighbour whose name begins as its own does. They stay until the process
   * ends: what is told of a replica holds as long, and a disk gives a removed folder's inode to the next one.
   */
  function replicaOf(): { replica: string; link: string; neighbour: string } {
    const folder = temporaryFolder();
    const [replica, link, neighbour] = [join(folder, 'replica'), join(folder, 'link'), join(folder, 'replica2')];
    for (const path of [replica, neighbour, join(replica, 'data')]) mkdirSync(path);
    writeFileSync(join(replica, 'config'), 'config');
    symlinkSync('replica/data', link);
    const here = new Replica('nightly', replica);
    keepOutOf([here], [here]);
    return { replica, link, neighbour };
  }

  const writers: Record<string, (path: string) => unknown> = {
    'replacing a file': (path) => { replaceFile(path, 'x'); },
    'replacing lines': (path) => { replaceLines(path, (writer) => { writer.line('x'); }); },
    'making a folder': (path) => { makeFolder(join(path, 'deep')); },
    'writing names': (path) => writeNames(path, ['x']),
    'deleting a file': (path) => { forgetFile(path); writeFileSync(path, '', { flag: 'wx' }); },
    'appending lines': (path) => { appendLines(path, ['x']); },
    'replacing a file of IDs': (path) => { new IdFile(path).write(new Map([['ab'.repeat(32), 1]])); },
  };
  for (const [what, write] of Object.entries(writers)) {
    test(`nothing is written below it, by whatever name: ${what}`, () => {
      const { replica, link, neighbour } = replicaOf();
      const before = digest(replica);
      for (const path of [replica, join(replica, 'config'), join(replica, 'data/x'), join(replica, 'new/x'), `${neighbour}/../replica/data/x`, join(link, 'x')])
        assert.throws(() => write(path), (error) => error instanceof Failure && error.message.includes(`lies in the replica ${replica}`) && error.hint !== '', path);
      assert.deepEqual(digest(replica), before);
      write(join(neighbour, 'x'));
      assert.notDeepEqual(readdirSync(neighbour), []);
    });
  }

  test('the disk of a replica that nobody works with is not looked at', () => {
    const { replica, link } = replicaOf();
    const other = new Replica('other', link);
    keepOutOf([other], []);
    assert.equal(replicaAround(join(link, 'x')), pathOf(other));
    assert.equal(replicaAround(join(replica, 'x')), replica);
  });

  test('it is what it was at the start, wherever it lies by now; its own place, whose disk may hang, is not asked', () => {
    const { replica, neighbour } = replicaOf();
    const moved = join(neighbour, 'moved');
    renameSync(replica, moved);
    assert.equal(replicaAround(join(moved, 'data/x')), replica);
    assert.equal(replicaAround(join(neighbour, 'x')), undefined);
  });

  test('shows its name, and not where it lies', () => {
    const replica = new Replica('nightly', '/srv/replica');
    for (const shown of [String(replica), JSON.stringify(replica), inspect(replica), Object.values(replica).join()]) assert.doesNotMatch(shown, /srv/);
    assert.deepEqual([String(replica), pathOf(replica)], ['nightly', '/srv/replica']);
  });
});

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

test('a pipe that has come in the place of a file of the replica is not waited for', (t) => {
  const pipe = join(temporaryFolder(t), 'pipe');
  execFileSync('mkfifo', [pipe]);
  const module = new URL('../../src/state/read-file.ts', import.meta.url).href;
  const script = `import(${JSON.stringify(module)}).then(({ openToRead }) => console.log(openToRead(${JSON.stringify(pipe)}, 'no link') > 2))`;
  assert.equal(execFileSync(process.execPath, ['--import', 'tsx', '-e', script], { encoding: 'utf8', timeout: 120_000 }), 'true\n');
});
