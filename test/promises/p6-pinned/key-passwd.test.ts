/** `restic key passwd` on a client: the old key leaves in a window for keys, and the old password is still in our file. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { localNight } from '../../support/localNight.ts';

test('the night names passwordFile until the new password is in it; then the old key may leave', async (t) => {
  const night = await localNight(t);
  const { path, passwordFile } = night.repository;
  const own = join(night.folder, 'own-password');
  writeFileSync(own, readFileSync(passwordFile), { mode: 0o600 });
  night.configure({ repositories: { nightly: { restic: { passwordFile: own } } } });
  assert.equal((await night.run(['sync'])).code, 0);
  const fresh = join(night.folder, 'new-password');
  writeFileSync(fresh, 'another password', { mode: 0o600 });
  execFileSync('restic', ['-q', '-r', path, '--password-file', passwordFile, '--no-cache', 'key', 'passwd', '--new-password-file', fresh], { env: { PATH: process.env['PATH'], HOME: night.folder } });
  assert.equal((await night.run(['prune-window', 'open', 'nightly', '--allow-keys', '--max-deletions', '1'])).code, 0);
  const asked = await night.run(['--json', 'sync']);
  const [run] = asked.json().runs;
  assert.deepEqual([asked.code, run.findings.map(({ rule }: { rule: string }) => rule)], [4, ['unconfirmed']], asked.stdout);
  assert.match(run.findings[0].message, new RegExp(`restic key passwd, put the new password into ${own}`));
  writeFileSync(own, 'another password');
  const told = await night.run(['--json', 'sync']);
  assert.deepEqual([told.code, told.json().runs[0].tombstones.pending], [0, 1], told.stdout);
});
