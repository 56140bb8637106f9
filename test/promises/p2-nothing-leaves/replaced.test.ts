/** Every snapshot replaced at once, in an open window: let through once what is new is admitted, and only then. */
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addPack, filesBelow, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { provingNight } from '../../support/proof.ts';
import { assertInStep, assertNothingLost, openWindow, rulesOf, tombstones } from '../../support/prune.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

const snapshotsOf = (night: Night): string[] => filesBelow(night.repository.path).filter((path) => path.startsWith('snapshots/'));

/** `restic tag --add`: every snapshot has another ID, and nothing else changes. */
const tag = (night: Night): Promise<unknown> => night.repository.run(['tag', '--add', 'nightly']);
/** A backup, of which alone something is left. */
const keepLast = async (night: Night): Promise<void> => {
  const newest = await night.repository.backup({ 'the only file': 'x'.repeat(5000) });
  await night.repository.forget((await night.repository.snapshots()).map(({ id }) => id).filter((id) => id !== newest), { prune: true });
};

const ways: readonly (readonly [what: string, replace: (night: Night) => Promise<unknown>])[] = [
  ['restic tag --add', tag], ['a backup and forget of all others, with prune', keepLast],
];
for (const [what, replace] of ways) {
  test(`${what} is let through: the new snapshots are proven and admitted, then all deletions accepted and confirmed`, async (t) => {
    const night = await provingNight(serverA, t, { restic: { check: { every: '365d' } } });
    const old = snapshotsOf(night);
    await openWindow(night, '--max-deletions', '100');
    await replace(night);
    const whole = night.replicaNow();
    const tonight = await night.sync();
    assert.deepEqual([tonight.code, rulesOf(tonight)], [0, []], 'no window can let it through');
    assert.equal(tonight.run.window.used, tonight.run.tombstones.added);
    const stones = await tombstones(night);
    for (const path of old) assert.equal(stones.find((stone) => stone.path === path)?.state, 'confirmed', path);
    assertNothingLost(night, whole);
    assert.deepEqual([(await night.sync()).code, (await tombstones(night)).length], [0, stones.length]);
    assert.equal(night.config.mails().length, 1, 'told once');
  });
}

test('with a grace of 0 the replaced snapshots leave at the end of the same run', async (t) => {
  const night = await provingNight(serverA, t, { deletionGrace: 0, restic: { check: { every: '365d' } } });
  await openWindow(night, '--max-deletions', '100');
  await keepLast(night);
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.tombstones.added > 0, run.tombstones.expired], [0, true, run.tombstones.added]);
  await assertInStep(night);
});

/** Without restic's word a new snapshot counts only where there is time to look. */
for (const [grace, code] of [['30d', 0], ['7d', 0], ['6d', 3], [0, 3]] as const) {
  test(`without a password, with a grace of ${grace}: exit ${code}`, async (t) => {
    const night = await serverA.night(t, { changes: { repositories: { nightly: { deletionGrace: grace } } } });
    await openWindow(night);
    await tag(night);
    const before = night.replicaNow();
    const tonight = await night.sync();
    assert.deepEqual([tonight.code, rulesOf(tonight)], [code, code === 0 ? [] : ['over-budget']]);
    if (code === 3) assert.deepEqual(night.replicaNow(), before);
  });
}

test('where no new snapshot is admitted it is over-budget, and nothing is accepted', async (t) => {
  const night = await serverA.night(t, { account: 'powerless' });
  const old = snapshotsOf(night);
  await openWindow(night);
  await tag(night);
  for (const path of snapshotsOf(night)) chmodSync(join(night.repository.path, path), 0);
  const whole = night.replicaNow();
  const tonight = await night.sync();
  assert.deepEqual([tonight.code, rulesOf(tonight).includes('over-budget'), tonight.run.tombstones.added], [3, true, 0]);
  assert.deepEqual(await tombstones(night), []);
  assertNothingLost(night, whole);
  assert.ok(old.length > 0);
});

test('a budget that is too small lets not even that through', async (t) => {
  const night = await provingNight(serverA, t, { restic: { check: { every: '365d' } } });
  await openWindow(night, '--max-deletions', '1');
  await tag(night);
  addPack(night.repository.path);
  const before = night.replicaNow();
  const tonight = await night.sync();
  assert.deepEqual([tonight.code, rulesOf(tonight), night.replicaNow()], [3, ['over-budget'], before]);
});
