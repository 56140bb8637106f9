/** Prove: restic itself opens *replica + candidates* before anything is admitted; nothing that serverA says counts. */
import { copyFileSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Books, Entry } from '../core/books.ts';
import { inReplica, verified, waiting } from '../core/flags.ts';
import type { HashedType } from '../core/layout.ts';
import type { Junk, Proof } from '../core/proof.ts';
import { envelope, keyFault, largestKey } from '../core/structure.ts';
import { Failure } from '../errors.ts';
import { makeFolder } from './files.ts';
import type { Restic } from './restic.ts';

/** The candidates that restic must be able to read, by type. */
interface Candidates {
  readonly keys: readonly Entry[];
  readonly indexes: readonly Entry[];
  readonly snapshots: readonly Entry[];
}

/** How restic sees the candidates; the hidden paths are asked for more than once. */
interface Candidate {
  readonly candidate: string;
  readonly without: readonly string[];
}

/** restic's words when every key is for another password. */
const noKeyFits = /wrong password|no key found/i;

/** More arguments than this are given to several processes. */
const mostSnapshots = 4000;

/** What every proof begins with, password or not: files that cannot be what their folder says. */
export function structuralJunk(candidate: string, books: Books): Junk[] {
  const junk: Junk[] = [];
  for (const entry of books.select(verified, 0)) {
    const message = structuralFault(candidate, books, entry);
    if (message !== undefined) junk.push({ entry, message });
  }
  return junk;
}

function structuralFault(candidate: string, books: Books, entry: Entry): string | undefined {
  const size = books.size(entry);
  if (books.type(entry) !== 'key') return size < envelope ? `only ${size} bytes, less than restic's envelope` : undefined;
  if (size > largestKey) return `${size} bytes, more than any restic key has`;
  return keyFault(readFileSync(join(candidate, books.path(entry)), 'utf8'));
}

/**
 * Asks restic once about everything new. Only when it refuses is the culprit looked for: first ourselves (throws
 * Failure: password, version, memory), then each key, index and snapshot, then each snapshot's tree.
 */
export async function prove(restic: Restic, candidate: string, scratch: string, books: Books): Promise<Proof> {
  const shown = { candidate, without: [...waitingPaths(books)] };
  const candidates = { keys: those(books, 'key'), indexes: those(books, 'index'), snapshots: those(books, 'snapshot') };
  const hasJunkKey = (await junkKeys(restic, candidate, scratch, books, candidates.keys)).length > 0;
  for (const some of portions(candidates.snapshots)) {
    const { isGood } = await restic.opens(shown, some.map((entry) => idOf(books, entry)));
    if (hasJunkKey || !isGood) return diagnose(restic, shown, scratch, books, candidates);
  }
  return { outcome: 'passed', heldBack: [] };
}

/** Candidates that do not enter tonight are hidden from restic too. */
function* waitingPaths(books: Books): Generator<string> {
  for (const entry of books.select(waiting, 0)) yield books.path(entry);
}

function those(books: Books, type: HashedType): Entry[] {
  return [...books.select(verified, waiting, type)];
}

function portions(entries: readonly Entry[]): Entry[][] {
  const count = Math.max(1, Math.ceil(entries.length / mostSnapshots));
  return Array.from({ length: count }, (_, i) => entries.slice(i * mostSnapshots, (i + 1) * mostSnapshots));
}

function idOf(books: Books, entry: Entry): string {
  return books.path(entry).slice(-64);
}

async function diagnose(restic: Restic, shown: Candidate, scratch: string, books: Books, candidates: Candidates): Promise<Proof> {
  await requireReplicaOpens(restic);
  const keys = await junkKeys(restic, shown.candidate, scratch, books, candidates.keys);
  const withoutJunk = { ...shown, without: [...shown.without, ...keys.map(({ entry }) => books.path(entry))] };
  const junk = [
    ...keys,
    ...(await junkIndexes(restic, withoutJunk, books, candidates.indexes)),
    ...(await junkSnapshots(restic, withoutJunk, books, candidates.snapshots)),
  ];
  if (junk.length > 0) return { outcome: 'failed', junk, words: junk[0]?.message ?? '' };
  const whole = await restic.opens(shown, []);
  if (!whole.isGood) return { outcome: 'failed', junk: [], words: whole.words };
  const heldBack: Entry[] = [];
  for (const entry of candidates.snapshots) {
    if (!(await restic.opens(shown, [idOf(books, entry)])).isGood) heldBack.push(entry);
  }
  return { outcome: 'passed', heldBack };
}

/** Throws Failure when restic cannot open the replica alone: then it is our own trouble, not serverA's. */
async function requireReplicaOpens(restic: Restic): Promise<void> {
  const alone = await restic.opens({}, []);
  if (alone.isGood) return;
  const isPassword = noKeyFits.test(alone.words);
  throw new Failure(
    `restic cannot open the replica itself: ${alone.words}`,
    isPassword ? 'restic.passwordFile holds the wrong password for this repository; nothing was admitted'
      : 'see whether this restic is new enough for the repository (restic version) and whether memory is short; then whether the disk damaged a file: rsync-ratchet scrub. Nothing was admitted',
  );
}

/**
 * Each new key alone, without the replica's own: restic stops at the first key that fits, and in the replica it may
 * meet them in another order. One for another password is good; what stops restic at all is not.
 */
async function junkKeys(restic: Restic, candidate: string, scratch: string, books: Books, keys: readonly Entry[]): Promise<Junk[]> {
  const junk: Junk[] = [];
  const own = [...books.select(inReplica, 0, 'key')].map((entry) => books.path(entry));
  for (const entry of keys) {
    const one = join(scratch, 'one-key');
    const copy = join(one, books.path(entry));
    makeFolder(dirname(copy));
    copyFileSync(join(candidate, books.path(entry)), copy);
    const answer = await restic.unlocks({ candidate: one, without: own });
    if (!answer.isGood && !noKeyFits.test(answer.words)) junk.push({ entry, message: answer.words });
    rmSync(one, { recursive: true, force: true });
  }
  return junk;
}

async function junkIndexes(restic: Restic, shown: Candidate, books: Books, indexes: readonly Entry[]): Promise<Junk[]> {
  const junk: Junk[] = [];
  for (const entry of indexes) {
    const answer = await restic.indexDecrypts(shown, idOf(books, entry));
    if (!answer.isGood) junk.push({ entry, message: answer.words });
  }
  return junk;
}

async function junkSnapshots(restic: Restic, shown: Candidate, books: Books, snapshots: readonly Entry[]): Promise<Junk[]> {
  const good = await restic.decryptingSnapshots(shown);
  return snapshots.filter((entry) => !good.has(idOf(books, entry))).map((entry) => ({ entry, message: 'the snapshot does not decrypt' }));
}
