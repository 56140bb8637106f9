/**
 * Step 7 a and b: restic reads every new pack whole and every new index, which may say of a pack nothing that the
 * pack's own header does not say.
 */
import type { Books, Entry } from '../audit/books.ts';
import { waiting } from '../audit/questions.ts';
import {
  bare,
  idOf,
  news,
  packFolders,
  readHeaders,
  readPacks,
  requireOwnHealth,
  waitingPaths,
  type Asking,
  type PacksRead,
} from './asking.ts';
import { blobOf, contradicting, packOf } from './blob-records.ts';
import { culprits, first } from './culprits.ts';
import type { IndexEntry } from './index-json.ts';
import { allGood, mostCulprits, unfinished, type Junk, type Reading } from './proof.ts';
import { readIndexes } from './read-indexes.ts';
import { RecordSorter } from './record-sorter.ts';

/** Reads what is new; what the headers of good packs say becomes known. Throws Failure for our own trouble. */
export async function readNew(asking: Asking): Promise<Reading> {
  const { books, known, scratch } = asking;
  const [packs, indexes] = [news(books, 'pack'), news(books, 'index')];
  if (packs.length + indexes.length === 0) return allGood;
  using truth = new RecordSorter(scratch);
  await makeKnown(asking);
  const reading =
    (await readTogether(asking, packs, indexes, truth)) ?? (await readApart(asking, packs, indexes, truth));
  const junk = [...reading.junk, ...contradictions(books, truth, known.records())];
  if (junk.length === 0) known.add(truth.sorted());
  return { ...reading, junk };
}

/** Reads the headers of the replica's packs when what they say is not known. */
export async function makeKnown(asking: Asking): Promise<void> {
  const { books, known, scratch } = asking;
  if (known.isWhole()) return;
  using truth = new RecordSorter(scratch);
  for (const folders of packFolders(books))
    await readHeaders(asking, bare({ data: 'r', packFolders: folders }), (entry) => {
      truth.add(entry);
    });
  known.add(truth.sorted());
}

/**
 * Step 7 a: new packs and new indexes alone. Three times yes says that each pack was read whole, and that the indexes
 * name new packs only and say what the packs say. Undefined when it is not as simple as that.
 */
async function readTogether(
  asking: Asking,
  packs: readonly Entry[],
  indexes: readonly Entry[],
  truth: RecordSorter,
): Promise<Reading | undefined> {
  using attempt = new Attempt(asking);
  const read = await attempt.read(packs, { data: 'c', index: 'c' });
  if (!read.isGood) return undefined;
  const junk = await blamed(asking, attempt.headless(packs, read), noHeader);
  if (junk.length > 0) return { ...allGood, junk };
  attempt.tellTruth(truth, (pack) => read.isRead(pack));
  return left(asking, packs, indexes, read);
}

/** Step 7 b: the packs by their own headers, then the indexes one by one. */
async function readApart(
  asking: Asking,
  packs: readonly Entry[],
  indexes: readonly Entry[],
  truth: RecordSorter,
): Promise<Reading> {
  const { junk, read } = await readPacksAlone(asking, packs, truth);
  for (const { entry } of junk) asking.books.set(entry, waiting);
  const rest = read === undefined ? allGood : left(asking, packs, indexes, read);
  if (rest.doubts.length + rest.unread.length > 0) return { ...rest, junk };
  const reading = await readIndexes(asking, indexes, truth);
  return { ...reading, junk: [...junk, ...reading.junk] };
}

/** What the headers of good packs say becomes `truth`. `read`: undefined when a pack is not good. */
export async function readPacksAlone(
  asking: Asking,
  packs: readonly Entry[],
  truth: RecordSorter,
): Promise<{ readonly junk: readonly Junk[]; readonly read?: PacksRead }> {
  if (packs.length === 0) return { junk: [] };
  using attempt = new Attempt(asking);
  const read = await attempt.read(packs, { data: 'c' });
  const rottenOnes = read.isGood ? [] : await rottenPacks(asking, packs);
  const headless = await blamed(asking, attempt.headless(packs, read).slice(0, mostCulprits), noHeader);
  const junk = [...rottenOnes, ...headless];
  const bad = new Set(junk.map(({ entry }) => idOf(asking.books, entry)));
  attempt.tellTruth(truth, (pack) => isTold(read, pack) && !bad.has(pack));
  return read.isGood ? { junk, read } : { junk };
}

