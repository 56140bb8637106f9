/** `demo`, as a process: it tells the whole story, stops where something is not as told, and leaves nothing behind. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ratchet, spawnRatchet, type Running } from '../support/cli.ts';
import { temporaryFolder } from '../support/temporary.ts';

const titles = [
  '1. A client backs up to serverA', '2. serverB gets ready', '3. The first night', '4. A new backup, and the next night',
  '5. A quiet night', '6. Somebody tampers with a pack on serverA', '7. A snapshot is deleted on serverA', '8. A deletion on purpose',
];

/** A TMPDIR of its own, so that what a demo leaves behind can be seen. */
function stageFor(t: TestContext): { tmp: string; env: { TMPDIR: string } } {
  const tmp = temporaryFolder(t, 'demo-');
  return { tmp, env: { TMPDIR: tmp } };
}

/** No file in TMPDIR, and no process that was started with it or works in it. */
function assertNothingLeft(tmp: string): void {
  assert.deepEqual(readdirSync(tmp), []);
  assert.deepEqual(processesWith(tmp), []);
}

function processesWith(marker: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => ['cmdline', 'environ'].some((what) => ofProcess(pid, what).includes(marker))).map((pid) => ofProcess(pid, 'cmdline'));
}

function ofProcess(pid: string, what: string): string {
  try {
    return readFileSync(`/proc/${pid}/${what}`, 'latin1').replaceAll('\0', ' ');
  } catch {
    return ''; // It has ended, or is not ours.
  }
}

/** The port of the demo's sshd, by its own words. */
function portOf(stdout: string): number {
  return Number(/throw-away sshd on 127\.0\.0\.1, port (\d+)/.exec(stdout)?.[1]);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => { resolve(false); });
  });
}

/** Resolves when a running demo has printed this. */
function printed(running: Running, text: string): Promise<void> {
  return new Promise((resolve) => {
    running.child.stdout.on('data', () => { if (running.stdout().includes(text)) resolve(); });
  });
}

/** A PATH with every program of this machine but one. */
function pathWithout(t: TestContext, missing: string): string {
  const folder = temporaryFolder(t);
  for (const from of (process.env['PATH'] ?? '').split(':')) {
    for (const name of existsSync(from) ? readdirSync(from) : []) {
      if (name !== missing && !existsSync(join(folder, name))) symlinkSync(join(from, name), join(folder, name));
    }
  }
  return folder;
}

test('the demo tells the whole story over ssh and leaves nothing behind', async (t) => {
  const { tmp, env } = stageFor(t);
  const { code, stdout, stderr } = await ratchet(['demo'], { env });
  assert.equal(stderr, '');
  assert.equal(code, 0, stdout);
  assert.deepEqual(stdout.split('\n').filter((line) => /^\d+\. /.test(line)), titles);
  assert.match(stdout, /serverB\$ rsync-ratchet init demo\n/);
  assert.match(stdout, /serverB\$ rsync-ratchet --quiet sync demo\n \[ok\] exit code 0\n \[ok\] nothing was printed\n/);
  assert.match(stdout, / \| Subject: \[ALARM\] demo on \S+: 1 modified\n \|\n \| 1 modified\n/);
  assert.match(stdout, / \| The road back: modified\n/);
  assert.match(stdout, / \| Subject: \[ALARM\] demo on \S+: 1 deleted\n/);
  assert.equal(stdout.match(/\[ok\] exit code 3: alarm\n \[ok\] the replica is byte for byte as before\n/g)?.length, 2);
  assert.match(stdout, /\[ok\] the letter is back in its first version, byte for byte\n/);
  assert.match(stdout, /All 22 commands did what they should, in [\d.]+ s\. Nothing is left behind\.\n/);
  // It is written for 80 columns (a word that is longer stays whole) and has no colour in a pipe.
  assert.deepEqual(stdout.split('\n').filter((line) => line.length > 80 && line.replace(/^[ |-]*/, '').includes(' ')), []);
  assert.doesNotMatch(stdout, /[^\n -~]/);
  assertNothingLeft(tmp);
  assert.equal(await answers(portOf(stdout)), false);
});

test('--keep keeps the folder, and what it says about going on is true', async (t) => {
  const { tmp, env } = stageFor(t);
  const { code, stdout } = await ratchet(['demo', '--keep'], { env });
  assert.equal(code, 0, stdout);
  const folder = /^The folder is kept: (.*)$/m.exec(stdout)?.[1] ?? '';
  assert.deepEqual(readdirSync(tmp).map((name) => join(tmp, name)), [folder]);
  assert.deepEqual(processesWith(tmp), []);
  const [enter = '', sshd = '', audit = '', putRight = '', sync = '', end = ''] = stdout.slice(stdout.indexOf('To go on playing:')).split('\n').filter((line) => /^ {2}\S/.test(line));
  const script = [enter, sshd, `${audit}; echo "first $?"`, putRight, `${sync}; echo "second $?"`, 'ls mail | wc -l', end].join('\n');
  const said = execFileSync('sh', ['-c', script], { encoding: 'utf8', env: { ...env, PATH: process.env['PATH'] } });
  assert.match(said, /^demo: nothing new\nfirst 0\ndemo: nothing new; 1 deleted file came back\nsecond 0\n3\n$/);
  assert.deepEqual(readdirSync(tmp), []);
});

test('without rrsync the demo reads a local path, and says so; --json gives one document', async (t) => {
  const { tmp, env } = stageFor(t);
  const finished = await ratchet(['demo', '--json'], { env: { ...env, PATH: pathWithout(t, 'rrsync') } });
  assert.equal(finished.code, 0, finished.stderr);
  const report = finished.json();
  assert.deepEqual([report.version, report.source, report.kept, report.steps.length], [1, 'local', null, 22]);
  assert.deepEqual(report.steps.filter(({ exitCode }: { exitCode: number }) => exitCode === 3).length, 2);
  assertNothingLeft(tmp);
});

for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
  for (const moment of ['client$ restic -r ../serverA/restic init', 'serverB$ rsync-ratchet sync demo']) {
    test(`${signal} at "${moment}" ends the demo with ${code}, and nothing is left behind`, async (t) => {
      const { tmp, env } = stageFor(t);
      const running = spawnRatchet(['demo'], { env });
      await printed(running, moment);
      running.kill(signal);
      const finished = await running.finished;
      assert.equal(finished.code, code, finished.stderr);
      assert.match(finished.stderr, new RegExp(`^error: interrupted by ${signal}\nhint: nothing is left behind\n$`));
      assertNothingLeft(tmp);
      assert.equal(await answers(portOf(finished.stdout)), false);
    });
  }
}

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
