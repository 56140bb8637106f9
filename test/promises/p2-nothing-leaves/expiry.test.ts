/** Files leave: killed at any step, on a full disk, and never while anything is in doubt. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Value, writeConfig } from '../../support/config.ts';
import { syncOnDisk } from '../../support/disk.ts';
import { addPack, anyOf, clockAhead, hashOf, type Judged, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { assertInStep, assertNothingLost, assertRestorable, day, ending, grace, journal, openWindow, prune, repositoryFiles, rulesOf, tombstones } from '../../support/prune.ts';
import { isReleaseCheck } from '../../support/release.ts';
import { digest } from '../../support/tree.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

const tomorrow = clockAhead(1.1 * day);

/** serverA was pruned, and lost a key, in a window a day ago; it is reached as a local path, because here expiry is the matter. */
async function pruned(t: Parameters<ServerA['night']>[0], nightly: Readonly<Record<string, Value>> = {}): Promise<{ night: Night; due: string[]; newer: string }> {
  const night = await serverA.night(t);
  const { path } = night.repository;
  writeConfig(night.folder, path, { repositories: { nightly: { deletionGrace: '1d', ...nightly } } });
  const key = Buffer.concat([readFileSync(join(path, anyOf(path, 'keys'))), Buffer.from(' ')]);
  const added = join(path, 'keys', hashOf(key));
  writeFileSync(added, key);
  await openWindow(night, '--allow-keys', '--max-deletions', '9');
  assert.equal((await night.sync()).code, 0);
  rmSync(added);
  const { gone, newer } = await prune(night);
  assert.deepEqual(ending(await night.sync()), [0, 'synced', 10, 0, 0, 10]);
  return { night, newer, due: [...gone, `keys/${hashOf(key)}`] };
}

/** Puts replica and state back to how they were, times and all. */
function reset(night: Night, saved: string): void {
  execFileSync('rm', ['-rf', night.replica, night.config.state]);
  execFileSync('cp', ['-a', join(saved, 'replica'), join(saved, 'state'), night.folder]);
}

/** What is due leaves kind by kind: no index before all snapshots have left, no pack before all indexes, no key before all packs. */
function assertInOrder(left: readonly string[], due: readonly string[]): void {
  const order = ['snapshots', 'index', 'data', 'keys'];
  const rank = (path: string): number => order.indexOf(path.split('/')[0] ?? '');
  const last = Math.max(-1, ...left.map(rank));
  assert.deepEqual(due.filter((path) => rank(path) < last && !left.includes(path)), [], 'still there');
}

/** So many steps on; `npm run torture` kills at random ones. */
const stride = isReleaseCheck ? 5 : 16;

test('killed between two steps of expiry: each file is whole, with its tombstone, or gone; the next run goes on', async (t) => {
  const { night, due, newer } = await pruned(t);
  const saved = join(night.folder, 'saved');
  execFileSync('mkdir', [saved]);
  execFileSync('cp', ['-a', night.replica, night.config.state, saved]);
  const wanted = repositoryFiles(night.repository.path);
  const kill = fileURLToPath(new URL('../../support/kill.mjs', import.meta.url));
  let points = 0;
  for (let isOver = false; !isOver; points += stride) {
    reset(night, saved);
    const before = digest(night.replica, { mtime: true, folders: false, without: ['.rsync-ratchet'] });
    const NODE_OPTIONS = `${tomorrow['NODE_OPTIONS'] ?? ''} --import ${kill}`;
    const killed = await night.run(['sync'], { env: { ...tomorrow, NODE_OPTIONS, KILL_AT: String(points + 1) } });
    assert.equal(killed.signal, 'SIGKILL', `at step ${points + 1}: ${killed.stdout}${killed.stderr}`);
    isOver = journal(night).some(({ event }) => event === 'expired');
    const now = digest(night.replica, { mtime: true, folders: false, without: ['.rsync-ratchet'] });
    const lost = before.filter((line) => !now.includes(line)).map((line) => line.split(' ', 1)[0] ?? '');
    assert.deepEqual([lost.filter((path) => !due.includes(path)), now.filter((line) => !before.includes(line))], [[], []]);
    assertInOrder(lost, due);
    const stones = (await tombstones(night)).map(({ path }) => path);
    assert.deepEqual(due.filter((path) => !lost.includes(path) && !stones.includes(path)), [], 'each file that is there has its tombstone');
    const next = await night.sync([], { env: tomorrow });
    assert.deepEqual(ending(next), [0, 'unchanged', 0, 0, due.length - lost.length, 0], `after a kill at step ${points + 1}: ${next.stdout}`);
    assert.deepEqual(repositoryFiles(night.replica), wanted);
    assert.deepEqual([await tombstones(night), existsSync(join(night.replica, '.rsync-ratchet/expired'))], [[], false]);
  }
  assert.ok(points >= 20, `${points} points`);
  await assertInStep(night);
  await assertRestorable(night, newer);
});

/** `sync --json` with the replica on a disk of its own that has so many KiB free. */
function onSmallDisk(night: Night, free: number, env: Readonly<Record<string, string>>): Promise<Judged> {
  return syncOnDisk(night, `on_disk replica size=64m
    avail=$(df -k --output=avail "$1/replica" | tail -1); dd if=/dev/zero of="$1/replica/.rsync-ratchet/filler" bs=1k count=$((avail - ${free})) status=none`, { env });
}

