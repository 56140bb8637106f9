/** A prune can replace data by the same data only, and nothing stands for a pack that did not come. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dataBlob, type Entry, idOf, type Pack, packPath } from '../../support/forge.ts';
import { clockAhead, pathsOf } from '../../support/night.ts';
import { day } from '../../support/prune.ts';
import { assertFindings } from '../../support/proof.ts';
import { assertRestores, assertRestoresOld, forgedNight, type ForgedNight, newBackup, oldBlobs, openWindow, treeOne, treeTwo } from '../../support/forged.ts';

const claimed = Object.values(oldBlobs);

/** Packs that claim every data blob of the replica, and have none. */
const swaps: readonly (readonly [name: string, write: (night: ForgedNight) => Pack])[] = [
  ['random bytes', ({ forge }) => {
    const blobs = claimed.map((blob, n): Entry => ({ id: idOf(blob), type: 'data', offset: n * 1032, length: 1032 }));
    return { id: forge.write('data', randomBytes(claimed.length * 1032 + claimed.length * 37 + 36)).slice(-64), blobs };
  }],
  ['random blobs under a true header', ({ forge }) => forge.pack(claimed.map((blob) => dataBlob(randomBytes(1000), { id: idOf(blob) })))],
];

for (const [name, write] of swaps) {
  test(`data swapped for ${name} in an open window never enters: when the grace has passed, all is restored as before`, async (t) => {
    const night = await forgedNight(t, { deletionGrace: '2d' });
    await openWindow(night, '--max-deletions', '100');
    const junk = write(night);
    const trees = night.forge.pack([treeOne, treeTwo]);
    night.forge.index({ packs: [junk, trees] });
    night.remove(night.old.index, ...Object.values(night.old.packs).map(({ id }) => packPath(id)));
    const before = night.replicaNow();
    const judged = await night.sync();
    await night.sync({ env: clockAhead(3 * day) });
    await assertRestoresOld(night);
    assert.ok(!night.has(packPath(junk.id)), 'the junk did not enter');
    assert.deepEqual(night.replicaNow(), before);
    assertFindings(judged, 3, [`unproven ${packPath(junk.id)}`]);
  });
}

/** A backup whose data pack is not on serverA. */
function withoutData(night: ForgedNight): { snapshot: string; index: string; pack: string; bring: () => void } {
  const backup = newBackup(night);
  const [pack, index, snapshot] = [packPath(backup.data.id), night.forge.index({ packs: [backup.data, backup.trees] }), backup.snapshot()];
  renameSync(join(night.source, pack), join(night.folder, 'aside'));
  return { snapshot, index, pack, bring: () => { renameSync(join(night.folder, 'aside'), join(night.source, pack)); } };
}

test('a snapshot and its index never enter unnoticed without their data pack, and once that has come all is restored', async (t) => {
  const night = await forgedNight(t);
  const { snapshot, pack, bring } = withoutData(night);
  const first = await night.sync();
  assert.deepEqual(pathsOf(first, 'missing-pack'), [pack], 'a warning names the pack');
  assert.equal(first.code, 4);
  await assertRestoresOld(night);
  assert.deepEqual(pathsOf(await night.sync(), 'missing-pack'), [pack], 'it stands until the pack has come');
  bring();
  assertFindings(await night.sync(), 0, []);
  await assertRestores(night, snapshot.slice(-64), { fresh: newBackup(night).files['fresh'] ?? [] });
});

test('an index of a pack that does not exist is told each night, and keeps no backup from entering', async (t) => {
  const night = await forgedNight(t);
  const blob: Entry = { id: '11'.repeat(32), type: 'data', offset: 0, length: 1000 };
  const lost = 'ab'.repeat(32);
  night.forge.index({ packs: [{ id: lost, blobs: [blob] }] });
  const first = await night.sync();
  assert.deepEqual(pathsOf(first, 'missing-pack'), [packPath(lost)], 'a warning names the pack');
  assert.equal(first.code, 4);
  const backup = newBackup(night);
  night.forge.index({ packs: [backup.data, backup.trees] });
  const snapshot = backup.snapshot();
  assert.deepEqual(pathsOf(await night.sync(), 'missing-pack'), [packPath(lost)], 'it is told again');
  await assertRestores(night, snapshot.slice(-64), backup.files);
  await assertRestoresOld(night);
  await openWindow(night);
  night.remove(night.old.index);
  assert.equal((await night.sync()).run.tombstones.unconfirmed, 1, 'the index that alone names what snapshots need is needed, whatever is missing');
  const check = await night.run(['check']);
  assert.deepEqual([check.code, check.stdout.includes(packPath(lost)), check.stdout.includes('scrub')], [4, true, false], check.stdout);
});

