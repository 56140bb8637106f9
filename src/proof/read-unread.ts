/** Reads what entered the replica before restic could: packs whole, by their own headers, and then indexes against these. */
import type { Books, Entry } from '../audit/books.ts';
import { OutOfTime } from '../programs/restic-failures.ts';
import { idOf, portionsOf, type Asking } from './asking.ts';
import { blobOf, disagreeing, packOf } from './blob-records.ts';
import { sharesFor, type Doubt, type Junk } from './proof.ts';
import { readOwnIndexes } from './read-indexes.ts';
import { makeKnown, readPacksAlone } from './read-new.ts';
import { RecordSorter } from './record-sorter.ts';
import type { UnreadFile } from './unread-file.ts';

/**
 * Gives files of the replica a second name in a folder of our own, as if they were candidates, so that restic sees them
 * and no others; returns that folder. What it showed before is gone, and with no paths the folder is.
 */
export type ShowAlone = (paths: readonly string[]) => string;

/** What this reading works with; `doubts` is what it has found. */
interface Work {
  readonly asking: Asking;
  readonly unread: UnreadFile;
  readonly showAlone: ShowAlone;
  readonly doubts: Doubt[];
}

/**
 * Reads as far as the time goes, and notes what was read after each portion. What is not as it should be is a warning and
 * stays unread. Throws Failure for our own trouble.
 */
export async function readUnread(asking: Asking, unread: UnreadFile, showAlone: ShowAlone): Promise<Doubt[]> {
  const work: Work = { asking, unread, showAlone, doubts: [] };
  try {
    await ((await asking.restic.mayWrite()) ? readAll(work) : readByShares(work));
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
  } finally {
    showAlone([]);
  }
  return work.doubts;
}

async function readAll(work: Work): Promise<void> {
  const { asking, unread } = work;
  const { books } = asking;
  await makeKnown(asking);
  await readIndexes(work);
  const contradictory = contradictingPacks(work);
  const packs = entriesOf(books, unread, 'pack').filter((entry) => !contradictory.has(entry));
  for (const portion of portionsOf(packs, (entry) => books.size(entry))) await readPortion(work, portion);
}

function entriesOf(books: Books, unread: UnreadFile, type: 'pack' | 'index'): Entry[] {
  return unread.ids(type).map((id) => books.find(type, id));
}

/** What is rotten is left out, and the others are read once more. */
async function readPortion(work: Work, portion: readonly Entry[]): Promise<void> {
  const { books, scratch } = work.asking;
  for (let packs = portion; packs.length > 0;) {
    using truth = new RecordSorter(scratch); // the headers are known already
    const { junk, read } = await readPacksAlone(alone(work, packs), packs, truth);
    tell(work, junk);
    if (read === undefined && junk.length === 0) throw new OutOfTime();
    packs = without(packs, junk);
    if (read === undefined) continue;
    const done = packs.filter((entry) => read.isRead(idOf(books, entry)));
    note(work, done);
    if (done.length < packs.length) throw new OutOfTime();
    return;
  }
}

/** Each index by itself, until none of the others lies. */
async function readIndexes(work: Work): Promise<void> {
  let indexes = entriesOf(work.asking.books, work.unread, 'index');
  while (indexes.length > 0) {
    const { junk, read } = await readOwnIndexes(alone(work, indexes), indexes);
    tell(work, junk);
    note(work, read);
    indexes = junk.length === 0 ? [] : without(indexes, junk);
  }
}

function without(entries: readonly Entry[], junk: readonly Junk[]): Entry[] {
  const bad = new Set(junk.map(({ entry }) => entry));
  return entries.filter((entry) => !bad.has(entry));
}

/** The same questions, with these files as if they were the candidates. */
function alone({ asking, showAlone }: Work, entries: readonly Entry[]): Asking {
  return { ...asking, candidate: showAlone(entries.map((entry) => asking.books.path(entry))) };
}

/** Unread packs that hold a blob with another plain length than another pack does: one of them makes restic restore something else. */
function contradictingPacks(work: Work): Set<Entry> {
  const { asking, unread } = work;
  const open = new Set(entriesOf(asking.books, unread, 'pack'));
  const found = new Set<Entry>();
  for (const record of disagreeing(asking.known.records())) {
    const entry = asking.books.find('pack', packOf(record));
    if (!open.has(entry) || found.has(entry)) continue;
    found.add(entry);
    const message = `it says another length of the content of blob ${blobOf(record)} than another pack does`;
    tell(work, [{ entry, message }]);
  }
  return found;
}

/** Without isolation, which can hold no index against headers: the packs by a check of the whole, share by share, and with them the indexes. */
async function readByShares({ asking, unread, doubts }: Work): Promise<void> {
  const { restic, until, progress } = asking;
  const total = sharesFor(unread.amount().bytes);
  for (let number = 1; number <= total; number++) {
    const share = `${number}/${total}`;
    const answer = await restic.isComplete({}, until, share, progress);
    if (!answer.isGood) {
      const message = `restic check --read-data-subset=${share}, of what is unread: ${answer.words}`;
      doubts.push({ path: '', rule: 'check-failed', message });
      return;
    }
    unread.hasReadShare(share, false);
    unread.save();
  }
  unread.hasRead(unread.ids('index').filter((id) => asking.books.find('index', id) >= 0));
  unread.save();
}

function note({ asking, unread }: Work, entries: readonly Entry[]): void {
  unread.hasRead(entries.map((entry) => idOf(asking.books, entry)));
  unread.save();
}

function tell({ asking, doubts }: Work, junk: readonly Junk[]): void {
  for (const { entry, message } of junk)
    doubts.push({
      path: asking.books.path(entry),
      rule: 'check-failed',
      message: `restic had not read it before it entered; now: ${message}`,
    });
}
