/** What a night reads goes away in its middle: a mount whose connection breaks, a disk that is unmounted. Never an empty repository. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { type Finished, ratchet } from '../../support/cli.ts';
import { type Value, writeConfig, type WrittenConfig } from '../../support/config.ts';
import { anyOf } from '../../support/night.ts';
import { preparedRepository } from '../../support/restic.ts';
import { freePort, type Sshd, sftpCommand, startSshd } from '../../support/sshd.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { digest } from '../../support/tree.ts';

let sshd: Sshd<'sftp'>;
before(async () => { sshd = await startSshd({ folder: join(temporaryFolder(), 'sshd'), accounts: [{ name: 'sftp', command: sftpCommand }] }); });
after(() => sshd.stop());

interface Place {
  readonly folder: string;
  readonly source: string;
  readonly replica: string;
  readonly config: WrittenConfig;
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Finished>;
  /** Names, content and inodes of the replica, and its tombstones. */
  now(): Promise<unknown>;
}

/** A replica in step with its source, both perhaps at places of their own, with a window open in which nothing has a grace. */
async function place(t: TestContext, kind: 'sftp' | 'local', changes: Readonly<Record<string, Value>> = {}, mount: (folder: string) => void = () => undefined): Promise<Place> {
  const folder = temporaryFolder();
  const [source, replica, temporary] = [join(folder, 'source'), join(folder, 'replica'), join(folder, 'tmp')];
  for (const made of [source, replica, temporary]) mkdirSync(made);
  t.after(() => { spawnSync('umount', ['-l', source, replica]); });
  mount(folder);
  const { path } = await preparedRepository(join(folder, 'prepared'));
  spawnSync('cp', ['-a', `${path}/.`, source]);
  const { user, host, port, identityFile, knownHostsFile } = sshd.accounts.sftp;
  const written = kind === 'local' ? source : `sftp://${user}@${host}${source}`;
  const config = writeConfig(folder, written, { repositories: { nightly: { deletionGrace: 0, ...(kind === 'sftp' ? { ssh: { port, identityFile, knownHostsFile } } : {}), ...changes } } });
  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> => ratchet(args, { config: config.file, env: { TMPDIR: temporary, ...env } });
  for (const args of [['init', 'nightly'], ['sync'], ['prune-window', 'open', 'nightly', '--max-deletions', '1000']]) {
    const { code, stderr } = await run(args);
    assert.equal(code, 0, stderr);
  }
  const now = async (): Promise<unknown> => [digest(replica, { inode: true, without: ['.rsync-ratchet'] }), (await run(['--json', 'tombstones', 'list', 'nightly'])).json()];
  return { folder, source, replica, config, run, now };
}

const rsync = process.env['RATCHET_RSYNC'] ?? '/usr/bin/rsync';

/** A `bwrap` (or rsync) that runs `act` before its nth start for serverA, and `undo` after it; what it stands for follows as arguments. */
function acting(folder: string, name: 'bwrap' | 'rsync', nth: number, act: string, undo = ''): string {
  const bin = join(folder, 'bin');
  const real = name === 'rsync' ? rsync : '/usr/bin/bwrap';
  mkdirSync(bin);
  writeFileSync(join(bin, name), `#!/bin/sh
case "$*" in *--out-format=*) echo >> ${folder}/starts ;; esac
case "$*" in *--out-format=*) [ "$(grep -c '' ${folder}/starts)" != ${nth} ] || { : > ${folder}/acted; ${act}; ${real} "$@"; code=$?; ${undo === '' ? ':' : undo}; exit $code; } ;; esac
exec ${real} "$@"
`, { mode: 0o755 });
  return bin;
}

const breakConnection = (folder: string): string =>
  `pid=$(grep -lz '^sshfs' $(grep -l ${folder} /proc/[0-9]*/cmdline) | cut -d/ -f3); kill -KILL $pid; umount -l $(grep -o '${folder}/tmp/[^ ]*/mount' /proc/self/mountinfo)`;
const unmounted = (what: 'source' | 'replica') => (folder: string): string => `umount -l ${folder}/${what}`;
const onTmpfs = (what: 'source' | 'replica') => (folder: string): void => { assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'mode=0755', 'none', join(folder, what)]).status, 0); };
/** A disk that can be mounted once more as the same one. */
const bound = (what: 'source' | 'replica') => (folder: string): void => {
  mkdirSync(join(folder, 'disk'));
  assert.equal(spawnSync('mount', ['--bind', join(folder, 'disk'), join(folder, what)]).status, 0);
};
const boundAgain = (what: 'source' | 'replica') => (folder: string): string => `mount --bind ${folder}/disk ${folder}/${what}`;

