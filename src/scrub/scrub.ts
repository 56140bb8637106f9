/** `scrub`: re-hashes the replica's own files and, with `--repair`, fetches damaged ones again. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Amount } from '../audit/books.ts';
import { asFailure } from '../errors.ts';
import { takeLock, type Lock } from '../programs/lock.ts';
import { Repair } from '../ratchet/repair.ts';
import { runIdOf, secondsBetween } from '../ratchet/run.ts';
import type { RunOptions } from '../ratchet/holdings.ts';
import { State } from '../ratchet/state.ts';
import { requireState } from '../ratchet/whose-state.ts';
import type { JournalEvent } from '../state/chain.ts';
import { makeFolder } from '../state/files.ts';
import { readScrubMemory, writeScrubMemory } from './memory.ts';
import { Rehash } from './rehash.ts';
import {
  leftIn,
  memoryOf,
  mostDamages,
  newScrub,
  resume,
  shareText,
  type Damage,
  type Scrub,
  type Share,
} from './share.ts';

/** How a scrub is to be done. */
export interface ScrubOptions {
  /** Undefined: all files. */
  readonly share: Share | undefined;
  readonly repair: boolean;
  /** How often a scrub that may be killed remembers where it is, in milliseconds. */
  readonly rememberEvery: number;
  /** Called after each file; `done` includes what the interrupted scrub had done that this one goes on with. */
  readonly onProgress?: (done: Amount, total: Amount) => void;
}

/** What a scrub holds while it lasts: its steps hand it on. */
interface Holdings {
  readonly run: Scrub;
  readonly how: ScrubOptions;
  readonly options: RunOptions;
  readonly state: State;
  readonly rehash: Rehash;
}

/** One scrub of one repository. Always returns what it came to; never throws. */
export async function scrub(options: RunOptions, how: ScrubOptions): Promise<Scrub> {
  const { config, repository, interrupt } = options;
  const startedAt = new Date();
  const run = newScrub(repository.name, runIdOf(startedAt, randomBytes(2).toString('hex')), how.share, startedAt);
  const state = new State(config.state ?? '', repository.name);
  const rehash = new Rehash(repository.replica, interrupt);
  let lock: Lock | undefined;
  try {
    requireState(config, repository.name, rehash.requireReplica());
    lock = await takeScrubLock(state.folder);
    if (lock === undefined) run.lockedBy = 'scrub';
    else await work({ run, how, options, state, rehash });
  } catch (error) {
    run.failure = asFailure(error);
  } finally {
    lock?.release();
  }
  run.finishedAt = new Date();
  return run;
}

/** Keeps other scrubs away; undefined when one is at work. It is not the run's lock: nights go on meanwhile. */
async function takeScrubLock(state: string): Promise<Lock | undefined> {
  makeFolder(state);
  return takeLock(join(state, 'scrub.lock'));
}

/** What is known to be damaged is repaired first: hashing everything may take days. */
async function work(held: Holdings): Promise<void> {
  await takeUp(held);
  if (held.how.repair) await repair(held);
  await hash(held);
  await lookAgain(held);
  remember(held);
  await held.state.append(new Date(), scrubbed(held.run, new Date()));
  if (held.how.repair) await repair(held);
}

function remember({ run, state }: Holdings): void {
  writeScrubMemory(state.folder, memoryOf(run, new Date()));
}

/** Takes over what earlier scrubs left: damaged files that are damaged still, and the place of an interrupted one. */
async function takeUp(held: Holdings): Promise<void> {
  const { run, state } = held;
  const memory = readScrubMemory(state.folder);
  if (memory === undefined) return;
  for (const { path, fault } of memory.damages) run.damages.set(path, { path, fault, mended: undefined });
  await lookAgain(held);
  resume(run, memory);
}

/** Looks once more at what is damaged: it may have been repaired, or have left the replica, meanwhile. */
async function lookAgain({ run, rehash }: Holdings): Promise<void> {
  for (const { path } of leftIn(run)) note(run, path, await rehash.faultOf(path));
}