const noHeader = 'restic cannot read its header: it is no pack, although its name is its hash';
const rotten = 'what is in it is not what its header says, although its name is its hash';

/** Whether the merged index, which is there before anything is read, is to be held to what it says of a pack. */
const isTold = (read: PacksRead, pack: string): boolean => !read.isGood || read.isRead(pack);

/** One reading of packs, and what the index that restic has merged of them says. */
class Attempt {
  readonly #asking: Asking;
  readonly #records: RecordSorter;
  readonly #named: Uint8Array;
  #last = '';

  constructor(asking: Asking) {
    this.#asking = asking;
    this.#records = new RecordSorter(asking.scratch);
    this.#named = new Uint8Array(asking.books.count);
  }

  /** With indexes beside them, a check of the structure comes first. */
  async read(packs: readonly Entry[], shows: { readonly data: 'c'; readonly index?: 'c' }): Promise<PacksRead> {
    const { books, candidate } = this.#asking;
    const shown = { candidate, ...bare(shows, waitingPaths(books)) };
    const bytes = packs.reduce((sum, entry) => sum + books.size(entry), 0);
    return readPacks(this.#asking, shown, bytes, shows.index !== undefined, (entry) => {
      this.#add(entry);
    });
  }

  #add(entry: IndexEntry): void {
    this.#records.add(entry);
    if (entry.pack === this.#last) return;
    this.#last = entry.pack;
    const found = this.#asking.books.find('pack', entry.pack);
    if (found >= 0) this.#named[found] = 1;
  }

  /** The packs that should be in the merged index, and are not. */
  headless(packs: readonly Entry[], read: PacksRead): Entry[] {
    return packs.filter((entry) => this.#named[entry] === 0 && isTold(read, idOf(this.#asking.books, entry)));
  }

  /** Gives what is said of these packs to `truth`. */
  tellTruth(truth: RecordSorter, isTrue: (pack: string) => boolean): void {
    for (const record of this.#records.sorted()) if (isTrue(packOf(record))) truth.addRecord(record);
  }

  [Symbol.dispose](): void {
    this.#records[Symbol.dispose]();
  }
}

/** Finds the packs that restic refuses to read. */
async function rottenPacks(asking: Asking, packs: readonly Entry[]): Promise<Junk[]> {
  const { restic, books, candidate, until } = asking;
  const hidden = waitingPaths(books);
  const steps = [await restic.rebuildIndex(), ['check', '--read-data']];
  const fails = async (some: readonly Entry[]): Promise<boolean> => {
    const asked = new Set(some);
    const others = packs.filter((entry) => !asked.has(entry));
    const without = [...hidden, ...others.map((entry) => books.path(entry))];
    return !(await restic.passes({ candidate, ...bare({ data: 'c' }, without) }, steps, until));
  };
  return blamed(asking, await first(culprits(packs, fails)), rotten);
}

async function blamed(asking: Asking, entries: readonly Entry[], message: string): Promise<Junk[]> {
  if (entries.length > 0) await requireOwnHealth(asking, entries);
  return entries.map((entry) => ({ entry, message }));
}

/** Packs that hold a blob once more with another plain length: restic would not notice, and restore something else. */
function contradictions(books: Books, truth: RecordSorter, known: Iterable<Buffer>): Junk[] {
  const junk = new Map<Entry, Junk>();
  for (const record of contradicting(truth.sorted(), known)) {
    const entry = books.find('pack', packOf(record));
    if (entry < 0) continue;
    const message = `it says another length of the content of blob ${blobOf(record)} than another pack does, and restic would restore something else`;
    junk.set(entry, { entry, message });
    if (junk.size >= mostCulprits) break;
  }
  return [...junk.values()];
}

/** What the time did not suffice for: packs of shares that were not read, and then all that may point at them. */
function left(
  { books, mayEnterUnread }: Asking,
  packs: readonly Entry[],
  indexes: readonly Entry[],
  read: PacksRead,
): Reading {
  const unread = packs.filter((entry) => !read.isRead(idOf(books, entry)));
  if (unread.length === 0) return allGood;
  if (mayEnterUnread) return { ...allGood, unread: [...unread, ...indexes] };
  return { ...allGood, doubts: unfinished(books, [...unread, ...indexes, ...news(books, 'snapshot')]) };
}
