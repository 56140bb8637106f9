/** The sftp mount: its command line, its configuration, and its end. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Repository } from '../../src/config/config.ts';
import { mountCommand, mountSftp, unmount } from '../../src/programs/sshfs.ts';
import type { Value } from '../support/config.ts';
import { processesOf } from '../support/processes.ts';
import { repositoryConfig } from '../support/repositoryConfig.ts';
import { freePort, type Sshd, sftpCommand, startSshd } from '../support/sshd.ts';
import { type Ending, temporaryFolder } from '../support/temporary.ts';

let sshd: Sshd<'sftp' | 'refused'>;
before(async () => {
  sshd = await startSshd({ folder: join(temporaryFolder(), 'sshd'), accounts: [{ name: 'sftp', command: sftpCommand }, { name: 'refused', command: 'false' }] });
});
after(() => sshd.stop());

type SftpRepository = Parameters<typeof mountSftp>[0];

function sftpRepository(source: string, changes: Readonly<Record<string, Value>> = {}): SftpRepository {
  const repository: Repository = repositoryConfig({ source, ...changes });
  const { source: parsed } = repository;
  if (parsed.kind !== 'sftp') throw new Error(source);
  return { ...repository, source: parsed };
}

/** The repository of an account of the test's sshd. */
function ofAccount(name: 'sftp' | 'refused', path: string, ssh: Readonly<Record<string, Value>> = {}): SftpRepository {
  const { user, host, port, identityFile, knownHostsFile } = sshd.accounts[name];
  return sftpRepository(`sftp://${user}@${host}${path}`, { ssh: { port, identityFile, knownHostsFile, ...ssh }, timeouts: { connect: '10s' } });
}

const never = new AbortController().signal;
const mounted = (folder: string): boolean => readFileSync('/proc/self/mountinfo', 'utf8').includes(folder);

function assertTidy(folder: string): void {
  assert.equal(mounted(folder), false);
  assert.deepEqual(processesOf(folder), []);
}

/** serverA's folder with a file in it, and the place for the mount. */
function placeFor(t: Ending): { folder: string; source: string; mount: string } {
  const folder = temporaryFolder(t);
  const [source, mount] = [join(folder, 'source'), join(folder, 'mount')];
  mkdirSync(source);
  writeFileSync(join(source, 'config'), 'content');
  return { folder, source, mount };
}

test('the command: in the foreground, read-only, and the port of the source before that of ssh', () => {
  const { args } = mountCommand(sftpRepository('sftp://backup@serverA:2222/srv/restic', { ssh: { port: 22 } }), '/run/x/mount');
  assert.deepEqual(args, [
    '-f', '-F', '/run/x/mount.conf', '-o', 'ro', '-o', 'nosuid', '-o', 'nodev', '-o', 'noexec', '-o', 'idmap=user', '-o', 'port=2222',
    'backup@serverA:/srv/restic', '/run/x/mount',
  ]);
  assert.ok(mountCommand(sftpRepository('sftp://serverA/srv', { ssh: { port: 23 } }), '/m').args.includes('port=23'));
  assert.equal(mountCommand(sftpRepository('sftp://[2001:db8::1]/srv'), '/m').args.at(-2), '[2001:db8::1]:/srv');
});

test('a mount shows serverA\'s files, refuses every write, and is gone after close, as often as it is called', async (t) => {
  const { folder, source, mount } = placeFor(t);
  const connection = await mountSftp(ofAccount('sftp', source), mount, never);
  t.after(() => connection.close());
  assert.deepEqual([connection.source, connection.channels, connection.readable], [`${mount}/`, undefined, [mount]]);
  assert.equal(readFileSync(join(mount, 'config'), 'utf8'), 'content');
  assert.throws(() => { writeFileSync(join(mount, 'new'), 'x'); }, { code: 'EROFS' });
  await connection.close();
  assertTidy(folder);
  assert.equal(existsSync(mount), false);
  await connection.close();
  assert.deepEqual(readdirSync(source), ['config']);
});

test('our options come before the operator\'s own configuration, paths are quoted, and nobody else reads it', async (t) => {
  const { folder, source, mount } = placeFor(t);
  const connection = await mountSftp(ofAccount('sftp', source, { options: ['Compression=no'] }), mount, never);
  const text = readFileSync(`${mount}.conf`, 'utf8');
  await connection.close();
  const lines = text.trim().split('\n');
  for (const line of ['BatchMode=yes', 'StrictHostKeyChecking=yes', 'IdentitiesOnly=yes', 'Compression=no', `IdentityFile="${sshd.accounts.sftp.identityFile}"`]) assert.ok(lines.includes(line), text);
  assert.deepEqual(lines.slice(-2), ['Include ~/.ssh/config', 'Include /etc/ssh/ssh_config']);
  assertTidy(folder);
});

const failures: readonly (readonly [what: string, repository: (source: string) => SftpRepository | Promise<SftpRepository>, hint: RegExp])[] = [
  ['an account that has no sftp', (source) => ofAccount('refused', source), /./],
  ['a host key that is not the known one', (source) => ofAccount('sftp', source, { knownHostsFile: '/dev/null' }), /known_hosts|host key|ssh-keyscan/i],
  ['a folder that is not there', () => ofAccount('sftp', '/no/such/folder'), /./],
  ['nobody at the port', async (source) => ofAccount('sftp', source, { port: await freePort() }), /./],
];

for (const [what, repository, hint] of failures) {
  test(`${what}: a failure with a hint, and no mount`, async (t) => {
    const { folder, source, mount } = placeFor(t);
    await assert.rejects(mountSftp(await repository(source), mount, never), (error: Error & { hint: string }) => {
      assert.equal(error.name, 'Failure');
      assert.match(error.hint, hint);
      return true;
    });
    assertTidy(folder);
  });
}

test('an interrupt while it mounts ends it with the interrupt\'s own reason', async (t) => {
  const { folder, source, mount } = placeFor(t);
  const interrupt = new AbortController();
  interrupt.abort(new Error('told to stop'));
  await assert.rejects(mountSftp(ofAccount('sftp', source), mount, interrupt.signal), { message: 'told to stop' });
  assertTidy(folder);
});

test('unmounting where nothing is mounted does nothing; where sshfs was killed it ends the stale mount', async (t) => {
  const { folder, source, mount } = placeFor(t);
  unmount(mount);
  const connection = await mountSftp(ofAccount('sftp', source), mount, never);
  t.after(() => { spawnSync('fusermount3', ['-u', '-z', mount]); });
  for (const pid of processesOf(mount)) process.kill(pid, 'SIGKILL');
  while (processesOf(mount).length > 0) await new Promise(setImmediate);
  assert.equal(mounted(folder), true);
  assert.throws(() => readdirSync(mount), { code: 'ENOTCONN' });
  unmount(mount);
  assert.deepEqual([mounted(folder), existsSync(mount)], [false, false]);
  await connection.close();
  assertTidy(folder);
});
