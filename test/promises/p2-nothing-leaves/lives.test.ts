/** The life of a deletion over many nights: what came back, what was forgotten, what an operator was never told of. */
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, cpSync, existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type admissionOrder, repositoryPath } from '../../../src/layout.ts';
import { idOf } from '../../support/burials.ts';
import { addPack, anyOf, clockAhead, judged, type Judged, type ServerA, startServerA } from '../../support/night.ts';
import { assertNothingLost, assertRestorable, day, ending, openWindow, prune, rulesOf } from '../../support/prune.ts';
import { addFile, type Stage, stage } from '../../support/stage.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

/** A file of the stage's template. */
const old = (type: (typeof admissionOrder)[number], n: number): string =>
  repositoryPath(type, idOf(`old ${type} ${n}`.padEnd(40)));

const nightAt = async (there: Stage, days: number): Promise<Judged> => judged(there.start(['--json', 'sync'], { env: clockAhead(days * day) }));

async function say(there: Pick<Stage, 'run'>, days: number, ...args: readonly string[]): Promise<void> {
  const { code, stderr } = await there.run(args, { env: clockAhead(days * day) });
  assert.deepEqual([code, stderr], [0, '']);
}

const openAt = (there: Stage, days: number): Promise<void> => say(there, days, 'prune-window', 'open', 'nightly', '--max-deletions', '100', '--for', '1h');

/** Takes a file away from serverA; the function that puts it back, with its time. */
function taken(there: Stage, path: string): () => void {
  const [file, aside] = [join(there.source, path), join(there.folder, path.slice(-64))];
  renameSync(file, aside);
  return () => { cpSync(aside, file, { preserveTimestamps: true }); };
}

const has = (there: Stage, path: string): boolean => existsSync(join(there.replica, path));

test('what serverA lists again stays on the very day that it was due, also in a night that replaces every snapshot', async (t) => {
  const there = await stage(t);
  there.configure({ deletionGrace: '7d' });
  await openAt(there, 0);
  const putBack = taken(there, old('pack', 1));
  assert.equal((await nightAt(there, 0)).run.tombstones.added, 1);
  assert.equal((await nightAt(there, 6)).code, 0);
  putBack();
  for (const n of [1, 2]) rmSync(join(there.source, old('snapshot', n)));
  addFile(there.source, 'snapshot', 'all in one');
  await openAt(there, 7.1);
  const tonight = await nightAt(there, 7.1);
  assert.ok(has(there, old('pack', 1)), 'serverA has it, and the replica has it no more');
  assert.deepEqual(ending(tonight), [0, 'synced', 2, 1, 0, 2]);
});

/** A snapshot that has left, whose tombstone a run that was killed behind the last move has left in the log. */
async function killedBehindTheLastMove(there: Stage): Promise<{ readonly snapshot: string; readonly putBack: () => void }> {
  there.configure({ deletionGrace: '7d' });
  await openAt(there, 0);
  const snapshot = old('snapshot', 1);
  const putBack = taken(there, snapshot);
  assert.equal((await nightAt(there, 0)).run.tombstones.added, 1);
  const log = join(there.config().state, 'nightly/tombstones.jsonl');
  copyFileSync(log, `${log}.before`);
  assert.equal((await nightAt(there, 6)).code, 0);
  assert.equal((await nightAt(there, 7.1)).run.tombstones.expired, 1);
  renameSync(`${log}.before`, log);
  return { snapshot, putBack };
}

test('the tombstone of what has left falls on no file of its name that comes in a night that replaces every other snapshot', async (t) => {
  const there = await stage(t);
  const { snapshot, putBack } = await killedBehindTheLastMove(there);
  putBack();
  rmSync(join(there.source, old('snapshot', 2)));
  await openAt(there, 7.2);
  const tonight = await nightAt(there, 7.2);
  assert.deepEqual([rulesOf(tonight), ending(tonight), has(there, snapshot)], [[], [0, 'synced', 1, 0, 0, 1], true]);
});

