/** What an operator declares: windows with their limits, rows of the configuration, keys, and what is refused. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addPack, anyOf, assertRefused, clockAhead, hashOf, judged, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { assertNothingLost, day, ending, grace, journal, openWindow, prune, repositoryFiles, rulesOf, tombstones } from '../../support/prune.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

/** A file of the state that must not have been made. */
const windowFile = (night: Night): string => join(night.config.state, 'nightly/prune-window.json');

test('a window that is too long, has no length or a budget below 0 is refused, with the reason', async (t) => {
  const night = await serverA.night(t);
  const before = night.replicaNow();
  for (const [args, reason] of [
    [['--for', '8d'], /--for 8d must be at most 7d/],
    [['--for', '7.0001d'], /--for 7\.0001d must be at most 7d/],
    [['--for', '0s'], /--for 0s must be more than nothing/],
    [['--for', '-1h'], /--for|unknown option/],
    [['--for', 'soon'], /--for soon must be a time with its unit/],
    [['--max-deletions=-1'], /--max-deletions -1 must be a whole number from 0 to 999999999/],
    [['--max-deletions', '1.5'], /--max-deletions 1\.5 must be a whole number from 0 to 999999999/],
    [['--max-deletions', '1000000000'], /--max-deletions 1000000000 must be a whole number from 0 to 999999999/],
  ] as const) {
    for (const command of ['open', 'toggle']) {
      const { code, stderr } = await night.run(['prune-window', command, 'nightly', ...args]);
      assert.deepEqual([code, reason.test(stderr)], [2, true], `${args.join(' ')}: ${stderr}`);
    }
  }
  assert.equal((await night.run(['prune-window', 'open', 'another'])).code, 2);
  assert.deepEqual([existsSync(windowFile(night)), night.replicaNow()], [false, before]);
  rmSync(join(night.repository.path, anyOf(night.repository.path, 'data')));
  assert.equal((await night.sync()).code, 3);
});

test('a window whose opening lies ahead of the clock is refused with a warning and lets nothing through', async (t) => {
  const night = await serverA.night(t);
  const opened = await night.run(['prune-window', 'open', 'nightly'], { env: clockAhead(3600_000) });
  assert.equal(opened.code, 0);
  const quiet = await night.sync();
  assert.deepEqual([quiet.code, rulesOf(quiet), quiet.run.window], [4, ['clock'], null]);
  assert.match(quiet.run.findings[0].message, /the clock has jumped back behind the opening of the prune window .*; no window is open/);
  const pack = anyOf(night.repository.path, 'data');
  rmSync(join(night.repository.path, pack));
  await assertRefused(night, [`deleted ${pack}`]);
  assert.match((await night.run(['prune-window', 'status'])).stdout, /^closed: nightly lets no deletion through\n {2}refused: the clock has jumped back/);
});

test('open says in plain words what it will let through; status, close and toggle tell where it stands', async (t) => {
  const night = await serverA.night(t);
  const say = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await night.run(['prune-window', ...args]);
    assert.deepEqual([code, stderr], [0, '']);
    return stdout;
  };
  assert.equal(await say('status'), 'closed: nightly lets no deletion through\n');
  const words = await say('open', 'nightly', '--for', '2h', '--max-deletions', '12');
  assert.match(words, /^nightly: until \d{4}-\d\d-\d\d \d\d:\d\d UTC the prune window lets through up to 12 deletions of packs, indexes and snapshots\.\n/);
  assert.match(words, /Modified files, the config and the last snapshot are never let through/);
  assert.match(await say('status', 'nightly'), /up to 12 deletions/);
  assert.match(await say('close', 'nightly'), /^nightly: the prune window is closed; it let 0 deletions through\n$/);
  assert.match(await say('close', 'nightly'), /^nightly: no prune window was open\n$/);
  assert.match(await say('toggle', 'nightly'), /up to 9 deletions/, 'a quarter of 38 files');
  assert.match(await say('toggle', 'nightly'), /is closed/);
  assert.equal(await say('status'), 'closed: nightly lets no deletion through\n');
  assert.match(await say('open', 'nightly', '--allow-keys'), /lets through no deletion of packs, indexes or snapshots, and keys may be added and deleted/);
  assert.match(await say('open', 'nightly', '--max-deletions', '0'), /lets through no deletion of packs, indexes or snapshots\./);
  const { windows } = (await night.run(['--json', 'prune-window', 'status'])).json();
  assert.deepEqual([windows.length, windows[0].window.budget, windows[0].refused], [1, 0, null]);
  const told = journal(night).filter(({ event }) => String(event).startsWith('window-')).map(({ event }) => event);
  assert.deepEqual(told, ['window-opened', 'window-closed', 'window-opened', 'window-closed', 'window-opened', 'window-opened']);
});

