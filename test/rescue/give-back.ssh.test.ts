/** give-back to another machine, over a real sshd, by the operator's own ssh. */
import assert from 'node:assert/strict';
import { chmodSync, cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { acknowledged, anyOf, filesBelow, type Night, overwrite, pathsOf, type ServerA, startServerA } from '../support/night.ts';
import { ownSsh } from '../support/ownSsh.ts';
import { assertInStep, journal, rulesOf } from '../support/prune.ts';
import { openRepository } from '../support/restic.ts';
import { freePort } from '../support/sshd.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';
import { watchFor } from '../support/watch.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

/** `give-back nightly --to user@host:FOLDER ARGS`, as who may do everything on serverA. */
async function giveBack(night: Night, folder: string, ...args: readonly string[]) {
  const { user, host } = serverA.sshd;
  const done = await night.run(['--json', 'give-back', 'nightly', '--to', `${user}@${host}:${folder}`, ...args], { env: own(night) });
  return { ...done, given: done.stdout === '' ? undefined : done.json() };
}

const own = (night: Night): Record<string, string> => ownSsh(night.folder, serverA.sshd.accounts.shell);

/** Changes, deletes and replaces files of serverA; their paths. */
function damage(source: string): { modified: string; deleted: string[]; symlink: string } {
  const [modified = '', gone = '', symlink = ''] = filesBelow(join(source, 'data')).map((name) => `data/${name}`);
  const deleted = [gone, anyOf(source, 'snapshots')].sort();
  overwrite(join(source, modified), 'not what its name says');
  for (const path of deleted) rmSync(join(source, path));
  rmSync(join(source, symlink));
  symlinkSync('/etc/passwd', join(source, symlink));
  return { modified, deleted, symlink };
}

/** The folder beside a repository that holds what was replaced. */
function asideOf(source: string): string {
  const [name, ...more] = readdirSync(dirname(source)).filter((each) => each.startsWith('rsync-ratchet-aside-'));
  assert.ok(name !== undefined && more.length === 0);
  return join(dirname(source), name);
}

test('serverA damaged, alarm, give-back, acknowledge: the next night is green, and what was replaced is kept as evidence', async (t) => {
  const night = await serverA.night(t);
  const source = night.repository.path;
  const whole = digest(source, { mode: false, folders: false });
  const { modified, deleted, symlink } = damage(source);
  const alarm = await night.sync();
  assert.equal(alarm.code, 3);
  assert.deepEqual([pathsOf(alarm, 'modified'), pathsOf(alarm, 'deleted').sort(), pathsOf(alarm, 'type-changed')], [[modified], deleted, [symlink]]);
  const before = night.replicaNow();

  const asked = await giveBack(night, source);
  assert.deepEqual([asked.code, asked.given.sent, asked.given.plan.missing.files, asked.given.plan.differing.files], [4, null, 2, 2]);
  assert.ok(!existsSync(join(source, deleted[0] ?? '')), 'nothing without --yes');

  const given = await giveBack(night, source, '--yes');
  assert.equal(given.code, 0, given.stdout + given.stderr);
  assert.deepEqual([given.given.sent.files, given.given.left.missing.files, given.given.left.otherTimes], [4, 0, 0]);
  assert.deepEqual(digest(source, { mode: false, folders: false }), whole);
  const aside = asideOf(source);
  assert.equal(realpathSync(given.given.aside), aside);
  assert.deepEqual(filesBelow(aside).sort(), [modified, symlink].sort());
  assert.equal(readFileSync(join(aside, modified), 'utf8'), 'not what its name says');
  assert.equal(readlinkSync(join(aside, symlink)), '/etc/passwd');

  await acknowledged(night);
  const next = await night.sync();
  assert.deepEqual([next.code, next.run.outcome, rulesOf(next), next.run.audit.suspects], [0, 'unchanged', [], 0]);
  assert.deepEqual(night.replicaNow(), before);
  await assertInStep(night);
  await night.repository.check(true);
  const [begun, back] = journal(night).filter(({ event }) => /give-back|gave-back/.test(event));
  assert.deepEqual([begun.event, begun.files, back.event, back.files, back.left, back.aside], ['give-back-begun', 4, 'gave-back', 4, 0, given.given.aside]);
  assert.deepEqual(readdirSync(night.temporary), []);
});

test('the files of the alarm are what is meant; --all is everything that differs by content, with --quick by size and time', async (t) => {
  const night = await serverA.night(t);
  const source = night.repository.path;
  const [pack = '', other = ''] = filesBelow(join(source, 'data')).map((name) => `data/${name}`);
  rmSync(join(source, pack));
  assert.equal((await night.sync()).code, 3);
  const { mtime, size } = lstatSync(join(source, other));
  overwrite(join(source, other), Buffer.alloc(size, 'x')); // as large and as old as before
  utimesSync(join(source, other), mtime, mtime);
  const one = await giveBack(night, source, '--yes');
  assert.deepEqual([one.code, one.given.sent.files], [0, 1]);
  assert.deepEqual((await giveBack(night, source, '--all', '--quick')).given.plan.differing.files, 0);
  const all = await giveBack(night, source, '--all', '--yes');
  assert.deepEqual([all.code, all.given.sent.files, all.given.plan.differing.files], [0, 1, 1]);
  await night.repository.check(true);
});

test('a destination that is a symlink there: what was replaced lies where it is said to lie', async (t) => {
  const night = await serverA.night(t);
  const { path: source } = night.repository;
  const link = join(night.folder, 'link');
  symlinkSync(source, link);
  const path = anyOf(source, 'data');
  overwrite(join(source, path), 'other bytes');
  const given = await giveBack(night, link, '--all', '--yes');
  assert.equal(given.code, 0, given.stderr);
  assert.equal(readFileSync(join(realpathSync(given.given.aside), path), 'utf8'), 'other bytes');
  const { user, host } = serverA.sshd;
  for (const aside of [`${source}/aside`, `${dirname(source)}/x/../source/aside`, `${dirname(source)}//source/aside`]) {
    const refused = await night.run(['give-back', 'nightly', '--to', `${user}@${host}:${source}`, '--all', '--aside', aside], { env: own(night) });
    assert.deepEqual([refused.code, refused.stderr.includes('must be an absolute path there, outside')], [2, true], aside);
  }
});

test('broken off by SIGKILL and gone on with: half a repository, no half file, and then all of it', async (t) => {
  const slow = join(temporaryFolder(t), 'rsync');
  const night = await serverA.night(t, { changes: { repositories: { nightly: { rsync: { remotePath: slow } } } } });
  const places = join(night.folder, 'gates');
  const empty = join(night.folder, 'empty');
  for (const folder of [places, empty]) mkdirSync(folder);
  const once = `{ stdbuf -o0 head -c 2000000; : > ${places}/reached; cat > /dev/null; }`;
  writeFileSync(slow, `#!/bin/sh\ncase "$*" in *--sender*) exec rsync "$@" ;; esac\n[ -e ${places}/reached ] && exec rsync "$@"\n${once} | rsync "$@"\n`);
  chmodSync(slow, 0o755);
  const { user, host } = serverA.sshd;
  const running = night.start(['give-back', 'nightly', '--to', `${user}@${host}:${empty}`, '--all', '--yes'], { env: own(night) });
  await watchFor(places, () => existsSync(join(places, 'reached')));
  running.kill('SIGKILL');
  await running.finished;
  const came = filesBelow(empty);
  assert.ok(came.length > 0 && came.length < 40, String(came.length));
  const again = await giveBack(night, empty, '--all', '--yes');
  assert.equal(again.code, 0, again.stdout + again.stderr);
  assert.ok(again.given.sent.files > 0);
  const gone = again.given.plan.onlyThere.names as string[];
  for (const name of gone) assert.match(name, /^data\/..\/\.[0-9a-f]{64}\.\w{6}$/); // rsync's own, where it had not noticed yet
  await openRepository(empty).check(true);
});

test('whose the files become, and their modes, is that of the folder; an empty folder that is filled is a repository at once', async (t) => {
  const night = await serverA.night(t);
  const empty = join(night.folder, 'new-machine');
  mkdirSync(empty, { mode: 0o750 });
  chmodSync(empty, 0o750);
  const given = await giveBack(night, empty, '--all', '--yes');
  assert.equal(given.code, 0, given.stdout + given.stderr);
  const modes = new Set(digest(empty, { folders: false, mtime: false }).map((line) => line.split(' ')[2]));
  assert.deepEqual([...modes], ['0640']);
  assert.equal(lstatSync(join(empty, 'data')).mode & 0o7777, 0o750);
  const restored = openRepository(empty);
  await restored.check(true);
  const [snapshot] = await restored.snapshots();
  await restored.restore(snapshot?.id ?? '', join(night.folder, 'restored'));
  assert.ok(filesBelow(join(night.folder, 'restored')).length > 0);
  await restored.backup({ 'a new file': 'from a client' });
});

test('a destination that takes files and puts them elsewhere is not told as whole, though sizes and times are right', async (t) => {
  const folder = temporaryFolder(t);
  const [elsewhere, misled] = [join(folder, 'elsewhere'), join(folder, 'rsync')];
  const night = await serverA.night(t, { changes: { repositories: { nightly: { rsync: { remotePath: misled } } } } });
  const source = night.repository.path;
  cpSync(source, elsewhere, { recursive: true, preserveTimestamps: true });
  writeFileSync(misled, `#!/bin/sh\ncase "$*" in *--sender*) exec rsync "$@" ;; esac\nset -- $(printf '%s\\n' "$@" | head -n -1) ${elsewhere}/\nexec rsync "$@"\n`, { mode: 0o755 });
  const pack = anyOf(source, 'data');
  const { mtime, size } = lstatSync(join(source, pack));
  overwrite(join(source, pack), Buffer.alloc(size, 'x'));
  utimesSync(join(source, pack), mtime, mtime);
  const before = night.replicaNow();
  const given = await giveBack(night, source, '--all', '--yes');
  assert.deepEqual([given.code, given.given?.left.differing.files], [4, 1], given.stdout + given.stderr);
  utimesSync(join(source, pack), 0, 0);
  const quick = await giveBack(night, source, '--all', '--yes', '--quick');
  assert.deepEqual([quick.code, quick.given?.left.differing.files], [4, 1], quick.stdout + quick.stderr);
  assert.deepEqual(night.replicaNow(), before);
});

test('what cannot be: each is said, nothing is sent, the replica is as before', async (t) => {
  const night = await serverA.night(t);
  const before = night.replicaNow();
  const { user, host } = serverA.sshd;
  const replica = night.replica;
  const copy = join(night.folder, 'another-replica'); // an rsync before 3.2.4 asks for no blank
  cpSync(replica, copy, { recursive: true });
  const cases: readonly (readonly [string, number, RegExp])[] = [
    [`${user}@${host}:${join(night.folder, 'nowhere')}`, 1, /cannot be looked at.*is the folder there/s],
    [`${user}@${host}:${replica}`, 1, /it is a replica itself/],
    [`${user}@${host}:${copy}`, 1, /it is a replica itself/],
    [`${user}@${host}:${copy}/data`, 1, /a folder that it lies in.*it is a replica itself/],
    [`${user}@${host}:${copy}/data/00/`, 1, /a folder that it lies in.*it is a replica itself/],
    [`nobody-of-that-name@${host}:/srv`, 1, /this must work first: ssh -oBatchMode=yes .*nobody-of-that-name@127\.0\.0\.1 true; nothing was sent/s],
    [`sftp://${user}@${host}/srv`, 2, /has only sftp.*put -p/s],
    ['rsync://host/module', 2, /neither a folder of this machine nor user@host/],
    ['host::module', 2, /neither a folder of this machine nor user@host/],
  ];
  for (const [to, code, said] of cases) {
    const done = await night.run(['give-back', 'nightly', '--to', to, '--all', '--yes'], { env: own(night) });
    assert.equal(done.code, code, `${to}\n${done.stdout}${done.stderr}`);
    assert.match(done.stderr, said);
  }
  assert.deepEqual(night.replicaNow(), before);
  assert.deepEqual(readdirSync(night.temporary), []);
});

test('a host that does not answer is said with the way to try it', async (t) => {
  const night = await serverA.night(t);
  const account = { ...serverA.sshd.accounts.shell, port: await freePort() };
  const done = await night.run(['give-back', 'nightly', '--to', 'root@localhost:/srv/restic', '--all', '--yes'], { env: ownSsh(night.folder, { ...account, host: 'localhost' }) });
  assert.equal(done.code, 1);
  assert.match(done.stderr, /no ssh connection to localhost.*refused.*ssh -oBatchMode=yes root@localhost true; nothing was sent/s);
});

test('where an account has nothing but sftp the way by hand is said', async (t) => {
  const night = await serverA.night(t, { account: 'backup' });
  const { user, host } = serverA.sshd;
  const refusing = ownSsh(night.folder, serverA.sshd.accounts.scripted);
  serverA.script({ 1: 'echo This service allows sftp connections only.; exit 1' });
  const done = await night.run(['give-back', 'nightly', '--to', `${user}@${host}:/srv`, '--all', '--yes'], { env: refusing });
  assert.equal(done.code, 1, done.stdout);
  assert.match(done.stderr, /nothing but sftp: .*by hand: .*put -pR/s);
});