test('nor on one that comes while the clock is doubted: gone again outside of any window it raises the alarm, and stays', async (t) => {
  const there = await stage(t);
  const { snapshot, putBack } = await killedBehindTheLastMove(there);
  putBack();
  assert.deepEqual(rulesOf(await nightAt(there, 15.2)), ['clock']);
  assert.ok(has(there, snapshot));
  assert.deepEqual(rulesOf(await nightAt(there, 7.3)), ['clock']);
  rmSync(join(there.source, snapshot));
  const tonight = await nightAt(there, 7.4);
  assert.ok(has(there, snapshot), 'it left, and nobody had accepted that');
  assert.deepEqual([tonight.code, rulesOf(tonight)], [3, ['deleted']]);
});

test('what was back beside an alarm and went again outside of any window is a new deletion, and stays', async (t) => {
  const there = await stage(t);
  there.configure({ deletionGrace: '2d' });
  await openAt(there, 0);
  const back = taken(there, old('pack', 1));
  assert.equal((await nightAt(there, 0)).run.tombstones.added, 1);
  const putBack = taken(there, old('pack', 2));
  assert.deepEqual(rulesOf(await nightAt(there, 1)), ['deleted']);
  putBack();
  back();
  assert.equal((await nightAt(there, 1.1)).code, 3);
  rmSync(join(there.source, old('pack', 1)));
  await say(there, 1.2, 'acknowledge', 'nightly', '--reason', 'given back');
  for (const days of [1.3, 3.5]) assert.deepEqual([rulesOf(await nightAt(there, days)), has(there, old('pack', 1))], [['deleted'], true]);
});

test('what a report leaves out has not come back: its tombstone stands', async (t) => {
  const there = await stage(t);
  await openAt(there, 0);
  taken(there, old('pack', 1));
  assert.equal((await nightAt(there, 0)).run.tombstones.added, 1);
  there.configure({ rsync: { path: there.fake('leaves-one-out') } });
  const tonight = await nightAt(there, 1);
  assert.deepEqual([tonight.code, rulesOf(tonight).includes('unaccounted'), tonight.run.tombstones.dropped, tonight.run.tombstones.pending], [3, true, 0, 1]);
});

test('without a password what was not delivered holds back what is due, whatever nights come between', async (t) => {
  const night = await serverA.night(t, { account: 'powerless', changes: { repositories: { nightly: { deletionGrace: '1d' } } } });
  await openWindow(night);
  const { added, newer } = await prune(night);
  const repacked = join(night.repository.path, added.find((path) => path.startsWith('data/')) ?? assert.fail('a pack'));
  chmodSync(repacked, 0);
  assert.deepEqual(rulesOf(await night.sync()), ['not-delivered']);
  const snapshots = join(night.repository.path, 'snapshots');
  chmodSync(snapshots, 0);
  assert.equal((await night.sync([], { env: clockAhead(day) })).code, 1, 'a night that fails, as serverA likes it');
  chmodSync(snapshots, 0o700);
  const before = night.replicaNow();
  const due = await night.sync([], { env: clockAhead(1.1 * day) });
  assert.deepEqual([due.code, due.run.tombstones.expired, rulesOf(due).sort()], [4, 0, ['not-delivered', 'postponed']]);
  assertNothingLost(night, before); // restic itself would ask for either of two packs, and for one that is missing a quarter of an hour
  chmodSync(repacked, 0o600);
  assert.equal((await night.sync([], { env: clockAhead(1.2 * day) })).run.admitted.files, 1);
  assert.equal((await night.sync([], { env: clockAhead(1.3 * day) })).run.tombstones.expired, 9);
  await assertRestorable(night, newer);
});

