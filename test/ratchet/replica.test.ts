import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { Failure } from '../../src/errors.ts';
import { checkPins, exists, fingerprint, notInitialised, readMarker, type Marker } from '../../src/ratchet/replica.ts';
import { freeSpace } from '../../src/programs/disk.ts';
import { writeMarker } from '../../src/ratchet/replica-place.ts';
import { ownPaths, Replica } from '../../src/replica-path.ts';
import { walkReplica } from '../../src/audit/walk.ts';
import { fileOf, idOf } from '../support/itemized.ts';
import { makeTree } from '../support/makeTree.ts';
import { nights, oddNames, seenIn } from '../support/nights.ts';
import { contentOf } from '../support/replica.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { digest, sha256 } from '../support/tree.ts';
import { catalogueOf, file, folder, repository, special, type Tree } from '../support/trees.ts';

function made(t: TestContext, tree: Tree): string {
  const replica = join(temporaryFolder(t), 'rep lica');
  makeTree(replica, tree);
  return replica;
}

describe('the walk', () => {
  for (const night of nights) {
    test(`the replica of: ${night.name}`, (t) => {
      const replica = made(t, night.replica);
      assert.deepEqual(contentOf(walkReplica(replica, night.ignore)), contentOf(catalogueOf(seenIn(night.replica, night))));
    });
  }

  test('what is hash-named but no file is not in the books', (t) => {
    const [pack, index] = [fileOf('pack', 1), fileOf('index', 1)];
    const found = walkReplica(made(t, { data: folder, [pack.slice(0, 7)]: folder, [pack]: folder, index: folder, [index]: special }), []);
    assert.equal(found.books.count, 0);
    assert.deepEqual([found.others.get(pack)?.type, found.others.get(index)?.type], ['folder', 'special']);
  });

  const times: readonly (readonly [time: string, seconds: number])[] = [
    ['1795397264', 1_795_397_264], ['1795397264.000000001', 1_795_397_264], ['1795397264.5', 1_795_397_264], ['1795397264.999', 1_795_397_264],
    ['1795397264.999999', 1_795_397_264], ['1795397264.999999999', 1_795_397_264], ['0.999999999', 0], ['0', 0],
    ['-1', -1], ['-0.5', -1], ['-1.999999999', -2], ['-0.000000001', -1], ['4102444800.999999999', 4_102_444_800],
  ];
  for (const [time, seconds] of times) {
    test(`the full seconds of ${time}, as rsync has them`, (t) => {
      const replica = made(t, { x: file() });
      execFileSync('touch', ['-d', `@${time}`, join(replica, 'x')]);
      const { mtimeNs } = lstatSync(join(replica, 'x'), { bigint: true });
      assert.equal(walkReplica(replica, []).others.get('x')?.mtime, seconds, `the file system has ${mtimeNs}`);
    });
  }

  test('it follows no symlink, and changes nothing', (t) => {
    const replica = made(t, repository);
    mkdirSync(join(replica, '../outside'));
    writeFileSync(join(replica, '../outside/x'), '');
    symlinkSync('../outside', join(replica, 'link'));
    const before = digest(replica);
    const { others } = walkReplica(replica, []);
    assert.deepEqual([others.get('link')?.type, others.has('link/x')], ['special', false]);
    assert.deepEqual(digest(replica), before);
  });

  test('a replica that is not there is an error, not an empty one', (t) => {
    assert.throws(() => walkReplica(join(temporaryFolder(t), 'none'), []), { code: 'ENOENT' });
  });
});

describe('whether anything is there', () => {
  test('names of any bytes', (t) => {
    const replica = made(t, Object.fromEntries(oddNames.map((name) => [name, file()])));
    for (const name of oddNames) {
      assert.equal(exists(replica, name), true, name);
      assert.equal(exists(replica, `${name.slice(0, -1)}@`), false, name);
    }
  });
  test('a broken symlink is something', (t) => { assert.equal(exists(made(t, { x: special }), 'x'), true); });
  test('nothing is below a folder that is not there', (t) => { assert.equal(exists(made(t, {}), 'x/y'), false); });
});

const at = (path: string): Replica => new Replica('nightly', path);

const marker = (replica: string): Marker => ({
  version: 1, id: 'an id', repository: 'nightly', createdAt: '2026-11-23T01:27:44.012Z',
  pins: { config: fingerprint(join(replica, 'config')), keys: [] }, firstRunCompleted: false,
});

