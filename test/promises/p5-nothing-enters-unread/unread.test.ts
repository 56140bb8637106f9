/** What entered before restic could read it: told, read in the nights after, and nothing expires until then. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Value, writeConfig } from '../../support/config.ts';
import { dataBlob, packPath } from '../../support/forge.ts';
import { assertRestoresOld, forgedNight, type ForgedNight, newBackup, openWindow, ownFiles, text } from '../../support/forged.ts';
import { clockAhead, type Judged, pathsOf } from '../../support/night.ts';
import { day } from '../../support/prune.ts';

const unreadOf = ({ run }: Judged): readonly number[] => [run.unread.packs, run.unread.indexes];

/** The replica is an existing copy that `init --trust-existing` adopted. */
async function adopted(night: ForgedNight): Promise<void> {
  rmSync(join(night.replica, '.rsync-ratchet'), { recursive: true });
  rmSync(night.config.state, { recursive: true });
  const { code, stderr } = await night.run(['init', 'nightly', '--trust-existing']);
  assert.equal(code, 0, stderr);
}

/** Nights, a day apart, until nothing is unread; the last of them. */
async function readOn(night: ForgedNight, from: number): Promise<Judged> {
  for (let n = from; n < from + 4; n += 1) {
    const judged = await night.sync({ env: clockAhead(n * day) });
    if (unreadOf(judged).every((count) => count === 0)) return judged;
    assert.equal(judged.run.tombstones.expired, 0, 'nothing expires while something is unread');
  }
  return assert.fail('still unread after four nights');
}

test('an adopted replica is told as unread, with how much, and is read in the nights after', async (t) => {
  const night = await forgedNight(t);
  await adopted(night);
  const status = (await night.run(['--json', 'status'])).json();
  assert.deepEqual([status.repositories[0].unread?.packs, status.repositories[0].unread?.indexes], [4, 1]);
  const last = await readOn(night, 0);
  assert.equal(last.code, 0, last.stderr);
  const mails = night.config.mails().map(({ text: words }) => words).join('\n');
  assert.match(mails, /unread/);
  await assertRestoresOld(night);
});

/** What 0.3.0 has in its state folder; the rest came after it. */
const ofOldState = ['journal.jsonl', 'journal.head', 'tombstones.jsonl', 'prune-window.json', 'alarm.json', 'state.lock', 'runs'];

test('a replica of 0.3.0 is unread: the first mail says how much and how long it takes, and nothing leaves before it is read', async (t) => {
  const night = await forgedNight(t, { deletionGrace: 0 });
  const state = join(night.config.state, 'nightly');
  for (const name of readdirSync(state).filter((each) => !ofOldState.includes(each))) rmSync(join(state, name), { recursive: true });
  await openWindow(night, '--for', '7d');
  night.remove(`snapshots/${night.old.snapshots[0]?.id ?? ''}`);
  const first = await night.sync({ env: clockAhead(0) });
  assert.deepEqual([first.code, first.run.tombstones.added, first.run.tombstones.expired], [4, 1, 0], first.stdout);
  const mail = night.config.mails().at(-1)?.text ?? '';
  assert.match(mail, /unread/);
  assert.match(mail, /4 packs and 1 index .*nights?/s);
  const last = await readOn(night, 1);
  assert.equal(last.code, 0, last.stdout);
  const gone = await night.sync({ env: clockAhead(6 * day) });
  assert.deepEqual([...last.run.findings, ...gone.run.findings].map(({ rule }: { rule: string }) => rule).filter((rule) => rule === 'postponed'), []);
  assert.equal(night.has(`snapshots/${night.old.snapshots[0]?.id ?? ''}`), false, 'read, it has left');
});

test('an adopted replica in which an index lies is found out by the reading, and nothing ever expires on its word', async (t) => {
  const night = await forgedNight(t, { deletionGrace: 0 });
  const { shared } = night.old.packs;
  const [one, two, ...rest] = shared.blobs;
  if (one === undefined || two === undefined) assert.fail('two blobs');
  const lie = night.forge.index({ packs: [{ ...shared, blobs: [{ ...one, id: two.id }, { ...two, id: one.id }, ...rest] }] });
  cpSync(join(night.source, lie), join(night.replica, lie), { preserveTimestamps: true });
  await adopted(night);
  await openWindow(night, '--for', '7d', '--max-deletions', '50');
  const before = readdirSync(join(night.replica, 'index')).sort();
  night.remove(night.old.index);
  for (let n = 0; n < 4; n += 1) {
    const judged = await night.sync({ env: clockAhead(n * day) });
    assert.notEqual(judged.code, 0, 'it is told');
    assert.equal(judged.run.tombstones.expired, 0);
  }
  assert.deepEqual(readdirSync(join(night.replica, 'index')).sort(), before);
});