test('every night that accepted deletions is told, also when the next one accepts some before the first was', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  await openWindow(night);
  const take = (): void => { rmSync(join(night.repository.path, anyOf(night.repository.path, 'data'))); };
  const interrupted = async (): Promise<string> => {
    take();
    addPack(night.repository.path);
    serverA.script({ 4: 'wait_at fetch; serve' });
    const gate = serverA.gate('fetch');
    const running = night.start(['--json', 'sync']);
    await gate.reached;
    running.kill('SIGTERM');
    const { run } = await judged(running);
    assert.deepEqual([run.outcome, run.tombstones.added], ['interrupted', 1]);
    return run.runId;
  };
  const untold = [await interrupted(), await interrupted()];
  assert.equal(night.config.mails().length, 0);
  take();
  serverA.script({});
  assert.equal((await night.sync()).run.tombstones.added, 1);
  const [mail, ...more] = night.config.mails();
  assert.equal(more.length, 0);
  for (const run of untold) assert.ok(mail?.text.includes(`The run ${run} accepted 1 deletion`), mail?.text);
  assert.equal((await night.sync()).code, 0);
  assert.equal(night.config.mails().length, 1, 'told once');
});

test('nights that fail remind, too, of what leaves within a week', async (t) => {
  const there = await stage(t);
  await openAt(there, 0);
  taken(there, old('pack', 1));
  assert.equal((await nightAt(there, 0)).run.tombstones.added, 1);
  for (const days of [6, 12, 18, 22]) assert.equal((await nightAt(there, days)).code, 0);
  const mails = there.config().mails().length;
  there.configure({ rsync: { path: there.fake('exit-n', 'exit-12') } });
  for (const days of [24, 29]) assert.equal((await nightAt(there, days)).code, 1);
  const told = there.config().mails().slice(mails).map(({ text }) => /Files that leave within a week/i.test(text));
  assert.deepEqual(told, [true, false], 'once');
  there.configure({});
  assert.equal((await nightAt(there, 30.1)).run.tombstones.expired, 1);
});

test('what was reminded of, and then waited for long beside an alarm, is reminded of once more', async (t) => {
  const there = await stage(t);
  await openAt(there, 0);
  taken(there, old('pack', 1));
  assert.equal((await nightAt(there, 0)).run.tombstones.added, 1);
  const reminders = (): number => there.config().mails().filter(({ text }) => /Files that leave within a week/i.test(text)).length;
  for (const days of [6, 12, 18, 24]) assert.equal((await nightAt(there, days)).code, 0);
  assert.equal(reminders(), 1);
  const putBack = taken(there, old('pack', 2));
  for (const days of [25, 31, 37, 43]) assert.equal((await nightAt(there, days)).code, 3);
  putBack();
  await say(there, 44, 'acknowledge', 'nightly', '--reason', 'a test'); // due on day 49
  assert.equal((await nightAt(there, 44.1)).code, 0);
  assert.equal(reminders(), 2);
});

test('an alarm that a wrong clock dated far ahead moves due dates, too, by as long as it stood', async (t) => {
  const there = await stage(t);
  await openAt(there, 0);
  taken(there, old('pack', 1));
  assert.equal((await nightAt(there, 0)).run.tombstones.added, 1);
  const putBack = taken(there, old('pack', 2));
  assert.deepEqual(rulesOf(await nightAt(there, 100)), ['deleted', 'clock']);
  for (const days of [1, 7, 13, 19, 25]) assert.equal((await nightAt(there, days)).code, 3);
  putBack();
  await say(there, 29, 'acknowledge', 'nightly', '--reason', 'the clock was wrong');
  const tonight = await nightAt(there, 30.1);
  assert.deepEqual([tonight.run.tombstones.expired, has(there, old('pack', 1))], [0, true], 'it was due while the alarm stood');
});

test('nothing leaves any more once deletionGrace is forever, whatever was due', async (t) => {
  const there = await stage(t);
  there.configure({ deletionGrace: '1d' });
  await openAt(there, 0);
  taken(there, old('pack', 1));
  assert.equal((await nightAt(there, 0)).run.tombstones.added, 1);
  there.configure({ deletionGrace: 'forever' });
  const whole = there.replicaNow();
  assert.deepEqual([ending(await nightAt(there, 1.1)), there.replicaNow()], [[0, 'unchanged', 0, 0, 0, 1], whole]);
});
