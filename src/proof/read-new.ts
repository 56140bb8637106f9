/**
 * Step 7 a and b: restic reads every new pack whole and every new index, which may say of a pack nothing that the
 * pack's own header does not say.
 */
import type { Books, Entry } from '../audit/books.ts';
import { contradicting, packOf } from './blob-records.ts';
import { culprits, first } from './culprits.ts';
import { waiting } from '../audit/flags.ts';
import type { IndexEntry } from './index-json.ts';
import { mostCulprits, type Doubt, type Junk } from './proof.ts';
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
import { notRead, readIndexes } from './read-indexes.ts';
import { RecordSorter } from './record-sorter.ts';
import { OutOfTime } from '../programs/restic-failures.ts';

/** What reading came to. */
export interface Reading {
  readonly junk: readonly Junk[];
  readonly doubts: readonly Doubt[];
  /** What enters although the time did not suffice to read it. */
  readonly unread: readonly Entry[];
}

/** Reads what is new; what the headers of good packs say becomes known. Throws Failure for our own trouble. */
export async function readNew(asking: Asking): Promise<Reading> {
  const { books, known, scratch } = asking;
  const [packs, indexes] = [news(books, 'pack'), news(books, 'index')];
  if (packs.length + indexes.length === 0) return { junk: [], doubts: [], unread: [] };
  const truth = new RecordSorter(scratch);
  try {
    await makeKnown(asking);
    const reading =
      (await readTogether(asking, packs, indexes, truth)) ?? (await readApart(asking, packs, indexes, truth));
    const junk = [...reading.junk, ...contradictions(books, truth, known.records())];
    if (junk.length === 0) known.add(truth.sorted());
    return { ...reading, junk };
  } finally {
    truth.close();
  }
}

/** Reads the headers of the replica's packs when what they say is not known. */
export async function makeKnown(asking: Asking): Promise<void> {
  const { books, known, scratch } = asking;
  if (known.isWhole()) return;
  const truth = new RecordSorter(scratch);
  try {
    for (const folders of packFolders(books))
      await readHeaders(asking, bare({ data: 'r', packFolders: folders }), (entry) => {
        truth.add(entry);
      });
    known.add(truth.sorted());
  } finally {
    truth.close();
  }
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
  const { books, candidate } = asking;
  const shown = { candidate, ...bare({ data: 'c', index: 'c' }, waitingPaths(books)) };
  const attempt = new RecordSorter(asking.scratch);
  const seen = new Seen(books);
  try {
    const read = await readPacks(asking, shown, bytesOf(books, packs), true, (entry) => {
      attempt.add(entry);
      seen.add(entry);
    });
    if (!read.isGood) return undefined;
    const unknown = packs.filter((entry) => !seen.has(entry) && read.isRead(idOf(books, entry)));
    if (unknown.length > 0) return { junk: await blamed(asking, unknown, noHeader), doubts: [], unread: [] };
    for (const record of attempt.sorted()) if (read.isRead(packOf(record))) truth.addRecord(record);
    return { junk: [], ...left(asking, packs, indexes, read) };
  } finally {
    attempt.close();
  }
}

/** Step 7 b: the packs by their own headers, then the indexes one by one. */
async function readApart(
  asking: Asking,
  packs: readonly Entry[],
  indexes: readonly Entry[],
  truth: RecordSorter,
): Promise<Reading> {
  const { books } = asking;
  const { junk, read } = await readPacksAlone(asking, packs, truth);
  for (const { entry } of junk) books.set(entry, waiting);
  const rest = read === undefined ? { doubts: [], unread: [] } : left(asking, packs, indexes, read);
  if (rest.doubts.length + rest.unread.length > 0) return { junk, ...rest };
  const reading = await readIndexes(asking, indexes, truth);
  return { junk: [...junk, ...reading.junk], doubts: reading.doubts, unread: [] };
}

