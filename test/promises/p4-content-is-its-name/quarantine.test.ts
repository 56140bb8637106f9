/** What came with wrong content: kept once, shown, tried again each night, and gone when the right content has come. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addPack, anyOf, clockAhead, filesBelow, hashOf, type Judged, type Night, type ServerA, startServerA } from '../../support/night.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

const [right, wrong] = [Buffer.alloc(100, 'right'), Buffer.alloc(100, 'wrong')];
const quarantineOf = (night: Night): string => join(night.replica, '.rsync-ratchet/quarantine');
const changes = { repositories: { nightly: { spotCheck: 0 } } };

/** A sync so many days from now. Three calls of serverA are the dry runs; a fourth is the fetch. */
async function nightOn(night: Night, day: number): Promise<Judged & { readonly isFetched: boolean }> {
  serverA.script({});
  const judged = await night.sync([], { env: clockAhead(day * 24 * 3600 * 1000) });
  return { ...judged, isFetched: serverA.calls() === 4 };
}

test('wrong content is fetched again every night and kept once; its copy leaves when it is right', async (t) => {
  const night = await serverA.night(t, { account: 'scripted', changes });
  const bad = addPack(night.repository.path, wrong, hashOf(right));
  for (const day of [0, 1, 2, 3, 4]) {
    const { code, run, isFetched } = await nightOn(night, day);
    assert.deepEqual([code, isFetched, run.quarantined.files, run.findings.map(({ rule }: { rule: string }) => rule)], [4, true, 1, ['quarantined']], `day ${day}`);
  }
  assert.deepEqual(filesBelow(quarantineOf(night)), [bad]);
  assert.match((await night.run(['status'])).stdout, /quarantine +1 file, 100 B\n/);
  writeFileSync(join(night.repository.path, bad), right);
  const mended = await nightOn(night, 5);
  assert.deepEqual([mended.code, mended.run.outcome, mended.run.admitted.files, mended.run.findings], [0, 'synced', 1, []]);
  assert.deepEqual([filesBelow(quarantineOf(night)), readFileSync(join(night.replica, bad))], [[], right]);
  const { files, bytes } = JSON.parse((await night.run(['--json', 'status'])).stdout).repositories[0].quarantine;
  assert.deepEqual([files, bytes], [0, 0]);
});

test('without a password the old copy of a repaired file keeps nothing from expiring, but a file that failed to come does', async (t) => {
  const night = await serverA.night(t, { account: 'scripted', changes: { repositories: { nightly: { spotCheck: 0, deletionGrace: '1h' } } } });
  serverA.script({});
  const rotten = join(night.replica, anyOf(night.replica, 'snapshots'));
  chmodSync(rotten, 0o600);
  writeFileSync(rotten, 'rotten');
  assert.equal((await night.run(['scrub', '--repair'])).code, 0);
  assert.equal(filesBelow(quarantineOf(night)).length, 1);
  const [first = '', second = ''] = filesBelow(join(night.replica, 'data')).map((path) => `data/${path}`);
  assert.equal((await night.run(['prune-window', 'open', 'nightly', '--max-deletions', '9'])).code, 0);
  const twoHours = 1 / 12;
  rmSync(join(night.repository.path, first));
  assert.equal((await nightOn(night, 0)).run.tombstones.added, 1);
  assert.equal((await nightOn(night, twoHours)).run.tombstones.expired, 1);
  assert.ok(!existsSync(join(night.replica, first)));
  addPack(night.repository.path, wrong, hashOf(right));
  rmSync(join(night.repository.path, second));
  assert.equal((await nightOn(night, twoHours)).run.tombstones.added, 1);
  const { run } = await nightOn(night, 2 * twoHours);
  assert.deepEqual(run.findings.map(({ rule }: { rule: string }) => rule).sort(), ['postponed', 'quarantined']);
  assert.ok(existsSync(join(night.replica, second)));
});
