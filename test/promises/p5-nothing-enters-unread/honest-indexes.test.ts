/** What restic itself leaves behind in packs and indexes is no lie: odd, but honest repositories enter without an alarm. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dataBlob, idOf, type Pack, packPath, treeBlob } from '../../support/forge.ts';
import { assertRestores, assertRestoresOld, forgedNight, type ForgedNight, newBackup, type NewBackup, oldBlobs, openWindow, text, treeOne, treeTwo } from '../../support/forged.ts';
import { assertFindings } from '../../support/proof.ts';

/** What is new on serverA, and must be restored from the replica in the end. */
interface Honest {
  readonly name: string;
  /** Indexes that say different things of a pack: restic from 0.19 on checks such a repository only once they are written anew. */
  readonly differ?: boolean;
  readonly write: (night: ForgedNight) => readonly NewBackup[];
}

const withoutFirst = (pack: Pack): Pack => ({ ...pack, blobs: pack.blobs.slice(1) });
const onlyFirst = (pack: Pack): Pack => ({ ...pack, blobs: pack.blobs.slice(0, 1) });

/** A new backup, of which `indexes` says what is said. */
const backup = (name: string, indexes: (made: NewBackup, night: ForgedNight) => readonly (readonly Pack[])[], differ = false): Honest => ({
  name, differ,
  write(night) {
    const made = newBackup(night);
    for (const packs of indexes(made, night)) night.forge.index({ packs });
    return [made];
  },
});

const { a, b, c, d, e } = oldBlobs;

const honest: readonly Honest[] = [
  backup('an index without a blob that another index has', ({ data, trees }) => [[withoutFirst(data), trees], [onlyFirst(data)]], true),
  backup('an index without a pack that another index has', ({ data, trees }) => [[trees], [data]]),
  backup('an index that names a pack twice', ({ data, trees }) => [[data, trees, data]]),
  backup('an index that names a pack in two parts', ({ data, trees }) => [[withoutFirst(data), trees, onlyFirst(data)]]),
  backup('two indexes that say the same', ({ data, trees }) => [[data, trees], [trees, data]]),
  backup('a new index that names old packs besides its own', ({ data, trees }, { old }) => [[data, trees, ...Object.values(old.packs)]]),
  backup('a new index that says of an old pack less than its header', ({ data, trees }, { old }) => [[data, trees, withoutFirst(old.packs.shared)]], true),
  backup('a second index of old packs alone, beside one of the new', ({ data, trees }, { old }) => [[data, trees], Object.values(old.packs)]),
  backup('a pack that no index names', ({ data, trees }, { forge }) => {
    forge.pack([dataBlob(text('u')), dataBlob(text('v'), { compressed: true })]);
    return [[data, trees]];
  }),
  backup('blobs of old snapshots once more, compressed now', ({ data, trees }, { forge }) =>
    [[data, trees, forge.pack([a, b, c, d, e].map((blob) => ({ ...blob, compressed: true }))), forge.pack([{ ...treeOne, compressed: true }, treeTwo])]]),
  backup('a blob twice in one pack', ({ data, trees }, { forge }) => [[data, trees, forge.pack([dataBlob(text('u')), dataBlob(text('u'))])]]),
  {
    name: 'an index that carries "supersedes"',
    write(night) {
      const made = newBackup(night);
      night.forge.index({ supersedes: [night.old.index.slice(-64), 'ab'.repeat(32)], packs: [made.data, made.trees, ...Object.values(night.old.packs)] });
      return [made];
    },
  },
  {
    name: 'a pack of data and trees, mixed',
    write(night) {
      const blobs = [dataBlob(text('x')), dataBlob(text('y'), { compressed: true })];
      const tree = treeBlob({ fresh: blobs });
      const mixed = night.forge.pack([blobs[0] ?? a, { ...tree, compressed: true }, blobs[1] ?? a]);
      night.forge.index({ packs: [mixed] });
      return [{ files: { fresh: blobs }, data: mixed, trees: mixed, snapshot: () => night.forge.snapshot(idOf(tree)) }];
    },
  },
];

for (const { name, differ, write } of honest) {
  test(`${name} enters, and all is restored from the replica`, async (t) => {
    const night = await forgedNight(t);
    const written = write(night).map((made) => ({ ...made, id: made.snapshot().slice(-64) }));
    assertFindings(await night.sync(), 0, []);
    for (const { id, files } of written) await assertRestores(night, id, files);
    await assertRestoresOld(night);
    assertFindings(await night.sync(), 0, []);
    if (differ === true) await night.forge.repository.run(['rebuild-index']);
    await night.forge.repository.check(true).catch(() => assert.fail('the repository of this test is not honest'));
  });
}

test('a prune that repacks everything in a window is let through: only the same data takes the place of data', async (t) => {
  const night = await forgedNight(t, { deletionGrace: 0 });
  await openWindow(night, '--max-deletions', '100');
  const packs = [night.forge.pack([a, d, e]), night.forge.pack([b, { ...c, compressed: false }]), night.forge.pack([treeTwo, treeOne])];
  night.forge.index({ packs });
  night.remove(night.old.index, ...Object.values(night.old.packs).map(({ id }) => packPath(id)));
  const judged = await night.sync();
  assertFindings(judged, 0, []);
  assert.deepEqual([judged.run.tombstones.added, judged.run.tombstones.expired, judged.run.admitted.files], [5, 5, 4]);
  await assertRestoresOld(night);
});

test('an index written anew on serverA, of all packs, takes the place of the old one in a window', async (t) => {
  const night = await forgedNight(t, { deletionGrace: 0 });
  await openWindow(night);
  await night.forge.repository.run(['rebuild-index', '--read-all-packs']);
  assert.ok(!existsSync(join(night.source, night.old.index)), 'the old index is gone');
  assertFindings(await night.sync(), 0, []);
  await assertRestoresOld(night);
});
