/** `status`: how a repository stands, the alarm first. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { anyOf, assertFailed, type Night, type ServerA, startServerA } from '../support/night.ts';
import { openWindow, prune, tombstones } from '../support/prune.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

async function statusOf(night: Night, expected = 0): Promise<string[]> {
  const { code, stdout, stderr } = await night.run(['status']);
  assert.deepEqual([code, stderr], [expected, '']);
  return stdout.trimEnd().split('\n');
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into it freely
async function jsonOf(night: Night, expected = 0): Promise<any> {
  const finished = await night.run(['--json', 'status', 'nightly']);
  assert.equal(finished.code, expected);
  assert.equal(finished.json().version, 1);
  return finished.json().repositories[0];
}

/** The line of a name, without the name. */
const lineOf = (lines: readonly string[], name: string): string =>
  lines.find((line) => line.startsWith(`  ${name.padEnd(17)}`))?.slice(19) ?? assert.fail(`no line "${name}" in\n${lines.join('\n')}`);

const minute = /\d{4}-\d\d-\d\d \d\d:\d\d UTC/.source;

test('a repository that is well: last run, last success, replica, window, tombstones, disk, no alarm', async (t) => {
  const night = await serverA.night(t);
  assert.equal((await night.sync()).code, 0);
  const lines = await statusOf(night);
  assert.equal(lines[0], 'nightly');
  assert.match(lineOf(lines, 'last run'), new RegExp(`^${minute}, unchanged \\(exit 0\\)$`));
  assert.match(lineOf(lines, 'last success'), new RegExp(`^${minute}$`));
  assert.match(lineOf(lines, 'replica'), /^39 files, [\d.]+ MiB$/);
  assert.match(lineOf(lines, 'newest snapshot'), new RegExp(`^${minute}$`));
  assert.deepEqual([lineOf(lines, 'prune window'), lineOf(lines, 'tombstones')], ['closed', 'none']);
  assert.match(lineOf(lines, 'disk'), /^[\d.]+ [KMGT]iB of [\d.]+ [KMGT]iB free$/);
  assert.ok(!lines.join().includes('ALARM') && !lines.join().includes('mail '));
  const status = await jsonOf(night);
  assert.deepEqual(Object.keys(status), ['repository', 'initialised', 'alarm', 'lastRun', 'lastSuccess', 'replica', 'window', 'tombstones', 'quarantine', 'scrub', 'lastCheck', 'disk', 'snapshotAdmittedAt', 'spool', 'unread', 'proves', 'lastDrill']);
  assert.match(lineOf(lines, 'proof'), /^none \(restic\.passwordFile\)/);
  assert.equal(status.proves, false);
  assert.deepEqual([status.repository, status.initialised, status.alarm, status.window], ['nightly', true, null, null]);
  assert.deepEqual([status.lastRun.outcome, status.lastRun.exitCode, status.lastRun.runId], ['unchanged', 0, status.lastSuccess.runId]);
  assert.equal(status.replica.files, 39);
  assert.deepEqual(status.tombstones, { pending: 0, bytes: 0, nextDue: null });
});

test('an alarm comes first, and the exit code is 3 until it is acknowledged', async (t) => {
  const night = await serverA.night(t);
  rmSync(join(night.repository.path, anyOf(night.repository.path, 'data')));
  const { run } = await night.sync();
  const lines = await statusOf(night, 3);
  assert.match(lines[1] ?? '', new RegExp(`^ {2}ALARM {12}deleted, raised ${minute} by run ${run.runId}$`));
  assert.match(lines[2] ?? '', /nothing is fetched until: rsync-ratchet acknowledge nightly --reason TEXT$/);
  assert.match(lineOf(lines, 'last run'), /, alarm \(exit 3\)$/);
  const status = await jsonOf(night, 3);
  assert.deepEqual(status.alarm, { runId: run.runId, since: run.startedAt, rules: ['deleted'] });
  assert.notEqual(status.lastRun.runId, status.lastSuccess.runId);
  assert.equal((await night.run(['acknowledge', 'nightly', '--reason', 'a test'])).code, 0);
  assert.ok(!(await statusOf(night)).join().includes('ALARM'));
  assert.equal((await jsonOf(night)).alarm, null);
});

test('a window with its end and what it still lets through, tombstones with their bytes and the next due date', async (t) => {
  const night = await serverA.night(t);
  await openWindow(night, '--max-deletions', '20', '--allow-keys', '--for', '2h');
  assert.match(lineOf(await statusOf(night), 'prune window'), new RegExp(`^open until ${minute}, 20 deletions left, keys may change$`));
  await prune(night);
  assert.equal((await night.sync()).code, 0);
  const stones = await tombstones(night);
  const lines = await statusOf(night);
  assert.match(lineOf(lines, 'prune window'), /, 11 deletions left, keys may change$/);
  assert.match(lineOf(lines, 'tombstones'), new RegExp(`^9 files, [\\d.]+ [KM]iB; the next is due ${minute}$`));
  const status = await jsonOf(night);
  assert.deepEqual(status.tombstones, { pending: 9, bytes: stones.reduce((sum, { size }) => sum + size, 0), nextDue: stones[0]?.due });
  assert.deepEqual([status.window.source, status.window.budget, status.window.used, status.window.allowKeys], ['command', 20, 9, true]);
  assert.equal((await night.run(['tombstones', 'keep', 'nightly', '--all'])).code, 0);
  assert.equal(lineOf(await statusOf(night), 'tombstones'), 'none');
});

test('a failed last run is told with its reason, beside the last success', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  const { lastSuccess } = await jsonOf(night);
  serverA.script({ 1: 'exit 1' });
  const { message } = await assertFailed(night);
  const lines = await statusOf(night);
  assert.ok(lineOf(lines, 'last run').includes(`failed (exit 1: ${message.slice(0, 60)}`), lines.join('\n'));
  const status = await jsonOf(night);
  assert.deepEqual([status.lastRun.outcome, status.lastSuccess], ['failed', lastSuccess]);
});

test('a replica that is not there, and no mail in the configuration, are said', async (t) => {
  const night = await serverA.night(t, { fresh: true, changes: { alerts: undefined } });
  const lines = await statusOf(night);
  assert.match(lineOf(lines, 'replica'), /not initialised or not mounted; see rsync-ratchet init nightly/);
  assert.deepEqual([lineOf(lines, 'last run'), lineOf(lines, 'last success')], ['never', 'never']);
  assert.match(lineOf(lines, 'alerts'), /none configured \(alerts\.email, alerts\.command\)/);
  const status = await jsonOf(night);
  assert.deepEqual([status.initialised, status.lastRun, status.lastSuccess, status.replica, status.disk], [false, null, null, null, null]);
});

test('a state that is damaged is said, exit 1', async (t) => {
  const night = await serverA.night(t);
  for (const name of ['alarm.json', 'prune-window.json', 'tombstones.jsonl']) {
    const file = join(night.config.state, 'nightly', name);
    writeFileSync(file, '{"version":2}\n');
    const { code, stderr } = await night.run(['status']);
    assert.deepEqual([code, stderr.includes(name)], [1, true], stderr);
    rmSync(file);
  }
});
