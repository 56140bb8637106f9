/** A source that stops answering in mid-audit: rsync waits inside the kernel, where no signal reaches it, and the night ends all the same. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ratchet, spawnRatchet } from '../../support/cli.ts';
import { type Value, writeConfig, type WrittenConfig } from '../../support/config.ts';
import { clockFor } from '../../support/hurry.ts';
import { judged, type Judged } from '../../support/night.ts';
import { allEnded, processesOf } from '../../support/processes.ts';
import { preparedRepository } from '../../support/restic.ts';
import { type Sshd, startSshd } from '../../support/sshd.ts';
import { type Ending, temporaryFolder } from '../../support/temporary.ts';
import { digest } from '../../support/tree.ts';
import { pollFor, watchFor } from '../../support/watch.ts';

let sshd: Sshd<'sftp'>;
before(async () => { sshd = await startSshd({ folder: join(temporaryFolder(), 'sshd'), accounts: [{ name: 'sftp', command: 'exec /usr/lib/openssh/sftp-server -R' }] }); });
after(() => sshd.stop());

const servers = (): number[] => processesOf(`${sshd.host} ${sshd.port}`).filter((pid) => nameOf(pid) === 'sftp-server');

/** '' when it has ended. */
function nameOf(pid: number): string {
  const file = `/proc/${pid}/comm`;
  return existsSync(file) ? readFileSync(file, 'latin1').trim() : '';
}

/** An rsync that waits before it begins, until the test says go on. */
function waiting(folder: string): string {
  const file = join(folder, 'waiting');
  execFileSync('mkfifo', [join(folder, 'go')]);
  writeFileSync(file, `#!/bin/sh\n: > ${folder}/begun/file\nread -r _ < ${folder}/go\nexec rsync "$@"\n`, { mode: 0o755 });
  mkdirSync(join(folder, 'begun'));
  return file;
}

/** A night in which all sftp servers stop answering once rsync has begun; `source` and `keys` lead to a repository behind them. */
async function hungNight(t: Ending, folder: string, config: (nightly: Readonly<Record<string, Value>>) => WrittenConfig): Promise<Judged & { mails: ReturnType<WrittenConfig['mails']> }> {
  const init = await ratchet(['init', 'nightly'], { config: config({}).file });
  assert.equal(init.code, 0, init.stderr);
  const written = config({ rsync: { path: waiting(folder), sandbox: 'off' } });
  const { file, replica } = written;
  const earlier = digest(replica, { inode: true, without: ['.rsync-ratchet'] });
  const temporary = join(folder, 'tmp'); // rsync's arguments are descriptors; its HOME lies in here
  mkdirSync(temporary);
  const clock = clockFor(t, 'stall');
  const running = spawnRatchet(['--json', 'sync'], { config: file, env: { ...clock.env, TMPDIR: temporary } });
  await watchFor(join(folder, 'begun'), () => existsSync(join(folder, 'begun/file')));
  for (const pid of servers()) process.kill(pid, 'SIGSTOP');
  writeFileSync(join(folder, 'go'), '\n');
  await pollFor(() => processesOf(folder).some((pid) => nameOf(pid) === 'rsync'));
  await clock.jump();
  const finished = await judged(running);
  assert.deepEqual(digest(replica, { inode: true, without: ['.rsync-ratchet'] }), earlier);
  return { ...finished, mails: written.mails() };
}

test('over sftp the mount goes first: the run fails in time, tells it, and nothing is left', async (t) => {
  t.after(() => { for (const pid of servers()) process.kill(pid, 'SIGKILL'); });
  const folder = temporaryFolder(t);
  const { path } = await preparedRepository(join(folder, 'source'));
  const { host, port, user, identityFile, knownHostsFile } = sshd.accounts.sftp;
  const night = await hungNight(t, folder, (nightly) => writeConfig(folder, `sftp://${user}@${host}${path}`, { repositories: { nightly: { ssh: { port, identityFile, knownHostsFile }, ...nightly } } }));
  assert.deepEqual([night.code, night.run.outcome], [1, 'failed']);
  assert.match(night.run.error.message, /rsync made no progress for timeouts\.stall and was ended/);
  assert.match(night.mails.at(-1)?.subject ?? '', /^\[FAILED\] nightly on /);
  await allEnded(processesOf(folder));
});

test('a folder of this machine that hangs cannot be let go: the run fails in time and names the process that waits', async (t) => {
  const folder = temporaryFolder();
  const mount = join(folder, 'mount');
  const { path } = await preparedRepository(join(folder, 'source'));
  mkdirSync(mount);
  const { host, port, user, identityFile, knownHostsFile } = sshd.accounts.sftp;
  const options = [`port=${port}`, `IdentityFile=${identityFile}`, `UserKnownHostsFile=${knownHostsFile}`, 'StrictHostKeyChecking=yes', 'ro', 'dir_cache=no', 'attr_timeout=0', 'entry_timeout=0'].flatMap((option) => ['-o', option]);
  const sshfs = spawn('sshfs', ['-f', ...options, `${user}@${host}:${path}`, mount], { stdio: 'ignore' });
  t.after(() => {
    sshfs.kill('SIGKILL');
    execFileSync('fusermount3', ['-u', '-z', mount]);
    for (const pid of servers()) process.kill(pid, 'SIGKILL');
  });
  await pollFor(() => existsSync(join(mount, 'config')));
  const night = await hungNight(t, folder, (nightly) => writeConfig(folder, mount, { repositories: { nightly } }));
  assert.deepEqual([night.code, night.run.outcome], [1, 'failed']);
  const [, pid = ''] = /^rsync \(process (\d+)\) does not end, not even by KILL/.exec(night.run.error.message) ?? assert.fail(night.run.error.message);
  assert.equal(nameOf(Number(pid)), 'rsync', 'it is still there');
  assert.match(night.mails.at(-1)?.text ?? '', new RegExp(`process ${pid}`));
  await hangsBefore(t, folder, mount);
});

/** The mount is dead by now: a night that begins there ends before rsync has begun, and so does one whose lock lies on such a disk. */
async function hangsBefore(t: Ending, folder: string, mount: string): Promise<void> {
  const [config, replica, programs] = [join(folder, 'config.yaml'), join(folder, 'replica'), join(folder, 'programs')];
  const before = digest(replica, { inode: true, without: ['.rsync-ratchet'] });
  mkdirSync(programs);
  writeFileSync(join(programs, 'perl'), `#!/bin/sh\nexec cat ${mount}/config\n`, { mode: 0o755 }); // waits for the dead disk, whatever it is sent
  for (const [path, reason] of [['', /^find \(process \d+\) does not end, not even by KILL/], [`${programs}:`, /^perl \(process \d+\) does not end, not even by KILL/]] as const) {
    const clock = clockFor(t, 'stall');
    const running = spawnRatchet(['--json', 'sync'], { config, env: { ...clock.env, TMPDIR: join(folder, 'tmp'), PATH: `${path}${process.env['PATH'] ?? ''}` } });
    await clock.jumpUntilEnd(running);
    const { code, run } = await judged(running);
    assert.equal(code, 1);
    assert.match(run.error.message, reason);
    assert.deepEqual(digest(replica, { inode: true, without: ['.rsync-ratchet'] }), before);
  }
}
