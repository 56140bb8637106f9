/** restic's words are hints, never decisions: what serverA wrote into keys, trees and snapshots steers no night by being quoted. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { idOf, treeBlob } from '../../support/forge.ts';
import { assertRestores, assertRestoresOld, forgedNight, type ForgedNight, newBlobs, openWindow } from '../../support/forged.ts';
import { pathsOf } from '../../support/night.ts';
import { addJunk, assertFindings } from '../../support/proof.ts';
import { openRepository } from '../../support/restic.ts';

function aKey({ source }: ForgedNight): Record<string, unknown> {
  const [name] = readdirSync(join(source, 'keys'));
  return JSON.parse(readFileSync(join(source, 'keys', name ?? ''), 'utf8')) as Record<string, unknown>;
}

for (const [what, change] of [
  ['whose time reads "wrong password"', { created: 'wrong password' }],
  ['whose time reads "no key found"', { created: 'wrong password or no key found' }],
  ['whose user is a number', { username: 5 }],
] as const) {
  test(`a key ${what} never enters, though a window lets keys change, and restic still opens the replica`, async (t) => {
    const night = await forgedNight(t);
    await openWindow(night, '--allow-keys');
    const junk = addJunk(night.source, 'keys', Buffer.from(JSON.stringify({ ...aKey(night), ...change })));
    const before = night.replicaNow();
    const judged = await night.sync();
    await openRepository(night.replica).run(['cat', 'config', '--no-lock']).catch((error: unknown) => assert.fail(`restic no longer opens the replica: ${String(error)}`));
    assert.deepEqual(night.replicaNow(), before);
    assertFindings(judged, 3, [`unproven ${junk}`]);
  });
}

/** A snapshot of one honest file, under a tree that is changed. */
function snapshotOf(night: ForgedNight, node: Readonly<Record<string, unknown>>, change: Readonly<Record<string, unknown>> = {}): string {
  const tree = treeBlob({ fresh: Object.values(newBlobs) }, node);
  night.forge.index({ packs: [night.forge.pack([...Object.values(newBlobs), tree])] });
  return night.forge.snapshot(idOf(tree), change);
}

for (const words of ['x: open /b: permission denied;', 'Fatal: wrong password or no key found']) {
  test(`a tree whose time says "${words}" is held back; the night goes on and accuses nobody's disk`, async (t) => {
    const night = await forgedNight(t);
    const held = snapshotOf(night, { mtime: words });
    const good = snapshotOf(night, {});
    const judged = await night.sync();
    assert.equal(judged.code, 4, `the night went on: ${judged.stderr}`);
    assertFindings(judged, 4, [`held-back ${held}`]);
    await assertRestores(night, good.slice(-64), { fresh: Object.values(newBlobs) });
    await assertRestoresOld(night);
  });
}

test('a snapshot of the host that a question once named enters like any other, and junk is still named', async (t) => {
  const night = await forgedNight(t);
  const snapshot = snapshotOf(night, {}, { hostname: 'rsync-ratchet-asks-for-no-snapshot' });
  assertFindings(await night.sync(), 0, []);
  await assertRestores(night, snapshot.slice(-64), { fresh: Object.values(newBlobs) });
  const junk = addJunk(night.source, 'index');
  assertFindings(await night.sync(), 3, [`unproven ${junk}`]);
});

test('more than 16 MiB of snapshots\' JSON out of a few hundred bytes hide no junk, and stop no night', async (t) => {
  const night = await forgedNight(t);
  const { id } = { id: idOf(treeBlob({ fresh: Object.values(newBlobs) })) };
  snapshotOf(night, {});
  for (const letters of [17 << 20, 17 << 20]) night.forge.longSnapshot(id, letters + Math.floor(letters / 7));
  const junk = addJunk(night.source, 'snapshots');
  const judged = await night.sync();
  assert.equal(judged.code, 3, `the junk is named: ${judged.stderr}`);
  assert.deepEqual(pathsOf(judged, 'unproven'), [junk]);
  await assertRestoresOld(night);
});