test('a full disk frees itself: what is due leaves before the fetch, and what is new fits in', async (t) => {
  const { night } = await pruned(t, { limits: { minFree: '0%' }, spotCheck: 5 });
  const pack = addPack(night.repository.path, randomBytes(600_000));
  const { code, stdout, stderr, run } = await onSmallDisk(night, 300, tomorrow);
  assert.equal(code, 4, `${stdout}${stderr}`);
  const { tombstones: found, admitted, findings } = run;
  assert.deepEqual([found.expired, admitted], [10, { files: 1, bytes: 600_000 }]);
  assert.deepEqual(findings.map(({ rule }: { rule: string }) => rule), ['unchecked'], 'there was no room for the spot check either');
  assert.ok(existsSync(join(night.folder, 'after', pack)));
  assert.deepEqual(repositoryFiles(join(night.folder, 'after')), repositoryFiles(night.repository.path));
});

test('a full disk that has nothing to free fails the run, and nothing leaves', async (t) => {
  const { night } = await pruned(t, { limits: { minFree: '0%' } });
  addPack(night.repository.path, randomBytes(600_000));
  const before = repositoryFiles(night.replica);
  const { code, run } = await onSmallDisk(night, 300, {});
  assert.equal(code, 1);
  assert.match(run.error.message, /^not enough room: 586 KiB to fetch/);
  assert.deepEqual(repositoryFiles(join(night.folder, 'after')), before);
});

test('without a restic password nothing leaves while a file is in quarantine', async (t) => {
  const { night } = await pruned(t);
  const forged = addPack(night.repository.path, randomBytes(100), hashOf(randomBytes(100)));
  const whole = night.replicaNow();
  const first = await night.sync();
  assert.deepEqual([first.code, first.run.quarantined.files], [4, 1]);
  rmSync(join(night.repository.path, forged));
  const second = await night.sync([], { env: tomorrow });
  assert.deepEqual([ending(second), rulesOf(second)], [[4, 'warned', 0, 0, 0, 10], ['postponed']]);
  assert.match(second.run.findings[0].message, /^10 files are due and stay for now: without a restic password nothing leaves while/);
  assert.deepEqual(night.replicaNow(), whole);
});

test('with a grace of 0 nothing leaves in a night in which a file is not what its name says', async (t) => {
  const night = await serverA.night(t, grace(0));
  await openWindow(night);
  const before = night.replicaNow();
  const { older } = await prune(night);
  addPack(night.repository.path, randomBytes(100), hashOf(randomBytes(100)));
  const tonight = await night.sync();
  assert.deepEqual([ending(tonight), rulesOf(tonight).sort()], [[4, 'warned', 9, 0, 0, 9], ['postponed', 'quarantined']]);
  assertNothingLost(night, before);
  await assertRestorable(night, older);
});

test('nor in one in which it is too large to be kept in quarantine', async (t) => {
  const night = await serverA.night(t, grace(0));
  writeConfig(night.folder, night.repository.path, { repositories: { nightly: { deletionGrace: 0 } } });
  await openWindow(night);
  const { gone } = await prune(night);
  addPack(night.repository.path, randomBytes(900_000), hashOf(randomBytes(100)));
  const { code, run } = await onSmallDisk(night, 30_000, {});
  assert.match(run.findings.find(({ rule }: { rule: string }) => rule === 'quarantined')?.message, /larger than quarantine may be/);
  assert.deepEqual([code, run.tombstones.added, run.tombstones.expired, rulesOf({ run } as Judged).includes('not-delivered')], [4, 9, 0, true], 'the next nights know, too');
  assert.deepEqual(gone.filter((path) => !existsSync(join(night.folder, 'after', path))), []);
});

test('keep that comes while an expiring sync runs is heeded', async (t) => {
  const night = await serverA.night(t, { ...grace('1d'), account: 'scripted' });
  serverA.script({});
  await openWindow(night);
  const { gone } = await prune(night);
  assert.equal((await night.sync()).code, 0);
  const [chosen = ''] = gone;
  serverA.script({ 3: 'wait_at audit; serve' });
  const gate = serverA.gate('audit');
  const running = night.start(['--json', 'sync'], { env: tomorrow });
  await gate.reached;
  assert.equal((await night.run(['tombstones', 'keep', 'nightly', chosen])).code, 0);
  await gate.open();
  const finished = await running.finished;
  assert.deepEqual([finished.code, finished.json().runs[0].tombstones.expired], [0, 8]);
  assert.ok(existsSync(join(night.replica, chosen)));
  assert.deepEqual((await tombstones(night)).map(({ path, state }) => [path, state]), [[chosen, 'kept']]);
});

test('while somebody reads the replica beside the night nothing leaves, which is said; everything else goes on, and it leaves when he is done', async (t) => {
  const { night, due } = await pruned(t);
  const readers = join(night.replica, '.rsync-ratchet/readers');
  const reader = spawn('flock', ['-s', readers, 'sh', '-c', 'echo holds; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => { reader.stdin.end(); });
  await once(reader.stdout, 'data');
  addPack(night.repository.path);
  const tonight = await night.sync([], { env: tomorrow });
  assert.deepEqual([tonight.code, rulesOf(tonight), tonight.run.tombstones.expired, tonight.run.admitted.files], [4, ['postponed'], 0, 1]);
  assert.match(tonight.run.findings[0].message, /^10 files are due and stay for now: somebody reads the replica just now/);
  assert.deepEqual(due.filter((path) => !existsSync(join(night.replica, path))), []);
  reader.stdin.end();
  await once(reader, 'close');
  assert.equal((await night.sync([], { env: tomorrow })).run.tombstones.expired, 10);
});