test('a missing pack keeps neither a deletion from being confirmed that nothing needs, nor lets one through that something needs', async (t) => {
  const night = await forgedNight(t);
  const { snapshot } = withoutData(night);
  await night.sync();
  await night.sync();
  assert.ok(night.has(snapshot), 'the snapshot that lacks the pack is in the replica');
  await openWindow(night, '--max-deletions', '50');
  night.remove(`snapshots/${night.old.snapshots[0]?.id ?? ''}`);
  assert.deepEqual((await night.sync()).run.tombstones, { added: 1, unconfirmed: 0, dropped: 0, expired: 0, pending: 1 });
  const { shared, single, treeTwo, treeOne } = night.old.packs;
  night.forge.index({ packs: [single, treeTwo] });
  night.remove(night.old.index, packPath(shared.id), packPath(treeOne.id));
  const { tombstones } = (await night.sync()).run;
  assert.deepEqual([tombstones.added, tombstones.unconfirmed], [3, 3], 'the other snapshot needs what is in one of the packs');
});

test('an index that names packs long gone, which nothing needs, is told as a warning that names them, and is no alarm', async (t) => {
  const night = await forgedNight(t, { deletionGrace: 0 });
  const made = newBackup(night);
  const gone = '0123'.repeat(16);
  const index = night.forge.index({ packs: [{ id: gone, blobs: [{ id: 'ab'.repeat(32), type: 'data', offset: 0, length: 500 }] }, made.data, made.trees] });
  const snapshot = made.snapshot();
  assertFindings(await night.sync(), 4, [`missing-pack ${packPath(gone)}`]);
  await assertRestores(night, snapshot.slice(-64), made.files);
  await assertRestoresOld(night);
  night.forge.index({ packs: [made.data, made.trees] });
  night.remove(index);
  await openWindow(night);
  assert.equal((await night.sync()).run.tombstones.expired, 1);
  assertFindings(await night.sync(), 0, []); // The warning ends with the index.
});

test('indexes that name packs that are not there: none leads restic away from what enters tonight, and a lie comes out when the pack comes', async (t) => {
  const night = await forgedNight(t, { deletionGrace: 0 });
  const made = newBackup(night);
  night.forge.index({ packs: [made.data, made.trees] });
  const snapshot = made.snapshot();
  const misleading = [1, 2, 3, 4].map((n) => night.forge.index({ packs: [{ ...made.data, id: `${n}`.repeat(64) }] }));
  const late = night.forge.pack([dataBlob(randomBytes(900)), dataBlob(randomBytes(900))]);
  renameSync(join(night.source, packPath(late.id)), join(night.folder, 'late'));
  const lie = night.forge.index({ packs: [{ ...late, blobs: late.blobs.map((blob, n) => ({ ...blob, id: late.blobs[1 - n]?.id ?? '' })) }] });
  assert.equal((await night.sync()).code, 4);
  assert.deepEqual(misleading.filter((index) => night.has(index)), []);
  await assertRestores(night, snapshot.slice(-64), made.files);
  renameSync(join(night.folder, 'late'), join(night.source, packPath(late.id)));
  await openWindow(night);
  night.remove(`snapshots/${night.old.snapshots[0]?.id ?? ''}`);
  for (const which of ['the night in which the pack comes', 'the night after']) {
    const judged = await night.sync();
    assert.deepEqual([pathsOf(judged, 'check-failed'), judged.run.unread.indexes, judged.run.tombstones.expired], [[lie], 1, 0], which);
  }
});
