/** Step 7 b, the indexes: each is read by itself, and each of its entries must be in the header of the pack it names. */
import { merged, notIn, packOf, speakerOf } from './blob-records.ts';
import type { Books, Entry } from '../audit/books.ts';
import { inReplica, verified, waiting } from '../audit/flags.ts';
import { IndexReader, NotAnIndex, type IndexEntry } from './index-json.ts';
import { mostCulprits, type Doubt, type Junk } from './proof.ts';
import { bare, idOf, readHeaders, requireOwnHealth, waitingPaths, type Asking } from './asking.ts';
import { missingPacks, noteMissing } from './missing-packs.ts';
import type { Reading } from './read-new.ts';
import { RecordSorter } from './record-sorter.ts';

/** So many indexes are read in one sandbox. */
const together = 200;

/** What the indexes say, as it is collected. */
interface Said {
  /** Of packs that are there. */
  readonly present: RecordSorter;
  /** Of packs that are not. */
  readonly absent: RecordSorter;
  readonly junk: Junk[];
  /** How many of the indexes were read. */
  read: number;
}

/** `truth`: what the headers of the new packs say. */
export async function readIndexes(asking: Asking, indexes: readonly Entry[], truth: RecordSorter): Promise<Reading> {
  const { books } = asking;
  const said: Said = {
    present: new RecordSorter(asking.scratch),
    absent: new RecordSorter(asking.scratch),
    junk: [],
    read: 0,
  };
  try {
    await readAll(asking, indexes, said);
    const lies = said.junk.length > 0 ? [] : await findLies(asking, indexes, said, truth);
    const junk = [...said.junk, ...lies];
    if (junk.length > 0) {
      await requireOwnHealth(
        asking,
        junk.map(({ entry }) => entry),
      );
      return { junk, doubts: [], unread: [] };
    }
    const left = indexes.slice(said.read);
    return {
      junk,
      doubts: [...outOfTime(books, left), ...(await missingPacks(asking, indexes, said.absent, truth, left))],
      unread: [],
    };
  } finally {
    said.present.close();
    said.absent.close();
  }
}

/** Indexes that are in the replica already: the liars, and those that were read. */
export async function readOwnIndexes(
  asking: Asking,
  indexes: readonly Entry[],
): Promise<{ junk: Junk[]; read: readonly Entry[] }> {
  const said: Said = {
    present: new RecordSorter(asking.scratch),
    absent: new RecordSorter(asking.scratch),
    junk: [],
    read: 0,
  };
  const none = new RecordSorter(asking.scratch);
  try {
    await readAll(asking, indexes, said);
    const junk = said.junk.length > 0 ? said.junk : await findLies(asking, indexes, said, none);
    if (junk.length > 0) {
      await requireOwnHealth(
        asking,
        junk.map(({ entry }) => entry),
      );
      return { junk, read: [] };
    }
    noteMissing(asking, indexes, said.absent);
    return { junk, read: indexes.slice(0, said.read) };
  } finally {
    for (const sorter of [said.present, said.absent, none]) sorter.close();
  }
}

/** What is said of a candidate that the time did not suffice for. */
export const notRead = 'restic has not read it within timeouts.prove; it waits as a candidate';

function outOfTime(books: Books, entries: readonly Entry[]): Doubt[] {
  return entries.map((entry) => ({ entry, path: books.path(entry), rule: 'unfinished', message: notRead }));
}

/** Reads one index after another, until the time is over or the first culprits are found. */
async function readAll(asking: Asking, indexes: readonly Entry[], said: Said): Promise<void> {
  const { restic, books, candidate, until } = asking;
  const shown = { candidate, ...bare({ index: 'c' }, waitingPaths(books)) };
  while (said.read < indexes.length && said.junk.length < mostCulprits) {
    const from = said.read;
    const some = indexes.slice(from, from + together);
    const reader = new OneByOne(asking, some, from, said);
    const asked = await restic.ask(
      shown,
      some.map((entry) => ['cat', 'index', idOf(books, entry)]),
      { until, onOutput: reader.read, onEnd: reader.end },
    );
    if (asked.isRefused) {
      const entry = some[asked.passed];
      if (entry !== undefined) said.junk.push({ entry, message: `restic cannot decrypt it: ${asked.words}` });
      said.read++;
    } else if (asked.passed < some.length) return;
  }
}

/** Takes what restic prints of several indexes. One that is none as restic writes it is junk, and the others are read on. */
class OneByOne {
  readonly #some: readonly Entry[];
  readonly #said: Said;
  readonly #reader: IndexReader;
  #number = 0;
  #fault: string | undefined;

  constructor({ books }: Asking, some: readonly Entry[], from: number, said: Said) {
    this.#some = some;
    this.#said = said;
    this.#reader = new IndexReader((entry) => {
      (isThere(books, entry) ? said.present : said.absent).add(entry, from + this.#number);
    });
  }

  readonly read = (step: number, chunk: Buffer): void => {
    this.#number = step;
    this.#orFault(() => {
      this.#reader.read(chunk);
    });
  };

  readonly end = (step: number): void => {
    this.#number = step;
    this.#orFault(() => {
      this.#reader.end();
    });
    const entry = this.#some[step];
    if (this.#fault !== undefined && entry !== undefined)
      this.#said.junk.push({
        entry,
        message: `restic decrypts it, but does not write an index like this: ${this.#fault}`,
      });
    if (this.#fault !== undefined) this.#reader.reset();
    this.#fault = undefined;
    this.#said.read++;
  };

  #orFault(work: () => void): void {
    if (this.#fault !== undefined) return;
    try {
      work();
    } catch (error) {
      if (!(error instanceof NotAnIndex)) throw error;
      this.#fault = error.message;
    }
  }
}

/** Whether the pack that an entry names is in the replica, or enters tonight. */
function isThere(books: Books, { pack }: IndexEntry): boolean {
  const entry = books.find('pack', pack);
  return entry >= 0 && (books.has(entry, inReplica) || (books.has(entry, verified) && !books.has(entry, waiting)));
}

/** What is neither known nor in the header of the pack: the first lie of each index. */
async function findLies(asking: Asking, indexes: readonly Entry[], said: Said, truth: RecordSorter): Promise<Junk[]> {
  const { known, scratch } = asking;
  const [doubtful, headers] = [new RecordSorter(scratch), new RecordSorter(scratch)];
  try {
    const folders = new Set<string>();
    for (const record of notIn(said.present.sorted(), merged([truth.sorted(), known.records()]))) {
      doubtful.addRecord(record);
      folders.add(packOf(record).slice(0, 2));
    }
    if (doubtful.isEmpty) return [];
    await readHeaders(asking, bare({ data: 'r', packFolders: [...folders].sort() }), (entry) => {
      headers.add(entry);
    });
    return liars(indexes, notIn(doubtful.sorted(), merged([truth.sorted(), headers.sorted()])));
  } finally {
    doubtful.close();
    headers.close();
  }
}

function liars(indexes: readonly Entry[], lies: Iterable<Buffer>): Junk[] {
  const junk = new Map<number, Junk>();
  for (const record of lies) {
    const entry = indexes[speakerOf(record)];
    if (entry === undefined || junk.has(speakerOf(record))) continue;
    junk.set(speakerOf(record), {
      entry,
      message: `it says of pack ${packOf(record).slice(0, 16)} what its header does not say: blob ${record.toString('hex', 0, 8)}`,
    });
    if (junk.size >= mostCulprits) break;
  }
  return [...junk.values()];
}
