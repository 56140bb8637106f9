/** A copy that is there already, made by whatever means, becomes a replica. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { anyOf, type Night, pathsOf, type ServerA, startServerA } from '../../support/night.ts';
import { preparedRepository, resticRepository } from '../../support/restic.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

/** A repository on serverA, and a copy of it on serverB that `cp` made. */
async function copied(t: Parameters<ServerA['night']>[0]): Promise<Night> {
  const night = await serverA.night(t, { fresh: true });
  execFileSync('cp', ['-a', night.repository.path, night.replica]);
  return night;
}

/** Another content of the same size, with the same modification time. */
function damage(file: string): void {
  const bytes = readFileSync(file);
  bytes[20] = (bytes[20] ?? 0) ^ 1;
  chmodSync(file, 0o600);
  const time = execFileSync('stat', ['-c', '%Y', file], { encoding: 'utf8' });
  writeFileSync(file, bytes);
  utimesSync(file, Number(time), Number(time));
}

const marker = (night: Night): string => join(night.replica, '.rsync-ratchet/replica.json');

test('a good copy is hashed, adopted as it is, and the next sync finds nothing new', async (t) => {
  const night = await copied(t);
  const before = night.replicaNow();
  const { code, stdout, stderr } = await night.run(['init', 'nightly']);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /existing copy adopted/);
  assert.match(stdout, /39 files \(.*\) hashed: each is what its name says/);
  assert.deepEqual(filesOf(night.replicaNow()), filesOf(before));
  assert.deepEqual(night.unfinished(), []);
  const { run } = await night.sync();
  assert.deepEqual([run.outcome, run.findings], ['unchanged', []]);
});

/** Folders may have been made, and so have new times. */
const filesOf = (lines: readonly string[]): string[] => lines.filter((line) => !line.includes(' folder '));

test('a copy with a damaged file is not adopted, and the file is named', async (t) => {
  const night = await copied(t);
  const [pack, index] = [anyOf(night.replica, 'data'), anyOf(night.replica, 'index')];
  damage(join(night.replica, pack));
  damage(join(night.replica, index));
  const before = filesOf(night.replicaNow());
  const connections = serverA.sshd.connections();
  const { code, stdout, stderr } = await night.run(['init', 'nightly']);
  assert.deepEqual([code, stdout], [1, '']);
  for (const words of ['2 of 39 files', pack, index, 'the copy was not adopted']) assert.ok(stderr.includes(words), stderr);
  assert.ok(!existsSync(marker(night)));
  assert.equal(serverA.sshd.connections(), connections);
  assert.deepEqual(filesOf(night.replicaNow()), before);
  assert.equal((await night.sync()).code, 1);
});

test('--trust-existing adopts without hashing', async (t) => {
  const night = await copied(t);
  damage(join(night.replica, anyOf(night.replica, 'data')));
  const { code, stdout } = await night.run(['init', 'nightly', '--trust-existing']);
  assert.equal(code, 0);
  assert.match(stdout, /existing copy adopted/);
  assert.doesNotMatch(stdout, /hashed/);
  assert.ok(existsSync(marker(night)));
});

test('--trust-existing trusts no key that is not what its name says', async (t) => {
  const night = await copied(t);
  damage(join(night.replica, anyOf(night.replica, 'keys')));
  const before = filesOf(night.replicaNow());
  const { code, stderr } = await night.run(['init', 'nightly', '--trust-existing']);
  assert.equal(code, 1);
  assert.match(stderr, /keys\/[0-9a-f]{64} in the existing copy is not what its name says/);
  assert.ok(!existsSync(marker(night)));
  assert.deepEqual(filesOf(night.replicaNow()), before);
});

test('a damaged file that is moved away is fetched again by the first sync', async (t) => {
  const night = await copied(t);
  const pack = anyOf(night.replica, 'data');
  const good = readFileSync(join(night.replica, pack));
  damage(join(night.replica, pack));
  assert.equal((await night.run(['init', 'nightly'])).code, 1);
  rmSync(join(night.replica, pack));
  assert.equal((await night.run(['init', 'nightly'])).code, 0);
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.admitted.files], [0, 1]);
  assert.deepEqual(readFileSync(join(night.replica, pack)), good);
});

test('an incomplete copy is completed by the first sync', async (t) => {
  const night = await copied(t);
  for (const kind of ['data', 'index', 'snapshots'] as const) rmSync(join(night.replica, anyOf(night.replica, kind)));
  rmSync(join(night.replica, 'config'));
  rmSync(join(night.replica, 'keys'), { recursive: true });
  assert.equal((await night.run(['init', 'nightly'])).code, 0);
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.admitted.files], [0, 3]);
});

test('a copy of another repository is refused and stays as it was', async (t) => {
  const night = await serverA.night(t, { fresh: true });
  resticRepository(night.replica);
  const before = filesOf(night.replicaNow());
  const { code, stderr } = await night.run(['init', 'nightly']);
  assert.equal(code, 1);
  assert.match(stderr, /the config of the existing copy is not that of serverA/);
  assert.ok(!existsSync(marker(night)));
  assert.deepEqual(filesOf(night.replicaNow()), before);
});

test('an adopted copy that holds more than serverA is an alarm in the first sync, and keeps it', async (t) => {
  const night = await serverA.night(t, { fresh: true });
  await preparedRepository(night.replica);
  const snapshot = anyOf(night.repository.path, 'snapshots');
  rmSync(join(night.repository.path, snapshot));
  assert.equal((await night.run(['init', 'nightly'])).code, 0);
  const before = night.replicaNow();
  const judged = await night.sync();
  assert.equal(judged.code, 3);
  assert.deepEqual(pathsOf(judged, 'deleted'), [snapshot]);
  assert.deepEqual(night.replicaNow(), before);
});
