/** Whole nights as an ordinary user on serverB: restic's and rsync's rooms need no root. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { give, prefixOf } from '../support/asked.ts';
import { program } from '../support/cli.ts';
import { writeConfig } from '../support/config.ts';
import { anyOf, filesBelow } from '../support/night.ts';
import { addJunk } from '../support/proof.ts';
import { preparedRepository, type ResticRepository } from '../support/restic.ts';
import { type Ending, temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';

interface Place {
  readonly repository: ResticRepository;
  readonly replica: string;
  /** Runs the program as the ordinary user; what changed on serverA meanwhile is theirs to read. */
  run(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into it freely
  sync(): Promise<any>;
  replicaNow(): string[];
}

/** The program as the ordinary user, to whom all of the folder is given first. */
const asOrdinary = (folder: string, config: string): Place['run'] => (...args) => {
  give('ordinary', folder);
  const [file = '', ...argv] = [...prefixOf('ordinary'), process.execPath, program, '--config', config, ...args];
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, TZ: 'UTC' };
  return new Promise((resolve) => {
    execFile(file, argv, { env, cwd: '/', maxBuffer: 1 << 26 }, (error, stdout, stderr) => { resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }); });
  });
};

/** A replica of an ordinary user's, after `init` and the first `sync`. */
async function placeFor(t: Ending, restic: Readonly<Record<string, string | boolean>> = {}): Promise<Place> {
  const folder = temporaryFolder(t);
  const repository = await preparedRepository(join(folder, 'source'));
  const config = writeConfig(folder, repository.path, {
    repositories: { nightly: { deletionGrace: 0, rsync: { sandbox: 'require' }, restic: { passwordFile: repository.passwordFile, ...restic } } },
  });
  const run = asOrdinary(folder, config.file);
  const made: Place = {
    repository, replica: config.replica, run,
    sync: async () => {
      const { stdout, stderr } = await run('--json', 'sync');
      assert.notEqual(stdout, '', stderr);
      return (JSON.parse(stdout) as { runs: unknown[] }).runs[0];
    },
    replicaNow: () => digest(config.replica, { inode: true, without: ['.rsync-ratchet'] }),
  };
  for (const args of [['init', 'nightly'], ['sync']]) {
    const { code, stderr, stdout } = await run(...args);
    assert.equal(code, 0, stderr + stdout);
  }
  return made;
}

test('init where this user may make no folder: the command that root must type, and nothing is made', async (t) => {
  const folder = temporaryFolder(t);
  const { file } = writeConfig(folder, join(folder, 'source'), { repositories: { nightly: { replica: '/no-such-folder/nightly' } } });
  const { code, stderr } = await asOrdinary(folder, file)('init', 'nightly');
  assert.equal(code, 1);
  assert.match(stderr, /^error: (\S+) may not make \/no-such-folder\/nightly\nhint: as root: install -d -m 700 -o \1 \/no-such-folder\/nightly\. Nothing was made\n$/);
  assert.ok(!existsSync('/no-such-folder'));
});

for (const prove of [true, 'unisolated'] as const) {
  test(`an ordinary user's night proves a good backup, and keeps junk out (prove: ${prove})`, async (t) => {
    const place = await placeFor(t, { prove });
    await place.repository.backup({ 'a file': 'content' });
    const good = await place.sync();
    assert.deepEqual([good.exitCode, good.proof, good.admitted.files, good.findings], [0, 'passed', 4, []]);
    const junk = addJunk(place.repository.path, 'index');
    const before = place.replicaNow();
    const bad = await place.sync();
    assert.deepEqual([bad.exitCode, bad.findings.map(({ rule, path }: { rule: string; path: string }) => [rule, path])], [3, [['unproven', junk]]]);
    assert.deepEqual(place.replicaNow(), before);
    assert.deepEqual(filesBelow(join(place.replica, '.rsync-ratchet/quarantine')), [junk]);
  });
}

test('an ordinary user\'s deletions are proven too: a prune leaves, a pack deleted alone does not', async (t) => {
  const place = await placeFor(t);
  const [older] = await place.repository.snapshots();
  await place.repository.forget([older?.id ?? ''], { prune: true });
  assert.equal((await place.run('prune-window', 'open', 'nightly', '--max-deletions', '20')).code, 0);
  const pruned = await place.sync();
  assert.deepEqual([pruned.exitCode, pruned.tombstones.added, pruned.tombstones.expired, pruned.findings], [0, 9, 9, []]);
  rmSync(join(place.repository.path, anyOf(place.repository.path, 'data')));
  const before = place.replicaNow();
  const alone = await place.sync();
  assert.deepEqual([alone.exitCode, alone.tombstones.unconfirmed, alone.tombstones.expired], [4, 1, 0]);
  assert.deepEqual(place.replicaNow(), before);
});

test('an ordinary user\'s check reads the data in its own room', async (t) => {
  const place = await placeFor(t);
  const { code, stdout, stderr } = await place.run('check');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /restic check passed; share 2\/30/);
});
