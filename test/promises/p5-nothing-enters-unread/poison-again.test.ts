/** Poison that stays on serverA: raised once; acknowledged, it is a warning, and the rest goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dataBlob, packPath } from '../../support/forge.ts';
import { acknowledge, assertRestores, assertRestoresOld, forgedNight, type ForgedNight, newBackup, text } from '../../support/forged.ts';
import { pathsOf } from '../../support/night.ts';
import { assertFindings } from '../../support/proof.ts';

/** What a client with bad memory leaves: a backup with a pack of which restic cannot use one blob. */
function rottenBackup(night: ForgedNight): { pack: string; index: string; snapshot: string } {
  const bad = dataBlob(text('r'), { id: 'ab'.repeat(32) });
  const { data, trees, snapshot } = newBackup(night, [bad, dataBlob(text('s'))]);
  return { pack: packPath(data.id), index: night.forge.index({ packs: [data, trees] }), snapshot: snapshot() };
}

test('a rotten pack raises one alarm; acknowledged, it is a warning while serverA lists it, and later backups enter', async (t) => {
  const night = await forgedNight(t);
  const { pack } = rottenBackup(night);
  const first = await night.sync();
  assert.ok(!night.has(pack), 'the rotten pack did not enter');
  assertFindings(first, 3, [`unproven ${pack}`]);
  assert.equal((await night.sync()).code, 3, 'the alarm stands');
  await acknowledge(night);
  const good = newBackup(night);
  night.forge.index({ packs: [good.data, good.trees] });
  const snapshot = good.snapshot();
  const second = await night.sync();
  assert.equal(second.code, 4, second.stderr);
  assert.deepEqual(pathsOf(second, 'quarantined'), [pack]);
  assert.deepEqual(pathsOf(second, 'missing-pack'), [pack]);
  await assertRestores(night, snapshot.slice(-64), good.files);
  const third = await night.sync();
  assert.deepEqual([third.code, third.run.fetched.files, pathsOf(third, 'quarantined')], [4, 0, [pack]], 'it is not fetched again');
  await assertRestoresOld(night);
});

test('a lying index raises one alarm; acknowledged, it is a warning, and later backups enter', async (t) => {
  const night = await forgedNight(t);
  const { shared } = night.old.packs;
  const [one, two, ...rest] = shared.blobs;
  if (one === undefined || two === undefined) assert.fail('two blobs');
  const lie = night.forge.index({ packs: [{ ...shared, blobs: [{ ...one, id: two.id }, { ...two, id: one.id }, ...rest] }] });
  assertFindings(await night.sync(), 3, [`unproven ${lie}`]);
  await acknowledge(night);
  const good = newBackup(night);
  night.forge.index({ packs: [good.data, good.trees] });
  const snapshot = good.snapshot();
  assertFindings(await night.sync(), 4, [`quarantined ${lie}`]);
  await assertRestores(night, snapshot.slice(-64), good.files);
  await assertRestoresOld(night);
});
