/** A deletion counts once restic has found complete what would remain; until then no file leaves. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, renameSync, rmSync, utimesSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { anyOf, clockAhead, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { assertFindings, assertUsable, damage, messagesOf, openWindow, provingNight } from '../../support/proof.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

const day = 24 * 3600 * 1000;

/** A prune on serverA: the older snapshot, five packs and the three indexes go; a pack and an index come. Its path. */
async function prune(night: Night): Promise<string> {
  const older = (await night.repository.snapshots())[0] ?? assert.fail('no snapshot');
  const snapshot = `snapshots/${older.id}`;
  copyFileSync(join(night.repository.path, snapshot), join(night.folder, 'aside'));
  await night.repository.forget([older.id], { prune: true });
  return snapshot;
}

/** Puts a snapshot file back as it was, with the time that the replica knows. */
function putBack(night: Night, snapshot: string): void {
  const target = join(night.repository.path, snapshot);
  copyFileSync(join(night.folder, 'aside'), target);
  const { mtime } = statSync(join(night.replica, snapshot));
  utimesSync(target, mtime, mtime);
}

for (const grace of ['30d', 0] as const) {
  test(`packs deleted alone in a window are never confirmed and never leave: a grace of ${grace}`, async (t) => {
    const night = await provingNight(serverA, t, { deletionGrace: grace });
    const pack = anyOf(night.repository.path, 'data');
    rmSync(join(night.repository.path, pack));
    await openWindow(night);
    const before = night.replicaNow();
    for (const ahead of [0, 6 * day, 12 * day, 40 * day]) {
      const judged = await night.sync([], { env: clockAhead(ahead) });
      assertFindings(judged, 4, ['unconfirmed', ...(ahead === 40 * day ? ['clock'] : [])]);
      assert.match(messagesOf(judged, 'unconfirmed'), new RegExp(`without the deleted files restic would miss: .*${pack.slice(-64).slice(0, 8)}`));
      assert.deepEqual([judged.run.tombstones.unconfirmed, judged.run.tombstones.pending, judged.run.tombstones.expired], [1, 1, 0]);
      assert.deepEqual(night.replicaNow(), before);
    }
    await assertUsable(night);
  });
}

test('a prune is confirmed in its own night; with a grace of 0 its files leave at the end of it', async (t) => {
  const night = await provingNight(serverA, t, { deletionGrace: 0 });
  await prune(night);
  await openWindow(night);
  const judged = await night.sync();
  assertFindings(judged, 0, []);
  const { added, unconfirmed, expired, pending } = judged.run.tombstones;
  assert.deepEqual([added, unconfirmed, expired, pending], [9, 0, 9, 0]);
  assert.equal((await night.sync()).run.outcome, 'unchanged');
  await assertUsable(night);
});

test('a prune seen half-way is not confirmed, and confirms itself the next night', async (t) => {
  const night = await provingNight(serverA, t, { deletionGrace: 0 });
  const snapshot = await prune(night);
  putBack(night, snapshot); // The packs are gone already; the snapshot was still listed.
  await openWindow(night);
  const before = night.replicaNow();
  const first = await night.sync();
  assertFindings(first, 4, ['unconfirmed']);
  assert.deepEqual([first.run.tombstones.added, first.run.tombstones.unconfirmed, first.run.tombstones.expired], [8, 8, 0]);
  const now = new Set(night.replicaNow());
  for (const line of before.filter((one) => one.includes(' file '))) assert.ok(now.has(line), `still there: ${line}`);
  rmSync(join(night.repository.path, snapshot));
  const second = await night.sync();
  assertFindings(second, 0, []);
  assert.deepEqual([second.run.tombstones.added, second.run.tombstones.unconfirmed, second.run.tombstones.expired], [1, 0, 9]);
  await assertUsable(night);
});

test('what is due stays while restic finds incomplete what would remain, and leaves once it is complete', async (t) => {
  const night = await provingNight(serverA, t, { deletionGrace: '2d' });
  const snapshot = await prune(night);
  await openWindow(night, ['--for', '7d', '--max-deletions', '20']);
  assertFindings(await night.sync(), 0, []);
  putBack(night, snapshot); // Its tombstone is dropped, and now the packs are needed after all.
  const before = night.replicaNow();
  const mails = night.config.mails().length;
  const postponed = await night.sync([], { env: clockAhead(3 * day) });
  assertFindings(postponed, 4, ['postponed']);
  assert.match(messagesOf(postponed, 'postponed'), /^8 files are due and stay for now: /);
  assert.deepEqual([postponed.run.tombstones.dropped, postponed.run.tombstones.expired], [1, 0]);
  assert.deepEqual(night.replicaNow(), before);
  assert.equal(night.config.mails().length, mails + 1);
  rmSync(join(night.repository.path, snapshot));
  const later = await night.sync([], { env: clockAhead(4 * day) });
  assertFindings(later, 4, ['postponed']); // The snapshot is confirmed only at the end of this night.
  assert.deepEqual([later.run.tombstones.added, later.run.tombstones.expired, later.run.tombstones.unconfirmed], [1, 0, 0]);
  const last = await night.sync([], { env: clockAhead(6.5 * day) });
  assertFindings(last, 0, []);
  assert.deepEqual([last.run.tombstones.expired, existsSync(join(night.replica, snapshot))], [9, false]);
  await assertUsable(night);
});

test('without a password a prune is confirmed at once, but nothing leaves while a file is in quarantine', async (t) => {
  const night = await serverA.night(t, { changes: { repositories: { nightly: { deletionGrace: '1d' } } } });
  await prune(night);
  await openWindow(night, ['--for', '7d']);
  const first = await night.sync();
  assertFindings(first, 0, []);
  assert.deepEqual([first.run.tombstones.added, first.run.tombstones.unconfirmed], [9, 0]);
  const id = await night.repository.backup({ 'a file': 'content' });
  const snapshot = join(night.repository.path, 'snapshots', id);
  copyFileSync(snapshot, join(night.folder, 'right'));
  damage(snapshot);
  const second = await night.sync();
  assertFindings(second, 4, [`quarantined snapshots/${id}`]);
  const before = night.replicaNow();
  const third = await night.sync([], { env: clockAhead(2 * day) });
  assertFindings(third, 4, ['postponed', `quarantined snapshots/${id}`]);
  assert.equal(third.run.tombstones.expired, 0);
  assert.deepEqual(night.replicaNow(), before);
  renameSync(join(night.folder, 'right'), snapshot);
  rmSync(join(night.replica, '.rsync-ratchet/quarantine/snapshots', id));
  const fourth = await night.sync([], { env: clockAhead(2 * day) });
  assertFindings(fourth, 0, []);
  assert.equal(fourth.run.tombstones.expired, 9);
  await assertUsable(night);
});
