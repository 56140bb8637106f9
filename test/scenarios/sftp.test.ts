/** A serverA whose account has only sftp: a read-only mount that lasts as long as the run, whatever ends it. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ratchet, spawnRatchet } from '../support/cli.ts';
import { type Value, writeConfig, type WrittenConfig } from '../support/config.ts';
import { addPack, anyOf, judged, type Judged } from '../support/night.ts';
import { allEnded, processesOf } from '../support/processes.ts';
import { openRepository, preparedRepository, type ResticRepository } from '../support/restic.ts';
import { type Sshd, sftpCommand, startSshd } from '../support/sshd.ts';
import { type Ending, temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';
import { watchFor } from '../support/watch.ts';

let sshd: Sshd<'sftp'>;
before(async () => { sshd = await startSshd({ folder: join(temporaryFolder(), 'sshd'), accounts: [{ name: 'sftp', command: sftpCommand }] }); });
after(() => sshd.stop());

interface Place {
  readonly folder: string;
  readonly repository: ResticRepository;
  readonly replica: string;
  /** The program's TMPDIR. */
  readonly temporary: string;
  readonly env: Readonly<Record<string, string>>;
  config: WrittenConfig;
  configure(nightly: Readonly<Record<string, Value>>): void;
  sync(): Promise<Judged>;
  replicaNow(): string[];
}

/** A repository on serverA; with `init` and a first `sync` done unless `fresh`. */
async function place(t: Ending, { fresh = false } = {}): Promise<Place> {
  const folder = temporaryFolder(t);
  const repository = await preparedRepository(join(folder, 'source'));
  const temporary = join(folder, 'tmp');
  mkdirSync(temporary);
  const { host, port, user, identityFile, knownHostsFile } = sshd.accounts.sftp;
  const written = (nightly: Readonly<Record<string, Value>>): WrittenConfig => writeConfig(folder, `sftp://${user}@${host}${repository.path}`, {
    repositories: { nightly: { ssh: { port, identityFile, knownHostsFile }, ...nightly } },
  });
  const env = { TMPDIR: temporary };
  const made: Place = {
    folder, repository, temporary, env, replica: join(folder, 'replica'),
    config: written({}),
    configure: (nightly) => { made.config = written(nightly); },
    sync: () => judged({ finished: ratchet(['--json', 'sync'], { config: made.config.file, env }) }),
    replicaNow: () => digest(made.replica, { inode: true, without: ['.rsync-ratchet'] }),
  };
  t.after(() => { assertNothingMounted(folder); });
  if (fresh) return made;
  for (const args of [['init', 'nightly'], ['sync']]) {
    const { code, stderr } = await ratchet(args, { config: made.config.file, env });
    assert.equal(code, 0, stderr);
  }
  return made;
}

function assertNothingMounted(folder: string): void {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  assert.deepEqual(mounts.filter((line) => line.includes(folder)), []);
}

/** After a run: no mount, no folder, no sshfs. */
function assertTidy({ folder, temporary }: Place): void {
  assertNothingMounted(folder);
  assert.deepEqual(readdirSync(temporary), []);
  assert.deepEqual(processesOf(temporary), []);
}

test('the first copy over sftp: init, sync, and a replica that restic restores from; then a quiet night', async (t) => {
  const made = await place(t, { fresh: true });
  for (const [args, words] of [[['init', 'nightly'], /replica made/], [['sync'], /35 new files|new files/]] as const) {
    const { code, stdout, stderr } = await ratchet(args, { config: made.config.file, env: made.env });
    assert.equal(code, 0, stderr);
    assert.match(stdout, words);
    assertTidy(made);
  }
  const content = { folders: false, mode: false, mtime: false, without: ['.rsync-ratchet', 'locks'] };
  assert.deepEqual(digest(made.replica, content), digest(made.repository.path, content));
  await openRepository(made.replica).check(true);
  const before = made.replicaNow();
  const { code, run } = await made.sync();
  assert.deepEqual([code, run.outcome, run.findings], [0, 'unchanged', []]);
  assert.deepEqual(made.replicaNow(), before);
  assertTidy(made);
});

