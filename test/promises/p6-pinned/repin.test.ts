/** `init --repin`: the way on after a migration on serverA changed `config`; an operator's word, and restic's. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assertRefused, hashOf, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { assertFindings, assertUsable, damage, junkRemover, provingNight } from '../../support/proof.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

const fingerprint = (file: string): string => hashOf(readFileSync(file));

/** A repository of the old format with a backup, its replica in step with it. */
async function oldFormatNight(t: Parameters<ServerA['night']>[0]): Promise<Night> {
  const night = await provingNight(serverA, t, {}, { fresh: true });
  rmSync(night.repository.path, { recursive: true });
  await night.repository.run(['init', '--repository-version', '1']);
  await night.repository.backup({ 'a file': 'content' });
  assert.equal((await night.run(['init', 'nightly'])).code, 0);
  assertFindings(await night.sync(), 0, []);
  return night;
}

const pinOf = (night: Night): string =>
  (JSON.parse(readFileSync(join(night.replica, '.rsync-ratchet/replica.json'), 'utf8')) as { pins: { config: string } }).pins.config;

test('a repository migrated on serverA stops the run, is repinned by an operator, and goes on after acknowledge', async (t) => {
  const night = await oldFormatNight(t);
  const old = readFileSync(join(night.replica, 'config'));
  await night.repository.run(['migrate', 'upgrade_repo_v2']);
  const removeJunk = junkRemover(night);
  const mail = await assertRefused(night, ['modified config']);
  removeJunk();
  assert.match(mail.text, /init --repin nightly|init nightly --repin/);
  const before = night.replicaNow();

  const asked = await night.run(['init', 'nightly', '--repin']);
  assert.equal(asked.code, 2, 'without a terminal it does not ask');
  assert.match(asked.stderr, /there is no terminal[^]*--yes/);
  assert.deepEqual(night.replicaNow(), before);

  const [pinned, fresh] = [fingerprint(join(night.replica, 'config')), fingerprint(join(night.repository.path, 'config'))];
  const repinned = await night.run(['init', 'nightly', '--repin', '--yes']);
  assert.equal(repinned.code, 0, repinned.stderr);
  for (const words of [`pinned   ${pinned}`, `serverA  ${fresh}`, 'the old one is kept in quarantine']) assert.ok(repinned.stdout.includes(words), repinned.stdout);
  assert.deepEqual([fingerprint(join(night.replica, 'config')), pinOf(night)], [fresh, fresh]);
  assert.ok(readFileSync(join(night.replica, '.rsync-ratchet/quarantine', `config-${pinned}`)).equals(old));
  const unchanged = (line: string): boolean => line.includes(' file ') && !line.startsWith('config ');
  assert.deepEqual(night.replicaNow().filter(unchanged), before.filter(unchanged));

  assert.equal((await night.run(['acknowledge', 'nightly', '--reason', 'migrated to version 2'])).code, 0);
  await night.repository.backup({ 'another file': 'content' });
  const judged = await night.sync();
  assertFindings(judged, 0, []);
  assert.deepEqual([judged.run.outcome, judged.run.proof], ['synced', 'passed']);
  await assertUsable(night);
});

test('a config that restic cannot open the repository with is not repinned, whatever the operator says', async (t) => {
  const night = await provingNight(serverA, t);
  damage(join(night.repository.path, 'config'));
  const [before, pin] = [night.replicaNow(), pinOf(night)];
  const { code, stderr } = await night.run(['init', 'nightly', '--repin', '--yes']);
  assert.equal(code, 1);
  assert.match(stderr, /restic cannot open the repository with the new config: /);
  assert.deepEqual(night.replicaNow(), before);
  assert.equal(pinOf(night), pin);
  assert.equal(existsSync(join(night.replica, '.rsync-ratchet/quarantine', `config-${pin}`)), false);
});

test('repinning what has not changed changes nothing, and a refused or failed one leaves the next night alone', async (t) => {
  const night = await provingNight(serverA, t);
  const before = night.replicaNow();
  const { code, stdout } = await night.run(['init', 'nightly', '--repin']);
  assert.equal(code, 0);
  assert.match(stdout, /the config of serverA is the pinned one; nothing was changed/);
  assert.deepEqual(night.replicaNow(), before);
  assert.equal((await night.sync()).run.outcome, 'unchanged');
});

test('a replica that was never initialised cannot be repinned', async (t) => {
  const night = await provingNight(serverA, t, {}, { fresh: true });
  const { code, stderr } = await night.run(['init', 'nightly', '--repin', '--yes']);
  assert.equal(code, 1);
  assert.match(stderr, /the replica is not initialised[^]*run init without --repin first/);
  assert.equal(existsSync(night.replica), false);
});
