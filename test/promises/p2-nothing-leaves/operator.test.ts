/** What an operator says on serverB holds, whenever he says it: between any two steps of a run, and through what serverA does afterwards. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addPack, anyOf, clockAhead, judged, type Judged, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { provingNight } from '../../support/proof.ts';
import { assertNothingLost, assertRestorable, day, ending, openWindow, prune, rulesOf, tombstones } from '../../support/prune.ts';
import { watchStops, wrapperThatStops } from '../../support/stops.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

const later = (night: Night, days: number): Promise<Judged> => night.sync([], { env: clockAhead(days * day) });
const command = async (night: Night, ...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await night.run(args);
  assert.equal(code, 0, stderr);
  return stdout;
};
const stateFile = (night: Night, name: string): string => join(night.config.state, 'nightly', name);

test('what was kept while restic was asked stays whole: nothing leaves but the set that restic was asked about', async (t) => {
  const token = randomBytes(8).toString('hex');
  const night = await provingNight(serverA, t, { deletionGrace: '1d', restic: { path: wrapperThatStops(token), check: { every: '365d' } } });
  await openWindow(night);
  const passing = watchStops(token, () => Promise.resolve());
  assert.equal((await night.sync()).code, 0);
  const { older } = await prune(night);
  assert.deepEqual(ending(await night.sync()).slice(2), [9, 0, 0, 9]);
  await passing();
  const whole = night.replicaNow();
  const stop = watchStops(token, async (n) => { if (n === 1) await command(night, 'tombstones', 'keep', 'nightly', `snapshots/${older}`); });
  const tonight = await later(night, 1.1);
  await stop();
  await assertRestorable(night, older);
  assert.deepEqual([tonight.code, rulesOf(tonight), tonight.run.tombstones.expired], [4, ['postponed'], 0]);
  assertNothingLost(night, whole);
  await command(night, 'tombstones', 'keep', 'nightly', '--all');
  assert.deepEqual(ending(await later(night, 1.2)), [0, 'unchanged', 0, 0, 0, 0], 'what is all kept is asked about no more');
  assertNothingLost(night, whole);
});

/** What an operator says while the run reads serverA, and what the run does with the nine deletions of a prune. */
const declarations: readonly (readonly [what: string, args: readonly string[], rules: readonly string[]])[] = [
  ['closes the window', ['close', 'nightly'], Array<string>(9).fill('deleted')],
  ['replaces it by one that lets too little through', ['open', 'nightly', '--max-deletions', '8'], ['over-budget']],
  ['replaces it by one for keys alone', ['open', 'nightly', '--allow-keys'], ['over-budget']],
  ['replaces it by one that is large enough', ['open', 'nightly', '--max-deletions', '9'], []],
];
for (const [what, args, rules] of declarations) {
  test(`an operator who ${what} while a run is at work has said the truth`, async (t) => {
    const night = await serverA.night(t, { account: 'scripted' });
    await openWindow(night);
    await prune(night);
    const whole = night.replicaNow();
    serverA.script({ 3: 'wait_at here; serve' });
    const gate = serverA.gate('here');
    const running = night.start(['--json', 'sync']);
    await gate.reached;
    const said = await command(night, 'prune-window', ...args);
    await gate.open();
    const tonight = await judged(running);
    const accepted = rules.length === 0 ? 9 : 0;
    if (what === 'closes the window') assert.match(said, /it let 0 deletions through/);
    assert.equal(tonight.run.tombstones.added, accepted, `${said} and then ${tonight.run.tombstones.added} were accepted`);
    assert.deepEqual([tonight.code, rulesOf(tonight)], [rules.length === 0 ? 0 : 3, rules]);
    assert.equal((await tombstones(night)).length, accepted);
    assertNothingLost(night, whole);
    if (rules.length > 0) assert.deepEqual(night.replicaNow(), whole);
  });
}

const dayLong = { days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '00:00', to: '23:59', timezone: 'UTC', maxDeletions: 100 };
const withRows = (...rows: readonly object[]) => ({ repositories: { nightly: { pruneWindows: rows as never } } });

