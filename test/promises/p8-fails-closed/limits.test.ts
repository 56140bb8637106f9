/** A replica that may not delete can be filled up: what one night may bring, and what the disk must keep free. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Value } from '../../support/config.ts';
import { acknowledged, addPack, assertFailed, assertRefused, commandIn, type Night, type NightOptions, type ServerA, startServerA } from '../../support/night.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

const limited = (limits: Readonly<Record<string, Value>>, options: NightOptions = {}): NightOptions =>
  ({ ...options, changes: { repositories: { nightly: { limits } } } });

function addPacks(night: Night, count: number, bytes = 100): void {
  for (let n = 0; n < count; n += 1) addPack(night.repository.path, randomBytes(bytes));
}

test('as many new files as limits.newFiles come in, one more is an alarm, and --no-limits is the one-off exception', async (t) => {
  const night = await serverA.night(t, limited({ newFiles: 3 }));
  addPacks(night, 3);
  assert.equal((await night.sync()).run.admitted.files, 3);
  addPacks(night, 3);
  const mail = await assertRefused(night, ['over-limit']); // which adds one more
  assert.match(mail.text, /- 4 new files of 1300 bytes; the limits are 3 files and 500000000000 bytes a night/);
  assert.ok(mail.text.includes(commandIn(night, 'sync --no-limits nightly')), mail.text);
  await acknowledged(night);
  const once = await night.sync(['--no-limits']);
  assert.deepEqual([once.code, once.run.outcome, once.run.admitted.files], [0, 'synced', 4]);
  addPacks(night, 3);
  await assertRefused(night, ['over-limit']);
});

test('as many new bytes as limits.newBytes come in, one more is an alarm', async (t) => {
  const night = await serverA.night(t, limited({ newBytes: '1MB' }));
  addPacks(night, 2, 500_000);
  assert.deepEqual((await night.sync()).run.admitted, { files: 2, bytes: 1_000_000 });
  addPacks(night, 1, 999_001);
  const mail = await assertRefused(night, ['over-limit']); // which adds a thousand
  assert.match(mail.text, /2 new files of 1000001 bytes/);
});

test('--no-limits lets nothing else through', async (t) => {
  const night = await serverA.night(t, limited({ newFiles: 1 }));
  const pack = addPack(night.repository.path);
  assert.equal((await night.sync()).code, 0);
  addPack(night.repository.path, randomBytes(9), pack.slice(-64));
  addPacks(night, 5);
  await assertRefused(night, [`modified ${pack}`], ['--no-limits']);
});

test('the first copy is exempt from the limits, and only the first', async (t) => {
  const night = await serverA.night(t, limited({ newFiles: 1, newBytes: '1MB' }, { fresh: true }));
  assert.equal((await night.run(['init', 'nightly'])).code, 0);
  const first = await night.sync();
  assert.deepEqual([first.code, first.run.admitted.files], [0, 38]);
  assert.equal((await night.sync()).code, 0);
  addPacks(night, 1);
  await assertRefused(night, ['over-limit']);
});

test('a first copy that failed is still exempt when it is tried again', async (t) => {
  const night = await serverA.night(t, limited({ newFiles: 1, newBytes: '1MB' }, { fresh: true, account: 'scripted' }));
  serverA.script({});
  assert.equal((await night.run(['init', 'nightly'])).code, 0);
  serverA.script({ 4: 'cut_after 2000000' });
  await assertFailed(night);
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.admitted.files], [0, 38]);
  addPacks(night, 1);
  await assertRefused(night, ['over-limit']);
});

test('a disk that would have less than limits.minFree left fails the run before anything is fetched', async (t) => {
  for (const minFree of ['99.99%', '900000GB']) {
    const night = await serverA.night(t, limited({ minFree }, { account: 'scripted' }));
    addPacks(night, 1);
    serverA.script({});
    const { message, hint } = await assertFailed(night);
    assert.match(message, /^not enough room: 100 B to fetch, .* free, limits\.minFree keeps /);
    assert.match(hint, /make room on the replica's disk or lower limits\.minFree; nothing was fetched/);
    assert.equal(serverA.calls(), 3, 'the dry runs, and no fetch');
    assert.deepEqual(night.unfinished(), []);
  }
});

test('a full disk matters only when there is something to fetch', async (t) => {
  const night = await serverA.night(t, limited({ minFree: '900000GB' }));
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.outcome], [0, 'unchanged']);
  assert.ok(existsSync(join(night.replica, 'config')));
  assert.match(readFileSync(join(night.config.state, 'nightly/journal.jsonl'), 'utf8'), /"outcome":"unchanged"/);
});
