/** serverA is pruned: outside a window that stops the run, inside one it passes, and still nothing is lost at once. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { anyOf, assertFailed, assertRefused, clockAhead, commandIn, pathsOf, type ServerA, startServerA } from '../../support/night.ts';
import { assertInStep, assertNothingLost, assertRestorable, ending, grace, journal, openWindow, prune, repositoryFiles, tombstones } from '../../support/prune.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

test('restic forget --prune on serverA without a window stops the run, and the replica is as before', async (t) => {
  const night = await serverA.night(t);
  const { gone, older } = await prune(night);
  const mail = await assertRefused(night, [...gone].sort(byPass).map((path) => `deleted ${path}`));
  assert.match(mail.subject, /: 9 deleted$/);
  assert.ok(mail.text.includes(commandIn(night, 'prune-window open nightly')), mail.text);
  assert.deepEqual(await tombstones(night), []);
  await assertRestorable(night, older);
});

/** Findings come in the order of the dry runs; in a folder rsync deletes from the last name to the first. */
function byPass(a: string, b: string): number {
  const [passes, of] = [['snapshots', 'index', 'data'], (path: string): string[] => path.split('/')];
  const pass = passes.indexOf(of(a)[0] ?? '') - passes.indexOf(of(b)[0] ?? '');
  const [folderA, folderB] = [of(a).slice(0, -1).join('/'), of(b).slice(0, -1).join('/')];
  return pass || (folderA === folderB ? (a < b ? 1 : -1) : folderA < folderB ? -1 : 1);
}

test('a prune in a window passes, the old snapshots can still be restored, the next night is quiet', async (t) => {
  const night = await serverA.night(t);
  await openWindow(night, '--reason', 'monthly prune');
  const { gone, added, older, newer } = await prune(night);
  const before = night.replicaNow();
  const tonight = await night.sync();
  assert.deepEqual(ending(tonight), [0, 'synced', 9, 0, 0, 9]);
  assert.deepEqual([tonight.run.audit.deleted, tonight.run.admitted.files, tonight.run.findings], [9, added.length, []]);
  assert.deepEqual([tonight.run.window.source, tonight.run.window.budget, tonight.run.window.used], ['command', 9, 9]);
  assertNothingLost(night, before);
  for (const snapshot of [older, newer]) await assertRestorable(night, snapshot);
  const stones = await tombstones(night);
  assert.deepEqual(stones.map(({ path }) => path).sort(), [...gone].sort());
  for (const { state, run, due, at } of stones) {
    assert.deepEqual([state, run], ['confirmed', tonight.run.runId]);
    const days = (Date.parse(due ?? '') - Date.parse(at)) / (24 * 3600_000);
    assert.ok(days >= 30 && days < 30.01, `due after ${days} days`);
  }
  const [mail, ...more] = night.config.mails();
  assert.deepEqual([more.length, /^\[OK\] nightly on \S+: 2 new files \(.*\) admitted; 9 deletions accepted$/.test(mail?.subject ?? '')], [0, true], mail?.subject);
  for (const words of ['1 snapshot file, 3 index files, 5 pack files', `snapshot ${older}`, `They leave the replica on ${stones[0]?.due?.slice(0, 10)}`, commandIn(night, `tombstones keep nightly --run ${tonight.run.runId}`)]) {
    assert.ok(mail?.text.includes(words), `${words}: ${mail?.text}`);
  }
  const next = await night.sync();
  assert.deepEqual(ending(next), [0, 'unchanged', 0, 0, 0, 9]);
  assert.deepEqual([next.run.audit.known, next.run.findings, night.config.mails().length], [9, [], 1]);
  const events = journal(night).filter(({ event }) => event === 'window-opened' || event === 'tombstones');
  assert.deepEqual(events.map(({ event, reason, added: count, window }) => [event, reason, count, window]), [
    ['window-opened', 'monthly prune', undefined, undefined], ['tombstones', undefined, 9, 'command'],
  ]);
});

test('with a grace of 0 the replica is what serverA is, at the end of the same run', async (t) => {
  const night = await serverA.night(t, grace(0));
  await openWindow(night);
  const { newer } = await prune(night);
  assert.deepEqual(ending(await night.sync()), [0, 'synced', 9, 0, 9, 0]);
  await assertInStep(night);
  await assertRestorable(night, newer);
  assert.deepEqual([await tombstones(night), night.config.mails().length], [[], 1]);
  assert.deepEqual(ending(await night.sync()), [0, 'unchanged', 0, 0, 0, 0]);
});

test('with a grace of 0 nothing leaves before what replaces it has come', async (t) => {
  const night = await serverA.night(t, { ...grace(0), account: 'scripted' });
  await openWindow(night);
  const { older, newer } = await prune(night);
  serverA.script({ 4: 'exit 1' }); // the dry runs, the fetch
  await assertFailed(night);
  for (const snapshot of [older, newer]) await assertRestorable(night, snapshot);
});