/** What the headers of good packs say becomes `truth`. `read`: undefined when a pack is not good. */
export async function readPacksAlone(
  asking: Asking,
  packs: readonly Entry[],
  truth: RecordSorter,
): Promise<{ junk: Junk[]; read?: PacksRead }> {
  if (packs.length === 0) return { junk: [] };
  const { books, candidate, scratch } = asking;
  const seen = new Seen(books);
  const attempt = new RecordSorter(scratch);
  const tell = (entry: IndexEntry): void => {
    attempt.add(entry);
    seen.add(entry);
  };
  try {
    const read = await readPacks(
      asking,
      { candidate, ...bare({ data: 'c' }, waitingPaths(books)) },
      bytesOf(books, packs),
      false,
      tell,
    );
    const isRead = (pack: string): boolean => !read.isGood || read.isRead(pack);
    const junk = [
      ...(read.isGood ? [] : await rottenPacks(asking, packs)),
      ...(await blamed(
        asking,
        packs.filter((entry) => !seen.has(entry) && isRead(idOf(books, entry))).slice(0, mostCulprits),
        noHeader,
      )),
    ];
    const bad = new Set(junk.map(({ entry }) => idOf(books, entry)));
    for (const record of attempt.sorted())
      if (isRead(packOf(record)) && !bad.has(packOf(record))) truth.addRecord(record);
    return read.isGood ? { junk, read } : { junk };
  } finally {
    attempt.close();
  }
}

const noHeader = 'restic cannot read its header: it is no pack, although its name is its hash';
const rotten = 'what is in it is not what its header says, although its name is its hash';

/** Finds the packs that restic refuses to read. */
async function rottenPacks(asking: Asking, packs: readonly Entry[]): Promise<Junk[]> {
  const { restic, books, candidate, until } = asking;
  const hidden = waitingPaths(books);
  const rebuild = await restic.rebuildIndex();
  const fails = async (some: readonly Entry[]): Promise<boolean> => {
    const others = new Set(packs);
    for (const entry of some) others.delete(entry);
    const without = [...hidden, ...[...others].map((entry) => books.path(entry))];
    const asked = await restic.ask(
      { candidate, ...bare({ data: 'c' }, without) },
      [rebuild, ['check', '--read-data']],
      { until },
    );
    if (!asked.isRefused && asked.passed < 2) throw new OutOfTime();
    return asked.isRefused;
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
    junk.set(entry, {
      entry,
      message: `it says another length of the content of blob ${record.toString('hex', 0, 32)} than another pack does, and restic would restore something else`,
    });
    if (junk.size >= mostCulprits) break;
  }
  return [...junk.values()];
}

function bytesOf(books: Books, entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + books.size(entry), 0);
}

/** What the time did not suffice for: packs of shares that were not read, and then all that may point at them. */
function left(
  { books, mayEnterUnread }: Asking,
  packs: readonly Entry[],
  indexes: readonly Entry[],
  read: PacksRead,
): Pick<Reading, 'doubts' | 'unread'> {
  const unread = packs.filter((entry) => !read.isRead(idOf(books, entry)));
  if (unread.length === 0) return { doubts: [], unread };
  if (mayEnterUnread) return { doubts: [], unread: [...unread, ...indexes] };
  return {
    doubts: [...unread, ...indexes, ...news(books, 'snapshot')].map((entry) => ({
      entry,
      path: books.path(entry),
      rule: 'unfinished',
      message: notRead,
    })),
    unread: [],
  };
}

/** Which packs a merged index has named. */
class Seen {
  readonly #books: Books;
  readonly #seen: Uint8Array;
  #last = '';

  constructor(books: Books) {
    this.#books = books;
    this.#seen = new Uint8Array(books.count);
  }

  add({ pack }: IndexEntry): void {
    if (pack === this.#last) return;
    this.#last = pack;
    const entry = this.#books.find('pack', pack);
    if (entry >= 0) this.#seen[entry] = 1;
  }

  has(entry: Entry): boolean {
    return this.#seen[entry] === 1;
  }
}
