/** What happens to a machine: full and read-only disks, modes, a replica that vanishes, a serverA that dies, clocks. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { syncOnDisk } from '../../support/disk.ts';
import { dataBlob, Forge } from '../../support/forge.ts';
import { addPack, assertFailed, clockAhead, ended, hashOf, judged, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { assertInStep, day, repositoryFiles, rulesOf } from '../../support/prune.ts';
import { hasEnded } from '../../support/processes.ts';
import { provingNight } from '../../support/proof.ts';
import { isReleaseCheck } from '../../support/release.ts';
import { openRepository } from '../../support/restic.ts';
import { descendants } from '../../support/sshd.ts';
import type { Ending } from '../../support/temporary.ts';
import { digest } from '../../support/tree.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

const noMinimum = { limits: { minFree: '0%' } };
const packs = (night: Night, count: number, bytes: number) => Array.from({ length: count }, () => addPack(night.repository.path, randomBytes(bytes)));

/** The replica on its own disk held these files and no partial ones, at the end of a run that must fail with a hint. */
function assertHeld(night: Night, files: readonly string[], failed: Awaited<ReturnType<typeof syncOnDisk>>): void {
  const [kept, left] = [repositoryFiles(join(night.folder, 'after')), digest(join(night.folder, 'after'), { folders: false, without: ['.rsync-ratchet'] })];
  assert.deepEqual([failed.code, failed.run.outcome], [1, 'failed'], failed.stdout);
  assert.ok(failed.run.error.hint.length > 20, failed.run.error.message);
  assert.deepEqual(files.filter((path) => !kept.includes(path)), [], 'nothing is lost');
  assert.equal(left.length, kept.length + 1, 'files of the layout, and config');
  for (const path of kept) assert.equal(hashOf(readFileSync(join(night.folder, 'after', path))), path.slice(-64));
}

/** The disk has room again: what was on it is the replica now, and the next night is fine. */
async function assertNextIsFine(night: Night): Promise<void> {
  if (existsSync(join(night.folder, 'after'))) {
    rmSync(night.replica, { recursive: true });
    renameSync(join(night.folder, 'after'), night.replica);
    rmSync(join(night.replica, '.rsync-ratchet/filler'), { force: true });
  }
  const next = await night.sync();
  assert.equal(next.code, 0, next.stdout + next.stderr);
  await assertInStep(night);
  assert.deepEqual([night.unfinished(), readdirSync(night.temporary)], [[], []]);
}

test('a disk that fills up while files are fetched fails the run; what was complete enters the next night', async (t) => {
  const night = await serverA.night(t, { changes: { repositories: { nightly: noMinimum } } });
  const before = repositoryFiles(night.replica);
  packs(night, 200, 100); // each takes 4 KiB on the disk, whatever its size says
  const failed = await syncOnDisk(night, `on_disk replica size=64m
    avail=$(df -k --output=avail "$1/replica" | tail -1); dd if=/dev/zero of="$1/replica/.rsync-ratchet/filler" bs=1k count=$((avail - 400)) status=none`);
  assertHeld(night, before, failed);
  assert.match(`${failed.run.error.message} ${failed.run.error.hint}`, /No space left|disk|room/);
  await assertNextIsFine(night);
});

test('a disk on which no more names fit, wherever in the night that is: the run fails, and the next one completes', async (t) => {
  let failures = 0;
  for (const inodes of isReleaseCheck ? [0, 6, 15, 27, 31, 40] : [0, 15, 31]) {
    const night = await provingNight(serverA, t, noMinimum);
    const before = repositoryFiles(night.replica);
    await night.repository.backup({ 'new file': randomBytes(20_000) });
    const forge = await Forge.of(night.repository);
    for (let n = 0; n < 6; n++) forge.pack([dataBlob(randomBytes(100))]);
    const failed = await syncOnDisk(night, `on_disk replica size=64m
      rm -rf "$1/replica/.rsync-ratchet/candidate"
      used=$(find "$1/replica" | wc -l); mount -o remount,nr_inodes=$((used + ${inodes})) "$1/replica"`);
    if (failed.code === 0) continue;
    failures++;
    assertHeld(night, before, failed);
    await assertNextIsFine(night);
  }
  assert.ok(failures >= 2, `${failures} failed`);
});

test('a state folder on a full disk fails the run before anything is admitted, and somebody hears of it', async (t) => {
  const night = await serverA.night(t);
  const before = night.replicaNow();
  addPack(night.repository.path);
  const failed = await syncOnDisk(night, `on_disk state size=1m; dd if=/dev/zero of="$1/state/filler" bs=4k status=none 2>/dev/null || true`);
  assert.deepEqual([failed.code, failed.run.outcome], [1, 'failed']);
  assert.match(failed.run.error.message, /ENOSPC|No space left/);
  assert.match(night.config.mails().at(-1)?.subject ?? '', /^\[FAILED\]/);
  assert.deepEqual(night.replicaNow(), before);
  await assertNextIsFine(night);
});

test('a read-only replica, and a read-only state folder: the run fails with a hint, and the next one is fine', async (t) => {
  for (const [name, pattern] of [['replica', /EROFS|read-only/i], ['state', /EROFS|read-only/i]] as const) {
    const night = await serverA.night(t);
    const before = night.replicaNow();
    addPack(night.repository.path);
    const failed = await syncOnDisk(night, `mount --bind "$1/${name}" "$1/${name}"; mount -o remount,bind,ro "$1/${name}"`);
    assertHeld(night, repositoryFiles(night.replica), failed);
    assert.match(failed.run.error.message, pattern);
    assert.deepEqual(night.replicaNow(), before);
    assert.match(night.config.mails().at(-1)?.subject ?? '', /^\[FAILED\]/);
    rmSync(join(night.folder, 'after'), { recursive: true });
    await assertNextIsFine(night);
  }
});

