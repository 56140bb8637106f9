/** A snapshot whose packs are damaged or did not come waits as a candidate; everything else enters. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Night, type ServerA, startServerA } from '../../support/night.ts';
import { assertFindings, assertUsable, backUp, damage, ownFiles, provingNight } from '../../support/proof.ts';
import { openRepository } from '../../support/restic.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA('rrsync'); });
after(() => serverA.stop());

const has = (night: Night, path: string): boolean => existsSync(join(night.replica, path));

/** The weekly check is not due in the nights that follow: it would tell of the missing pack as well. */
async function checked(night: Night): Promise<void> {
  assert.equal((await night.run(['check'])).code, 0);
}

/** What stood in the replica before still stands there, byte for byte and inode for inode. */
function assertKept(night: Night, before: readonly string[]): void {
  const now = new Set(night.replicaNow());
  for (const line of before.filter((one) => one.includes(' file '))) assert.ok(now.has(line), `still there: ${line}`);
}

test('a tree pack damaged on serverA is quarantined and its snapshot held back; once mended, both enter the next night', async (t) => {
  const night = await provingNight(serverA, t);
  await checked(night);
  const before = night.replicaNow();
  const backup = await backUp(night);
  const file = join(night.repository.path, backup.tree);
  const right = readFileSync(file);
  damage(file);
  const first = await night.sync();
  const findings = [`held-back ${backup.snapshot}`, `missing-pack ${backup.tree}`, `quarantined ${backup.tree}`];
  assertFindings(first, 4, findings);
  assert.deepEqual([first.run.outcome, first.run.proof, first.run.admitted.files, first.run.quarantined.files], ['warned', 'passed', 1, 1]);
  assert.deepEqual([ownFiles(night, 'quarantine'), ownFiles(night, 'candidate')], [[backup.tree], [backup.index, backup.snapshot]]);
  assert.deepEqual([has(night, backup.data), has(night, backup.index)], [true, false]);
  assertKept(night, before);
  const second = await night.sync();
  assertFindings(second, 4, findings);
  assert.deepEqual([has(night, backup.index), ownFiles(night, 'candidate')], [true, [backup.snapshot]], 'from the second night on only what cannot be read waits');
  writeFileSync(file, right);
  const mended = await night.sync();
  assertFindings(mended, 0, []);
  assert.deepEqual([mended.run.fetched.files, mended.run.admitted.files], [1, 2]);
  assert.deepEqual([has(night, backup.tree), has(night, backup.snapshot), ownFiles(night, 'candidate')], [true, true, []]);
  assertKept(night, before);
  await assertUsable(night);
});

test('a tree pack that serverA does not deliver holds back its snapshot alone; the other snapshot of the night enters', async (t) => {
  const night = await provingNight(serverA, t, {}, { account: 'powerless' });
  await checked(night);
  const [lost, whole] = [await backUp(night), await backUp(night)];
  chmodSync(join(night.repository.path, lost.tree), 0o000);
  const first = await night.sync();
  assertFindings(first, 4, [`held-back ${lost.snapshot}`, `missing-pack ${lost.tree}`, `not-delivered ${lost.tree}`]);
  assert.deepEqual([has(night, lost.snapshot), has(night, whole.snapshot)], [false, true]);
  await openRepository(night.replica).restore(whole.snapshot.slice(-64), join(night.folder, 'restored'));
  chmodSync(join(night.repository.path, lost.tree), 0o600);
  const second = await night.sync();
  assertFindings(second, 0, []);
  assert.equal(second.run.admitted.files, 3);
  assert.equal(has(night, lost.snapshot), true);
  await assertUsable(night);
});

test('index and snapshot wait for a damaged data pack that the warning names; once mended all enter', async (t) => {
  const night = await provingNight(serverA, t);
  await checked(night);
  const backup = await backUp(night);
  const file = join(night.repository.path, backup.data);
  const right = readFileSync(file);
  damage(file);
  const first = await night.sync();
  assertFindings(first, 4, [`held-back ${backup.snapshot}`, `missing-pack ${backup.data}`, `quarantined ${backup.data}`]);
  assert.deepEqual([first.run.admitted.files, has(night, backup.data), has(night, backup.index)], [1, false, false]);
  writeFileSync(file, right);
  const mended = await night.sync();
  assertFindings(mended, 0, []);
  assert.equal(mended.run.admitted.files, 3);
  await assertUsable(night);
});

test('a data pack that is gone from serverA is named, and its index and snapshot wait; from the second night on they enter with a warning, which ends when the pack comes', async (t) => {
  const night = await provingNight(serverA, t);
  await checked(night);
  const [backup, other] = [await backUp(night), await backUp(night)];
  const file = join(night.repository.path, backup.data);
  renameSync(file, join(night.folder, 'away'));
  assertFindings(await night.sync(), 4, [`held-back ${backup.snapshot}`, `missing-pack ${backup.data}`]);
  assert.deepEqual([has(night, backup.index), has(night, backup.snapshot), has(night, other.snapshot)], [false, false, true]);
  assertFindings(await night.sync(), 4, [`missing-pack ${backup.data}`]);
  assert.deepEqual([has(night, backup.index), has(night, backup.snapshot)], [true, true]);
  assertFindings(await night.sync(), 4, [`missing-pack ${backup.data}`]);
  renameSync(join(night.folder, 'away'), file);
  assertFindings(await night.sync(), 0, []);
  await assertUsable(night);
});

test('without a password no snapshot is held back, and the warning names the pack that is missing', async (t) => {
  const night = await serverA.night(t);
  const backup = await backUp(night);
  damage(join(night.repository.path, backup.tree));
  const judged = await night.sync();
  assertFindings(judged, 4, [`quarantined ${backup.tree}`]);
  assert.deepEqual([judged.run.proof, judged.run.admitted.files, has(night, backup.snapshot)], ['skipped', 3, true]);
});
