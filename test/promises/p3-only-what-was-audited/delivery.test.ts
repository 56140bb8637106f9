/** Files that serverA lists and then does not deliver, or delivers as something else: warned, and the others go on. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { appendFileSync, chmodSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addPack, anyOf, assertFailed, filesBelow, hashOf, type Judged, judged, type Night, pathsOf, type ServerA, startServerA } from '../../support/night.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA('rrsync'); });
after(() => serverA.stop());

function newPacks(night: Night, count: number): string[] {
  return Array.from({ length: count }, () => addPack(night.repository.path)).sort();
}

/** Exit 4 with these findings alone, one mail that names them, every good file in the replica and none of the bad. */
function assertWarned(night: Night, tonight: Judged, rule: string, bad: readonly string[], good: readonly string[]): void {
  assert.deepEqual([tonight.code, tonight.run.outcome, tonight.run.findings.length], [4, 'warned', bad.length]);
  assert.deepEqual(pathsOf(tonight, rule), bad);
  assert.equal(tonight.run.admitted.files, good.length);
  for (const path of good) assert.deepEqual(readFileSync(join(night.replica, path)), readFileSync(join(night.repository.path, path)));
  for (const path of bad) assert.ok(!existsSync(join(night.replica, path)));
  const [mail] = night.config.mails();
  assert.match(mail?.subject ?? '', new RegExp(`^\\[WARNING\\] nightly on \\S+: .*${good.length} new files? .*admitted; ${bad.length} ${rule}$`));
  for (const path of bad) assert.ok(mail?.text.includes(`- ${path}: `), mail?.text);
  assert.deepEqual([night.unfinished(), readdirSync(night.temporary)], [[], []]);
}

test('one of ten new packs that serverA cannot read is named, and the nine others are admitted', async (t) => {
  const night = await serverA.night(t, { account: 'powerless' });
  const packs = newPacks(night, 10);
  const [bad = '', ...good] = packs;
  chmodSync(join(night.repository.path, bad), 0);
  assertWarned(night, await night.sync(), 'not-delivered', [bad], good);
  chmodSync(join(night.repository.path, bad), 0o600);
  const next = await night.sync();
  assert.deepEqual([next.code, next.run.outcome, next.run.admitted.files], [0, 'synced', 1]);
});

test('a new pack whose content does not match its name is quarantined, and the others are admitted', async (t) => {
  const night = await serverA.night(t);
  const good = newPacks(night, 3);
  const content = randomBytes(500);
  const bad = addPack(night.repository.path, content, hashOf(Buffer.from('another content')));
  const tonight = await night.sync();
  assertWarned(night, tonight, 'quarantined', [bad], good);
  assert.deepEqual(tonight.run.quarantined, { files: 1, bytes: 500 });
  assert.ok(tonight.run.findings[0].message.includes(hashOf(content)));
  const quarantine = join(night.replica, '.rsync-ratchet/quarantine');
  assert.deepEqual(filesBelow(quarantine), [bad]);
  assert.deepEqual(readFileSync(join(quarantine, bad)), content);
});

test('a new index, a new snapshot and an empty pack with a wrong content never come in', async (t) => {
  const night = await serverA.night(t);
  const before = night.replicaNow();
  const bad = ['data', 'index', 'snapshots'].map((folder) => {
    const name = hashOf(Buffer.from(folder));
    const path = folder === 'data' ? `data/${name.slice(0, 2)}/${name}` : `${folder}/${name}`;
    writeFileSync(join(night.repository.path, path), folder === 'data' ? '' : 'poison');
    return path;
  });
  const tonight = await night.sync();
  assert.deepEqual([tonight.code, pathsOf(tonight, 'quarantined').sort(), tonight.run.admitted.files], [4, bad, 0]);
  assert.deepEqual(night.replicaNow(), before);
});

