/** `status`, and what a monitoring system gets of it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { program, ratchet } from '../support/cli.ts';
import { writeConfig } from '../support/config.ts';
import { localNight } from '../support/localNight.ts';
import { clockAhead } from '../support/night.ts';
import { withoutRootPowers } from '../support/sshd.ts';
import { temporaryFolder } from '../support/temporary.ts';

const hour = 3600 * 1000;

test('OK after a good night, CRITICAL when it is too long ago, WARNING after a failure', async (t) => {
  const night = await localNight(t);
  const before = await night.run(['status', '--nagios']);
  assert.deepEqual([before.code, before.stderr], [2, '']);
  assert.match(before.stdout, /^RATCHET CRITICAL - nightly: no sync has ever succeeded \| /);
  await night.run(['sync']);
  const good = await night.run(['status', '--nagios']);
  assert.deepEqual([good.code, good.stderr], [0, '']);
  assert.match(good.stdout, /^RATCHET OK - nightly: last success 0m ago, synced \| 'nightly_age'=\d+s;;93600;0 'nightly_exit'=0 'nightly_alarm'=0;;0;0 .*\n$/);
  assert.equal(good.stdout.split('\n').length, 2);
  const late = await night.run(['status', '--nagios', '--max-age', '26h'], { env: clockAhead(27 * hour) });
  assert.deepEqual([late.code, late.stdout.slice(0, 16)], [2, 'RATCHET CRITICAL']);
  assert.equal((await night.run(['status', '--nagios', '--max-age', '30h'], { env: clockAhead(27 * hour) })).code, 0);
  renameSync(night.repository.path, `${night.repository.path}.away`);
  assert.equal((await night.run(['sync'])).code, 1);
  const failed = await night.run(['status', '--nagios', 'nightly']);
  assert.deepEqual([failed.code, failed.stdout.slice(0, 15)], [1, 'RATCHET WARNING']);
});

test('CRITICAL while an alarm stands, and status itself exits 3', async (t) => {
  const night = await localNight(t);
  await night.run(['sync']);
  rmSync(join(night.repository.path, 'index'), { recursive: true });
  mkdirSync(join(night.repository.path, 'index'));
  assert.equal((await night.run(['sync'])).code, 3);
  const { code, stdout } = await night.run(['status', '--nagios']);
  assert.equal(code, 2);
  assert.match(stdout, /^RATCHET CRITICAL - nightly: ALARM \(deleted\) since /);
  assert.equal((await night.run(['status'])).code, 3);
});

test('its own failure is UNKNOWN, on stdout, whatever it is', async (t) => {
  const night = await localNight(t);
  const folder = temporaryFolder(t);
  const damaged = await localNight(t);
  writeFileSync(join(damaged.state, 'nightly/alarm.json'), '{');
  const elsewhere = writeConfig(folder, '/nowhere').file;
  const cases = [
    night.run(['status', '--nagios', '--max-age', 'soon']), night.run(['status', '--nagios', 'nobody']), night.run(['status', '--nagios', '--what']),
    ratchet(['status', '--nagios'], { config: join(folder, 'missing.yaml') }), ratchet(['status', '--nagios'], { config: elsewhere }), damaged.run(['status', '--nagios']),
  ];
  for (const [n, { code, stdout, stderr }] of (await Promise.all(cases)).entries()) {
    assert.equal(code, 3, stdout + stderr);
    if (n !== 2) assert.match(stdout, /^RATCHET UNKNOWN - [ -~]+\n$/);
  }
});

test('with --max-age people are told that the last success is overdue', async (t) => {
  const night = await localNight(t);
  await night.run(['sync']);
  const env = clockAhead(27 * hour);
  assert.match((await night.run(['status', '--max-age', '26h'], { env })).stdout, /last success .*: OVERDUE/);
  assert.equal((await night.run(['--json', 'status', '--max-age', '26h'], { env })).json().repositories[0].overdue, true);
  assert.doesNotMatch((await night.run(['status', '--max-age', '28h'], { env })).stdout, /OVERDUE/);
});

test('a user who may read the books but no secret, no spool and no replica is told, and nothing is written', async (t) => {
  const secret = join(temporaryFolder(t), 'secret');
  writeFileSync(secret, 'http://127.0.0.1:1/x\n', { mode: 0o600 });
  const night = await localNight(t, { monitoring: { ping: { urlFile: secret } } });
  assert.equal((await night.run(['sync'])).code, 0);
  mkdirSync(join(night.state, 'spool'), { recursive: true });
  const closed = [secret, join(night.state, 'spool'), night.config.replica];
  for (const path of closed) chmodSync(path, 0);
  chmodSync(join(night.state, 'nightly'), 0o500);
  const line = withoutRootPowers(`${process.execPath} ${program} --config ${night.config.file} status --nagios`);
  const { stdout } = await promisify(execFile)('sh', ['-c', line], { env: { PATH: process.env['PATH'], HOME: night.folder } }).finally(() => {
    for (const path of [...closed, join(night.state, 'nightly')]) chmodSync(path, 0o700);
  });
  assert.match(stdout, /^RATCHET OK - nightly: last success 0m ago, synced \| /);
  chmodSync(join(night.state, 'nightly'), 0);
  const blind = await promisify(execFile)('sh', ['-c', `${line}; echo "exit $?"`], { env: { PATH: process.env['PATH'], HOME: night.folder } });
  assert.match(blind.stdout, /^RATCHET UNKNOWN - .*(?:permission|EACCES|cannot be read|may not be read by the user).*\nexit 3\n$/i);
});
