/** From nothing to the first copy: `init`, the first `sync`, and replicas that are not there. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { program, ratchet } from '../support/cli.ts';
import { writeConfig } from '../support/config.ts';
import { commandIn, filesBelow, hashOf, type Night, type ServerA, startServerA } from '../support/night.ts';
import { openRepository, preparedRepository } from '../support/restic.ts';
import { rrsyncCommand, startSshd } from '../support/sshd.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { Terminal } from '../support/terminal.ts';
import { digest } from '../support/tree.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA('rrsync'); });
after(() => serverA.stop());

/** Content and times of the files alone: what a copy must have of the original. */
const content = { folders: false, mode: false, without: ['.rsync-ratchet', 'locks'] };

/** rsync keeps times to the second only where the file system does; restic's own are as fine as the kernel's. */
function sameContent(source: string, replica: string): void {
  assert.deepEqual(digest(replica, { ...content, mtime: false }), digest(source, { ...content, mtime: false }));
  const seconds = (folder: string): string[] => digest(folder, content).map((line) => line.replace(/(mtime=\d+)\d{9}/, '$1'));
  assert.deepEqual(seconds(replica), seconds(source));
}

async function initialised(night: Night): Promise<void> {
  const { code, stderr } = await night.run(['init', 'nightly']);
  assert.equal(code, 0, stderr);
}

test('init pins config and keys, shows them, and fetches nothing else', async (t) => {
  const night = await serverA.night(t, { fresh: true });
  const { code, stdout, stderr } = await night.run(['init', 'nightly']);
  assert.deepEqual([code, stderr], [0, '']);
  const source = night.repository.path;
  const [key = ''] = readdirSync(join(source, 'keys'));
  const config = hashOf(readFileSync(join(source, 'config')));
  for (const words of ['replica made', config, key, 'rsync-ratchet sync nightly']) assert.ok(stdout.includes(words), stdout);
  const files = ['config', `keys/${key}`];
  assert.deepEqual(filesBelow(night.replica).filter((path) => !path.startsWith('.rsync-ratchet/')), files);
  for (const file of files) assert.deepEqual(readFileSync(join(night.replica, file)), readFileSync(join(source, file)));
  const marker = JSON.parse(readFileSync(join(night.replica, '.rsync-ratchet/replica.json'), 'utf8'));
  assert.deepEqual(marker.pins, { config, keys: [key] });
  assert.deepEqual([night.unfinished(), readdirSync(night.temporary)], [[], []]);
});

test('the first sync equals the source without its locks, read-only, and restic finds it whole', async (t) => {
  const night = await serverA.night(t, { fresh: true });
  writeFileSync(join(night.repository.path, 'locks', 'f'.repeat(64)), 'a lock');
  await initialised(night);
  const connections = serverA.sshd.connections();
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.outcome], [0, 'synced']);
  assert.equal(serverA.sshd.connections() - connections, 1, 'one ssh connection');
  sameContent(night.repository.path, night.replica);
  await openRepository(night.replica).check(true);
  const modes = night.replicaNow().map((line) => line.split(' ').slice(1, 3).join(' '));
  assert.deepEqual([...new Set(modes)].sort(), ['file 0400', 'folder 0700']);
  const own = digest(join(night.replica, '.rsync-ratchet')).map((line) => line.split(' ').slice(1, 3).join(' '));
  assert.deepEqual([...new Set(own)].sort(), ['file 0600', 'folder 0700']);
  assert.deepEqual([night.unfinished(), readdirSync(night.temporary), night.config.mails()], [[], [], []]);
});

test('a second init changes nothing, connects nowhere, and says so', async (t) => {
  const night = await serverA.night(t);
  const [before, connections] = [digest(night.folder, { inode: true }), serverA.sshd.connections()];
  const { code, stdout, stderr } = await night.run(['init', 'nightly']);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /is initialised already; nothing was changed/);
  assert.deepEqual(digest(night.folder, { inode: true }), before);
  assert.equal(serverA.sshd.connections(), connections);
});

