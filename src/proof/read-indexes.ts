/** Step 7 b, the indexes: each is read by itself, and each of its entries must be in the header of the pack it names. */
import type { Books, Entry } from '../audit/books.ts';
import { inReplica, verified, waiting } from '../audit/questions.ts';
import type { Asked } from '../programs/restic-question.ts';
import { bare, idOf, readHeaders, requireOwnHealth, waitingPaths, type Asking } from './asking.ts';
import { blobOf, merged, notIn, packOf, speakerOf } from './blob-records.ts';
import { IndexReader, type IndexEntry } from './index-json.ts';
import { missingPacks, noteMissing } from './missing-packs.ts';
import { allGood, mostCulprits, unfinished, type Junk, type Reading } from './proof.ts';
import { RecordSorter } from './record-sorter.ts';

/** So many indexes are read in one sandbox. */
const together = 200;

/** What the indexes say, as it is collected. */
class Said {
  /** Of packs that are there. */
  readonly present: RecordSorter;
  /** Of packs that are not. */
  readonly absent: RecordSorter;
  readonly junk: Junk[] = [];
  /** How many of the indexes were read. */
  read = 0;

  constructor(scratch: string) {
    this.present = new RecordSorter(scratch);
    this.absent = new RecordSorter(scratch);
  }

  [Symbol.dispose](): void {
    this.present[Symbol.dispose]();
    this.absent[Symbol.dispose]();
  }
}

/** Reads new indexes; the packs that they name and that are not there get their warnings. `truth`: what the headers of the new packs say. */
export async function readIndexes(asking: Asking, indexes: readonly Entry[], truth: RecordSorter): Promise<Reading> {
  using said = new Said(asking.scratch);
  const junk = await findJunk(asking, indexes, said, truth);
  if (junk.length > 0) return { ...allGood, junk };
  const left = indexes.slice(said.read);
  const missing = await missingPacks(asking, indexes, said.absent, truth, left);
  return { ...allGood, doubts: [...unfinished(asking.books, left), ...missing] };
}

/** Indexes that are in the replica already: the liars, and those that were read. */
export async function readOwnIndexes(
  asking: Asking,
  indexes: readonly Entry[],
): Promise<{ readonly junk: readonly Junk[]; readonly read: readonly Entry[] }> {
  using said = new Said(asking.scratch);
  using none = new RecordSorter(asking.scratch);
  const junk = await findJunk(asking, indexes, said, none);
  if (junk.length > 0) return { junk, read: [] };
  noteMissing(asking, indexes, said.absent);
  return { junk, read: indexes.slice(0, said.read) };
}

/** What is no index; where all are, the liars. */
async function findJunk(
  asking: Asking,
  indexes: readonly Entry[],
  said: Said,
  truth: RecordSorter,
): Promise<readonly Junk[]> {
  await readAll(asking, indexes, said);
  const junk = said.junk.length > 0 ? said.junk : await findLies(asking, indexes, said, truth);
  const entries = junk.map(({ entry }) => entry);
  if (junk.length > 0) await requireOwnHealth(asking, entries);
  return junk;
}

/** Reads one index after another, until the time is over or the first culprits are found. */
async function readAll(asking: Asking, indexes: readonly Entry[], said: Said): Promise<void> {
  while (said.read < indexes.length && said.junk.length < mostCulprits) {
    const some = indexes.slice(said.read, said.read + together);
    const { isRefused, passed, words } = await readSome(asking, some, said);
    if (!isRefused && passed < some.length) return;
    const entry = some[passed];
    if (!isRefused || entry === undefined) continue;
    said.junk.push({ entry, message: `restic cannot decrypt it: ${words}` });
    said.read++;
  }
}

/** One that restic decrypts, but that is none as it writes them, is junk, and the others are read on. */
async function readSome(
  { restic, books, candidate, until }: Asking,
  some: readonly Entry[],
  said: Said,
): Promise<Asked> {
  const before = said.read;
  let number = 0;
  const reader = new IndexReader((entry) => {
    (isThere(books, entry) ? said.present : said.absent).add(entry, before + number);
  });
  const questions = some.map((entry) => ['cat', 'index', idOf(books, entry)]);
  return restic.ask({ candidate, ...bare({ index: 'c' }, waitingPaths(books)) }, questions, {
    until,
    onOutput: (step, chunk) => {
      number = step;
      reader.read(chunk);
    },
    onEnd: (step) => {
      number = step;
      const [fault, entry] = [reader.end(), some[step]];
      if (fault !== undefined && entry !== undefined)
        said.junk.push({ entry, message: `restic decrypts it, but does not write an index like this: ${fault}` });
      said.read++;
    },
  });
}

/** Whether the pack that an entry names is in the replica, or enters tonight. */
function isThere(books: Books, { pack }: IndexEntry): boolean {
  const entry = books.find('pack', pack);
  return entry >= 0 && (books.has(entry, inReplica) || (books.has(entry, verified) && !books.has(entry, waiting)));
}

/** What is neither known nor in the header of the pack: the first lie of each index. */
async function findLies(asking: Asking, indexes: readonly Entry[], said: Said, truth: RecordSorter): Promise<Junk[]> {
  const { known, scratch } = asking;
  using doubtful = new RecordSorter(scratch);
  using headers = new RecordSorter(scratch);
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
}

function liars(indexes: readonly Entry[], lies: Iterable<Buffer>): Junk[] {
  const junk = new Map<number, Junk>();
  for (const record of lies) {
    const speaker = speakerOf(record);
    const entry = indexes[speaker];
    if (entry === undefined || junk.has(speaker)) continue;
    const what = `blob ${blobOf(record).slice(0, 16)}`;
    junk.set(speaker, {
      entry,
      message: `it says of pack ${packOf(record).slice(0, 16)} what its header does not say: ${what}`,
    });
    if (junk.size >= mostCulprits) break;
  }
  return [...junk.values()];
}
