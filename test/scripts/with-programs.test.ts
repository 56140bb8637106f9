import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startSshd } from '../support/sshd.ts';
import { temporaryFolder } from '../support/temporary.ts';

const script = new URL('../../scripts/with-programs', import.meta.url).pathname;

/** A program that says who it is. */
function fake(folder: string, name: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\necho "${path} $*"\n`, { mode: 0o755 });
  return path;
}

function say(command: string, env: Readonly<Record<string, string>>): string {
  return execFileSync(script, ['sh', '-c', command], { encoding: 'utf8', env: { PATH: process.env['PATH'], ...env } });
}

test('RATCHET_RSYNC and RATCHET_RESTIC are what a command finds in PATH, and rrsync starts that rsync', (t) => {
  const folder = temporaryFolder(t);
  const [rsync, restic] = [fake(join(folder, 'a'), 'rsync'), fake(join(folder, 'b'), 'restic-0.19')];
  writeFileSync(join(folder, 'a/rrsync'), '#!/bin/sh\nexec /usr/bin/rsync --server "$@"\n', { mode: 0o755 });
  const env = { RATCHET_RSYNC: rsync, RATCHET_RESTIC: restic };
  assert.equal(say('rsync one; restic two; rrsync three', env), `${rsync} one\n${restic} two\n${rsync} --server three\n`);
});

test('RATCHET_SERVER_RSYNC is what serverA finds, and nobody else', (t) => {
  const folder = temporaryFolder(t);
  const [here, there] = [fake(join(folder, 'a'), 'rsync'), fake(join(folder, 'b'), 'rsync')];
  assert.equal(say('rsync one; PATH=$RATCHET_SERVER_PATH; rsync two', { RATCHET_RSYNC: here, RATCHET_SERVER_RSYNC: there }), `${here} one\n${there} two\n`);
});

test('where an rsync comes without an rrsync of its own, the one of this machine starts it', (t) => {
  const folder = temporaryFolder(t);
  const rsync = fake(join(folder, 'other'), 'rsync');
  writeFileSync(join(folder, 'rrsync'), '#!/bin/sh\nexec /usr/bin/rsync --server "$@"\n', { mode: 0o755 });
  assert.equal(say('rrsync one', { RATCHET_RSYNC: rsync, PATH: `${folder}:${process.env['PATH'] ?? ''}` }), `${rsync} --server one\n`);
});

test('without the two variables nothing is changed, and a program that is not there is an error', (t) => {
  assert.equal(say('echo "$PATH"', {}), `${process.env['PATH'] ?? ''}\n`);
  const missing = spawnSync(script, ['true'], { encoding: 'utf8', env: { PATH: process.env['PATH'], RATCHET_RESTIC: join(temporaryFolder(t), 'restic') } });
  assert.deepEqual([missing.status, missing.stderr.startsWith('RATCHET_RESTIC names no program: ')], [2, true]);
});

test("serverA's side of the tests finds the same programs: the sshd of the tests hands on their PATH", async (t) => {
  const sshd = await startSshd({ folder: temporaryFolder(t), accounts: [{ name: 'shell' }] });
  t.after(() => sshd.stop());
  const { port, user, host, identityFile, knownHostsFile } = sshd.accounts.shell;
  const options = ['-F', 'none', '-p', `${port}`, '-i', identityFile, '-o', `UserKnownHostsFile=${knownHostsFile}`, '-o', 'BatchMode=yes'];
  assert.equal(execFileSync('ssh', [...options, `${user}@${host}`, 'echo "$PATH"'], { encoding: 'utf8' }), `${process.env['RATCHET_SERVER_PATH'] ?? process.env['PATH'] ?? ''}\n`);
});
