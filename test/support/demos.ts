/** The demo under watch: what it prints, and what it leaves behind. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Running, spawnRatchet } from './cli.ts';
import { temporaryFolder } from './temporary.ts';

/** A TMPDIR of its own, so that what a demo leaves behind can be seen. */
export function stageFor(t: TestContext): { tmp: string; env: { TMPDIR: string } } {
  const tmp = temporaryFolder(t, 'demo-');
  return { tmp, env: { TMPDIR: tmp } };
}

/** No file in TMPDIR, and no process that was started with it or works in it. */
export function assertNothingLeft(tmp: string): void {
  assert.deepEqual(readdirSync(tmp), []);
  assert.deepEqual(processesWith(tmp), []);
}

/** What runs with a folder's name in its command line or environment. */
export function processesWith(marker: string): string[] {
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
export function portOf(stdout: string): number {
  return Number(/throw-away sshd on 127\.0\.0\.1, port (\d+)/.exec(stdout)?.[1]);
}

/** Whether somebody listens there. */
export function answers(port: number): Promise<boolean> {
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
export function pathWithout(t: TestContext, missing: string): string {
  const folder = temporaryFolder(t);
  const known = new Set([missing]);
  for (const from of (process.env['PATH'] ?? '').split(':')) {
    for (const name of existsSync(from) ? readdirSync(from) : []) {
      if (!known.has(name)) symlinkSync(join(from, name), join(folder, name));
      known.add(name);
    }
  }
  return folder;
}

/** A demo that is told to stop once it has printed `moment`: it ends with `code`, and nothing is left behind. */
export async function assertStops(t: TestContext, signal: 'SIGINT' | 'SIGTERM', code: number, moment: string): Promise<void> {
  const { tmp, env } = stageFor(t);
  const running = spawnRatchet(['demo'], { env });
  await printed(running, moment);
  running.kill(signal);
  const finished = await running.finished;
  assert.equal(finished.code, code, finished.stderr);
  assert.match(finished.stderr, new RegExp(`^error: interrupted by ${signal}\nhint: nothing is left behind\n$`));
  assertNothingLeft(tmp);
  assert.equal(await answers(portOf(finished.stdout)), false);
}
