/** `demo`, as a process, where it does not come to its end; test/release has the whole story. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ratchet } from '../support/cli.ts';
import { assertNothingLeft, assertStops, pathWithout, stageFor } from '../support/demos.ts';
import { temporaryFolder } from '../support/temporary.ts';

test('SIGTERM ends the demo with 143, and nothing is left behind', (t) => assertStops(t, 'SIGTERM', 143, 'client$ restic -r ../serverA/restic init'));

test('the demo stops with exit 1 at the first step that does not behave as told', async (t) => {
  const { tmp, env } = stageFor(t);
  const bin = join(temporaryFolder(t), 'bin');
  mkdirSync(bin);
  const real = execFileSync('sh', ['-c', 'command -v restic'], { encoding: 'utf8' }).trim();
  writeFileSync(join(bin, 'restic'), `#!/bin/sh\ncase "$*" in *backup*) exit 0 ;; esac\nexec ${real} "$@"\n`);
  chmodSync(join(bin, 'restic'), 0o755);
  const { code, stdout, stderr } = await ratchet(['demo'], { env: { ...env, PATH: `${bin}:${process.env['PATH'] ?? ''}` } });
  assert.equal(code, 1);
  assert.match(stderr, /the demo stops here: "restic .* backup .*" did not behave as told\. this is not true: serverA has one snapshot\n/);
  assert.doesNotMatch(stdout, /serverB gets ready|commands did what they should/);
  assertNothingLeft(tmp);
});

test('without restic the demo says where to get it', async (t) => {
  const { tmp, env } = stageFor(t);
  const { code, stdout, stderr } = await ratchet(['demo'], { env: { ...env, PATH: pathWithout(t, 'restic') } });
  assert.deepEqual([code, stdout], [1, '']);
  assert.equal(stderr, 'error: restic is missing: the demo needs it\nhint: npm run demo installs it; or: apt-get install restic\n');
  assertNothingLeft(tmp);
});

test('demo --help ends with the exit codes that it can give', async () => {
  const { code, stdout } = await ratchet(['demo', '--help']);
  assert.equal(code, 0);
  assert.deepEqual(stdout.slice(stdout.indexOf('Exit codes:')).match(/^ {2}\d+/gm)?.map(Number), [0, 1, 2, 130, 143]);
});
