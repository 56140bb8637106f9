/** Junk is paid for by who sends it: the starts of restic grow neither with junk indexes nor with honest ones. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { writeConfig } from '../../support/config.ts';
import { dataBlob, idOf, treeBlob } from '../../support/forge.ts';
import { acknowledge, assertRestores, assertRestoresOld, forgedNight, type ForgedNight } from '../../support/forged.ts';
import { pathsOf } from '../../support/night.ts';
import { addJunk, assertFindings } from '../../support/proof.ts';
import { countedRestic, type Counted } from '../../support/starts.ts';

/** A night whose starts of restic are counted. */
async function countedNight(t: TestContext): Promise<ForgedNight & { counted: Counted }> {
  const night = await forgedNight(t);
  const counted = countedRestic(t, night.folder, night.replica);
  writeConfig(night.folder, night.source, { repositories: { nightly: { restic: { passwordFile: night.forge.repository.passwordFile, path: counted.path } } } });
  return { ...night, counted };
}

/** So many files of 33 bytes that restic refuses; what a night with them costs, and the night after it is acknowledged. */
async function startsWithJunk(t: TestContext, kind: 'index' | 'snapshots', files: number): Promise<readonly [first: number, second: number]> {
  const night = await countedNight(t);
  const junk = Array.from({ length: files }, () => addJunk(night.source, kind, randomBytes(33)));
  const before = night.replicaNow();
  const first = await night.sync();
  assert.deepEqual([first.code, night.replicaNow()], [3, before]);
  const named = pathsOf(first, 'unproven');
  assert.ok(named.length > 0 && named.every((path) => junk.includes(path)), 'culprits are named, and nobody else');
  const starts = night.counted.starts();
  await acknowledge(night);
  await night.sync();
  assert.deepEqual(night.replicaNow(), before);
  await assertRestoresOld(night);
  return [starts, night.counted.starts()];
}

test('five times as many junk indexes cost hardly a start of restic more, in the first night and in the one after the acknowledgment', async (t) => {
  const [few, many] = [await startsWithJunk(t, 'index', 40), await startsWithJunk(t, 'index', 200)];
  assert.ok(few[0] > 0, 'starts are counted');
  assert.ok(few[0] <= 30, `${few[0]} starts for 40 junk files`);
  assert.ok(many[0] <= few[0] + 5 && many[1] <= few[0] + 5, `40 junk files: ${few.join(', ')} starts; 200: ${many.join(', ')}`);
});

test('two hundred junk snapshots cost thirty starts of restic at most', async (t) => {
  const [first, second] = await startsWithJunk(t, 'snapshots', 200);
  assert.ok(first > 0 && first <= 30 && second <= 30, `${first} and ${second} starts`);
});

test('three hundred new indexes of ten clients cost six starts of restic, and all enters', async (t) => {
  const night = await countedNight(t);
  const snapshots = Array.from({ length: 10 }, (_, client) => {
    const blobs = Array.from({ length: 30 }, (_, n) => dataBlob(`client ${client} file ${n}`));
    const tree = treeBlob(Object.fromEntries(blobs.map((blob, n) => [`file${n}`, [blob]])));
    for (const [n, blob] of blobs.entries()) night.forge.index({ packs: [night.forge.pack(n === 0 ? [blob, tree] : [blob])] });
    return { id: night.forge.snapshot(idOf(tree), { hostname: `client${client}` }).slice(-64), blobs };
  });
  const judged = await night.sync();
  assertFindings(judged, 0, []);
  assert.equal(judged.run.admitted.files, 300 + 300 + 10);
  const starts = night.counted.starts();
  assert.ok(starts > 0 && starts <= 6, `${starts} starts of restic`);
  const [last] = snapshots.slice(-1);
  await assertRestores(night, last?.id ?? '', { file7: last?.blobs.slice(7, 8) ?? [] });
});