interface Case {
  readonly name: string;
  readonly kind: 'sftp' | 'local';
  readonly nth: number;
  readonly mount?: (folder: string) => void;
  readonly act: (folder: string) => string;
  readonly undo?: (folder: string) => string;
  readonly says: RegExp;
}

const gone = /is no longer the folder that it was when the run began|has no marker/;
const cases: readonly Case[] = [
  { name: 'the sftp connection breaks before the first pass', kind: 'sftp', nth: 1, act: breakConnection, says: /sftp mount of .* is gone/ },
  { name: 'the sftp connection breaks between two passes', kind: 'sftp', nth: 2, act: breakConnection, says: /sftp mount of .* is gone/ },
  { name: 'the sftp connection breaks after the audit, before deletions are accepted', kind: 'sftp', nth: 4, act: breakConnection, says: /sftp mount of .* is gone/ },
  { name: 'the disk of a local source is unmounted between two passes', kind: 'local', nth: 3, mount: onTmpfs('source'), act: unmounted('source'), says: gone },
  { name: 'the disk of a local source is away for one pass', kind: 'local', nth: 2, mount: bound('source'), act: unmounted('source'), undo: boundAgain('source'), says: gone },
  { name: 'the disk of the replica is unmounted between two passes', kind: 'local', nth: 2, mount: onTmpfs('replica'), act: unmounted('replica'), says: gone },
  { name: 'the disk of the replica is away for one pass', kind: 'local', nth: 3, mount: bound('replica'), act: unmounted('replica'), undo: boundAgain('replica'), says: gone },
];

const mayMount = process.getuid?.() === 0;

for (const { name, kind, nth, mount, act, undo, says } of cases) {
  test(`${name}: a failure, and nothing counts as deleted`, async (t) => {
    if (!mayMount) return t.diagnostic('no mounts here: rights of this user');
    const made = await place(t, kind, { spotCheck: 1 }, mount);
    rmSync(join(made.source, anyOf(made.source, 'snapshots')));
    const before = await made.now();
    const bin = acting(made.folder, 'bwrap', nth, act(made.folder), undo?.(made.folder));
    const { code, stdout, stderr } = await made.run(['--json', 'sync'], { PATH: `${bin}:${process.env['PATH'] ?? ''}` });
    assert.ok(readFileSync(join(made.folder, 'acted')), 'it went away');
    assert.equal(code, 1, stdout + stderr);
    const [run] = JSON.parse(stdout).runs;
    assert.match(run.error.message, says);
    assert.deepEqual([run.alarm, run.tombstones.added, run.tombstones.expired], [null, 0, 0]);
    if (mount !== undefined && undo === undefined) return assert.deepEqual(readFileSync(join(made.folder, 'starts'), 'utf8').length, nth);
    assert.deepEqual(await made.now(), before);
  });
}

test('without a room rsync reads the very folders that were opened, although others stand at their paths meanwhile', async (t) => {
  if (!mayMount) return t.diagnostic('no mounts here: rights of this user');
  const made = await place(t, 'local', { rsync: { sandbox: 'off', path: rsync } }, bound('source'));
  const bin = acting(made.folder, 'rsync', 2, unmounted('source')(made.folder), boundAgain('source')(made.folder));
  const before = await made.now();
  writeConfig(made.folder, made.source, { repositories: { nightly: { deletionGrace: 0, rsync: { sandbox: 'off', path: join(bin, 'rsync') } } } });
  const { code, stdout, stderr } = await made.run(['--json', 'sync']);
  assert.equal(code, 0, stdout + stderr);
  assert.ok(readFileSync(join(made.folder, 'acted')), 'it went away');
  assert.deepEqual(await made.now(), before);
});

test('serverA is switched off: every audit over sftp fails, none sees a deletion', async (t) => {
  const made = await place(t, 'sftp');
  const port = await freePort();
  const { user, host, identityFile, knownHostsFile } = sshd.accounts.sftp;
  writeConfig(made.folder, `sftp://${user}@${host}${made.source}`, { repositories: { nightly: { ssh: { port, identityFile, knownHostsFile } } } });
  const ends = [];
  for (let n = 0; n < 12; n++) ends.push(...await Promise.all([made.run(['--json', 'audit']), made.run(['--json', 'audit'])]));
  for (const { code, stdout } of ends) if (code !== 75) assert.deepEqual([code, JSON.parse(stdout).runs[0].findings], [1, []], stdout);
});
