/** Disks on which no replica can be: init says why, in facts, and leaves the place as it was. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, readdirSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { program, ratchet } from '../../support/cli.ts';
import { writeConfig } from '../../support/config.ts';
import { preparedRepository } from '../../support/restic.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { digest } from '../../support/tree.ts';

/** A small file system of its own at `folder/disk`; false where this machine mounts none for us. */
function mounted(t: TestContext, folder: string, ...args: readonly string[]): boolean {
  const disk = join(folder, 'disk');
  mkdirSync(disk);
  const isMounted = spawnSync('mount', [...args, disk]).status === 0;
  if (isMounted) t.after(() => { execFileSync('umount', [disk]); });
  return isMounted;
}

/** An empty FAT12 disk of 1.44 MB (Microsoft's FAT specification: boot sector, two tables of nine sectors). */
function floppy(): Buffer {
  const disk = Buffer.alloc(2880 * 512);
  Buffer.from([0xeb, 0x3c, 0x90, ...Buffer.from('mkdosfs '), 0x00, 0x02, 1, 1, 0, 2, 0xe0, 0, 0x40, 0x0b, 0xf0, 9, 0, 18, 0, 2, 0]).copy(disk);
  disk[38] = 0x29;
  disk.write('NO NAME    FAT12   ', 43, 'latin1');
  disk.writeUInt16BE(0x55aa, 510);
  for (const sector of [1, 10]) Buffer.from([0xf0, 0xff, 0xff]).copy(disk, sector * 512);
  return disk;
}

