/** The forger of the other tests is believed by restic itself: otherwise its lies would be refused for the wrong reason. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dataBlob, Forge, idOf, treeBlob } from '../../support/forge.ts';
import { resticRepository } from '../../support/restic.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const text = (letter: string, length: number): Buffer => Buffer.alloc(length, `${letter} is not ${letter.toUpperCase()}; `);

for (const format of [1, 2] as const) {
  test(`restic reads and restores all of a repository of format ${format} that the forger made honestly`, async (t) => {
    const folder = temporaryFolder(t);
    const repository = resticRepository(join(folder, 'repository'), format);
    const forge = await Forge.of(repository);
    const compressed = format === 2;
    const [one, two, three] = [dataBlob(text('a', 300_000), { compressed }), dataBlob(text('b', 1000)), dataBlob(text('c', 1000), { compressed })] as const;
    const tree = treeBlob({ whole: [one, two, three], last: [three] });
    const packs = [forge.pack([one, two, tree]), forge.pack([three])];
    const index = forge.index({ packs });
    const snapshot = forge.snapshot(idOf(tree)).slice(-64);
    await repository.check(true);
    await repository.restore(snapshot, join(folder, 'restored'));
    assert.ok(readFileSync(join(folder, 'restored/whole')).equals(Buffer.concat([one.content, two.content, three.content])));
    assert.deepEqual(JSON.parse(forge.open(index).toString()), { packs });
  });
}

test('restic does not notice a false plain length that header and index agree on, and restores another file', async (t) => {
  const folder = temporaryFolder(t);
  const repository = resticRepository(join(folder, 'repository'));
  const forge = await Forge.of(repository);
  const [one, two] = [dataBlob(text('a', 1000), { compressed: true, plainLength: 500 }), dataBlob(text('b', 1000), { compressed: true })] as const;
  const tree = treeBlob({ whole: [one, two] });
  forge.index({ packs: [forge.pack([one, two]), forge.pack([tree])] });
  const snapshot = forge.snapshot(idOf(tree)).slice(-64);
  await repository.check(true);
  await repository.restore(snapshot, join(folder, 'restored'));
  assert.ok(!readFileSync(join(folder, 'restored/whole')).equals(Buffer.concat([one.content, two.content])));
});

test('some hundred bytes on disk are megabytes of JSON to restic', async (t) => {
  const repository = resticRepository(join(temporaryFolder(t), 'repository'));
  const forge = await Forge.of(repository);
  const tree = treeBlob({});
  forge.index({ packs: [forge.pack([tree])] });
  const path = forge.longSnapshot(idOf(tree), 3_000_000);
  assert.ok(forge.bytes(path).length < 1000);
  await repository.check();
  assert.ok((await repository.run(['snapshots', '--no-lock', '--json'])).length > 3_000_000);
});