/** Notes what a look at a file has found. What this scrub has repaired stays noted. */
function note(run: Scrub, path: string, fault: string | undefined): void {
  const before = run.damages.get(path)?.mended;
  if (fault !== undefined) run.damages.set(path, { path, fault, mended: before === true ? undefined : before });
  else if (before !== true) run.damages.delete(path);
}

async function hash(held: Holdings): Promise<void> {
  if (isDying(held.run)) return;
  try {
    held.run.isComplete = await hashFiles(held);
  } finally {
    remember(held);
  }
}

/** Returns whether all were hashed; false when the disk is dying. */
async function hashFiles(held: Holdings): Promise<boolean> {
  const { run, how, options, rehash } = held;
  const total = how.onProgress === undefined ? undefined : rehash.total(how.share);
  const tell = (folder: string): void => {
    options.console.detail(`${run.repository}: scrub ${folder === '' ? 'config' : folder}`);
  };
  let remembered = Date.now();
  for await (const { path, bytes, fault } of rehash.hash(how.share, run.after, tell)) {
    note(run, path, fault);
    run.after = path;
    run.hashed = { files: run.hashed.files + 1, bytes: run.hashed.bytes + bytes };
    if (total !== undefined) how.onProgress?.(run.hashed, total);
    if (fault !== undefined && isDying(run)) return false;
    if (Date.now() - remembered < how.rememberEvery) continue;
    remember(held);
    remembered = Date.now();
  }
  return true;
}

function isDying(run: Scrub): boolean {
  return leftIn(run).length >= mostDamages;
}

/** Under the run lock: fetch and verify first, then replace. What was tried once in this scrub is not tried again. */
async function repair(held: Holdings): Promise<void> {
  const { run, options, rehash } = held;
  run.lockedBy = undefined;
  if (!leftIn(run).some(isUntried)) return;
  const repairs = await Repair.begin(options, (path) => rehash.rightHash(path));
  if (repairs === undefined) {
    run.lockedBy = 'run';
    return;
  }
  try {
    await lookAgain(held);
    const untried = leftIn(run).filter(isUntried);
    if (untried.length > 0) await mend(held, repairs, untried);
  } finally {
    await repairs.end();
  }
  remember(held);
}

function isUntried({ mended }: Damage): boolean {
  return mended === undefined;
}

async function mend({ run, rehash, state }: Holdings, repair: Repair, untried: readonly Damage[]): Promise<void> {
  const fetched = await repair.fetch(untried.map(({ path }) => path));
  const right = fetched.filter(({ wrong }) => wrong === undefined).map(({ path }) => path);
  if (right.length > 0) rehash.requireReplica();
  const undone = right.length === 0 ? new Map<string, string>() : await repair.replace(right);
  for (const { path, wrong } of fetched) {
    const damage = run.damages.get(path);
    if (damage !== undefined) run.damages.set(path, { ...damage, mended: wrong ?? undone.get(path) ?? true });
  }
  const mended = fetched.filter(({ path, wrong }) => wrong === undefined && !undone.has(path));
  await state.append(new Date(), {
    event: 'repaired',
    runId: run.runId,
    files: mended.length,
    bytes: mended.reduce((sum, each) => sum + each.bytes, 0),
    left: leftIn(run).length,
    paths: mended.slice(0, journaledPaths).map(({ path }) => path),
  });
}

/** So many paths stand in a journal line. */
const journaledPaths = 50;

function scrubbed(run: Scrub, now: Date): JournalEvent {
  const { runId, share, hashed, isComplete, isResumed } = run;
  const left = leftIn(run);
  return {
    event: 'scrubbed',
    runId,
    share: shareText(share),
    complete: isComplete,
    resumed: isResumed,
    ...hashed,
    damaged: left.length,
    paths: left.slice(0, journaledPaths).map(({ path }) => path),
    seconds: secondsBetween(run.startedAt, now),
  };
}