test('init refuses a source that is no restic repository, and a replica with other things in it', async (t) => {
  const night = await serverA.night(t, { fresh: true });
  rmSync(join(night.repository.path, 'config'));
  const refused = await night.run(['init', 'nightly']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /not a restic repository/);
  assert.deepEqual(filesBelow(night.replica).filter((path) => path !== '.rsync-ratchet/lock'), []);
  const other = await serverA.night(t, { fresh: true });
  mkdirSync(other.replica);
  writeFileSync(join(other.replica, 'thesis.txt'), 'mine');
  const before = digest(other.replica, { inode: true });
  const { code, stderr } = await other.run(['init', 'nightly']);
  assert.equal(code, 1);
  assert.match(stderr, /is not empty and not a restic repository/);
  assert.deepEqual(digest(other.replica, { inode: true }), before);
});

test('sync without a marker fails, mails that it is not initialised or not mounted, and writes nothing below the replica', async (t) => {
  const night = await serverA.night(t);
  const connections = serverA.sshd.connections();
  const away = `${night.replica}.away`;
  renameSync(night.replica, away);
  /** Not there at all; an empty mount point; the copy itself, but without its marker. */
  const places = [() => {}, () => mkdirSync(night.replica), () => {
    rmSync(night.replica, { recursive: true });
    renameSync(away, night.replica);
    rmSync(join(night.replica, '.rsync-ratchet/replica.json'));
  }];
  for (const [index, make] of places.entries()) {
    make();
    const before = existsSync(night.replica) ? digest(night.replica, { inode: true }) : 'nothing';
    const { code, run, stderr } = await night.sync();
    assert.deepEqual([code, run.outcome], [1, 'failed']);
    for (const text of [stderr, night.config.mails()[index]?.text ?? '']) assert.match(text, /not initialised, or not mounted/);
    const text = night.config.mails()[index]?.text ?? '';
    assert.ok(text.includes(`if the disk is not mounted, mount it; if this is the first time, run: ${commandIn(night, 'init nightly')}`), text);
    assert.deepEqual(existsSync(night.replica) ? digest(night.replica, { inode: true }) : 'nothing', before);
  }
  assert.equal(serverA.sshd.connections(), connections, 'nobody was asked');
});

test('a replica that is only not mounted: status says to mount it, an init in its place says that it is a second one, and mounted again nothing was lost', async (t) => {
  const night = await serverA.night(t);
  const before = digest(night.replica, { inode: true });
  renameSync(night.replica, `${night.replica}.away`);
  const { stdout } = await night.run(['status']);
  assert.match(stdout, /not initialised or not mounted; it was there on \d{4}-\d\d-\d\d: mount its disk \(init would make a new, empty one\)/);
  const second = await night.run(['--quiet', 'init', 'nightly']);
  assert.equal(second.code, 0);
  assert.match(second.stdout, /a replica of this name was there before .*this one is new and empty: .*\n.*only not mounted, mount it now over this one/);
  rmSync(night.replica, { recursive: true });
  renameSync(`${night.replica}.away`, night.replica);
  assert.deepEqual(digest(night.replica, { inode: true }), before);
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.outcome], [0, 'unchanged']);
});

test('a replica that is the top of a disk, with lost+found, is synced, and lost+found is left alone', async (t) => {
  const night = await serverA.night(t, { fresh: true });
  const inside = join(night.replica, 'lost+found/#12');
  mkdirSync(inside, { recursive: true });
  await initialised(night);
  for (const outcome of ['synced', 'unchanged']) {
    const { code, run } = await night.sync();
    assert.deepEqual([code, run.outcome, run.findings], [0, outcome, []]);
  }
  assert.ok(statSync(inside).isDirectory());
});