test('a new file that changes, grows or vanishes between audit and fetch is not admitted', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  serverA.script({ 4: 'wait_at fetch; serve' });
  const packs = newPacks(night, 4);
  const [grown = '', changed = '', gone = '', good = ''] = packs;
  const gate = serverA.gate('fetch');
  const running = night.start(['--json', 'sync']);
  await gate.reached;
  appendFileSync(join(night.repository.path, grown), 'more');
  writeFileSync(join(night.repository.path, changed), randomBytes(1000));
  rmSync(join(night.repository.path, gone));
  await gate.open();
  const tonight = await judged(running);
  assert.deepEqual([tonight.code, tonight.run.outcome], [4, 'warned']);
  assert.deepEqual(pathsOf(tonight, 'quarantined'), [changed]);
  assert.deepEqual(pathsOf(tonight, 'not-delivered').sort(), [grown, gone].sort());
  assert.equal(tonight.run.admitted.files, 1);
  assert.ok(existsSync(join(night.replica, good)));
  for (const path of [grown, changed, gone]) assert.ok(!existsSync(join(night.replica, path)));
});

test('a fetch that breaks off with another exit code fails the run, and what it delivered is not fetched again', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  const packs = Array.from({ length: 20 }, () => addPack(night.repository.path, randomBytes(50_000))).sort();
  serverA.script({ 4: 'cut_after 500000' });
  const { message } = await assertFailed(night);
  assert.match(message, /^the fetch failed: rsync /);
  const kept = night.unfinished();
  assert.ok(kept.length >= 5 && kept.length < 20, `${kept.length} kept`);
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.fetched.files, run.admitted.files], [0, 20 - kept.length, 20]);
  for (const path of packs) assert.equal(hashOf(readFileSync(join(night.replica, path))), path.slice(-64));
});

test('a dry run during which files vanished is run once more, and only a second time is a failure', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  const pack = addPack(night.repository.path);
  serverA.script({ 3: 'serve; exit 24' });
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.outcome, run.audit.new, serverA.calls()], [0, 'synced', 1, 5]);
  assert.ok(existsSync(join(night.replica, pack)));
  addPack(night.repository.path);
  serverA.script({ 1: 'serve; exit 24', 2: 'serve; exit 24' });
  const { message } = await assertFailed(night);
  assert.match(message, /^the audit failed: rsync exit code 24/);
  assert.equal(serverA.calls(), 4, 'the other passes are looked at all the same');
});

test('a folder that serverA cannot read fails the run, whatever else is new', async (t) => {
  for (const folder of ['index', 'snapshots', 'data/05']) {
    const night = await serverA.night(t, { account: 'powerless' });
    addPack(night.repository.path);
    chmodSync(join(night.repository.path, folder), 0);
    const { message, hint } = await assertFailed(night);
    assert.match(message, /^the audit failed: rsync exit code 23: .*Permission denied/);
    assert.match(hint, /serverA may not read part of the repository/);
    assert.deepEqual(night.unfinished(), []);
  }
});

test('a report that is cut short, or has other text in it, fails the run', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  addPack(night.repository.path);
  for (const [call, script] of [[1, 'cut_after 300'], [3, 'cut_after 1000; exit 0'], [2, 'exit 0'], [3, 'echo hello; serve']] as const) {
    serverA.script({ [call]: script });
    await assertFailed(night);
    assert.deepEqual(night.unfinished(), []);
  }
});

test('a replica whose config or key was changed on this machine fails before anything is asked', async (t) => {
  const night = await serverA.night(t);
  const connections = serverA.sshd.connections();
  for (const path of [anyOf(night.replica, 'keys'), 'config']) {
    chmodSync(join(night.replica, path), 0o600);
    writeFileSync(join(night.replica, path), 'damaged');
    const { message, hint } = await assertFailed(night);
    assert.ok(message.includes(path), message);
    assert.match(hint, /this machine or its disk changed it, not serverA/);
  }
  assert.equal(serverA.sshd.connections(), connections);
});