test('more deletions than the budget: the run stops, and not one of them is accepted', async (t) => {
  const night = await serverA.night(t);
  await openWindow(night, '--max-deletions', '8');
  const { older } = await prune(night);
  const mail = await assertRefused(night, ['over-budget']);
  assert.match(mail.text, /9 deletions, but the prune window lets only 8 more through/);
  assert.deepEqual(await tombstones(night), []);
  await assertRestorable(night, older);
});

test('the budget counts over all runs in the window', async (t) => {
  const night = await serverA.night(t);
  const [first, second, third] = repositoryFiles(night.repository.path).filter((path) => path.startsWith('data/')).map((path) => join(night.repository.path, path));
  await openWindow(night, '--max-deletions', '2');
  rmSync(first ?? '');
  assert.deepEqual(ending(await night.sync()), [0, 'unchanged', 1, 0, 0, 1]);
  assert.deepEqual(ending(await night.sync()), [0, 'unchanged', 0, 0, 0, 1]);
  rmSync(second ?? '');
  rmSync(third ?? '');
  const mail = await assertRefused(night, ['over-budget']);
  assert.match(mail.text, /2 deletions, but the prune window lets only 1 more through/);
  assert.equal((await tombstones(night)).length, 1);
});

test('a window that ended a second ago lets nothing through', async (t) => {
  const night = await serverA.night(t);
  await openWindow(night, '--for', '1h');
  const pack = anyOf(night.repository.path, 'data');
  rmSync(join(night.repository.path, pack));
  const before = night.replicaNow();
  const { code, run } = await night.sync([], { env: clockAhead(3600_000 + 1000) });
  assert.deepEqual([code, run.outcome, run.window], [3, 'alarm', null]);
  assert.deepEqual(night.replicaNow(), before);
  assert.deepEqual(run.findings.map(({ rule, path }: { rule: string; path: string }) => [rule, path]), [['deleted', pack]]);
  assert.deepEqual(await tombstones(night), []);
});

test('a run that begins a minute before the end of a window is still in it', async (t) => {
  const night = await serverA.night(t);
  await openWindow(night, '--for', '1h');
  rmSync(join(night.repository.path, anyOf(night.repository.path, 'data')));
  assert.deepEqual(ending(await night.sync([], { env: clockAhead(59 * 60_000) })), [0, 'unchanged', 1, 0, 0, 1]);
});

test('an audit in a window spends nothing of it and buries nothing', async (t) => {
  const night = await serverA.night(t);
  await openWindow(night, '--max-deletions', '9');
  await prune(night);
  const before = night.replicaNow();
  const audited = await night.run(['--json', 'audit']);
  assert.deepEqual([audited.code, audited.json().runs[0].window.used], [0, 0]);
  assert.deepEqual([await tombstones(night), night.replicaNow()], [[], before]);
  assert.deepEqual(ending(await night.sync()), [0, 'synced', 9, 0, 0, 9]);
});

test('all snapshots deleted in a window stops the run: the last one is never let through', async (t) => {
  const night = await serverA.night(t);
  await openWindow(night, '--max-deletions', '1000');
  await night.repository.forget((await night.repository.snapshots()).map(({ id }) => id), { prune: true });
  const mail = await assertRefused(night, ['over-budget']);
  assert.match(mail.text, /no snapshot would be left that is not to be deleted/);
  assert.deepEqual(await tombstones(night), []);
});

test('the last snapshot is not let through in a second night either', async (t) => {
  const night = await serverA.night(t);
  await openWindow(night, '--max-deletions', '1000');
  const [older = '', newer = ''] = (await night.repository.snapshots()).map(({ id }) => `snapshots/${id}`);
  rmSync(join(night.repository.path, older));
  assert.deepEqual(ending(await night.sync()), [0, 'unchanged', 1, 0, 0, 1]);
  rmSync(join(night.repository.path, newer));
  await assertRefused(night, ['over-budget']);
  assert.deepEqual((await tombstones(night)).map(({ path }) => path), [older]);
});

test('a prune that is seen half-way in one night and whole in the next is two nights\' tombstones, and nothing is lost', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  await openWindow(night);
  serverA.script({ 2: 'wait_at half; serve' });
  const gate = serverA.gate('half');
  const running = night.start(['--json', 'sync']);
  await gate.reached; // the snapshots have been listed
  const { older, newer } = await prune(night);
  const before = night.replicaNow();
  await gate.open();
  const first = await running.finished;
  assert.equal(first.code, 0, first.stdout);
  assert.equal(first.json().runs[0].tombstones.added, 8, 'indexes and packs');
  assertNothingLost(night, before);
  const second = await night.sync();
  assert.deepEqual(ending(second), [0, 'unchanged', 1, 0, 0, 9]);
  assert.deepEqual(pathsOf(second, 'deleted'), []);
  for (const snapshot of [older, newer]) await assertRestorable(night, snapshot);
});
