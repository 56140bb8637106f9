/** A wrong clock, behind or ahead, for one night or for many: it neither shortens a grace nor silences anything. */
import assert from 'node:assert/strict';
import { mkdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addPack, anyOf, clockAhead, type Judged, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { assertNothingLost, day, openWindow, prune, rulesOf, tombstones } from '../../support/prune.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

const at = (night: Night, days: number): Promise<Judged> => night.sync([], { env: clockAhead(days * day) });
const always = { days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '00:00', to: '23:59', timezone: 'UTC', maxDeletions: 100 };

test('nights whose clock is sixty days behind accept and confirm nothing, and the right clock lets nothing leave after two nights', async (t) => {
  const night = await serverA.night(t, { changes: { repositories: { nightly: { pruneWindows: [always] as never } } } });
  await prune(night);
  const whole = night.replicaNow();
  for (const days of [-60, -60, -59]) {
    const { run, code } = await at(night, days);
    assert.deepEqual([code, run.tombstones.added], [4, 0], 'a wrong clock accepted deletions');
  }
  const back = await at(night, 0);
  assert.deepEqual(rulesOf(back)[0], 'clock');
  for (const days of [0, 0.01]) assert.equal((await at(night, days)).run.tombstones.expired, 0);
  assertNothingLost(night, whole);
  for (const { due } of await tombstones(night)) assert.ok(due === null || Date.parse(due) > Date.now() + 29 * day, `due ${due}`);
  assert.equal((await tombstones(night)).length, 9, 'and the right clock accepts them');
});

test('what a wrong clock wrote does not make the next wrong clock right: nothing leaves in the second and third night ten years ahead', async (t) => {
  const night = await serverA.night(t);
  await openWindow(night);
  await prune(night);
  assert.equal((await night.sync()).run.tombstones.added, 9);
  const whole = night.replicaNow();
  for (const days of [3650, 3650, 3651]) {
    const { run } = await at(night, days);
    assert.deepEqual([run.tombstones.expired, rulesOf({ run } as Judged)], [0, ['clock']]);
    assertNothingLost(night, whole);
  }
  const due = async (): Promise<string[]> => (await tombstones(night)).map((stone) => stone.due ?? '');
  const before = await due();
  assert.equal((await at(night, 0)).run.tombstones.expired, 0);
  assert.deepEqual([(await at(night, 0)).code, await due()], [0, before]);
});

test('a machine that was off for three weeks is believed again after a week of nights, and what was due waits three weeks longer', async (t) => {
  const night = await serverA.night(t);
  await openWindow(night);
  await prune(night);
  assert.equal((await night.sync()).run.tombstones.added, 9);
  const [before] = (await tombstones(night)).map(({ due }) => Date.parse(due ?? ''));
  for (const days of [21, 25]) assert.deepEqual(rulesOf(await at(night, days)), ['clock']);
  assert.deepEqual(rulesOf(await at(night, 28.1)), []);
  for (const { due } of await tombstones(night)) {
    const moved = (Date.parse(due ?? '') - (before ?? 0)) / day;
    assert.ok(Math.abs(moved - 21) < 0.1, `moved by ${moved} days`);
  }
});

test('one run ten years ahead silences neither mails nor freshness: a remembered time in the future counts as never', async (t) => {
  const night = await serverA.night(t, { changes: { alerts: { freshness: '2d' } } });
  mkdirSync(join(night.replica, 'stray'));
  await night.repository.backup({ file: 'new' });
  await at(night, 3650);
  const mails = night.config.mails().length;
  const back = await at(night, 0);
  assert.deepEqual([rulesOf(back).sort(), night.config.mails().length - mails], [['clock', 'stray'], 1], 'the same warnings were told in ten years');
  assert.ok(rulesOf(await at(night, 6)).includes('stale'), 'no snapshot for six days, and nobody says so');
});

test('freshness counts snapshots by their ID: one that is touched every night is none', async (t) => {
  const night = await serverA.night(t, { changes: { alerts: { freshness: '2d' } } });
  await night.repository.backup({ file: 'new' });
  assert.equal((await at(night, 0)).code, 0);
  const snapshot = join(night.repository.path, anyOf(night.repository.path, 'snapshots'));
  for (const days of [1, 1.9]) {
    const time = new Date(Date.now() + days * day);
    utimesSync(snapshot, time, time);
    addPack(night.repository.path);
    assert.equal((await at(night, days)).code, 0);
  }
  const time = new Date(Date.now() + 2.5 * day);
  utimesSync(snapshot, time, time);
  assert.deepEqual(rulesOf(await at(night, 2.5)), ['stale'], 'a touched snapshot counted as a new one');
});