test('a replica on a file system of its own is initialised and synced', async (t) => {
  const night = await serverA.night(t, { fresh: true });
  mkdirSync(night.replica);
  // In a mount namespace of its own, so that the mount is gone with the shell, whatever happens to it.
  const script = `set -e
    mount -t tmpfs -o mode=0700 none "$1"
    mkdir -m 0700 "$1/lost+found"
    "$2" "$3" --config "$4" --quiet init nightly
    "$2" "$3" --config "$4" --quiet sync
    cd "$1"; find config keys data index snapshots -type f | sort`;
  const asWhom = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const args = [...asWhom, '--mount', 'sh', '-c', script, 'sh', night.replica, process.execPath, program, night.config.file];
  const printed = execFileSync('unshare', args, { encoding: 'utf8', env: { ...process.env, HOME: night.folder } });
  assert.deepEqual(printed.trim().split('\n'), filesBelow(night.repository.path).sort());
  assert.deepEqual(readdirSync(night.replica), [], 'nothing under the mount');
});

test('paths of source and replica with blanks and quotes work', async (t) => {
  const folder = mkdtempSync(join(temporaryFolder(t), "it's a folder "));
  const source = join(folder, 'on server A', 'the repository');
  const { path } = await preparedRepository(source);
  const sshd = await startSshd({
    folder: join(temporaryFolder(t), 'sshd'),
    accounts: [{ name: 'repository', command: rrsyncCommand(path) }, { name: 'above', command: rrsyncCommand(folder) }, { name: 'shell' }],
  });
  t.after(() => sshd.stop());
  const { user, host } = sshd;
  const sources = [
    ['repository', `${user}@${host}:/`],
    ['above', `${user}@${host}:on server A/the repository`],
    ['shell', `${user}@${host}:${path}`],
  ] as const;
  for (const [account, from] of sources) {
    const below = join(folder, `server B, ${account}`);
    mkdirSync(below);
    const replica = join(below, 'the replica');
    const night = writeConfig(below, sshd.accounts[account], { repositories: { nightly: { source: from, replica } } });
    for (const args of [['init', 'nightly'], ['sync']]) {
      const { code, stderr } = await ratchet(args, { config: night.file });
      assert.equal(code, 0, `${account}: ${stderr}`);
    }
    sameContent(path, replica);
  }
});

/** The first copy in a terminal, while serverA waits before it lists and before it sends; all that was shown. */
async function inTerminal(t: TestContext, ...args: readonly string[]): Promise<Terminal> {
  const night = await serverA.night(t, { fresh: true, account: 'scripted' });
  serverA.script({});
  await initialised(night);
  serverA.script({ 1: 'wait_at list; serve', 4: 'wait_at fetch; serve' });
  const env = { PATH: process.env['PATH'] ?? '', HOME: night.folder, TMPDIR: night.temporary, TZ: 'UTC', TERM: 'xterm' };
  const terminal = new Terminal([process.execPath, program, '--config', night.config.file, ...args], env, night.folder);
  const [list, fetch] = [serverA.gate('list'), serverA.gate('fetch')];
  await list.reached;
  if (args.length === 1) await terminal.see(/nightly: connect …[^]*nightly: list …/);
  await list.open();
  await fetch.reached;
  if (args.length === 1) await terminal.see(/nightly: list, 1 names so far[^]*nightly: fetch -{16} 0\/\d+ files, 0 B of [\d.]+ \w+/);
  await fetch.open();
  assert.equal(await terminal.end(), 0, terminal.text);
  return terminal;
}

test('on a terminal it says from the beginning what it is doing: connect, list, fetch', async (t) => {
  const { text } = await inTerminal(t, 'sync');
  assert.match(text, /nightly: fetch -{16} 0\/\d+ files[^]*nightly: fetch =*-* [1-9]\d*\/\d+ files/);
});

for (const quiet of ['--quiet', '--json']) {
  test(`with ${quiet} it does not`, async (t) => {
    assert.doesNotMatch((await inTerminal(t, quiet, 'sync')).text, /nightly: (?:connect|list|fetch)/);
  });
}

test('in a pipe it does not', async (t) => {
  const night = await serverA.night(t, { fresh: true });
  await initialised(night);
  const { code, stdout, stderr } = await night.run(['sync']);
  assert.deepEqual([code, stderr], [0, '']);
  assert.doesNotMatch(stdout, /connect|: list|: fetch/);
});
