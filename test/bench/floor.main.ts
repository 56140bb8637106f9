#!/usr/bin/env node
/**
 * What a night asks of two machines, with nobody who judges it: the same connection, room, passes, spot check and fetch,
 * started as `sync` starts them, and a walk beside them. Nothing is hashed, nothing is proven, nothing is flushed.
 * Usage: floor CONFIG
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { auditArguments } from '../../src/audit/dry-run.ts';
import { loadConfig } from '../../src/config/file.ts';
import { passes } from '../../src/layout.ts';
import { dryRunLimits } from '../../src/programs/rsync.ts';
import { runRsync, type Calls, type RsyncContext } from '../../src/programs/rsync-call.ts';
import type { Bounds } from '../../src/programs/watchdog.ts';
import { expectFetch, expectNight, fetchArguments } from '../../src/ratchet/arrival/fetch.ts';
import { pathOf } from '../../src/replica-path.ts';
import { Session } from '../../src/ratchet/session.ts';

const repository = loadConfig(process.argv[2] ?? '').repositories[0]!;
const replica = pathOf(repository.replica);
const own = join(replica, '.rsync-ratchet');
const session = new Session(repository, new AbortController().signal, callsIn(join(own, 'calls')));
night().finally(() => session.close()).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

async function night(): Promise<void> {
  if (!(await session.lock())) throw new Error('locked');
  const bounds = session.bounds(new Date(Date.now() + repository.timeouts.run));
  const walked = walk();
  await session.connect();
  await expectNight(session.rsync, replica, 1, bounds);
  const listed: Buffer[] = [];
  for (const pass of passes) {
    const args = auditArguments(repository, session.rsync.connection, pass, session.rsync.nonce, replica);
    await must(runRsync(session.rsync, { args, room: { readable: [replica], writable: [] }, limits: dryRunLimits }, bounds, (chunk) => { listed.push(chunk); }));
  }
  await walked;
  const { fresh, old } = namesIn(Buffer.concat(listed));
  if (fresh.length > 0) await expectFetch(session.rsync, replica, bounds);
  await fetch(session.rsync, old.slice(0, repository.spotCheck), bounds);
  if (fresh.length === 0) return;
  for (const name of await fetch(session.rsync, fresh, bounds)) renameSync(join(own, 'incoming', 'now', name), join(replica, name));
}

/** The tree, into a file. */
async function walk(): Promise<void> {
  const file = openSync(join(own, 'walk'), 'w');
  const find = spawn('find', [replica, '-xdev', '-printf', '%y %s %T@ %P\\0'], { cwd: '/', env: { LC_ALL: 'C' }, stdio: ['ignore', file, 'inherit'] });
  const ended = once(find, 'close');
  closeSync(file);
  await ended;
}

/** Packs that are new, and some that are not. */
function namesIn(report: Buffer): { fresh: string[]; old: string[] } {
  const fresh = [...report.toString('latin1').matchAll(/>f\+{9}\|.*\|(data\/.*)\n/g)].map(([, name = '']) => name);
  const old = [...report.toString('latin1', 0, 2 ** 20).matchAll(/\.f {9}\|.*\|((?:index|snapshots|data)\/.*)\n/g)].map(([, name = '']) => name);
  return { fresh, old };
}

async function fetch(context: RsyncContext, names: readonly string[], bounds: Bounds): Promise<readonly string[]> {
  const [incoming, manifest] = [join(own, 'incoming', 'now'), join(own, 'manifest')];
  rmSync(incoming, { recursive: true, force: true });
  mkdirSync(incoming);
  writeFileSync(manifest, names.map((name) => `${name}\0`).join(''));
  const largest = 2 ** 30;
  const args = fetchArguments(repository, context.connection, manifest, context.nonce, incoming, largest);
  await must(runRsync(context, { args, room: { readable: [manifest], writable: [incoming] }, limits: { ...dryRunLimits, fileSize: largest } }, bounds, () => undefined));
  return names;
}

async function must(running: ReturnType<typeof runRsync>): Promise<void> {
  const { code, stderr } = await running;
  if (code !== 0) throw new Error(`rsync ended with ${code}: ${stderr}`);
}

/** What rsync asks serverA for is learned once, as by the program. */
function callsIn(file: string): Calls {
  const calls = new Map<string, readonly string[]>(existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) as [string, string[]][] : []);
  return {
    recall: (call) => calls.get(call),
    keep: async (call, asks) => { writeFileSync(file, JSON.stringify([...calls.set(call, asks)])); },
  };
}
