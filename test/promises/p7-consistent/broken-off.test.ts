/** Runs that do not come to their end: killed, told to stop, out of time. The next one finishes what they began. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, linkSync, lstatSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Running } from '../../support/cli.ts';
import { addPack, ended, filesBelow, hashOf, judged, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { clockFor } from '../../support/hurry.ts';
import { openRepository } from '../../support/restic.ts';
import { descendants } from '../../support/sshd.ts';
import { sha256 } from '../../support/tree.ts';
import { watchFor } from '../../support/watch.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

const count = 20;

interface Begun {
  readonly night: Night;
  readonly packs: readonly string[];
}

interface Broken extends Begun {
  readonly running: Running;
  /** All that the run has started. */
  readonly processes: readonly number[];
  readonly before: readonly string[];
}

/** Twenty new packs of 50 kB. */
async function twentyPacks(t: Parameters<ServerA['night']>[0], timeouts: Readonly<Record<string, string>> = {}): Promise<Begun> {
  const night = await serverA.night(t, { account: 'scripted', changes: { repositories: { nightly: { timeouts } } } });
  return { night, packs: Array.from({ length: count }, () => addPack(night.repository.path, randomBytes(50_000))).sort() };
}

/** A run that hangs in the middle of its fetch: about half of the packs have come. */
async function held({ night, packs }: Begun, env: Readonly<Record<string, string>> = {}): Promise<Broken> {
  const before = night.replicaNow();
  serverA.script({ 4: 'hold_after 500000 wire' });
  const gate = serverA.gate('wire');
  const running = night.start(['--json', 'sync'], { env });
  await gate.reached;
  const own = join(night.replica, '.rsync-ratchet');
  await watchFor(own, () => existsSync(join(own, 'candidate')));
  await firstFile(join(own, 'candidate'));
  return { night, packs, running, processes: descendants(running.pid), before };
}

/** Waits until there is a file somewhere below a folder. */
async function firstFile(folder: string): Promise<void> {
  const path = join(folder, await watchFor(folder, () => readdirSync(folder)[0]));
  if (lstatSync(path).isDirectory()) await firstFile(path);
}

const inTheFetch = async (t: Parameters<ServerA['night']>[0]): Promise<Broken> => held(await twentyPacks(t));

/** Those of the unfinished files that are complete: what must not be fetched again. */
function complete(night: Night): string[] {
  const whole = night.unfinished().filter((path) => {
    const found = ['candidate', 'incoming'].map((name) => join(night.replica, '.rsync-ratchet', name, path)).find(existsSync);
    return found !== undefined && sha256(found) === path.slice(-64);
  });
  return whole.map((path) => path.slice(path.indexOf('data/'))).sort();
}

async function assertFinished({ night, packs }: Begun, kept: number): Promise<void> {
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.outcome, run.findings], [0, 'synced', []]);
  assert.deepEqual([run.fetched.files, run.admitted.files], [count - kept, count]);
  for (const path of packs) assert.equal(hashOf(readFileSync(join(night.replica, path))), path.slice(-64));
  assert.deepEqual([night.unfinished(), readdirSync(night.temporary)], [[], []]);
  await openRepository(night.replica).check();
}

test('a run that is killed in its fetch leaves no process behind, and the next one fetches only what was not verified', async (t) => {
  const broken = await inTheFetch(t);
  const { night, running, processes, before } = broken;
  assert.ok(processes.length >= 3, 'ssh, and at least two rsyncs');
  running.kill('SIGKILL');
  assert.equal((await running.finished).signal, 'SIGKILL');
  await ended(processes);
  assert.deepEqual(night.replicaNow(), before);
  const kept = complete(night);
  assert.ok(kept.length > 0 && kept.length < count, `${kept.length} kept`);
  await assertFinished(broken, kept.length);
});

test('what was verified and is not listed any more is dropped, not admitted', async (t) => {
  const broken = await inTheFetch(t);
  const { night, running, processes } = broken;
  running.kill('SIGKILL');
  await ended(processes);
  const [gone = ''] = complete(night);
  rmSync(join(night.repository.path, gone));
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.outcome, run.admitted.files], [0, 'synced', count - 1]);
  assert.ok(!existsSync(join(night.replica, gone)));
  assert.deepEqual(night.unfinished(), []);
});

test('what was verified is verified again before it is admitted', async (t) => {
  const broken = await inTheFetch(t);
  const { night, running, processes } = broken;
  running.kill('SIGKILL');
  await ended(processes);
  const kept = complete(night);
  const candidate = join(night.replica, '.rsync-ratchet/candidate');
  const [damaged = ''] = filesBelow(candidate);
  rmSync(join(candidate, damaged));
  copyFileSync(join(night.repository.path, 'config'), join(candidate, damaged));
  await assertFinished(broken, kept.length - 1);
});

test('a run that was killed while it admitted is finished by the next one', async (t) => {
  const broken = await inTheFetch(t);
  const { night, running, processes, packs } = broken;
  running.kill('SIGKILL');
  await ended(processes);
  const candidate = join(night.replica, '.rsync-ratchet/candidate');
  const linked = filesBelow(candidate);
  for (const path of linked) linkSync(join(candidate, path), join(night.replica, path));
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.outcome, run.admitted.files], [0, 'synced', count - linked.length]);
  for (const path of packs) assert.equal(lstatSync(join(night.replica, path)).nlink, 1);
  assert.deepEqual(night.unfinished(), []);
});

