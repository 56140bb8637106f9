/** Poison: files that hash to their own name, and would make restic refuse the whole repository. None of it enters. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { anyOf, assertFailed, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { addJunk, assertFindings, assertUsable, backUp, messagesOf, openWindow, ownFiles, provingNight } from '../../support/proof.ts';
import { temporaryFolder } from '../../support/temporary.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

/** A night in which `junk` must not enter: alarm, the junk alone in quarantine, the rest waits, the replica as before. */
async function assertPoisonRefused(night: Night, junk: readonly string[], waiting: readonly string[]): Promise<string> {
  const [before, mails] = [night.replicaNow(), night.config.mails().length];
  const judged = await night.sync();
  assertFindings(judged, 3, junk.map((path) => `unproven ${path}`));
  assert.deepEqual([judged.run.outcome, judged.run.proof, judged.run.admitted.files], ['alarm', 'failed', 0]);
  assert.deepEqual(night.replicaNow(), before);
  assert.deepEqual(ownFiles(night, 'quarantine'), [...junk].sort());
  assert.deepEqual(ownFiles(night, 'candidate'), [...waiting].sort());
  assert.deepEqual([ownFiles(night, 'incoming'), readdirSync(night.temporary)], [[], []]);
  const [mail, ...more] = night.config.mails().slice(mails);
  assert.ok(mail !== undefined && more.length === 0, 'one mail');
  assert.match(mail.subject, /^\[ALARM\] nightly on \S+: /);
  for (const words of [...junk, 'The road back: unproven']) assert.ok(mail.text.includes(words), mail.text);
  await assertUsable(night);
  return messagesOf(judged, 'unproven');
}

for (const [what, kind, words] of [['index', 'index', /unexpected|decrypt|ciphertext|verification|invalid/i], ['snapshot', 'snapshots', /does not decrypt/]] as const) {
  test(`a junk ${what} with the right name never enters, and restic still checks and restores the replica`, async (t) => {
    const night = await provingNight(serverA, t);
    const junk = addJunk(night.repository.path, kind);
    assert.match(await assertPoisonRefused(night, [junk], []), words);
  });
}

test('a junk key in a window that lets keys change never enters', async (t) => {
  const night = await provingNight(serverA, t);
  await openWindow(night, ['--allow-keys']);
  const junk = addJunk(night.repository.path, 'keys');
  assert.match(await assertPoisonRefused(night, [junk], []), /not JSON/);
});

for (const [what, change, words] of [
  ['whose scrypt parameters would exhaust the machine', { N: 2 ** 40, r: 2 ** 20, p: 1000 }, /scrypt parameters \(N=1099511627776, r=1048576, p=1000\) would exhaust this machine/],
  ['without a salt', { salt: undefined }, /without the fields of a restic key/],
  ['that looks like one, but that restic cannot read', { created: 'no time' }, /without the fields of a restic key/],
  ['whose scrypt parameters restic refuses', { N: 1000 }, /./],
] as const) {
  test(`a key ${what} never enters, though a window lets keys change`, async (t) => {
    const night = await provingNight(serverA, t);
    await openWindow(night, ['--allow-keys']);
    const key = JSON.parse(readFileSync(join(night.repository.path, anyOf(night.repository.path, 'keys')), 'utf8')) as object;
    const junk = addJunk(night.repository.path, 'keys', Buffer.from(JSON.stringify({ ...key, ...change })));
    assert.match(await assertPoisonRefused(night, [junk], []), words);
  });
}

/** Keys as restic writes them, for passwords that nobody here knows. */
function addForeignKeys(night: Night, count: number): string[] {
  const key = JSON.parse(readFileSync(join(night.repository.path, anyOf(night.repository.path, 'keys')), 'utf8')) as object;
  return Array.from({ length: count }, () =>
    addJunk(night.repository.path, 'keys', Buffer.from(JSON.stringify({ ...key, data: randomBytes(100).toString('base64') }))));
}

test('a key for another password enters in a window that lets keys change, and restic still opens the replica with ours', async (t) => {
  const night = await provingNight(serverA, t);
  await openWindow(night, ['--allow-keys']);
  addForeignKeys(night, 1);
  const judged = await night.sync();
  assertFindings(judged, 0, []);
  assert.equal(judged.run.admitted.files, 1);
  await assertUsable(night);
});

