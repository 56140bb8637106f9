/** The walk that comes folder by folder: nothing is missing when it is asked for, and what cannot be read is an error. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inReplica } from '../../src/audit/flags.ts';
import { foldersOf, pathOf } from '../../src/layout.ts';
import { ReplicaWalk, walkReplica } from '../../src/audit/walk.ts';
import { type Ending, temporaryFolder } from '../support/temporary.ts';

const packs = Array.from({ length: 40 }, (_, n) => pathOf('pack', createHash('sha256').update(String(n)).digest('hex')));

function replicaIn(t: Ending): string {
  const replica = temporaryFolder(t);
  for (const folder of ['data', 'index', ...foldersOf('pack')]) mkdirSync(join(replica, folder));
  for (const path of packs) writeFileSync(join(replica, path), '');
  writeFileSync(join(replica, pathOf('index', 'ab'.repeat(32))), '');
  writeFileSync(join(replica, 'data/ab/stray'), '');
  writeFileSync(join(replica, 'data/stray'), '');
  return replica;
}

test('folders of packs are entered when they are asked for, the rest at once; each once', (t) => {
  const walk = new ReplicaWalk(replicaIn(t), []);
  assert.equal(walk.books.amount(inReplica, 0).files, 1);
  assert.deepEqual([walk.others.has('data/stray'), walk.others.has('data/ab'), walk.others.has('data/ab/stray')], [true, true, false]);
  walk.enterPacks(0xab);
  assert.ok(walk.others.has('data/ab/stray'));
  const other = walk.others.get('data/ab/stray');
  walk.enterPacks(0xab);
  assert.equal(walk.others.get('data/ab/stray'), other);
  walk.enterAll();
  assert.equal(walk.books.amount(inReplica, 0).files, 1 + packs.length);
});

test('it goes on by itself while there is nothing else to do, until it is told to stop', async (t) => {
  const replica = replicaIn(t);
  const walk = new ReplicaWalk(replica, []);
  await walk.goOn();
  assert.deepEqual([...walk.others.keys()].sort(), [...walkReplica(replica, []).others.keys()].sort());
  assert.equal(walk.books.amount(inReplica, 0).files, 1 + packs.length);
  const stopped = new ReplicaWalk(replica, []);
  stopped.stop();
  await stopped.goOn();
  assert.equal(stopped.books.amount(inReplica, 0).files, 1);
});

test('a folder that has vanished is an error when its turn comes, not an empty one', async (t) => {
  const replica = replicaIn(t);
  const walk = new ReplicaWalk(replica, []);
  const empty = foldersOf('pack').findIndex((folder) => folder !== 'data/ab' && !packs.some((path) => path.startsWith(folder)));
  rmdirSync(join(replica, foldersOf('pack')[empty] ?? ''));
  await walk.goOn();
  assert.throws(() => { walk.enterPacks(empty); }, { code: 'ENOENT' });
  assert.throws(() => { walk.enterAll(); }, { code: 'ENOENT' });
});
