/** A drill of a snapshot that a few kilobytes make endless: forty folders, each twice in the one above, are a million million names. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dataBlob, Forge, idOf, treeBlob } from '../support/forge.ts';
import { rescuePlace } from '../support/rescue.ts';

test('a listing without an end is chosen from as far as it comes in a quarter of the time, and the drill passes', async (t) => {
  const place = await rescuePlace(t, { owner: 'ordinary', fill: (folder) => { writeFileSync(join(folder, 'honest'), 'honest'); } });
  const forge = await Forge.of(place.repository);
  const file = dataBlob('x');
  const time = '2026-01-01T00:00:00Z';
  const trees = [treeBlob({ file: [file] })];
  for (let depth = 0; depth < 40; depth++) {
    const subtree = idOf(trees[depth] ?? file);
    const nodes = ['a', 'b'].map((name) => ({ name, type: 'dir', mode: 0o755, mtime: time, atime: time, ctime: time, uid: 0, gid: 0, subtree }));
    trees.push({ type: 'tree', content: Buffer.from(`${JSON.stringify({ nodes })}\n`) });
  }
  forge.index({ packs: [forge.pack([file]), forge.pack(trees)] });
  forge.snapshot(idOf(trees.at(-1) ?? file), { time: '2099-01-01T00:00:00Z' });
  execFileSync('chmod', ['-R', 'a+rX', place.repository.path]);
  assert.equal((await place.run(['sync'])).code, 0);
  const config = JSON.parse(readFileSync(place.config.file, 'utf8')) as { repositories: { nightly: Record<string, unknown> } };
  config.repositories.nightly['timeouts'] = { check: '2m' };
  writeFileSync(place.config.file, JSON.stringify(config));
  const { code, stdout, stderr } = await place.run(['drill']);
  assert.deepEqual([code, stdout], [0, 'nightly: 14 files (19 B) of 2 snapshots restored: right\n'], stderr);
});