test('what a check has read of it counts, in the command as well', async (t) => {
  const night = await forgedNight(t, { restic: { check: { readDataSubset: 1 } } });
  await adopted(night);
  assert.deepEqual(unreadOf(await night.sync({ env: clockAhead(0) })), [0, 1], 'the first night checks all packs');
  assert.equal((await night.run(['check'])).code, 0);
  const { unread } = (await night.run(['--json', 'status'])).json().repositories[0];
  assert.deepEqual([unread.packs, unread.indexes], [0, 1]);
  assert.deepEqual(unreadOf(await night.sync()), [0, 0]);
});

/** Writes the configuration anew, with other keys of the repository. */
function configure(night: ForgedNight, nightly: Readonly<Record<string, Value>>): void {
  writeConfig(night.folder, night.source, { repositories: { nightly } });
}

test('what came without a password is unread: told, it keeps deletions from expiring until it is read, and poison in it is found', async (t) => {
  const night = await forgedNight(t);
  const restic = { passwordFile: night.forge.repository.passwordFile };
  configure(night, {});
  const made = newBackup(night);
  const rotten = night.forge.pack([dataBlob(text('r'), { id: 'ab'.repeat(32) })]);
  night.forge.index({ packs: [made.data, made.trees] });
  made.snapshot();
  assert.equal((await night.sync()).code, 0);
  configure(night, { restic, deletionGrace: 0 });
  await openWindow(night);
  night.remove(`snapshots/${night.old.snapshots[0]?.id ?? ''}`);
  const first = await night.sync();
  assert.deepEqual([first.code, first.run.tombstones.expired, unreadOf(first)], [4, 0, [3, 1]]);
  assert.deepEqual(first.run.findings.map(({ rule }: { rule: string }) => rule).sort(), ['postponed', 'unread']);
  const second = await night.sync();
  assert.deepEqual([second.code, second.run.tombstones.expired, unreadOf(second)], [4, 0, [1, 0]]);
  assert.deepEqual(pathsOf(second, 'check-failed'), [packPath(rotten.id)]);
});

test('a first copy that is not read in its time comes in, packs first, and is read in the nights after', async (t) => {
  const night = await forgedNight(t);
  const restic = { passwordFile: night.forge.repository.passwordFile };
  for (const folder of [night.replica, night.config.state]) rmSync(folder, { recursive: true });
  assert.equal((await night.run(['init', 'nightly'])).code, 0);
  configure(night, { restic, timeouts: { prove: '0.001s' } });
  const first = await night.sync();
  assert.deepEqual([first.code, unreadOf(first), first.run.admitted.files], [4, [4, 0], 4], first.stderr);
  configure(night, { restic });
  const second = await night.sync();
  assert.deepEqual([second.code, unreadOf(second), second.run.admitted.files], [0, [0, 0], 3], JSON.stringify(second.run.findings));
  await assertRestoresOld(night);
});

test('without isolation what enters is unread, and a check of all of it reads it in the next night', async (t) => {
  const night = await forgedNight(t, { restic: { prove: 'unisolated' } });
  const made = newBackup(night);
  night.forge.index({ packs: [made.data, made.trees] });
  made.snapshot();
  const path = withoutNamespaces(night);
  const first = await night.sync({ env: path });
  assert.deepEqual([first.code, unreadOf(first)], [4, [2, 1]], first.stderr);
  const second = await night.sync({ env: path });
  assert.deepEqual([second.code, unreadOf(second)], [0, [0, 0]], JSON.stringify(second.run.findings));
});

/** An environment in which unshare(1) is refused. */
function withoutNamespaces({ folder }: ForgedNight): { PATH: string } {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'unshare'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  return { PATH: `${bin}:${process.env['PATH'] ?? ''}` };
}

test('what is not read in its time waits as a candidate with its snapshots: no flood switches the promise off', async (t) => {
  const night = await forgedNight(t, { timeouts: { prove: '0.001s' } });
  const before = night.replicaNow();
  const made = newBackup(night);
  const rotten = night.forge.pack([dataBlob(text('r'), { id: 'ab'.repeat(32) })]);
  night.forge.index({ packs: [made.data, made.trees, rotten] });
  made.snapshot();
  const judged = await night.sync();
  assert.ok(!night.has(packPath(rotten.id)), 'nothing entered unread');
  assert.deepEqual(night.replicaNow(), before);
  assert.deepEqual(unreadOf(judged), [0, 0]);
  assert.deepEqual(pathsOf(judged, 'unfinished').length, 1, JSON.stringify(judged.run.findings));
  assert.equal(ownFiles(night, 'candidate').length, 5);
  await assertRestoresOld(night);
});
