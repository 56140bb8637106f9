/** Whoever made the copy that becomes a replica, serverA perhaps, chose each name and type in it: init goes through no link, waits for no pipe, and says what is wrong. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync, chownSync, copyFileSync, existsSync, linkSync, mkdirSync, readFileSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ifThere } from '../../../src/state/files.ts';
import { program } from '../../support/cli.ts';
import { writeConfig } from '../../support/config.ts';
import { anyOf, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { digest } from '../../support/tree.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

const isRoot = process.getuid?.() === 0;

/** A repository on serverA, a copy of it on serverB, and a folder of somebody's beside it. */
async function copied(t: Parameters<ServerA['night']>[0]): Promise<Night & { readonly elsewhere: string }> {
  const night = await serverA.night(t, { fresh: true });
  execFileSync('cp', ['-a', night.repository.path, night.replica]);
  const elsewhere = join(night.folder, 'elsewhere');
  mkdirSync(join(elsewhere, 'folder'), { recursive: true });
  writeFileSync(join(elsewhere, 'folder', 'precious'), 'precious');
  return { ...night, elsewhere };
}

/** Moves something out of the copy, and puts a link to it in its place. */
function moveAndLink({ replica, elsewhere }: { replica: string; elsewhere: string }, path: string): void {
  renameSync(join(replica, path), join(elsewhere, 'moved'));
  symlinkSync(join(elsewhere, 'moved'), join(replica, path));
}

function pipeAt(path: string): void {
  rmSync(path, { force: true });
  execFileSync('mkfifo', [path]);
}

type Copied = Awaited<ReturnType<typeof copied>>;

const own = (night: Night, name: string): string => {
  mkdirSync(join(night.replica, '.rsync-ratchet'));
  return join(night.replica, '.rsync-ratchet', name);
};

const refused: readonly (readonly [what: string, make: (night: Copied) => void, words: RegExp])[] = [
  ['a link for data', (night) => { moveAndLink(night, 'data'); }, /replica\/data is no folder, but a symlink/],
  ['a link for keys', (night) => { moveAndLink(night, 'keys'); }, /replica\/keys is no folder, but a symlink/],
  ['a link for a folder of packs', (night) => { moveAndLink(night, dirname(anyOf(night.replica, 'data'))); }, /data\/[0-9a-f]{2} is no folder, but a symlink/],
  ['a file for a folder', (night) => { rmSync(join(night.replica, 'index'), { recursive: true }); writeFileSync(join(night.replica, 'index'), ''); }, /index is no folder, but something else/],
  ['a link for the config', (night) => { moveAndLink(night, 'config'); }, /1 of \d+ files.*\n {2}config: not a regular file/],
  ['a link to nowhere for the config', (night) => { rmSync(join(night.replica, 'config')); symlinkSync('/nonexistent', join(night.replica, 'config')); }, /\n {2}config: not a regular file/],
  ['a pipe for a key', (night) => { pipeAt(join(night.replica, anyOf(night.replica, 'keys'))); }, /\n {2}keys\/[0-9a-f]{64}: not a regular file/],
  ['a link for a key', (night) => { moveAndLink(night, anyOf(night.replica, 'keys')); }, /\n {2}keys\/[0-9a-f]{64}: not a regular file/],
  ['a pipe for a pack', (night) => { pipeAt(join(night.replica, anyOf(night.replica, 'data'))); }, /\n {2}data\/.*: not a regular file/],
  ['a link for a snapshot', (night) => { moveAndLink(night, anyOf(night.replica, 'snapshots')); }, /\n {2}snapshots\/.*: not a regular file/],
  ['a link for our own folder', (night) => { symlinkSync(night.elsewhere, join(night.replica, '.rsync-ratchet')); }, /\.rsync-ratchet is no folder, but a symlink/],
  ['a link for incoming', (night) => { symlinkSync(night.elsewhere, own(night, 'incoming')); }, /incoming is neither a folder nor a file of its own/],
  ['a link in incoming', (night) => { mkdirSync(own(night, 'incoming')); symlinkSync(night.elsewhere, join(night.replica, '.rsync-ratchet/incoming/run')); }, /incoming\/run is no folder, but a symlink/],
  ['a link for candidate', (night) => { symlinkSync(night.elsewhere, own(night, 'candidate')); }, /candidate is neither a folder nor a file of its own/],
  ['a link in quarantine', (night) => { mkdirSync(own(night, 'quarantine')); symlinkSync(night.elsewhere, join(night.replica, '.rsync-ratchet/quarantine/data')); }, /quarantine\/data is no folder, but a symlink/],
  ['a link for the lock', (night) => { symlinkSync(join(night.elsewhere, 'folder/precious'), own(night, 'lock')); }, /lock is neither a folder nor a file of its own/],
  ['a lock that is a second name of a pack', (night) => { linkSync(join(night.replica, anyOf(night.replica, 'data')), own(night, 'lock')); }, /lock is neither a folder nor a file of its own/],
];

test('a file of another user is called that', async (t) => {
  const night = await copied(t);
  const pack = anyOf(night.replica, 'data');
  if (isRoot) chownSync(join(night.replica, pack), 1234, 1234);
  const { code, stderr } = await night.run(['init', 'nightly']);
  if (!isRoot) return assert.equal(code, 0, stderr); // who is not root can give nothing away
  assert.equal(code, 1);
  assert.ok(stderr.includes(`${pack}: belongs to another user (uid 1234)`), stderr);
});

