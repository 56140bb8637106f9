/** A repository that has another name in the configuration now: its state is not lost, and nobody is told to throw it away. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type LocalNight, localNight } from '../support/localNight.ts';
import { digest } from '../support/tree.ts';

/** Gives the repository another name, as an operator does with an editor. */
function rename(night: LocalNight, from: string, to: string): void {
  const { file } = night.config;
  writeFileSync(file, readFileSync(file, 'utf8').replace(`"${from}": {`, `"${to}": {`), { mode: 0o600 });
}

const markerOf = (night: LocalNight) => JSON.parse(readFileSync(join(night.config.replica, '.rsync-ratchet/replica.json'), 'utf8')) as { repository: string };

async function assertWell(night: LocalNight, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await night.run(args);
  assert.equal(code, 0, stderr + stdout);
  return stdout;
}

test('every command says whose state it is; the one mv that is named takes journal, windows and all along', async (t) => {
  const night = await localNight(t);
  await assertWell(night, ['sync']);
  await assertWell(night, ['prune-window', 'open', 'nightly']);
  rename(night, 'nightly', 'main');
  const [replica, state] = [night.config.replica, join(night.state, 'nightly')].map((folder) => digest(folder, { inode: true, folders: false, without: ['lock'] }));
  for (const words of ['doctor main', 'init main', 'status main', 'prune-window open main', 'tombstones list main', 'acknowledge main --reason x', 'check main', 'scrub main', 'audit main', 'sync main']) {
    const { code, stdout, stderr } = await night.run(words.split(' '));
    assert.equal(code, 1, `${words}: ${stdout}`);
    const said = stdout + stderr;
    assert.match(said, /the state of this replica is that of nightly: the repository is called main in the configuration now/, words);
    assert.doesNotMatch(said, /replica\.json|run init again|cannot be read|is damaged/, words);
  }
  assert.deepEqual([replica, state], [night.config.replica, join(night.state, 'nightly')].map((folder) => digest(folder, { inode: true, folders: false, without: ['lock'] })));
  assert.match(night.config.mails().at(-1)?.text ?? '', /mv -T --backup=numbered \S+\/state\/nightly \S+\/state\/main/);
  const { stderr } = await night.run(['init', 'main']);
  const command = /mv -T \S+ \S+ \S+/.exec(stderr)?.[0] ?? assert.fail(stderr);
  execFileSync('sh', ['-c', command]);
  assert.match(await assertWell(night, ['prune-window', 'status', 'main']), /^open until .*: main lets through/);
  await assertWell(night, ['sync', 'main']);
  assert.equal(markerOf(night).repository, 'main');
  assert.match(await assertWell(night, ['history', '--verify']), /main: \d+ lines, the chain is whole/);
  assert.match(await assertWell(night, ['history', '--limit', '100']), /initialised .*\n(?:.*\n)*.* renamed +until here it was called nightly\n/);
  await assertWell(night, ['doctor', 'main']);
});

test('the state of another repository in its place is refused: two are mixed up', async (t) => {
  const night = await localNight(t);
  rename(night, 'nightly', 'other');
  cpSync(night.config.replica, `${night.config.replica}.nightly`, { recursive: true });
  renameSync(join(night.config.replica, '.rsync-ratchet/replica.json'), join(night.folder, 'nightly.json'));
  await assertWell(night, ['init', 'other']);
  execFileSync('sh', ['-c', 'mv other swap && mv nightly other && mv swap nightly'], { cwd: night.state });
  const earlier = digest(night.state);
  for (const words of ['prune-window open other', 'acknowledge other --reason x', 'doctor other']) {
    const { code, stdout, stderr } = await night.run(words.split(' '));
    assert.equal(code, 1, words);
    assert.match(stdout + stderr, /the replica of other was made for other, and \S+\/other is the state of nightly: they are two repositories/);
  }
  assert.deepEqual(digest(night.state), earlier);
});

test('a replica of two repositories, by way of a symlink, is said to be that: nobody is told to take the state of the other along', async (t) => {
  const night = await localNight(t);
  const link = join(night.folder, 'same');
  symlinkSync(night.config.replica, link);
  night.configure({ repositories: { second: { source: night.repository.path, replica: link } } });
  const stateNow = (): string[] => digest(join(night.state, 'nightly'));
  const before = stateNow();
  for (const words of ['sync second', 'audit second', 'scrub second', 'prune-window open second', 'doctor second']) {
    const { code, stdout, stderr } = await night.run(words.split(' '));
    assert.notEqual(code, 0, words);
    assert.doesNotMatch(stdout + stderr, /mv -T|run init again/, words);
    assert.match(stdout + stderr, /the replica of second is that of nightly/, words);
  }
  assert.deepEqual(stateNow(), before);
});

test('a state that is lost and nowhere else is said to be lost', async (t) => {
  const night = await localNight(t);
  renameSync(join(night.state, 'nightly'), join(night.folder, 'away'));
  for (const words of ['prune-window open nightly', 'init nightly']) {
    const { code, stderr } = await night.run(words.split(' '));
    assert.equal(code, 1);
    assert.match(stderr, /nightly knows nothing of this replica: its journal is missing/);
  }
  assert.equal(existsSync(join(night.state, 'nightly')), false);
});