test('a new backup comes in over sftp', async (t) => {
  const made = await place(t);
  await made.repository.backup({ 'a file': 'content' });
  const { code, run } = await made.sync();
  assert.deepEqual([code, run.outcome, run.admitted.files, run.findings], [0, 'synced', 4, []]);
  await openRepository(made.replica).check(true);
  assertTidy(made);
});

test('a pack deleted on serverA stops the run over sftp too, and nothing is fetched', async (t) => {
  const made = await place(t);
  const pack = anyOf(made.repository.path, 'data');
  rmSync(join(made.repository.path, pack));
  addPack(made.repository.path);
  const before = made.replicaNow();
  const { code, run } = await made.sync();
  assert.equal(code, 3);
  assert.deepEqual(run.findings.map(({ rule, path }: { rule: string; path: string }) => [rule, path]), [['deleted', pack]]);
  assert.deepEqual(made.replicaNow(), before);
  assertTidy(made);
});

/** A run that stands still in its audit, with the mount in place; `pid` is the program's. */
async function standing(t: Ending, made: Place): Promise<ReturnType<typeof spawnRatchet>> {
  const rsync = join(made.folder, 'rsync');
  writeFileSync(rsync, `#!/bin/sh\n: > ${made.folder}/standing\nexec tail -f /dev/null\n`, { mode: 0o755 });
  made.configure({ rsync: { path: rsync, sandbox: 'off' } });
  const running = spawnRatchet(['sync'], { config: made.config.file, env: made.env });
  t.after(() => { running.kill('SIGKILL'); });
  await watchFor(made.folder, () => existsSync(join(made.folder, 'standing')));
  made.configure({});
  return running;
}

const isMounted = ({ temporary }: Place): boolean => readFileSync('/proc/self/mountinfo', 'utf8').includes(temporary);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`the mount is gone when ${signal} ends the run`, async (t) => {
    const made = await place(t);
    const before = made.replicaNow();
    const running = await standing(t, made);
    assert.equal(isMounted(made), true);
    running.kill(signal);
    assert.equal((await running.finished).code, signal === 'SIGINT' ? 130 : 143);
    assertTidy(made);
    assert.deepEqual(made.replicaNow(), before);
  });
}

/** Not the shell around rsync, which has to end what is left of that. The one around sshfs is stopped first: it ends by itself when it sees sshfs gone. */
function killSshfsAndItsShell(pids: readonly number[]): void {
  const sshfs = pids.find((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sshfs\n') ?? assert.fail('no sshfs');
  const shell = Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${sshfs}/status`, 'utf8'))?.[1]);
  process.kill(shell, 'SIGSTOP');
  process.kill(sshfs, 'SIGKILL');
  process.kill(shell, 'SIGKILL');
}

for (const [what, alsoSshfs] of [['the program', false], ['the program, its sshfs and the shell around that', true]] as const) {
  test(`after SIGKILL of ${what} the next run cleans up: no stale mount, no folder`, async (t) => {
    const made = await place(t);
    const before = made.replicaNow();
    const running = await standing(t, made);
    assert.equal(isMounted(made), true);
    const others = processesOf(made.temporary).filter((pid) => pid !== running.pid);
    if (alsoSshfs) killSshfsAndItsShell(others);
    running.kill('SIGKILL');
    await running.finished;
    await allEnded(others);
    assert.equal(readdirSync(made.temporary).length, 1, 'the run folder is still there');
    assert.equal(isMounted(made), alsoSshfs, 'who is left of the three ends the mount');
    addPack(made.repository.path);
    assert.deepEqual(made.replicaNow(), before);
    const { code, run } = await made.sync();
    assert.deepEqual([code, run.outcome, run.admitted.files], [0, 'synced', 1]);
    assertTidy(made);
  });
}
