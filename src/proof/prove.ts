/** Prove: nothing enters that restic has not read. Nothing that serverA says counts. */
import { copyFileSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Books, Entry } from '../audit/books.ts';
import { culprits } from './culprits.ts';
import { inReplica, verified, waiting } from '../audit/flags.ts';
import type { HashedType } from '../layout.ts';
import { mostCulprits, type Doubt, type Junk, type Proof } from './proof.ts';
import { envelope, keyFault, largestKey } from './structure.ts';
import { idOf, news, waitingPaths, type Asking } from './asking.ts';
import { makeFolder } from '../state/files.ts';
import { readNew, type Reading } from './read-new.ts';
import { notRead } from './read-indexes.ts';
import { cannotOpen, OutOfTime } from '../programs/restic-failures.ts';
import type { Answer } from '../programs/restic-question.ts';

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
  if (books.type(entry) !== 'key')
    return size < envelope ? `only ${size} bytes, less than restic's envelope` : undefined;
  if (size > largestKey) return `${size} bytes, more than any restic key has`;
  return keyFault(readFileSync(join(candidate, books.path(entry)), 'utf8'));
}

/**
 * Step 7: keys one by one; new packs and indexes read whole; then replica and candidates together. What waits is marked
 * as waiting in the books. Throws Failure for our own trouble: password, version, memory, disk.
 */
export async function prove(asking: Asking): Promise<Proof> {
  const { restic, books } = asking;
  const keys = await junkKeys(asking);
  letWait(books, keys);
  const { junk, doubts, unread } = (await restic.mayWrite()) ? await readInTime(asking) : allUnread(asking);
  letWait(books, [...junk, ...doubts]);
  const last = await orOutOfTime(asking, unread.length > 0 ? ['index', 'snapshot'] : ['snapshot'], () =>
    together(asking),
  );
  const all = [...keys, ...junk, ...last.junk];
  if (all.length > 0) return { outcome: 'failed', junk: all, words: all[0]?.message ?? '' };
  if ('words' in last) return { outcome: 'failed', ...last };
  letWait(books, last.doubts);
  return {
    outcome: 'passed',
    doubts: [...doubts, ...last.doubts],
    unread: unread.filter((entry) => !books.has(entry, waiting)),
  };
}

/** A first copy leaves a fifth of the time for what comes after the reading, so that snapshots need not wait for the packs. */
const forReading = 0.8;

/** What is new is read; what the time does not suffice for waits, or, in a first copy, enters unread. */
async function readInTime(asking: Asking): Promise<Reading> {
  const { mayEnterUnread, until } = asking;
  if (!mayEnterUnread) return orOutOfTime(asking, ['pack', 'index', 'snapshot'], () => readNew(asking));
  try {
    return await readNew({ ...asking, until: until - (1 - forReading) * Math.max(0, until - Date.now()) });
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    return allUnread(asking);
  }
}

function allUnread({ books }: Asking): Reading {
  return { junk: [], doubts: [], unread: [...news(books, 'pack'), ...news(books, 'index')] };
}

/** When the time is over, what was not read waits; what was found stays found. */
async function orOutOfTime<T>(
  { books }: Asking,
  types: readonly HashedType[],
  work: () => Promise<T>,
): Promise<T | Reading> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    const left = types.flatMap((type) => news(books, type));
    return {
      junk: [],
      doubts: left.map((entry) => ({ entry, path: books.path(entry), rule: 'unfinished', message: notRead })),
      unread: [],
    };
  }
}

/** What is junk or must wait is not shown to restic any more. */
function letWait(books: Books, those: readonly { readonly entry?: Entry }[]): void {
  for (const { entry } of those) if (entry !== undefined) books.set(entry, waiting);
}

/**
 * Each new key alone, without the replica's own: restic stops at the first key that fits, and in the replica it may
 * meet them in another order. One for another password is good; what stops restic at all is not.
 */
async function junkKeys({ restic, books, candidate, scratch, until }: Asking): Promise<Junk[]> {
  const junk: Junk[] = [];
  const own = [...books.select(inReplica, 0, 'key')].map((entry) => books.path(entry));
  for (const entry of news(books, 'key')) {
    const one = join(scratch, 'one-key');
    const copy = join(one, books.path(entry));
    makeFolder(dirname(copy));
    copyFileSync(join(candidate, books.path(entry)), copy);
    const answer = await restic.passesKeys({ candidate: one, without: own }, until);
    if (!answer.isGood) junk.push({ entry, message: answer.words });
    rmSync(one, { recursive: true, force: true });
  }
  return junk;
}

/** Step 7 c: restic loads every index, decrypts every new snapshot, and lists its tree. `words`: it refuses the whole. */
async function together(asking: Asking): Promise<Reading | { readonly junk: []; readonly words: string }> {
  const { restic, books, candidate, until } = asking;
  const snapshots = news(books, 'snapshot');
  const opens = (some: readonly Entry[]): Promise<Answer> =>
    restic.opens(
      { candidate, without: waitingPaths(books) },
      some.map((entry) => idOf(books, entry)),
      until,
    );
  for (const some of portions(snapshots)) if (!(await opens(some)).isGood) return diagnose(asking, snapshots, opens);
  return { junk: [], doubts: [], unread: [] };
}

function portions(entries: readonly Entry[]): Entry[][] {
  const count = Math.max(1, Math.ceil(entries.length / mostSnapshots));
  return Array.from({ length: count }, (_, i) => entries.slice(i * mostSnapshots, (i + 1) * mostSnapshots));
}

/** New indexes that restic does not load: where it has read them before, there are none. */
async function unloadable({ restic, books, candidate, until }: Asking): Promise<Junk[]> {
  const indexes = news(books, 'index');
  const junk: Junk[] = [];
  const fails = async (some: readonly Entry[]): Promise<boolean> => {
    const without = indexes.filter((entry) => !some.includes(entry)).map((entry) => books.path(entry));
    return !(await restic.opens({ candidate, without: [...waitingPaths(books), ...without] }, [], until)).isGood;
  };
  for await (const entry of culprits(indexes, fails)) {
    junk.push({ entry, message: 'restic cannot load it: it does not decrypt, or is no index' });
    if (junk.length >= mostCulprits) break;
  }
  return junk;
}

/** First ourselves, then each snapshot that cannot be read: junk does not even decrypt, the others wait. */
async function diagnose(
  asking: Asking,
  snapshots: readonly Entry[],
  opens: (some: readonly Entry[]) => Promise<Answer>,
): Promise<Reading | { readonly junk: []; readonly words: string }> {
  const { restic, books, candidate, until } = asking;
  const alone = await restic.opens({}, [], until);
  if (!alone.isGood) throw cannotOpen(alone.words);
  const whole = await opens([]);
  const shown = { candidate, without: waitingPaths(books) };
  const [junk, doubts]: [Junk[], Doubt[]] = [whole.isGood ? [] : await unloadable(asking), []];
  if (!whole.isGood && junk.length === 0) return { junk: [], words: whole.words };
  letWait(books, junk);
  for await (const entry of culprits(snapshots, async (some) => !(await opens(some)).isGood)) {
    const decrypted = await restic.snapshotDecrypts(shown, idOf(books, entry), until);
    if (!decrypted.isGood) junk.push({ entry, message: `the snapshot does not decrypt: ${decrypted.words}` });
    else
      doubts.push({
        entry,
        path: books.path(entry),
        rule: 'held-back',
        message: 'restic decrypts it but cannot read its tree yet; it waits as a candidate',
      });
    if (junk.length >= mostCulprits) break;
  }
  return { junk, doubts, unread: [] };
}