test('a row of pruneWindows that was closed stays closed, whatever is written above it', async (t) => {
  const night = await serverA.night(t, { changes: withRows(dayLong) });
  await command(night, 'prune-window', 'close', 'nightly');
  await prune(night);
  const before = night.replicaNow();
  for (const rows of [[{ ...dayLong, from: '23:58', to: '23:59' }, dayLong], [{ ...dayLong, maxDeletions: 5000 }], [{ ...dayLong, days: ['sat', 'sun', 'mon', 'tue', 'wed', 'thu', 'fri'] }, dayLong]]) {
    const config = JSON.parse(readFileSync(night.config.file, 'utf8')) as { repositories: { nightly: object } };
    Object.assign(config.repositories.nightly, { pruneWindows: rows });
    writeFileSync(night.config.file, JSON.stringify(config));
    const { code, run } = await night.sync();
    assert.deepEqual([code, run.tombstones.added], [3, 0], 'a closed row let deletions through');
  }
  assert.deepEqual(night.replicaNow(), before);
});

test('a row that 0.3.0 noted as closed, by its place, stays closed', async (t) => {
  const night = await serverA.night(t, { changes: withRows(dayLong) });
  const midnight = `${new Date().toISOString().slice(0, 10)}T00:00:00.000Z`;
  writeFileSync(stateFile(night, 'prune-window.json'), JSON.stringify({ version: 1, command: null, rows: { [`0@${midnight}`]: { used: 0, closed: true } } }));
  await prune(night);
  assert.equal((await night.sync()).code, 3);
});

test('an operator\'s `keep` survives a return: told once, and no alarm when the files are gone again', async (t) => {
  const night = await serverA.night(t);
  const copy = (from: string, to: string): void => { execFileSync('cp', ['-a', '-T', from, to]); };
  copy(night.repository.path, join(night.folder, 'before'));
  await openWindow(night);
  const { gone } = await prune(night);
  assert.deepEqual(ending(await night.sync()), [0, 'synced', 9, 0, 0, 9]);
  await command(night, 'tombstones', 'keep', 'nightly', '--all');
  await command(night, 'prune-window', 'close', 'nightly');
  const whole = night.replicaNow();
  const put = (path: string): void => { copy(join(night.folder, 'before', path), join(night.repository.path, path)); };
  const take = (path: string): void => { rmSync(join(night.repository.path, path)); };
  gone.forEach(put);
  const back = await night.sync();
  const next = await night.sync();
  gone.forEach(take);
  const again = await night.sync();
  assert.deepEqual([again.code, rulesOf(again), again.run.audit.known], [0, [], 9], 'the operator had said that they stay');
  assert.deepEqual([back.code, rulesOf(back), next.code], [4, Array(9).fill('came-back'), 0]);
  assert.deepEqual((await tombstones(night)).map(({ state }) => state), Array(9).fill('kept'));
  assertNothingLost(night, whole);
});

test('--accept-mtimes settles the suspects of that alarm, and no file that changes later', async (t) => {
  const night = await serverA.night(t, { account: 'scripted', changes: { repositories: { nightly: { limits: { suspects: 1 } } } } });
  serverA.script({});
  const packs = Array.from({ length: 30 }, () => addPack(night.repository.path));
  assert.equal((await night.sync()).run.admitted.files, 30);
  const touch = (path: string, hours: number): void => { const time = new Date(Date.now() - hours * 3600_000); utimesSync(join(night.repository.path, path), time, time); };
  packs.slice(0, 29).forEach((path) => { touch(path, 50); });
  assert.deepEqual(rulesOf(await night.sync()), ['mtimes']);
  await command(night, 'acknowledge', 'nightly', '--accept-mtimes', '--reason', 'restored');
  serverA.script({ 1: 'exit 1' });
  assert.equal((await night.sync()).code, 1, 'a night that fails');
  const before = night.replicaNow();
  for (const path of packs.slice(29)) {
    const file = join(night.repository.path, path);
    writeFileSync(file, randomBytes(statSync(file).size));
    touch(path, 30);
  }
  const { code, run } = await night.sync();
  assert.deepEqual([code, night.replicaNow()], [3, before], 'a pack with another content was taken for right');
  assert.ok(run.findings.some(({ rule }: { rule: string }) => rule === 'mtimes' || rule === 'modified'));
});