for (const [what, make, words] of refused) {
  test(`a copy with ${what} is not adopted, and nothing is changed in it or through it`, { timeout: 120_000 }, async (t) => {
    const night = await copied(t);
    make(night);
    const now = (): string[] => [night.replica, night.elsewhere].flatMap((folder) => digest(folder, { inode: true, folders: false, without: ['.rsync-ratchet'] }));
    const before = now();
    for (const options of [[], ['--trust-existing']]) {
      const { code, stdout, stderr } = await night.run(['init', 'nightly', ...options]);
      assert.deepEqual([code, stdout], [1, ''], stderr);
      assert.match(stderr, words);
      assert.ok(!existsSync(join(night.replica, '.rsync-ratchet/replica.json')), 'no marker');
      assert.deepEqual(now(), before);
    }
  });
}

test('strays beside the keys are neither waited for nor pinned, and the nights after know the replica', { timeout: 120_000 }, async (t) => {
  const night = await copied(t);
  const key = anyOf(night.replica, 'keys');
  pipeAt(join(night.replica, 'keys/pipe'));
  mkdirSync(join(night.replica, 'keys/old'));
  copyFileSync(join(night.replica, key), join(night.replica, `keys/old-${key.slice(5)}`));
  const { code, stdout, stderr } = await night.run(['--json', 'init', 'nightly']);
  assert.equal(code, 0, stderr);
  assert.deepEqual([JSON.parse(stdout).pins.keys, JSON.parse(stdout).keys], [[key.slice(5)], { onlyOnServerA: [], onlyHere: [] }]);
  const judged = await night.sync();
  assert.deepEqual([judged.code, judged.run.findings.map(({ rule }: { rule: string }) => rule)], [4, ['stray', 'stray', 'stray']], judged.stderr);
});

test('a folder that is a mount of its own is found by init, not by the first night', async (t) => {
  const night = await copied(t);
  const before = digest(night.replica, { inode: true, folders: false });
  const init = `mount --bind "$0" "$0" && exec "$@"`;
  const data = join(night.replica, 'data');
  const run = [...(isRoot ? [] : ['--user', '--map-root-user']), '--mount', 'sh', '-c', init, data, process.execPath, program, '--config', night.config.file, 'init', 'nightly'];
  assert.throws(() => execFileSync('unshare', run, { encoding: 'utf8', stdio: 'pipe' }), (error: { status: number; stderr: string }) => {
    assert.equal(error.status, 1, error.stderr);
    assert.match(error.stderr, /no file can be linked into the replica: .*\/data is a mount of its own\n.*Nothing was changed/);
    return true;
  });
  assert.deepEqual(digest(night.replica, { inode: true, folders: false }), before);
  assert.equal(readFileSync(join(night.elsewhere, 'folder/precious'), 'utf8'), 'precious');
});

test('no replica is made in another one, of whatever configuration that is', async (t) => {
  const night = await serverA.night(t);
  const folder = join(night.folder, 'second');
  mkdirSync(folder);
  symlinkSync(night.replica, join(folder, 'link'));
  const before = night.replicaNow();
  for (const place of [join(night.replica, 'data/00'), join(night.replica, 'new/folder'), join(folder, 'link/x')]) {
    const { file } = writeConfig(folder, serverA.sshd.accounts.backup, { repositories: { nightly: { replica: place } } });
    const { code, stderr } = await night.run(['init', 'nightly'], { config: file });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /lies in another replica/);
    assert.deepEqual(night.replicaNow(), before);
  }
});

test('a signal ends the hashing of a copy, in the middle of a huge file too; then init makes nothing', async (t) => {
  const night = await copied(t);
  const huge = join(night.replica, 'data/00', '0'.repeat(64));
  mkdirSync(dirname(huge), { recursive: true });
  writeFileSync(huge, '');
  truncateSync(huge, 2 ** 42);
  const before = digestWithout(night, huge);
  const running = night.start(['init', 'nightly']);
  await untilOpen(running.pid, huge);
  running.kill('SIGTERM');
  assert.equal((await running.finished).code, 143);
  assert.ok(!existsSync(join(night.replica, '.rsync-ratchet/replica.json')));
  assert.deepEqual(digestWithout(night, huge), before);
});

function digestWithout({ replica }: Night, huge: string): string[] {
  const [link, aside] = [huge, join(replica, '../huge')];
  renameSync(link, aside);
  const found = digest(replica, { inode: true, folders: false, without: ['.rsync-ratchet'] });
  renameSync(aside, link);
  return found;
}

/** Resolves when a process has a file open. */
async function untilOpen(pid: number, file: string): Promise<void> {
  const isOpen = (): boolean => readdirSync(`/proc/${pid}/fd`).some((fd) => ifThere(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) === file);
  while (!isOpen()) await setImmediate();
}

test('a copy that brought a marker of its own is no replica of ours: nothing runs on it until init has read it', async (t) => {
  const night = await serverA.night(t, { fresh: true });
  assert.equal((await night.run(['init', 'nightly'])).code, 0);
  assert.equal((await night.sync()).code, 0);
  const file = join(night.replica, '.rsync-ratchet/replica.json');
  const planted = { ...JSON.parse(readFileSync(file, 'utf8')), id: '4e6a2b0e-0000-4000-8000-000000000000' };
  chmodSync(file, 0o600);
  writeFileSync(file, JSON.stringify(planted));
  const before = digest(night.replica, { inode: true });
  for (const command of [['sync'], ['audit'], ['init', 'nightly'], ['scrub']]) {
    const { code, stderr } = await night.run(command);
    assert.deepEqual([command[0], code], [command[0], 1], stderr);
    assert.match(stderr, /the marker of the replica of nightly is none that init wrote.*\n.*replica\.json away and run init again/);
  }
  assert.deepEqual(digest(night.replica, { inode: true }), before);
  rmSync(file);
  const { code, stdout, stderr } = await night.run(['--json', 'init', 'nightly']);
  assert.deepEqual([code, JSON.parse(stdout).did], [0, 'adopted'], stderr);
  assert.equal((await night.sync()).code, 0);
});
