/** serverA that cannot be reached, or does not speak rsync: exit 1, nothing changed. The hints for what ssh says are those of test/programs/ssh.test.ts. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Value } from '../../support/config.ts';
import { addPack, assertFailed, type Night, type ServerA, startServerA } from '../../support/night.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA('rrsync'); });
after(() => serverA.stop());

/** A night in step, with something new to fetch, and changes to its repository's part of the configuration. */
async function nightWith(t: Parameters<ServerA['night']>[0], nightly: (night: Night) => Readonly<Record<string, Value>>): Promise<Night> {
  const night = await serverA.night(t);
  addPack(night.repository.path);
  const config = JSON.parse(readFileSync(night.config.file, 'utf8'));
  const changes = nightly(night);
  const before = config.repositories.nightly;
  config.repositories.nightly = { ...before, ...changes, ssh: { ...before.ssh, ...(changes['ssh'] as object | undefined) } };
  writeFileSync(night.config.file, JSON.stringify(config));
  return night;
}

async function assertFailedWith(night: Night, message: RegExp, hint: RegExp): Promise<void> {
  const failed = await assertFailed(night);
  assert.match(failed.message, message);
  assert.match(failed.hint, hint);
  assert.deepEqual(night.unfinished(), []);
  assert.match(failed.mail.text, /The replica is as it was before this run/);
}

function newKey(night: Night): string {
  const file = join(night.folder, 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  return file;
}

test('a host key that has changed fails the run, and ssh.options cannot soften that', async (t) => {
  const night = await nightWith(t, (it) => {
    const key = readFileSync(`${newKey(it)}.pub`, 'utf8');
    const { host, port } = serverA.sshd;
    writeFileSync(join(it.folder, 'known_hosts'), `[${host}]:${port} ${key}`);
    return { ssh: { knownHostsFile: join(it.folder, 'known_hosts'), options: ['StrictHostKeyChecking=no'] } };
  });
  await assertFailedWith(night, /^no ssh connection to 127\.0\.0\.1: .*IDENTIFICATION HAS CHANGED/, /host key is unknown or has changed: compare it/);
});

test('a name that does not resolve fails the run, with a hint at DNS', async (t) => {
  const night = await nightWith(t, () => ({ source: 'backup@no-such-host.invalid:/' }));
  await assertFailedWith(night, /^no ssh connection to no-such-host\.invalid: /, /does not resolve: check source and DNS/);
});

test('an rsync that is missing on serverA fails the run, with a hint to install it', async (t) => {
  const night = await nightWith(t, (it) => ({
    source: `${serverA.sshd.user}@${serverA.sshd.host}:${it.repository.path}`,
    ssh: { identityFile: serverA.sshd.accounts.shell.identityFile },
    rsync: { remotePath: '/nonexistent/rsync' },
  }));
  await assertFailedWith(night, /^the audit failed: rsync exit code 12[67]?: .*\/nonexistent\/rsync/, /rsync is missing on serverA, or rsync\.remotePath is wrong/);
});

test('an rrsync that is missing on serverA fails the run, with a hint', async (t) => {
  const night = await nightWith(t, () => ({ ssh: { identityFile: serverA.sshd.accounts.scripted.identityFile } }));
  serverA.script({ 1: 'exec /nonexistent/rrsync -ro /' });
  await assertFailedWith(night, /^the audit failed: rsync exit code 12/, /is missing on serverA/);
});

test('an rsync that is missing on this machine fails the run, with a hint', async (t) => {
  const night = await nightWith(t, () => ({ rsync: { path: '/nonexistent/rsync' } }));
  await assertFailedWith(night, /^\/nonexistent\/rsync is not installed on this machine/, /apt-get install rsync\), or correct its path/);
});

test('an account that prints a banner fails the run, with a hint', async (t) => {
  const night = await nightWith(t, () => ({ ssh: { identityFile: serverA.sshd.accounts.scripted.identityFile } }));
  serverA.script({ 1: 'echo "Welcome to serverA!"; serve' });
  await assertFailedWith(night, /^the audit failed: rsync exit code (2|12)/, /banner|start-up file/);
});

test('a folder that is not there on serverA fails the run, and is not taken for an empty repository', async (t) => {
  const missing = await nightWith(t, () => ({ source: `${serverA.sshd.user}@${serverA.sshd.host}:no/such/folder` }));
  await assertFailedWith(missing, /^the audit failed: rsync exit code \d+: .*[Nn]o such/, /^a repository lies there: \S+:\/; give it as source\. Nothing was fetched$/);
  const gone = await nightWith(t, () => ({}));
  renameSync(gone.repository.path, `${gone.repository.path}.gone`);
  await assertFailedWith(gone, /^the audit failed: rsync /, /the folder does not exist on serverA/);
});

test('a connection that breaks during the night fails the run, and no second one is made', async (t) => {
  const night = await nightWith(t, () => ({ ssh: { identityFile: serverA.sshd.accounts.scripted.identityFile } }));
  const connections = serverA.sshd.connections();
  // The session's own sshd is the parent of what it runs.
  serverA.script({ 2: 'kill "$PPID"; sleep 1000' });
  await assertFailedWith(night, /^the audit failed: rsync /, /connection broke/);
  assert.equal(serverA.sshd.connections() - connections, 1);
});

test('a local path needs no ssh at all', async (t) => {
  const night = await nightWith(t, (it) => ({ source: it.repository.path, ssh: {} }));
  const connections = serverA.sshd.connections();
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.outcome, run.admitted.files], [0, 'synced', 1]);
  assert.equal(serverA.sshd.connections(), connections);
});

test('variables that weaken rsync or redirect it have no effect', async (t) => {
  const night = await nightWith(t, () => ({}));
  const env = { RSYNC_OLD_ARGS: '1', RSYNC_RSH: '/bin/false', RSYNC_CHECKSUM_LIST: 'none', RSYNC_PARTIAL_DIR: '/', LC_ALL: 'de_DE.UTF-8', TZ: 'Pacific/Kiritimati' };
  const { code, run } = await night.sync([], { env });
  assert.deepEqual([code, run.outcome, run.audit.modified, run.admitted.files], [0, 'synced', 0, 1]);
});