test('--accept-mtimes settles what the alarm was about', async (t) => {
  const night = await serverA.night(t, { changes: { repositories: { nightly: { limits: { suspects: 1 } } } } });
  for (const path of readdirSync(join(night.repository.path, 'data'), { recursive: true, withFileTypes: true }).filter((each) => each.isFile())) {
    utimesSync(join(path.parentPath, path.name), new Date(1e12), new Date(1e12));
  }
  assert.deepEqual(rulesOf(await night.sync()), ['mtimes']);
  await command(night, 'acknowledge', 'nightly', '--accept-mtimes', '--reason', 'restored');
  assert.deepEqual(ending(await night.sync()).slice(0, 2), [0, 'unchanged']);
  assert.deepEqual((await night.sync()).run.audit.suspects, 0);
});

/** A state file with something else in it than we write: the run fails, and its hint says so. */
const damages: readonly (readonly [what: string, name: string, change: (file: Record<string, unknown>) => unknown])[] = [
  ['an unlimited budget', 'prune-window.json', (file) => ({ ...file, command: { ...(file['command'] as object), maxDeletions: 'many' } })],
  ['a negative use', 'prune-window.json', (file) => ({ ...file, command: { ...(file['command'] as object), used: -1000 } })],
  ['a window of a version to come', 'prune-window.json', (file) => ({ ...file, version: 2 })],
];
for (const [what, name, change] of damages) {
  test(`${what} in ${name} lets nothing through: the run fails`, async (t) => {
    const night = await serverA.night(t);
    await openWindow(night, '--max-deletions', '1');
    await prune(night);
    const before = night.replicaNow();
    const file = stateFile(night, name);
    writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>)));
    const { code, run } = await night.sync();
    assert.deepEqual([run.tombstones.added, night.replicaNow()], [0, before], 'deletions were accepted');
    assert.equal(code, 1);
    assert.match(run.error.message, new RegExp(`${name.replace('.', '\\.')} is damaged: \\S+`));
  });
}

test('an alarm whose file is lost stands, also when the memory is lost with it', async (t) => {
  const night = await serverA.night(t);
  const pack = anyOf(night.repository.path, 'data');
  renameSync(join(night.repository.path, pack), join(night.folder, 'away'));
  assert.equal((await night.sync()).code, 3);
  renameSync(join(night.folder, 'away'), join(night.repository.path, pack));
  addPack(night.repository.path);
  const before = night.replicaNow();
  for (const lost of [['alarm.json'], ['alarm.json', 'memory.json']]) {
    for (const name of lost) rmSync(stateFile(night, name), { force: true });
    const { code, run, stderr } = await night.sync();
    assert.deepEqual([code, run.alarm?.rules, night.replicaNow()], [3, ['deleted'], before], 'the loss of a file lowered the alarm');
    assert.equal((await night.run(['status'])).code, 3);
    if (lost.length > 1) assert.match(stderr, /memory\.json was missing; it was made again from the journal/);
  }
  await command(night, 'acknowledge', 'nightly', '--reason', 'a test');
  assert.deepEqual(ending(await night.sync()).slice(0, 2), [0, 'synced']);
});

test('a lock that others may read is closed to them, and doctor writes no probe while a run is at work', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  const lock = stateFile(night, 'state.lock');
  writeFileSync(lock, '', { mode: 0o640 });
  const before = statSync(lock).mode & 0o777;
  await openWindow(night);
  assert.deepEqual([before & 0o600, statSync(lock).mode & 0o777], [0o600, 0o600], 'who may read it may hold it');
  serverA.script({ 1: 'wait_at here; serve' });
  const gate = serverA.gate('here');
  const running = night.start(['--json', 'sync']);
  await gate.reached;
  const { stdout } = await night.run(['--json', 'doctor', 'nightly']);
  await gate.open();
  assert.equal((await judged(running)).code, 0);
  const rights = (JSON.parse(stdout) as { checkups: { item: string; message: string }[] }).checkups.find(({ item }) => item === 'rights');
  assert.match(rights?.message ?? '', /a run is at work/);
  assert.equal(existsSync(join(night.replica, 'keys/rsync-ratchet-tmp-doctor')), false);
});
