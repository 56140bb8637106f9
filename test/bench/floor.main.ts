#!/usr/bin/env node
/**
 * What a night asks of two machines and of restic, with nobody who judges it: the same connection, room, passes, spot check and
 * fetch, the same walk beside them and, with a password, the same questions in the same box, all started as `sync` starts them.
 * Nothing is compared, nothing is hashed, nothing is flushed, and no answer is read.
 * Usage: floor CONFIG FILES
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { auditArguments } from '../../src/audit/dry-run.ts';
import { findCommand } from '../../src/audit/find-packs.ts';
import { loadConfig } from '../../src/config/file.ts';
import { passes } from '../../src/layout.ts';
import { Locks } from '../../src/programs/lock.ts';
import { run } from '../../src/programs/process.ts';
import { Restic } from '../../src/programs/restic.ts';
import { requireRestic } from '../../src/programs/restic-version.ts';
import type { Step } from '../../src/programs/sandbox.ts';
import { dryRunLimits } from '../../src/programs/rsync.ts';
import { runRsync, type RsyncContext } from '../../src/programs/rsync-call.ts';
import type { Bounds } from '../../src/programs/watchdog.ts';
import { bare } from '../../src/proof/asking.ts';
import { expectFetch, expectNight, fetchArguments } from '../../src/ratchet/arrival/fetch.ts';
import { reportOpener } from '../../src/programs/reports.ts';
import { Session } from '../../src/ratchet/session.ts';
import { ownPaths } from '../../src/replica-path.ts';

const repository = loadConfig(process.argv[2] ?? '').repositories[0]!;
const { replica, own, lock, candidate, incoming } = ownPaths(repository.replica);
const locks = new Locks(lock);
const calls = remembered<string[]>('calls');
const rooms = remembered<string>('room');
const learned = { recall: calls.recall, keep: async (call: string, asks: readonly string[]) => { calls.keep(call, [...asks]); } };
const room = { recall: () => rooms.recall('room') ?? null, keep: async (here: string) => { rooms.keep('room', here); } };
const session = new Session(repository, new AbortController().signal, learned, locks, room);
night().finally(() => session.close()).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

async function night(): Promise<void> {
  if (!(await session.lock())) throw new Error('locked');
  session.beginToConnect();
  const bounds = session.bounds(new Date(Date.now() + repository.timeouts.run));
  const walked = run(findCommand(join(replica, 'data'), repository.ignore), bounds, () => undefined);
  await session.connect();
  await expectNight(session.rsync, replica, 1, bounds);
  const { fresh, old } = await listed(bounds, walked);
  if (fresh.length > 0) await expectFetch(session.rsync, replica, bounds);
  await fetch(session.rsync, old.slice(0, repository.spotCheck), bounds);
  if (fresh.length === 0) return;
  await fetch(session.rsync, fresh, bounds);
  move(fresh, join(incoming, 'now'), candidate);
  if (repository.restic.hasPassword) await ask(fresh);
  move(fresh, candidate, replica);
}

/** What the three passes report, into files as by night; the last one is read when the walk is over. */
async function listed(bounds: Bounds, walked: Promise<unknown>): Promise<Names> {
  const names = new Names();
  const size = { files: Number(process.argv[3]), newFiles: repository.limits.newFiles };
  const folder = (): string => {
    mkdirSync(join(own, 'run'), { recursive: true });
    return join(own, 'run');
  };
  const open = reportOpener(folder, locks.reserve, size, (why) => { console.error(why); });
  for (const pass of passes) {
    const file = await open(pass);
    const ready = pass === 3 ? walked : Promise.resolve();
    const args = auditArguments(repository, session.rsync.connection, pass, session.rsync.nonce, replica);
    const call = { args, room: { readable: [replica], writable: [] }, limits: dryRunLimits };
    await must(runRsync(session.rsync, file === undefined ? call : { ...call, report: { file, ready } }, bounds, names.read));
    file?.close();
    await ready;
  }
  return names;
}

const name = '((?:keys|index|snapshots|data)/.*)\n';

/** What is new, and some that is not; the other lines are passed over. */
class Names {
  readonly fresh: string[] = [];
  readonly old: string[] = [];
  #rest = '';

  readonly read = (chunk: Buffer): void => {
    const text = this.#rest + chunk.toString('latin1');
    const end = text.lastIndexOf('\n') + 1;
    this.#rest = text.slice(end);
    if (text.includes('>f+')) this.fresh.push(...this.#named(text, `>f\\+{9}\\|.*\\|${name}`));
    if (this.old.length < repository.spotCheck) this.old.push(...this.#named(text, `\\.f {9}\\|.*\\|${name}`).slice(0, repository.spotCheck));
  };

  #named(text: string, form: string): string[] {
    return [...text.matchAll(new RegExp(form, 'g'))].map(([, path = '']) => path);
  }
}

async function fetch(context: RsyncContext, names: readonly string[], bounds: Bounds): Promise<void> {
  const [folder, manifest] = [join(incoming, 'now'), join(own, 'manifest')];
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(manifest, names.map((name) => `${name}\0`).join(''));
  const largest = 2 ** 30;
  const args = fetchArguments(repository, context.connection, manifest, context.nonce, folder, largest);
  await must(runRsync(context, { args, room: { readable: [manifest], writable: [folder] }, limits: { ...dryRunLimits, fileSize: largest } }, bounds, () => undefined));
}

function move(names: readonly string[], from: string, to: string): void {
  for (const name of names) {
    mkdirSync(dirname(join(to, name)), { recursive: true });
    renameSync(join(from, name), join(to, name));
  }
}

/** New packs and indexes read whole, then all that is there with the new snapshots (DESIGN section 4, step 7), where no key and no odd index is among them. */
async function ask(fresh: readonly string[]): Promise<void> {
  const { interrupt } = session;
  const known = remembered<Awaited<ReturnType<typeof requireRestic>>>('restic');
  const program = await requireRestic(repository.restic.path, known.recall('restic') ?? null, interrupt);
  known.keep('restic', program);
  const restic = new Restic(repository, () => session.password(), session.path('restic'), interrupt, undefined, program);
  const until = Date.now() + repository.timeouts.prove;
  const steps: Step[] = [['check'], await restic.rebuildIndex(), 'each index', ['check', '--read-data']];
  await restic.ask({ candidate, ...bare({ data: 'c', index: 'c' }) }, steps, { until });
  const snapshots = fresh.filter((name) => name.startsWith('snapshots/')).map((name) => name.slice(-64));
  await restic.opens({ candidate, without: [] }, snapshots, until);
}

async function must(running: ReturnType<typeof runRsync>): Promise<void> {
  const { code, stderr } = await running;
  if (code !== 0) throw new Error(`rsync ended with ${code}: ${stderr}`);
}

/** What is learned once, as by the program: a file of our own that is written when something is new. */
function remembered<T>(name: string): { readonly recall: (key: string) => T | undefined; readonly keep: (key: string, value: T) => void } {
  const file = join(own, name);
  const known = new Map<string, T>(existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) as [string, T][] : []);
  return {
    recall: (key) => known.get(key),
    keep: (key, value) => {
      const before = JSON.stringify([...known]);
      const now = JSON.stringify([...known.set(key, value)]);
      if (now !== before) writeFileSync(file, now);
    },
  };
}