test('a folder and a file of the replica that may not be read: the run fails, nothing is taken for gone', async (t) => {
  for (const name of ['index', 'data/folder', 'index/file']) {
    const night = await provingNight(serverA, t);
    const [kind = '', what] = name.split('/');
    const path = what === undefined ? kind : join(kind, readdirSync(join(night.replica, kind)).filter((each) => readdirSync(night.replica).length > 0 && each.length > 1).sort()[0] ?? '');
    const mode = what === 'file' ? 0o400 : 0o700;
    await night.repository.backup({ 'new file': randomBytes(2000) });
    const before = repositoryFiles(night.replica);
    chmodSync(join(night.replica, path), 0);
    const failed = await syncOnDisk(night, ':', { powerless: true });
    assert.deepEqual([failed.code, failed.run.outcome, failed.run.admitted.files], [1, 'failed', 0], name + failed.stdout);
    assert.match(failed.run.error.message, /permission denied|EACCES/i, name);
    chmodSync(join(night.replica, path), mode);
    assert.deepEqual(repositoryFiles(night.replica), before);
    rmSync(join(night.folder, 'after'), { recursive: true, force: true });
    await assertNextIsFine(night);
  }
});

test('a replica that is unmounted during the fetch: the run fails, nothing is written where it was, the next one goes on', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  packs(night, 3, 1000);
  const before = night.replicaNow();
  serverA.script({ 4: 'wait_at fetch' });
  const gate = serverA.gate('fetch');
  const running = night.start(['--json', 'sync']);
  await gate.reached;
  const aside = join(night.folder, 'aside');
  renameSync(night.replica, aside);
  mkdirSync(night.replica, { mode: 0o700 });
  await gate.open();
  const { code, run } = await judged(running);
  assert.deepEqual([code, run.outcome, run.admitted.files], [1, 'failed', 0]);
  assert.deepEqual(readdirSync(night.replica), []);
  rmdirSync(night.replica);
  renameSync(aside, night.replica);
  assert.deepEqual(night.replicaNow(), before);
  await assertNextIsFine(night);
});

/** A night in the middle of its fetch. */
async function inTheFetch(t: Ending, script: string) {
  const night = await serverA.night(t, { account: 'scripted' });
  packs(night, 10, 50_000);
  serverA.script({ 4: script });
  return night;
}

for (const victim of ['ssh', 'rsync']) {
  test(`${victim} is killed in the fetch: the run fails, leaves no process, and the next one is fine`, async (t) => {
    const night = await inTheFetch(t, 'hold_after 200000 wire');
    const [before, gate] = [night.replicaNow(), serverA.gate('wire')];
    const running = night.start(['--json', 'sync']);
    await gate.reached;
    const processes = descendants(running.pid);
    const nameOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
    const victims = processes.filter((pid) => nameOf(pid) === victim);
    assert.ok(victims.length > 0);
    // The end of one ends others.
    for (const pid of victims) if (!hasEnded(pid)) process.kill(pid, 'SIGKILL');
    const { code, run } = await judged(running);
    assert.deepEqual([code, run.outcome, run.admitted.files], [1, 'failed', 0]);
    assert.ok(run.error.hint.length > 20);
    await ended(processes);
    assert.deepEqual(night.replicaNow(), before);
    await assertNextIsFine(night);
  });
}

test('serverA reboots in the middle of the transfer: the run fails, and the next one fetches what is left', async (t) => {
  const night = await inTheFetch(t, 'serve | { stdbuf -o0 head -c 200000; kill -9 $PPID; }');
  const { message, hint } = await assertFailed(night);
  assert.ok(message.length > 0 && hint.length > 0);
  await assertNextIsFine(night);
});

test('a clock that jumps forwards or backwards by years: nothing leaves, the run warns, new files come in', async (t) => {
  for (const ahead of [5 * 365 * day, -5 * 365 * day]) {
    const night = await serverA.night(t);
    addPack(night.repository.path);
    const { code, run } = await night.sync([], { env: clockAhead(ahead) });
    assert.deepEqual([code, run.outcome, run.admitted.files, rulesOf({ run } as never)], [4, 'warned', 1, ['clock']]);
    const back = await night.sync();
    assert.deepEqual([back.code, rulesOf(back)], [4, ['clock']], 'and when it is right again, that is a jump too');
    await assertNextIsFine(night);
  }
});

test('a pack that serverA cannot read for ten days keeps nothing else from safety, and is not told every night', async (t) => {
  const night = await serverA.night(t, { account: 'powerless' });
  const dying = addPack(night.repository.path);
  chmodSync(join(night.repository.path, dying), 0);
  for (const n of [0, 1, 2, 6, 7, 9]) {
    await night.repository.backup({ file: `${n} ${'x'.repeat(n)}` });
    const { code, run } = await night.sync([], { env: clockAhead(n * day) });
    assert.deepEqual([code, run.findings.map(({ rule, path }: { rule: string; path: string }) => `${rule} ${path}`)], [4, [`not-delivered ${dying}`]]);
    assert.ok(run.admitted.files >= 3, `night ${n}: ${run.admitted.files}`);
  }
  assert.equal(night.config.mails().length, 2, 'the first night, and a week later');
  await openRepository(night.replica).check(true);
  chmodSync(join(night.repository.path, dying), 0o600);
  assert.deepEqual((await night.sync([], { env: clockAhead(10 * day) })).run.admitted.files, 1);
});
