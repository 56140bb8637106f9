/** The whole demo, as a process: it tells its story to the end, and leaves nothing behind but what it was told to keep. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ratchet } from '../support/cli.ts';
import { answers, assertNothingLeft, assertStops, pathWithout, portOf, processesWith, stageFor } from '../support/demos.ts';

const titles = [
  '1. A client backs up to serverA', '2. serverB gets ready', '3. The first night', '4. A new backup, and the next night', '5. A quiet night',
  '6. Somebody tampers with a pack on serverA', '7. A poisoned snapshot', '8. A snapshot is deleted on serverA', '9. A deletion on purpose',
];

test('the demo tells the whole story over ssh; --keep keeps the folder, and what it says about going on is true', async (t) => {
  const { tmp, env } = stageFor(t);
  const { code, stdout, stderr } = await ratchet(['demo', '--keep'], { env });
  assert.equal(stderr, '');
  assert.equal(code, 0, stdout);
  assert.deepEqual(stdout.split('\n').filter((line) => /^\d+\. /.test(line)), titles);
  assert.match(stdout, /serverB\$ rsync-ratchet init demo\n/);
  assert.match(stdout, /serverB\$ rsync-ratchet --quiet sync demo\n \[ok\] exit code 0\n \[ok\] nothing was printed\n/);
  assert.match(stdout, / \| Subject: \[ALARM\] demo on \S+: 1 modified\n \|\n \| 1 modified\n/);
  assert.match(stdout, / \| The road back: modified\n/);
  assert.match(stdout, / \| Subject: \[ALARM\] demo on \S+: 1 deleted\n/);
  assert.match(stdout, /\n {7}the snapshot does not decrypt: [^\n]+\n {3}what it means, and the road back: rsync-ratchet explain unproven demo\n \[ok\] exit code 3: alarm\n \[ok\] the replica is byte for byte as before\n/);
  assert.equal(stdout.match(/\[ok\] exit code 3: alarm\n \[ok\] the replica is byte for byte as before\n/g)?.length, 3);
  assert.match(stdout, /\[ok\] the letter is back in its first version, byte for byte\n/);
  assert.match(stdout, /All 26 commands did what they should, in [\d.]+ s\.\n/);
  // The story is written for 80 columns (a word that is longer stays whole) and has no colour in a pipe.
  const story = stdout.slice(0, stdout.indexOf('The folder is kept: '));
  assert.deepEqual(story.split('\n').filter((line) => line.length > 80 && line.replace(/^[ |-]*/, '').includes(' ')), []);
  assert.doesNotMatch(stdout, /[^\n -~]/);
  assert.equal(await answers(portOf(stdout)), false);
  const folder = /^The folder is kept: (.*)$/m.exec(stdout)?.[1] ?? '';
  assert.deepEqual(readdirSync(tmp).map((name) => join(tmp, name)), [folder]);
  assert.deepEqual(processesWith(tmp), []);
  const [enter = '', sshd = '', audit = '', putRight = '', sync = '', end = ''] = stdout.slice(stdout.indexOf('To go on playing:')).split('\n').filter((line) => /^ {2}\S/.test(line));
  const script = [enter, sshd, `${audit}; echo "first $?"`, putRight, `${sync}; echo "second $?"`, 'ls mail | wc -l', end].join('\n');
  const said = execFileSync('sh', ['-c', script], { encoding: 'utf8', env: { ...env, PATH: process.env['PATH'] } });
  assert.match(said, /^demo: nothing new\nfirst 0\ndemo: nothing new; 1 deleted file came back\nsecond 0\n4\n$/);
  assert.deepEqual(readdirSync(tmp), []);
});

test('without rrsync the demo reads a local path, and says so; --json gives one document', async (t) => {
  const { tmp, env } = stageFor(t);
  const finished = await ratchet(['demo', '--json'], { env: { ...env, PATH: pathWithout(t, 'rrsync') } });
  assert.equal(finished.code, 0, finished.stderr);
  const report = finished.json();
  assert.deepEqual([report.version, report.source, report.kept, report.steps.length], [1, 'local', null, 26]);
  assert.deepEqual(report.steps.filter(({ exitCode }: { exitCode: number }) => exitCode === 3).length, 3);
  assertNothingLeft(tmp);
});

test('SIGINT at "serverB$ rsync-ratchet sync demo" ends the demo with 130, and nothing is left behind', (t) => assertStops(t, 'SIGINT', 130, 'serverB$ rsync-ratchet sync demo'));
