/** Quarantine on disk: one copy per name, the byte limit, and what leaves when. */
import { inReplica, wanted } from '../../../src/audit/questions.ts';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, linkSync, lstatSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { repositoryPath } from '../../../src/layout.ts';
import { smallestCopy } from '../../../src/ratchet/arrival/quarantine-limit.ts';
import { quarantined } from '../../../src/ratchet/arrival/quarantined.ts';
import { Quarantine } from '../../../src/ratchet/arrival/quarantine.ts';
import { ownPaths, Replica } from '../../../src/replica-path.ts';
import { Books } from '../../../src/audit/books.ts';
import { filesBelow } from '../../support/night.ts';
import { type Ending, temporaryFolder } from '../../support/temporary.ts';

const size = smallestCopy;
const pathFor = (name: string): string => repositoryPath('pack', createHash('sha256').update(name).digest('hex'));

interface Place {
  readonly replica: Replica;
  readonly folder: string;
  readonly open: (limit?: number) => Quarantine;
  /** A new file, outside quarantine; the clock that the kernel stamps files with has moved on since it was asked for. */
  readonly file: (bytes?: number) => string;
}

function placeIn(t: Ending): Place {
  const below = temporaryFolder(t);
  const replica = new Replica('nightly', join(below, 'replica'));
  const folder = ownPaths(replica).quarantine;
  let count = 0;
  return {
    replica,
    folder,
    open: (limit = 3 * size) => new Quarantine(folder, limit),
    file: (bytes = size) => {
      const path = join(below, `file ${count++}`);
      const content = randomBytes(bytes);
      writeFileSync(path, content);
      for (const { ctimeMs } = lstatSync(path); lstatSync(path).ctimeMs === ctimeMs;) writeFileSync(path, content);
      return path;
    },
  };
}

test('the oldest copies leave when a new one needs their room, by when they came and not by their own times', (t) => {
  const place = placeIn(t);
  const names = ['a', 'b', 'c', 'd', 'e'].map(pathFor);
  for (const [n, name] of names.entries()) {
    const file = place.file();
    utimesSync(file, 1e9 - n * 1e6, 1e9 - n * 1e6); // serverA chooses these
    assert.equal(place.open().take(file, name), undefined); // each time read from disk
    assert.ok(!existsSync(file));
    assert.deepEqual(filesBelow(place.folder), names.slice(Math.max(0, n - 2), n + 1).sort());
  }
  assert.deepEqual(quarantined(place.replica), { files: 3, bytes: 3 * size });
  assert.equal(place.open().take(place.file(2 * size), pathFor('f')), undefined);
  assert.deepEqual(filesBelow(place.folder), [pathFor('e'), pathFor('f')].sort());
});

test('one copy per name: a later one takes the place of the earlier', (t) => {
  const place = placeIn(t);
  const quarantine = place.open();
  for (let n = 0; n < 5; n++) {
    const file = place.file();
    const content = readFileSync(file);
    quarantine.take(file, pathFor('a'));
    assert.deepEqual(readFileSync(join(place.folder, pathFor('a'))), content);
  }
  quarantine.take(place.file(), pathFor('b'));
  quarantine.take(place.file(), pathFor('c'));
  assert.equal(filesBelow(place.folder).length, 3);
});

test('a file larger than quarantine may be is thrown away and said; the others stay', (t) => {
  const place = placeIn(t);
  const quarantine = place.open();
  quarantine.take(place.file(), pathFor('a'));
  const large = place.file(3 * size + 1);
  assert.match(quarantine.take(large, pathFor('b')) ?? '', /larger than quarantine may be, so thrown away/);
  assert.ok(!existsSync(large));
  assert.deepEqual(filesBelow(place.folder), [pathFor('a')]);
});

test('a symlink or a folder under the name of a file is kept as well; a folder counts with all that is in it', (t) => {
  const place = placeIn(t);
  const [folder, link] = ['folder', 'link'].map((name) => join(dirname(place.file()), name)) as [string, string];
  symlinkSync('/etc/passwd', link);
  assert.equal(place.open().take(link, pathFor('link')), undefined);
  mkdirSync(join(folder, 'below'), { recursive: true });
  writeFileSync(join(folder, 'below/x'), randomBytes(2 * size));
  assert.equal(place.open().take(folder, pathFor('folder')), undefined);
  assert.deepEqual(filesBelow(place.folder), [pathFor('link'), `${pathFor('folder')}/below/x`].sort());
  assert.deepEqual(quarantined(place.replica).files, 2);
  place.open().take(place.file(), pathFor('a'));
  assert.deepEqual(filesBelow(place.folder), [pathFor('a'), `${pathFor('folder')}/below/x`].sort());
  mkdirSync(folder);
  for (const name of ['1', '2', '3', '4']) writeFileSync(join(folder, name), '');
  assert.match(place.open().take(folder, pathFor('b')) ?? '', /thrown away/);
  assert.ok(!existsSync(folder));
});

test('what the replica itself had stays, whatever comes from serverA: old copies of repaired files, an old config', (t) => {
  const place = placeIn(t);
  const kept = ['a', 'b', 'c', 'd'].map((name) => ({ path: pathFor(name), file: place.file(2 * size) }));
  for (const { path, file } of [...kept, { path: 'config', file: place.file(2 * size) }]) place.open().keep(file, path);
  for (const { path, file } of kept) assert.equal(lstatSync(file).ino, lstatSync(join(place.folder, 'replaced', path)).ino);
  linkSync(place.file(2 * size), join(place.folder, 'config-00'));
  for (const name of ['1', '2', '3', '4']) place.open().take(place.file(), pathFor(name));
  const own = ['config-00', 'replaced/config', ...kept.map(({ path }) => `replaced/${path}`)];
  assert.deepEqual(filesBelow(place.folder), [...own, ...['2', '3', '4'].map(pathFor)].sort());
});

test('a copy leaves when the replica has the file; the old copy of a repaired one stays', (t) => {
  const place = placeIn(t);
  const books = new Books();
  const entries = ['a', 'b'].map((name) => books.enter('pack', pathFor(name).slice(-64), size, 1000));
  for (const name of ['a', 'b']) place.open().take(place.file(), pathFor(name));
  place.open().keep(place.file(), pathFor('a'));
  for (const entry of entries) books.set(entry, wanted);
  place.open().settle(books);
  assert.equal(filesBelow(place.folder).length, 3);
  books.set(entries[0] ?? -1, inReplica);
  place.open().settle(books);
  assert.deepEqual(filesBelow(place.folder), [pathFor('b'), `replaced/${pathFor('a')}`].sort());
  const replica = temporaryFolder(t);
  assert.equal(place.open().hasMissing(replica), true);
  mkdirSync(dirname(join(replica, pathFor('b'))), { recursive: true });
  writeFileSync(join(replica, pathFor('b')), '');
  assert.equal(place.open().hasMissing(replica), false);
});