test('more keys than restic tries never enter, so that ours is not lost among them', async (t) => {
  const night = await provingNight(serverA, t);
  await openWindow(night, ['--allow-keys']);
  addForeignKeys(night, 100);
  const before = night.replicaNow();
  const judged = await night.sync();
  assertFindings(judged, 3, ['unproven']);
  assert.match(messagesOf(judged, 'unproven'), /101 keys/);
  assert.deepEqual(night.replicaNow(), before);
  await assertUsable(night);
});

test('a key that restic itself added enters in a window that lets keys change, and is pinned', async (t) => {
  const night = await provingNight(serverA, t);
  const another = join(temporaryFolder(t), 'another');
  writeFileSync(another, 'another password\n', { mode: 0o600 });
  const before = new Set(readdirSync(join(night.repository.path, 'keys')));
  await night.repository.run(['key', 'add', '--new-password-file', another]);
  const added = readdirSync(join(night.repository.path, 'keys')).find((name) => !before.has(name)) ?? assert.fail('no key');
  await openWindow(night, ['--allow-keys']);
  const judged = await night.sync();
  assertFindings(judged, 0, []);
  assert.deepEqual([judged.run.proof, judged.run.admitted.files], ['passed', 1]);
  assert.deepEqual(readdirSync(join(night.replica, 'keys')).sort(), [...before, added].sort());
  assert.equal((await night.sync()).run.outcome, 'unchanged');
  await assertUsable(night);
});

test('a junk pack with the right name never enters, though no index points at it', async (t) => {
  const night = await provingNight(serverA, t);
  const junk = addJunk(night.repository.path, 'data');
  assert.match(await assertPoisonRefused(night, [junk], []), /restic cannot read its header/);
});

test('everything junk at once: each is named and quarantined, and the backup waits', async (t) => {
  const night = await provingNight(serverA, t);
  const good = await backUp(night);
  const [index, snapshot, pack] = (['index', 'snapshots', 'data'] as const).map((kind) => addJunk(night.repository.path, kind)) as [string, string, string];
  await assertPoisonRefused(night, [index, snapshot, pack], Object.values(good));
});

test('the alarm of a junk index stands until it is acknowledged; removed on serverA, all that waited enters', async (t) => {
  const night = await provingNight(serverA, t);
  const good = await backUp(night);
  const junk = addJunk(night.repository.path, 'index');
  await assertPoisonRefused(night, [junk], Object.values(good));
  rmSync(join(night.repository.path, junk));
  const before = night.replicaNow();
  assert.equal((await night.sync()).code, 3);
  assert.deepEqual(night.replicaNow(), before);
  assert.equal((await night.run(['acknowledge', 'nightly', '--reason', 'test'])).code, 0);
  const judged = await night.sync();
  assertFindings(judged, 0, []);
  assert.deepEqual([judged.run.proof, judged.run.fetched.files, judged.run.admitted.files], ['passed', 0, 4]);
  await assertUsable(night);
});

test('a new snapshot that restic itself made is proven and enters', async (t) => {
  const night = await provingNight(serverA, t);
  const good = await backUp(night);
  const judged = await night.sync();
  assertFindings(judged, 0, []);
  assert.deepEqual([judged.run.outcome, judged.run.proof, judged.run.admitted.files], ['synced', 'passed', 4]);
  for (const path of Object.values(good)) assert.ok(readFileSync(join(night.replica, path)).equals(readFileSync(join(night.repository.path, path))));
  await assertUsable(night);
});

test('a wrong password is a failure with a hint and no alarm, and nothing enters', async (t) => {
  const wrong = join(temporaryFolder(t), 'wrong');
  writeFileSync(wrong, 'not the password\n', { mode: 0o600 });
  const night = await provingNight(serverA, t, { restic: { passwordFile: wrong } });
  await backUp(night);
  const { message, hint, mail } = await assertFailed(night);
  assert.match(message, /restic cannot open the replica itself: .*wrong password/);
  assert.match(hint, /restic\.passwordFile or passwordCommand gives the wrong password/);
  assert.doesNotMatch(mail.text, /alarm/i);
  const { alarm } = (await night.run(['--json', 'status'])).json().repositories?.[0] ?? { alarm: null };
  assert.equal(alarm, null);
});

test('without a password the structure of a file still counts: an envelope that is too short, a key that is none', async (t) => {
  const night = await serverA.night(t);
  const junk = addJunk(night.repository.path, 'index', randomBytes(31));
  assert.match(await assertPoisonRefused(night, [junk], []), /only 31 bytes, less than restic's envelope/);
});