test('a disk without free inodes: init makes nothing there, and doctor says of the state that no night can write it', async (t) => {
  const folder = temporaryFolder(); // removed after the disk
  const { path } = await preparedRepository(join(folder, 'source'));
  if (!mounted(t, folder, '-t', 'tmpfs', '-o', 'nr_inodes=100', 'none')) return t.diagnostic('no mounts here: rights of this user');
  const config = writeConfig(folder, path, { repositories: { nightly: { replica: join(folder, 'disk/nightly') } } });
  const { code, stderr } = await ratchet(['init', 'nightly'], { config: config.file });
  assert.deepEqual([code, readdirSync(join(folder, 'disk'))], [1, []], stderr);
  assert.match(stderr, /has \d+ free inodes: no room for the names of a replica's folders\n.*df -i \S+\/disk\)/);
  const state = join(folder, 'disk/state');
  mkdirSync(state, { mode: 0o700 });
  const elsewhere = writeConfig(folder, path, { state });
  const looked = async (): Promise<string> => (await ratchet(['doctor'], { config: elsewhere.file })).stdout;
  assert.match(await looked(), /✔ state +\S+\/disk\/state\n/);
  for (let n = 0; n < 85; n++) writeFileSync(join(folder, 'disk', `${n}`), '');
  assert.match(await looked(), /✘ state +the disk of \S+\/disk\/state has .* and \d+ inodes free: a night can hardly write its journal there\n.*make room on that disk/);
});

test('a night for which there are too few inodes fetches nothing and says which limit', async (t) => {
  const folder = temporaryFolder(); // removed after the disk
  const { path } = await preparedRepository(join(folder, 'source'));
  if (!mounted(t, folder, '-t', 'tmpfs', '-o', 'nr_inodes=400', 'none')) return t.diagnostic('no mounts here: rights of this user');
  const replica = join(folder, 'disk/nightly');
  const config = writeConfig(folder, path, { repositories: { nightly: { replica, limits: { minFree: '40%' } } } });
  assert.equal((await ratchet(['init', 'nightly'], { config: config.file })).code, 0);
  const before = digest(replica, { without: ['.rsync-ratchet'] });
  const { code, stderr } = await ratchet(['sync'], { config: config.file });
  assert.equal(code, 1, stderr);
  assert.match(stderr, /not enough inodes: \d+ files to fetch, \d+ inodes free, limits\.minFree keeps \d+/);
  assert.deepEqual(digest(replica, { without: ['.rsync-ratchet'] }), before);
  assert.match((await ratchet(['doctor'], { config: config.file })).stdout, /free space +\d+ of \d+ inodes free/);
});

test('times that the replica\'s disk cannot hold are no alarm that never ends, and no other time passes for one of them', async (t) => {
  const folder = temporaryFolder(); // removed after the disk
  const { path } = await preparedRepository(join(folder, 'source'));
  writeFileSync(join(folder, 'image'), '');
  truncateSync(join(folder, 'image'), 40_000_000);
  execFileSync('mkfs.ext4', ['-q', '-I', '128', join(folder, 'image')], { stdio: 'ignore' }); // until 2038, as on old disks
  if (!mounted(t, folder, '-o', 'loop', join(folder, 'image'))) return t.diagnostic('no mounts here: rights of this user');
  const config = writeConfig(folder, path, { repositories: { nightly: { replica: join(folder, 'disk/nightly'), limits: { suspects: 1 } } } });
  const packs = readdirSync(join(path, 'data'), { recursive: true, encoding: 'utf8' }).filter((name) => name.length > 64).sort().map((name) => join(path, 'data', name));
  const touch = (years: readonly string[]): void => { years.forEach((year, n) => { execFileSync('touch', ['-d', `${year}-06-01T00:00:00Z`, packs[n] ?? '']); }); };
  const night = async (): Promise<[number | null, string[]]> => {
    const ended = await ratchet(['--json', 'sync'], { config: config.file });
    type Finding = Readonly<{ rule: string; severity: string }>;
    return [ended.code, (ended.json().runs[0].findings as Finding[]).filter(({ severity }) => severity !== 'note').map(({ rule }) => rule)];
  };
  touch(['1890', '1960', '2039', '2200']);
  assert.equal((await ratchet(['init', 'nightly'], { config: config.file })).code, 0);
  assert.deepEqual([await night(), await night()], [[0, []], [0, []]]);
  touch(['1900', '1960', '2100', '2199']);
  assert.deepEqual(await night(), [0, []]);
  touch(['1900', '1961', '2037', '2199']);
  assert.deepEqual(await night(), [3, ['mtimes']]);
});

/** link(2) as vfat has it, for kernels without vfat: the system call itself is made to fail. */
const withoutLinks = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=link,linkat', '-e', 'inject=link,linkat:error=EPERM'];

test('a file system without hard links is named, and nothing is made', async (t) => {
  const folder = temporaryFolder(); // removed after the disk
  const { path } = await preparedRepository(join(folder, 'source'));
  writeFileSync(join(folder, 'image'), floppy());
  const isVfat = mounted(t, folder, '-t', 'vfat', '-o', 'loop', join(folder, 'image'));
  if (isVfat) assert.throws(() => { writeFileSync(join(folder, 'disk/a'), ''); linkSync(join(folder, 'disk/a'), join(folder, 'disk/b')); });
  const before = readdirSync(join(folder, 'disk'));
  const config = writeConfig(folder, path, { repositories: { nightly: { replica: join(folder, 'disk/nightly') } } });
  const argv = [...(isVfat ? [] : withoutLinks), process.execPath, program, '--config', config.file, 'init', 'nightly'];
  const { status, stderr } = spawnSync(argv[0] ?? '', argv.slice(1), { encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '', HOME: folder } });
  assert.deepEqual([status, readdirSync(join(folder, 'disk'))], [1, before], stderr);
  assert.match(stderr, /the file system of \S+ knows no hard links/);
  assert.doesNotMatch(stderr, /user who owns/);
});

for (const name of ['data', 'index', 'keys', 'snapshots']) {
  test(`${name} turned into a symlink on serverA: init says what it is, and nothing is left half-made`, async (t) => {
    const folder = temporaryFolder(t);
    const { path } = await preparedRepository(join(folder, 'source'));
    renameSync(join(path, name), join(folder, 'moved'));
    symlinkSync(join(folder, 'moved'), join(path, name));
    const config = writeConfig(folder, path);
    const { code, stderr } = await ratchet(['init', 'nightly'], { config: config.file });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`${name}\\\\?" is no folder on serverA but a symlink`));
    assert.equal(existsSync(config.replica), false);
  });
}

test('what was there before a failed init stays: an empty folder, the files of a copy', async (t) => {
  const folder = temporaryFolder(t);
  const config = writeConfig(folder, join(folder, 'nothing'));
  mkdirSync(join(folder, 'nothing'));
  for (const made of [[], ['data', 'data/ab'], ['data', 'data/ab', 'keys', 'locks']]) {
    for (const name of ['', ...made]) mkdirSync(join(config.replica, name), { recursive: true, mode: 0o700 });
    const before = digest(config.replica, { mtime: false });
    assert.equal((await ratchet(['init', 'nightly'], { config: config.file })).code, 1);
    assert.deepEqual(digest(config.replica, { mtime: false }), before);
  }
});
