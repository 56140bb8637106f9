/** `scrub`: re-hashes the replica's own files and, with `--repair`, fetches damaged ones again. */
import type { JournalEvent } from '../state/chain.ts';
import { runIdOf, secondsBetween } from '../ratchet/run.ts';
import {
  leftIn,
  memoryOf,
  mostDamages,
  newScrub,
  resume,
  shareText,
  type Damage,
  type Hashed,
  type Scrub,
  type ScrubMemory,
  type Share,
} from './share.ts';
import type { Amount } from '../audit/books.ts';
import { asFailure } from '../errors.ts';

/** A damaged path, and what serverA has sent for it: `wrong` says why that cannot take its place. */
export interface Fetched {
  readonly path: string;
  readonly bytes: number;
  readonly wrong: string | undefined;
}

/** Everything outside that a scrub needs. What cannot be finished is thrown as Failure. */
export interface ScrubEdges {
  /** The repository's name. */
  readonly name: string;
  now(): Date;
  /** Four random hexadecimal digits. */
  random(): string;
  /** Makes sure that the replica is there, and keeps other scrubs away; false when one is at work. Takes no run lock. */
  begin(): Promise<boolean>;
  close(): void;
  memory(): ScrubMemory | undefined;
  remember(memory: ScrubMemory): void;
  /** How much a whole scrub of the share has to hash. */
  total(share: Share | undefined): Amount;
  /** Hashes the files of a share that come after a path, one by one. A file that has left meanwhile is passed over. */
  hash(share: Share | undefined, after: string): AsyncIterable<Hashed>;
  /** What is wrong with a file now; undefined when nothing is, or when the replica no longer has it. */
  faultOf(path: string): Promise<string | undefined>;
  /** Takes the run lock; false when a run holds it. */
  lock(): Promise<boolean>;
  unlock(): Promise<void>;
  /** Fetches these files into a fresh folder and verifies them there; touches nothing else. */
  fetch(paths: readonly string[]): Promise<readonly Fetched[]>;
  /**
   * Puts each fetched file in the damaged one's place, which quarantine keeps; at every instant one of the two stands
   * there. Returns, by path, what could not be done and why.
   */
  replace(paths: readonly string[]): Promise<ReadonlyMap<string, string>>;
  journal(event: JournalEvent): Promise<string>;
}

export interface ScrubOptions {
  /** Undefined: all files. */
  readonly share: Share | undefined;
  readonly repair: boolean;
  /** How often a scrub that may be killed remembers where it is, in milliseconds. */
  readonly rememberEvery: number;
  /** Called after each file; `done` includes what the interrupted scrub had done that this one goes on with. */
  readonly onProgress?: (done: Amount, total: Amount) => void;
}

/** One scrub of one repository. Always returns what it came to; never throws. */
export async function scrub(edges: ScrubEdges, options: ScrubOptions): Promise<Scrub> {
  const startedAt = edges.now();
  const run = newScrub(edges.name, runIdOf(startedAt, edges.random()), options.share, startedAt);
  try {
    if (await edges.begin()) await work(edges, run, options);
    else run.lockedBy = 'scrub';
  } catch (error) {
    run.failure = asFailure(error);
  } finally {
    edges.close();
  }
  run.finishedAt = edges.now();
  return run;
}

/** What is known to be damaged is repaired first: hashing everything may take days. */
async function work(edges: ScrubEdges, run: Scrub, options: ScrubOptions): Promise<void> {
  await takeUp(edges, run);
  if (options.repair) await repair(edges, run);
  await hash(edges, run, options);
  await lookAgain(edges, run);
  edges.remember(memoryOf(run, edges.now()));
  await edges.journal(scrubbed(run, edges.now()));
  if (options.repair) await repair(edges, run);
}

/** Takes over what earlier scrubs left: damaged files that are damaged still, and the place of an interrupted one. */
async function takeUp(edges: ScrubEdges, run: Scrub): Promise<void> {
  const memory = edges.memory();
  if (memory === undefined) return;
  for (const { path, fault } of memory.damages) run.damages.set(path, { path, fault, mended: undefined });
  await lookAgain(edges, run);
  resume(run, memory);
}

/** Looks once more at what is damaged: it may have been repaired, or have left the replica, meanwhile. */
async function lookAgain(edges: ScrubEdges, run: Scrub): Promise<void> {
  for (const { path } of leftIn(run)) note(run, path, await edges.faultOf(path));
}

/** Notes what a look at a file has found. What this scrub has repaired stays noted. */
function note(run: Scrub, path: string, fault: string | undefined): void {
  const before = run.damages.get(path)?.mended;
  if (fault !== undefined) run.damages.set(path, { path, fault, mended: before === true ? undefined : before });
  else if (before !== true) run.damages.delete(path);
}

async function hash(edges: ScrubEdges, run: Scrub, options: ScrubOptions): Promise<void> {
  if (isDying(run)) return;
  try {
    run.isComplete = await hashFiles(edges, run, options);
  } finally {
    edges.remember(memoryOf(run, edges.now()));
  }
}

/** Returns whether all were hashed; false when the disk is dying. */
async function hashFiles(
  edges: ScrubEdges,
  run: Scrub,
  { share, rememberEvery, onProgress }: ScrubOptions,
): Promise<boolean> {
  const total = onProgress === undefined ? undefined : edges.total(share);
  let remembered = edges.now().getTime();
  for await (const { path, bytes, fault } of edges.hash(share, run.after)) {
    note(run, path, fault);
    run.after = path;
    run.hashed = { files: run.hashed.files + 1, bytes: run.hashed.bytes + bytes };
    if (total !== undefined) onProgress?.(run.hashed, total);
    if (fault !== undefined && isDying(run)) return false;
    if (edges.now().getTime() - remembered < rememberEvery) continue;
    edges.remember(memoryOf(run, edges.now()));
    remembered = edges.now().getTime();
  }
  return true;
}

function isDying(run: Scrub): boolean {
  return leftIn(run).length >= mostDamages;
}

/** Under the run lock: fetch and verify first, then replace. What was tried once in this scrub is not tried again. */
async function repair(edges: ScrubEdges, run: Scrub): Promise<void> {
  run.lockedBy = undefined;
  if (!leftIn(run).some(isUntried)) return;
  try {
    if (!(await edges.lock())) {
      run.lockedBy = 'run';
      return;
    }
    await lookAgain(edges, run);
    const untried = leftIn(run).filter(isUntried);
    if (untried.length > 0) await mend(edges, run, untried);
  } finally {
    await edges.unlock();
  }
  edges.remember(memoryOf(run, edges.now()));
}

function isUntried({ mended }: Damage): boolean {
  return mended === undefined;
}

async function mend(edges: ScrubEdges, run: Scrub, untried: readonly Damage[]): Promise<void> {
  const fetched = await edges.fetch(untried.map(({ path }) => path));
  const right = fetched.filter(({ wrong }) => wrong === undefined);
  const undone = right.length === 0 ? new Map<string, string>() : await edges.replace(right.map(({ path }) => path));
  for (const { path, wrong } of fetched) {
    const damage = run.damages.get(path);
    if (damage !== undefined) run.damages.set(path, { ...damage, mended: wrong ?? undone.get(path) ?? true });
  }
  const mended = right.filter(({ path }) => !undone.has(path));
  const bytes = mended.reduce((sum, each) => sum + each.bytes, 0);
  const paths = mended.slice(0, journaledPaths).map(({ path }) => path);
  await edges.journal({
    event: 'repaired',
    runId: run.runId,
    files: mended.length,
    bytes,
    left: leftIn(run).length,
    paths,
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
