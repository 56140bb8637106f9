/** A program that is killed leaves nobody behind, whoever hangs at that moment, and on whichever road. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { give, prefixOf, type User } from '../../support/asked.ts';
import { program } from '../../support/cli.ts';
import { type Value, writeConfig } from '../../support/config.ts';
import { allEnded, processesOf } from '../../support/processes.ts';
import { preparedRepository } from '../../support/restic.ts';
import { descendants, type Sshd, startSshd } from '../../support/sshd.ts';
import { type Ending, temporaryFolder } from '../../support/temporary.ts';
import { pollFor } from '../../support/watch.ts';

/** A program that never ends, nor what it has started, and that takes no TERM; `mark` is seen in both command lines. */
function hanging(folder: string, mark: string): string {
  const file = join(folder, 'hanging');
  writeFileSync(file, `#!/bin/sh\n[ "$1" != version ] || exit 0\ntrap '' TERM\n(exec sleep ${mark}) & exec sleep ${mark}\n`, { mode: 0o755 });
  return file;
}

/** Who is left when the program is killed while both of `mark` hang below it: all that it had started, whatever has become of their parents. */
async function killWhileHanging(running: { readonly pid: number; kill(): void }, mark: string, before: () => void = () => undefined): Promise<void> {
  await pollFor(() => processesOf(mark).length >= 2);
  const below = [...new Set([...descendants(running.pid), ...processesOf(mark)])].filter((pid) => pid !== running.pid);
  assert.ok(below.length >= 2, 'they hang');
  before();
  running.kill();
  await allEnded(below, 20_000);
}

let marks = 0;

/** A length of sleep that nobody else asks for. */
function newMark(): string {
  marks += 1;
  return `86399.${process.pid}${marks}`;
}

interface Road {
  /** Keys of the repository; `hang`: the program that hangs. */
  readonly nightly: (hang: string, passwordFile: string) => Readonly<Record<string, Value>>;
  /** Whether this machine refuses namespaces. */
  readonly noNamespaces?: true;
}

const roads: Readonly<Record<string, Road>> = {
  'restic in its sandbox': { nightly: (path, passwordFile) => ({ restic: { path, passwordFile } }) },
  'restic without isolation': { nightly: (path, passwordFile) => ({ restic: { path, passwordFile, prove: 'unisolated' } }), noNamespaces: true },
  'rsync in its room': { nightly: (path) => ({ rsync: { path, sandbox: 'require' } }) },
  'rsync without a room': { nightly: (path) => ({ rsync: { path, sandbox: 'off' } }) },
};

/** A replica that `user` has made; `start` runs a night in which the program of `road` hangs. */
async function place(t: Ending, user: User, source: (folder: string) => Promise<{ source: string; passwordFile: string; keys: Readonly<Record<string, Value>> }>) {
  const mark = newMark();
  const night = { kill: (): void => undefined };
  t.after(() => {
    night.kill();
    for (const pid of processesOf(mark)) process.kill(pid, 'SIGKILL');
  });
  const folder = temporaryFolder(t);
  const bin = join(folder, 'bin');
  for (const name of [bin, join(folder, 'tmp')]) mkdirSync(name);
  const made = await source(folder);
  const hang = hanging(folder, mark);
  const run = (road: Road, ...words: readonly string[]) => {
    if (road.noNamespaces === true) writeFileSync(join(bin, 'unshare'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const config = writeConfig(folder, made.source, { repositories: { nightly: { ...made.keys, ...road.nightly(hang, made.passwordFile) } } });
    give(user, folder);
    const [file = '', ...args] = [...prefixOf(user), process.execPath, program, '--config', config.file, ...words];
    const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: folder, TMPDIR: join(folder, 'tmp') };
    return spawn(file, args, { env, cwd: '/', stdio: ['ignore', 'ignore', 'inherit'] });
  };
  const init = run({ nightly: () => ({}) }, 'init', 'nightly');
  assert.deepEqual(await once(init, 'close'), [0, null]);
  return {
    mark,
    start: (road: Road) => {
      const child = run(road, 'sync');
      night.kill = () => { child.kill('SIGKILL'); };
      return { pid: child.pid ?? 0, kill: night.kill };
    },
  };
}

for (const user of ['runner', 'ordinary'] as const) {
  describe(`killed while a program hangs that takes no TERM: everything ends (${user})`, () => {
    for (const [name, road] of Object.entries(roads)) {
      test(name, async (t) => {
        const made = await place(t, user, async (folder) => {
          const { path, passwordFile } = await preparedRepository(join(folder, 'source'));
          return { source: path, passwordFile, keys: {} };
        });
        await killWhileHanging(made.start(road), made.mark);
      });
    }
  });
}

describe('killed while serverA\'s sftp server does not answer: everything ends', () => {
  let sshd: Sshd<'sftp'>;
  before(async () => { sshd = await startSshd({ folder: join(temporaryFolder(), 'sshd'), accounts: [{ name: 'sftp', command: 'exec /usr/lib/openssh/sftp-server -R' }] }); });
  after(() => sshd.stop());

  for (const sandbox of ['require', 'off'] as const) {
    test(`rsync.sandbox: ${sandbox}`, async (t) => {
      const made = await place(t, 'runner', async (folder) => {
        const { host, port, user, identityFile, knownHostsFile } = sshd.accounts.sftp;
        const { path, passwordFile } = await preparedRepository(join(folder, 'source'));
        return { source: `sftp://${user}@${host}${path}`, passwordFile, keys: { ssh: { port, identityFile, knownHostsFile } } };
      });
      await killWhileHanging(made.start({ nightly: (path) => ({ rsync: { path, sandbox } }) }), made.mark, () => {
        const servers = processesOf(`${sshd.host} ${sshd.port}`).filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sftp-server\n');
        assert.ok(servers.length > 0, 'there is an sftp server to stop');
        for (const pid of servers) process.kill(pid, 'SIGSTOP');
        t.after(() => { for (const pid of servers) process.kill(pid, 'SIGKILL'); });
      });
    });
  }
});