test('a run that is killed in its dry runs leaves no process behind, and the next one is as any other', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  addPack(night.repository.path);
  const before = night.replicaNow();
  serverA.script({ 2: 'wait_at audit' });
  const gate = serverA.gate('audit');
  const running = night.start(['sync']);
  await gate.reached;
  const processes = descendants(running.pid);
  running.kill('SIGKILL');
  await ended(processes);
  assert.deepEqual(night.replicaNow(), before);
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.outcome, run.admitted.files], [0, 'synced', 1]);
  assert.deepEqual(readdirSync(night.temporary), []);
});

for (const [signal, code] of [['SIGTERM', 143], ['SIGINT', 130], ['SIGHUP', 143]] as const) {
  test(`${signal} in the fetch ends the run with ${code}, tidied up and without a mail, and the next one goes on`, async (t) => {
    const broken = await inTheFetch(t);
    const { night, running, processes, before } = broken;
    running.kill(signal);
    const stopped = await judged(running);
    assert.deepEqual([stopped.code, stopped.run.outcome, stopped.run.exitCode], [code, 'interrupted', code]);
    assert.match(stopped.stderr, new RegExp(`interrupted by ${signal}`));
    await ended(processes);
    assert.deepEqual(night.replicaNow(), before);
    assert.deepEqual([readdirSync(night.temporary), night.config.mails()], [[], []]);
    assert.deepEqual(filesBelow(join(night.replica, '.rsync-ratchet/incoming')), []);
    const kept = complete(night);
    assert.ok(kept.length > 0 && kept.length < count, `${kept.length} kept`);
    await assertFinished(broken, kept.length);
  });
}

test('SIGTERM in a dry run ends the run with 143, tidied up', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  addPack(night.repository.path);
  const before = night.replicaNow();
  serverA.script({ 3: 'wait_at audit' });
  const gate = serverA.gate('audit');
  const running = night.start(['--json', 'sync']);
  await gate.reached;
  const processes = descendants(running.pid);
  running.kill('SIGTERM');
  const { code, run } = await judged(running);
  assert.deepEqual([code, run.outcome], [143, 'interrupted']);
  await ended(processes);
  assert.deepEqual([night.replicaNow(), night.unfinished(), readdirSync(night.temporary)], [before, [], []]);
});

test('a serverA that goes silent in a dry run or in the fetch is given up after timeouts.stall', async (t) => {
  for (const [call, script] of [[2, 'wait_at silence'], [4, 'hold_after 500000 silence']] as const) {
    const { night } = await twentyPacks(t, { stall: '30m' });
    const before = night.replicaNow();
    serverA.script({ [call]: script });
    const silent = serverA.gate('silence').reached;
    const clock = clockFor(t, 'stall');
    const running = night.start(['--json', 'sync'], { env: clock.env });
    await silent;
    await clock.jumpUntilEnd(running);
    const { code, run } = await judged(running);
    assert.deepEqual([code, run.outcome, run.admitted.files], [1, 'failed', 0]);
    assert.match(run.error.message, call === 2 ? /^the audit failed: rsync / : /^the fetch failed: rsync /);
    assert.match(run.error.hint, /timeouts\.stall/);
    assert.deepEqual([night.replicaNow(), readdirSync(night.temporary), night.config.mails().length], [before, [], 1]);
  }
});

test('the deadline ends the fetch, not the night: packs are admitted, an index waits for the night that has all packs', async (t) => {
  const clock = clockFor(t, 'run');
  const begun = await twentyPacks(t, { run: '30m' });
  const { night, packs } = begun;
  await night.repository.backup({ 'a file': 'new' });
  const known = new Set(filesBelow(night.replica));
  const [index = ''] = filesBelow(join(night.repository.path, 'index')).filter((name) => !known.has(`index/${name}`));
  const left = join(night.replica, '.rsync-ratchet/incoming/a-broken-run/index');
  mkdirSync(left, { recursive: true });
  copyFileSync(join(night.repository.path, 'index', index), join(left, index));
  const { running } = await held(begun, clock.env);
  await clock.jump();
  const tonight = await judged(running);
  assert.deepEqual([tonight.code, tonight.run.outcome], [4, 'warned']);
  assert.deepEqual(tonight.run.findings.map(({ rule, path }: { rule: string; path: string }) => [rule, path]), [['unfinished', '']]);
  const admitted = filesBelow(night.replica).filter((path) => !path.startsWith('.rsync-ratchet/') && !known.has(path));
  assert.ok(admitted.length > 0 && admitted.length < count && admitted.every((path) => path.startsWith('data/')), admitted.join());
  assert.equal(tonight.run.admitted.files, admitted.length);
  assert.deepEqual([night.unfinished(), readdirSync(night.temporary)], [[`index/${index}`], []]);
  assert.match(night.config.mails()[0]?.subject ?? '', /^\[WARNING\] nightly on \S+: .*1 unfinished$/);
  const next = await night.sync();
  assert.deepEqual([next.code, next.run.outcome, next.run.admitted.files], [0, 'synced', count + 4 - admitted.length]);
  assert.equal(next.run.fetched.files, count + 3 - admitted.length, 'all but the index');
  for (const path of packs) assert.ok(existsSync(join(night.replica, path)));
  await openRepository(night.replica).check();
});