test('open warns when an alarm is raised', async (t) => {
  const night = await serverA.night(t);
  rmSync(join(night.repository.path, anyOf(night.repository.path, 'data')));
  assert.equal((await night.sync()).code, 3);
  const { code, stdout } = await night.run(['prune-window', 'open', 'nightly']);
  assert.equal(code, 0);
  assert.match(stdout, /An alarm is raised: sync fetches and accepts nothing until: rsync-ratchet acknowledge nightly --reason TEXT$/m);
  assert.equal((await night.sync()).code, 3);
  assert.deepEqual(await tombstones(night), []);
});

test('a window that was closed lets nothing through', async (t) => {
  const night = await serverA.night(t);
  await openWindow(night);
  assert.equal((await night.run(['prune-window', 'close', 'nightly'])).code, 0);
  const pack = anyOf(night.repository.path, 'data');
  rmSync(join(night.repository.path, pack));
  await assertRefused(night, [`deleted ${pack}`]);
});

/** A row of the configuration that began half an hour before some time and lasts an hour; over midnight where that comes so. */
function rowAround(time: number, maxDeletions: number): { days: string[]; from: string; to: string; timezone: string; maxDeletions: number } {
  const [from, to] = [new Date(time - 1800_000), new Date(time + 1800_000)];
  const clock = (date: Date): string => date.toISOString().slice(11, 16);
  const weekday = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][from.getUTCDay()] ?? '';
  return { days: [weekday], from: clock(from), to: clock(to), timezone: 'UTC', maxDeletions };
}

const withRow = (row: ReturnType<typeof rowAround>): { changes: { repositories: { nightly: { pruneWindows: (typeof row)[] } } } } =>
  ({ changes: { repositories: { nightly: { pruneWindows: [row] } } } });

test('a row of the configuration that is open now lets a prune through, within its budget over all runs', async (t) => {
  const night = await serverA.night(t, withRow(rowAround(Date.now(), 10)));
  const before = night.replicaNow();
  await prune(night);
  const tonight = await night.sync();
  assert.deepEqual(ending(tonight), [0, 'synced', 9, 0, 0, 9]);
  assert.deepEqual([tonight.run.window.source, tonight.run.window.budget, tonight.run.window.used], ['config', 10, 9]);
  assertNothingLost(night, before);
  assert.match((await night.run(['prune-window', 'status'])).stdout, /up to 1 deletion .* \(from the configuration\)/);
  for (const path of repositoryFiles(night.repository.path).filter((name) => name.startsWith('data/')).slice(0, 2)) rmSync(join(night.repository.path, path));
  await assertRefused(night, ['over-budget']);
});

test('a row of the configuration that is not open lets nothing through, nor does one that was closed for today', async (t) => {
  const shut = await serverA.night(t, withRow(rowAround(Date.now() + 3 * 3600_000, 10)));
  const pack = anyOf(shut.repository.path, 'data');
  rmSync(join(shut.repository.path, pack));
  await assertRefused(shut, [`deleted ${pack}`]);
  const night = await serverA.night(t, withRow(rowAround(Date.now(), 10)));
  await openWindow(night);
  assert.equal((await night.run(['prune-window', 'close', 'nightly'])).code, 0, 'closes the row too');
  rmSync(join(night.repository.path, pack));
  await assertRefused(night, [`deleted ${pack}`]);
});

/** A second key on serverA; its path. */
function addKey(night: Night): string {
  const { path } = night.repository;
  const key = Buffer.concat([readFileSync(join(path, anyOf(path, 'keys'))), Buffer.from(' ')]);
  writeFileSync(join(path, 'keys', hashOf(key)), key);
  return `keys/${hashOf(key)}`;
}

const pins = (night: Night): string[] => JSON.parse(readFileSync(join(night.replica, '.rsync-ratchet/replica.json'), 'utf8')).pins.keys;

