/** What becomes of an accepted deletion: it waits, people are reminded, it leaves, it comes back, or an operator keeps it. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addPack, anyOf, assertRefused, clockAhead, commandIn, type Judged, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { assertInStep, assertNothingLost, assertRestorable, day, ending, grace, openWindow, prune, rulesOf, tombstones } from '../../support/prune.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

const later = (night: Night, days: number): Promise<Judged> => night.sync([], { env: clockAhead(days * day) });

test('a tombstone waits for thirty days, is told a week before, and then its file leaves, in step with serverA', async (t) => {
  const night = await serverA.night(t);
  await openWindow(night);
  const { newer } = await prune(night);
  assert.equal((await night.sync()).code, 0);
  const whole = night.replicaNow();
  for (const days of [6, 12, 18, 22.9]) assert.deepEqual(ending(await later(night, days)), [0, 'unchanged', 0, 0, 0, 9]);
  assert.equal(night.config.mails().length, 1);
  assert.deepEqual(ending(await later(night, 23.1)), [0, 'unchanged', 0, 0, 0, 9]);
  const [, reminder, ...more] = night.config.mails();
  assert.deepEqual([more, reminder?.subject.startsWith('[OK] nightly')], [[], true]);
  for (const words of ['Files that leave within a week', '9 files', commandIn(night, 'tombstones list nightly'), commandIn(night, 'tombstones keep nightly --all')]) {
    assert.ok(reminder?.text.includes(words), reminder?.text);
  }
  for (const days of [24, 29.9]) assert.deepEqual(ending(await later(night, days)), [0, 'unchanged', 0, 0, 0, 9]);
  assert.deepEqual([night.config.mails().length, night.replicaNow()], [2, whole]);
  assert.deepEqual(ending(await later(night, 30.1)), [0, 'unchanged', 0, 0, 9, 0]);
  await assertInStep(night);
  await assertRestorable(night, newer);
  assert.deepEqual([await tombstones(night), readdirSync(join(night.replica, '.rsync-ratchet')).includes('expired')], [[], false]);
  assert.deepEqual(ending(await later(night, 30.1)), [0, 'unchanged', 0, 0, 0, 0]);
});

test('a clock more than seven days from the last right one expires nothing and warns, in the next run at that distance as well', async (t) => {
  const night = await serverA.night(t);
  await openWindow(night);
  await prune(night);
  assert.equal((await night.sync()).code, 0);
  const whole = night.replicaNow();
  const jumped = await later(night, 31);
  assert.deepEqual([ending(jumped), rulesOf(jumped)], [[4, 'warned', 0, 0, 0, 9], ['clock']]);
  assert.match(jumped.run.findings[0].message, /more than seven days from the last run whose clock was right \(\S+\); nothing is accepted, confirmed or expires/);
  assert.deepEqual(night.replicaNow(), whole);
  const back = await night.sync();
  assert.deepEqual([ending(back), rulesOf(back), night.replicaNow()], [[4, 'warned', 0, 0, 0, 9], ['clock'], whole], 'a clock that is far behind, too');
  for (const days of [31, 31, 32]) assert.deepEqual([ending(await later(night, days)), night.replicaNow()], [[4, 'warned', 0, 0, 0, 9], whole]);
});

test('with a grace of forever nothing leaves and nobody is reminded', async (t) => {
  const night = await serverA.night(t, grace('forever'));
  await openWindow(night);
  const { older } = await prune(night);
  assert.deepEqual(ending(await night.sync()), [0, 'synced', 9, 0, 0, 9]);
  assert.match(night.config.mails()[0]?.text ?? '', /They never leave \(deletionGrace: forever\)/);
  await later(night, 36_000);
  const muchLater = await later(night, 36_000);
  assert.deepEqual([ending(muchLater), rulesOf(muchLater)], [[4, 'warned', 0, 0, 0, 9], ['clock']]);
  await assertRestorable(night, older);
  assert.deepEqual((await tombstones(night)).map(({ due }) => due), Array<null>(9).fill(null));
  assert.match((await night.run(['tombstones', 'list'])).stdout, /never leaves/);
});

test('a pack that was deleted in a window and comes back loses its tombstone, and one that is deleted again gets a new one', async (t) => {
  const night = await serverA.night(t, grace('1d'));
  await openWindow(night, '--for', '7d');
  const pack = anyOf(night.repository.path, 'data');
  const [file, aside] = [join(night.repository.path, pack), join(night.folder, 'aside')];
  renameSync(file, aside);
  const first = await night.sync();
  assert.deepEqual(ending(first), [0, 'unchanged', 1, 0, 0, 1]);
  const whole = night.replicaNow();
  cpSync(aside, file, { preserveTimestamps: true });
  const back = await night.sync();
  assert.deepEqual(ending(back), [0, 'unchanged', 0, 1, 0, 0]);
  assert.deepEqual([await tombstones(night), night.replicaNow()], [[], whole]);
  assert.deepEqual(ending(await later(night, 1.5)), [0, 'unchanged', 0, 0, 0, 0], 'it does not leave');
  assert.deepEqual(night.replicaNow(), whole);
  rmSync(file);
  const again = await later(night, 1.6);
  assert.deepEqual(ending(again), [0, 'unchanged', 1, 0, 0, 1]);
  assert.deepEqual((await tombstones(night)).map(({ path, run }) => [path, run]), [[pack, again.run.runId]]);
  assert.deepEqual(ending(await later(night, 2.5)), [0, 'unchanged', 0, 0, 0, 1], 'the new grace counts');
  assert.deepEqual(ending(await later(night, 2.7)), [0, 'unchanged', 0, 0, 1, 0]);
  assert.ok(!existsSync(join(night.replica, pack)));
});

test('what came back and is deleted after the window stops the run', async (t) => {
  const night = await serverA.night(t);
  await openWindow(night, '--for', '1h');
  const pack = anyOf(night.repository.path, 'data');
  const [file, aside] = [join(night.repository.path, pack), join(night.folder, 'aside')];
  renameSync(file, aside);
  assert.equal((await night.sync()).run.tombstones.added, 1);
  cpSync(aside, file, { preserveTimestamps: true });
  assert.equal((await night.sync()).run.tombstones.dropped, 1);
  assert.equal((await night.run(['prune-window', 'close', 'nightly'])).code, 0);
  rmSync(file);
  await assertRefused(night, [`deleted ${pack}`]);
});

test('tombstones list shows what, when and how much', async (t) => {
  const night = await serverA.night(t);
  assert.equal((await night.run(['tombstones', 'list'])).stdout, 'nightly: no tombstones\n');
  await openWindow(night);
  const { gone } = await prune(night);
  const { run } = await night.sync();
  const { stdout } = await night.run(['tombstones', 'list']);
  const [title, ...lines] = stdout.trimEnd().split('\n');
  assert.equal(title, 'nightly: gone on serverA, still here');
  assert.match(lines.pop() ?? '', /^ {2}9 files, [\d.]+ [KM]iB$/);
  for (const line of lines) assert.match(line, /^ {2}\d{4}-\d\d-\d\d \d\d:\d\d +[\d.]+ (B|KiB|MiB) {2}\S+ {2}\S+$/);
  assert.deepEqual(lines.map((line) => line.trim().split(/ {2,}/).at(-1)).sort(), [...gone].sort());
  assert.ok(lines.every((line) => line.includes(run.runId)));
});

test('keep by path: that file stays for good, the others leave', async (t) => {
  const night = await serverA.night(t, grace('1d'));
  await openWindow(night);
  const { gone } = await prune(night);
  await night.sync();
  const [chosen = '', other = ''] = gone;
  const wrong = await night.run(['tombstones', 'keep', 'nightly', chosen, addPack(night.repository.path)]);
  assert.deepEqual([wrong.code, wrong.stderr.includes('no tombstone to keep for data/')], [1, true], wrong.stderr);
  assert.ok((await tombstones(night)).every(({ state }) => state === 'confirmed'), 'not one of them when one is wrong');
  assert.match((await night.run(['tombstones', 'keep', 'nightly', chosen])).stdout, /^nightly: 1 file stays for good\n$/);
  assert.deepEqual(ending(await later(night, 2)), [0, 'synced', 0, 0, 8, 0]);
  assert.deepEqual([chosen, other].map((path) => existsSync(join(night.replica, path))), [true, false]);
  assert.deepEqual((await tombstones(night)).map(({ path, state }) => [path, state]), [[chosen, 'kept']]);
  assert.deepEqual(ending(await later(night, 8)), [0, 'unchanged', 0, 0, 0, 0], 'no alarm, no expiry, nothing pending');
  assert.match((await night.run(['tombstones', 'list'])).stdout, /^ {2}stays /m);
});

test('keep by run keeps what that run accepted, and keep --all everything', async (t) => {
  const night = await serverA.night(t, grace('1d'));
  await openWindow(night);
  const pack = anyOf(night.repository.path, 'data');
  rmSync(join(night.repository.path, pack));
  const first = await night.sync();
  const index = anyOf(night.repository.path, 'index');
  rmSync(join(night.repository.path, index));
  const second = await night.sync();
  assert.equal((await night.run(['tombstones', 'keep', 'nightly'])).code, 2, 'which?');
  assert.equal((await night.run(['tombstones', 'keep', 'nightly', '--all', '--run', 'x'])).code, 2);
  const none = await night.run(['tombstones', 'keep', 'nightly', '--run', 'no-such-run']);
  assert.deepEqual([none.code, none.stdout], [1, ''], 'a typing error must not look as if files were kept');
  assert.match(none.stderr, /no tombstone of run no-such-run.*tombstones list shows the runs; nothing was changed/s);
  const keepFirst = async (): Promise<unknown> => (await night.run(['--json', 'tombstones', 'keep', 'nightly', '--run', first.run.runId])).json();
  assert.deepEqual(await keepFirst(), { version: 1, repository: 'nightly', kept: 1 });
  assert.deepEqual(await keepFirst(), { version: 1, repository: 'nightly', kept: 0 }, 'they are kept already');
  assert.deepEqual((await tombstones(night)).map(({ path, run, state }) => [path, run, state]), [
    [pack, first.run.runId, 'kept'], [index, second.run.runId, 'confirmed'],
  ]);
  assert.equal((await night.run(['--json', 'tombstones', 'keep', 'nightly', '--all'])).json().kept, 1);
  const whole = night.replicaNow();
  assert.deepEqual(ending(await later(night, 2)), [0, 'unchanged', 0, 0, 0, 0]);
  assert.deepEqual(night.replicaNow(), whole);
});

test('keep is the road back after an attack: what serverA lost stays here, and the nights go on', async (t) => {
  const night = await serverA.night(t);
  const whole = night.replicaNow();
  const pack = anyOf(night.repository.path, 'data');
  rmSync(join(night.repository.path, pack));
  await assertRefused(night, [`deleted ${pack}`]);
  assert.equal((await night.run(['acknowledge', 'nightly', '--reason', 'an attack'])).code, 0);
  await openWindow(night, '--for', '1h');
  assert.deepEqual(ending(await night.sync()), [0, 'synced', 1, 0, 0, 1]);
  assert.equal((await night.run(['tombstones', 'keep', 'nightly', '--all'])).code, 0);
  assert.equal((await night.run(['prune-window', 'close', 'nightly'])).code, 0);
  await later(night, 60);
  const muchLater = await later(night, 60);
  assert.deepEqual([ending(muchLater), rulesOf(muchLater)], [[4, 'warned', 0, 0, 0, 0], ['clock']]);
  assertNothingLost(night, whole);
});

test('a damaged log of tombstones fails the run and nothing leaves', async (t) => {
  const night = await serverA.night(t, grace(0));
  await openWindow(night);
  await prune(night);
  const log = join(night.config.state, 'nightly/tombstones.jsonl');
  writeFileSync(log, 'no event of ours\n');
  const before = [night.replicaNow(), readFileSync(log)];
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.outcome, night.replicaNow(), readFileSync(log)], [1, 'failed', ...before]);
  assert.match(run.error.message, /tombstones\.jsonl is damaged/);
});