describe('the marker', () => {
  test('comes back as it was written, and is nobody else\'s to read', (t) => {
    const replica = made(t, { config: file(), '.rsync-ratchet': folder });
    writeMarker(at(replica), marker(replica));
    assert.deepEqual(readMarker(at(replica)), marker(replica));
    assert.equal(lstatSync(ownPaths(at(replica)).marker).mode & 0o777, 0o600);
  });

  test('there is none in an empty folder, a missing one, or below a file', (t) => {
    const replica = made(t, { x: file(), '.rsync-ratchet': folder });
    for (const path of [replica, join(replica, 'none'), join(replica, 'x')]) assert.equal(readMarker(at(path)), undefined);
  });

  const damaged = ['', '\0\0\0', '{', 'null', '[]', '7', '{}', '{"version":1}', '{"version":2,"pins":{"config":"x","keys":[]}}', '{"version":1,"pins":{"config":"x","keys":[]}}',
    `{"version":1,"pins":{"config":"${idOf(1)}"}}`, `{"version":1,"pins":{"config":"${idOf(1)}","keys":"all"}}`];
  for (const text of damaged) {
    test(`damaged: ${JSON.stringify(text)}`, (t) => {
      const replica = made(t, { '.rsync-ratchet': folder });
      writeFileSync(ownPaths(at(replica)).marker, text);
      assert.throws(() => readMarker(at(replica)), (error: unknown) => error instanceof Failure && error.message.includes('replica.json is damaged') && error.hint !== '');
    });
  }

  test('a folder in its place is an error', (t) => {
    assert.throws(() => readMarker(at(made(t, { '.rsync-ratchet': folder, '.rsync-ratchet/replica.json': folder }))), { message: /replica\.json is no file, but a folder$/ });
  });

  test('without one the failure says what to do', () => {
    const { message, hint } = notInitialised(at('/srv/r'));
    assert.match(message, /^\/srv\/r has no marker: it is not initialised, or not mounted$/);
    assert.match(hint, /rsync-ratchet init nightly/);
  });
});

describe('the pins', () => {
  const pinned = (t: TestContext): { replica: string; marker: Marker; key: string } => {
    const replica = made(t, { config: file(155), keys: folder });
    const key = sha256(join(replica, 'config')); // a file of 155 zeros again
    writeFileSync(join(replica, 'keys', key), Buffer.alloc(155));
    return { replica, key, marker: { ...marker(replica), pins: { config: key, keys: [key] } } };
  };
  const wrong: readonly (readonly [name: string, change: (replica: string, key: string) => void, named: RegExp])[] = [
    ['another config', (replica) => writeFileSync(join(replica, 'config'), 'x'), /own config is missing or/],
    ['no config', (replica) => execFileSync('rm', [join(replica, 'config')]), /own config is/],
    ['another key', (replica, key) => writeFileSync(join(replica, 'keys', key), 'x'), /own keys\/[0-9a-f]{64} is/],
    ['no key', (replica, key) => execFileSync('rm', [join(replica, 'keys', key)]), /own keys\/[0-9a-f]{64} is/],
    ['neither', (replica) => execFileSync('rm', ['-r', join(replica, 'config'), join(replica, 'keys')]), /own config, keys\/[0-9a-f]{64} is/],
  ];

  test('hold while config and keys are what they were; times do not matter', (t) => {
    const { replica, marker: it } = pinned(t);
    utimesSync(join(replica, 'config'), 1, 1);
    checkPins(at(replica), it);
  });
  for (const [name, change, named] of wrong) {
    test(`${name}: a failure that names it`, (t) => {
      const { replica, marker: it, key } = pinned(t);
      change(replica, key);
      assert.throws(() => { checkPins(at(replica), it); }, (error: unknown) => error instanceof Failure && named.test(error.message) && error.hint.includes('not serverA'));
    });
  }
});

test('free space is what df says, as an ordinary user may use it', (t) => {
  const replica = temporaryFolder(t);
  const { free, total } = freeSpace(at(replica));
  const [size] = execFileSync('df', ['-B1', '--output=size', replica], { encoding: 'utf8' }).trim().split('\n').slice(1);
  assert.equal(total, Number(size));
  assert.ok(free > 0 && free <= total);
});
