/** Prove: nothing enters that restic has not read. Nothing that serverA says counts. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Books, Entry } from '../audit/books.ts';
import { candidates, waiting } from '../audit/questions.ts';
import type { HashedType } from '../layout.ts';
import { cannotOpen, OutOfTime } from '../programs/restic-failures.ts';
import type { Answer } from '../programs/restic-question.ts';
import { idOf, news, waitingPaths, type Asking } from './asking.ts';
import { culprits } from './culprits.ts';
import { allGood, doubt, mostCulprits, unfinished, type Doubt, type Junk, type Proof, type Reading } from './proof.ts';
import { readNew } from './read-new.ts';
import { envelope, keyFault, largestKey } from './structure.ts';

/** More arguments than this are given to several processes. */
const mostSnapshots = 4000;

/** What every proof begins with, password or not: files that cannot be what their folder says. */
export function structuralJunk(candidate: string, books: Books): Junk[] {
  const junk: Junk[] = [];
  for (const entry of books.select(candidates)) {
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
  return { ...allGood, unread: [...news(books, 'pack'), ...news(books, 'index')] };
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
    return { ...allGood, doubts: unfinished(books, left) };
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
async function junkKeys({ restic, books, candidate, until }: Asking): Promise<Junk[]> {
  const junk: Junk[] = [];
  const keys = [...books.select(candidates, 'key')];
  for (const entry of news(books, 'key')) {
    const others = keys.filter((key) => key !== entry).map((key) => books.path(key));
    const shows = { data: '', index: '', keys: 'c', snapshots: '' } as const;
    const answer = await restic.passesKeys({ candidate, shows, without: others }, until);
    if (!answer.isGood) junk.push({ entry, message: answer.words });
  }
  return junk;
}

/** What was read together, or, in restic's words, that it refuses the whole and nobody can be blamed. */
type Together = Reading | { readonly junk: readonly []; readonly words: string };

/** Step 7 c: restic loads every index, decrypts every new snapshot, and lists its tree. */
async function together(asking: Asking): Promise<Together> {
  const { restic, books, candidate, until } = asking;
  const snapshots = news(books, 'snapshot');
  const opens: Opens = (some) => {
    const ids = some.map((entry) => idOf(books, entry));
    return restic.opens({ candidate, without: waitingPaths(books) }, ids, until);
  };
  for (let from = 0; from === 0 || from < snapshots.length; from += mostSnapshots)
    if (!(await opens(snapshots.slice(from, from + mostSnapshots))).isGood) return diagnose(asking, snapshots, opens);
  return allGood;
}

/** Whether restic opens the whole, and these snapshots. */
type Opens = (some: readonly Entry[]) => Promise<Answer>;

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
async function diagnose(asking: Asking, snapshots: readonly Entry[], opens: Opens): Promise<Together> {
  const { restic, books, candidate, until } = asking;
  const alone = await restic.opens({}, [], until);
  if (!alone.isGood) throw cannotOpen(alone.words);
  const whole = await opens([]);
  const shown = { candidate, without: waitingPaths(books) };
  const junk = whole.isGood ? [] : await unloadable(asking);
  if (!whole.isGood && junk.length === 0) return { junk: [], words: whole.words };
  letWait(books, junk);
  const doubts: Doubt[] = [];
  for await (const entry of culprits(snapshots, async (some) => !(await opens(some)).isGood)) {
    const { isGood, words } = await restic.snapshotDecrypts(shown, idOf(books, entry), until);
    if (isGood) doubts.push(doubt(books, entry, 'held-back', heldBack));
    else junk.push({ entry, message: `the snapshot does not decrypt: ${words}` });
    if (junk.length >= mostCulprits) break;
  }
  return { ...allGood, junk, doubts };
}

const heldBack = 'restic decrypts it but cannot read its tree yet; it waits as a candidate';