test('a key that is added in a window with --allow-keys is admitted and pinned; one that is deleted leaves after its grace; the last one never', async (t) => {
  const night = await serverA.night(t, grace('1d'));
  const old = anyOf(night.repository.path, 'keys');
  await openWindow(night, '--allow-keys', '--for', '7d');
  const added = addKey(night);
  assert.deepEqual(ending(await night.sync()), [0, 'synced', 0, 0, 0, 0]);
  assert.deepEqual(pins(night).map((id) => `keys/${id}`), [old, added].sort());
  rmSync(join(night.repository.path, old));
  const before = night.replicaNow();
  assert.deepEqual(ending(await night.sync()), [0, 'unchanged', 1, 0, 0, 1]);
  assertNothingLost(night, before);
  assert.deepEqual((await tombstones(night)).map(({ path }) => path), [old]);
  assert.deepEqual(ending(await night.sync([], { env: clockAhead(1.1 * day) })), [0, 'unchanged', 0, 0, 1, 0]);
  assert.deepEqual([existsSync(join(night.replica, old)), pins(night).map((id) => `keys/${id}`)], [false, [added]]);
  assert.equal((await night.sync([], { env: clockAhead(1.1 * day) })).code, 0);
  rmSync(join(night.repository.path, added));
  addPack(night.repository.path);
  const whole = night.replicaNow();
  const refused = await night.sync([], { env: clockAhead(1.2 * day) });
  assert.deepEqual([refused.code, rulesOf(refused), night.replicaNow()], [3, ['pinned'], whole]);
  assert.match(refused.run.findings[0].message, /no key would be left/);
});

test('a window without --allow-keys lets no key come or go', async (t) => {
  const night = await serverA.night(t);
  await openWindow(night, '--max-deletions', '100');
  const added = addKey(night);
  await assertRefused(night, [`pinned ${added}`]);
  rmSync(join(night.repository.path, added));
  assert.equal((await night.run(['acknowledge', 'nightly', '--reason', 'a test'])).code, 0);
  const key = anyOf(night.repository.path, 'keys');
  rmSync(join(night.repository.path, key));
  await assertRefused(night, [`pinned ${key}`]);
});

test('--allow-keys alone lets no pack go, and config never changes in any window', async (t) => {
  const night = await serverA.night(t);
  await openWindow(night, '--allow-keys');
  rmSync(join(night.repository.path, anyOf(night.repository.path, 'data')));
  await assertRefused(night, ['over-budget']);
  const other = await serverA.night(t);
  await openWindow(other, '--allow-keys', '--max-deletions', '100');
  rmSync(join(other.repository.path, 'config'));
  await assertRefused(other, ['pinned config']);
});

test('a modification in a window stops the run, and the deletions beside it are not accepted', async (t) => {
  const night = await serverA.night(t);
  await openWindow(night, '--max-deletions', '100', '--allow-keys');
  const { newer } = await prune(night);
  const file = join(night.repository.path, `snapshots/${newer}`);
  rmSync(file);
  writeFileSync(file, 'something else');
  utimesSync(file, 1, 1);
  await assertRefused(night, [`modified snapshots/${newer}`]);
  assert.deepEqual(await tombstones(night), []);
});

test('a window is opened and closed, and an alarm acknowledged, while a long sync runs; what was opened in the other one\'s place is what counts', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  await openWindow(night);
  rmSync(join(night.repository.path, anyOf(night.repository.path, 'data')));
  serverA.script({ 2: 'wait_at audit; serve' });
  const gate = serverA.gate('audit');
  const running = night.start(['--json', 'sync']);
  await gate.reached;
  assert.equal((await night.run(['prune-window', 'close', 'nightly'])).code, 0);
  await openWindow(night, '--for', '3h', '--max-deletions', '5');
  assert.match((await night.run(['acknowledge', 'nightly', '--reason', 'x'])).stdout, /no alarm is raised; nothing was changed/);
  assert.equal((await night.run(['tombstones', 'keep', 'nightly', '--all'])).code, 0);
  assert.equal((await night.run(['status'])).code, 0);
  await gate.open();
  assert.deepEqual(ending(await judged(running)), [0, 'unchanged', 1, 0, 0, 1]);
  assert.match((await night.run(['prune-window', 'status'])).stdout, /up to 4 deletions/, 'what was accepted was spent of the window that is open');
});
