/** Reads what entered the replica before restic could: packs whole, by their own headers, and then indexes against these. */
import { linkSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { disagreeing, packOf } from './blob-records.ts';
import type { Books, Entry } from '../audit/books.ts';
import { sharesFor, type Doubt } from './proof.ts';
import { idOf, portionBytes, type Asking } from './asking.ts';
import { makeFolder } from '../state/files.ts';
import { makeKnown, readPacksAlone } from './read-new.ts';
import { readOwnIndexes } from './read-indexes.ts';
import { RecordSorter } from './record-sorter.ts';
import { OutOfTime } from '../programs/restic-failures.ts';
import type { UnreadFile } from './unread-file.ts';

/**
 * Reads as far as the time goes, and notes what was read after each portion. What is not as it should be is a warning and
 * stays unread. `folder`: one of ours beside the replica's files. Throws Failure for our own trouble.
 */
export async function readUnread(asking: Asking, unread: UnreadFile, folder: string): Promise<Doubt[]> {
  const doubts: Doubt[] = [];
  try {
    if (!(await asking.restic.mayWrite())) await readByShares(asking, unread, doubts);
    else await readAll(asking, unread, folder, doubts);
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return doubts;
}

async function readAll(asking: Asking, unread: UnreadFile, folder: string, doubts: Doubt[]): Promise<void> {
  const { books } = asking;
  await makeKnown(asking);
  await readIndexes({ ...asking, candidate: folder }, unread, doubts);
  const contradicting = contradictingPacks(asking, unread, doubts);
  const packs = unread
    .ids('pack')
    .filter((id) => !contradicting.has(id))
    .map((id) => books.find('pack', id));
  for (const portion of portionsOf(books, packs))
    await readPortion({ ...asking, candidate: folder }, portion, unread, doubts);
}

/** What is rotten is left out, and the others are read once more. */
async function readPortion(
  asking: Asking,
  portion: readonly Entry[],
  unread: UnreadFile,
  doubts: Doubt[],
): Promise<void> {
  const { books } = asking;
  for (let packs = portion; packs.length > 0;) {
    showAlone(asking, asking.candidate, packs);
    const truth = new RecordSorter(asking.scratch); // the headers are known already
    const { junk, read } = await readPacksAlone(asking, packs, truth).finally(() => {
      truth.close();
    });
    const bad = new Set(junk.map(({ entry }) => entry));
    doubts.push(...junk.map(({ entry, message }) => doubtOf(books, entry, message)));
    if (read === undefined && bad.size === 0) throw new OutOfTime();
    packs = packs.filter((entry) => !bad.has(entry));
    if (read === undefined) continue;
    const ids = packs.map((entry) => idOf(books, entry)).filter((id) => read.isRead(id));
    note(unread, ids);
    if (ids.length < packs.length) throw new OutOfTime();
    return;
  }
}

/** Each index by itself, until none of the others lies. */
async function readIndexes(asking: Asking, unread: UnreadFile, doubts: Doubt[]): Promise<void> {
  const { books } = asking;
  let indexes = unread.ids('index').map((id) => books.find('index', id));
  while (indexes.length > 0) {
    showAlone(asking, asking.candidate, indexes);
    const { junk, read } = await readOwnIndexes(asking, indexes);
    doubts.push(...junk.map(({ entry, message }) => doubtOf(books, entry, message)));
    if (junk.length === 0) {
      note(
        unread,
        read.map((entry) => idOf(books, entry)),
      );
      return;
    }
    indexes = indexes.filter((entry) => !junk.some((each) => each.entry === entry));
  }
}

/** Unread packs that hold a blob with another plain length than another pack does: one of them makes restic restore something else. */
function contradictingPacks({ books, known }: Asking, unread: UnreadFile, doubts: Doubt[]): Set<string> {
  const open = new Set(unread.ids('pack'));
  const found = new Set<string>();
  for (const record of disagreeing(known.records())) {
    const pack = packOf(record);
    if (!open.has(pack) || found.has(pack)) continue;
    found.add(pack);
    doubts.push(
      doubtOf(
        books,
        books.find('pack', pack),
        `it says another length of the content of blob ${record.toString('hex', 0, 32)} than another pack does`,
      ),
    );
  }
  return found;
}

/** Without isolation, which can hold no index against headers: the packs by a check of the whole, share by share, and with them the indexes. */
async function readByShares(
  { restic, books, until, progress }: Asking,
  unread: UnreadFile,
  doubts: Doubt[],
): Promise<void> {
  const shares = sharesFor(unread.amount().bytes);
  for (let number = 1; number <= shares; number++) {
    const answer = await restic.isComplete({}, until, `${number}/${shares}`, progress);
    if (!answer.isGood) {
      doubts.push({
        path: '',
        rule: 'check-failed',
        message: `restic check --read-data-subset=${number}/${shares}, of what is unread: ${answer.words}`,
      });
      return;
    }
    unread.hasReadShare(`${number}/${shares}`, false);
    unread.save();
  }
  note(
    unread,
    unread.ids('index').filter((id) => books.find('index', id) >= 0),
  );
}

function note(unread: UnreadFile, ids: readonly string[]): void {
  unread.hasRead(ids);
  unread.save();
}

function doubtOf(books: Books, entry: Entry, message: string): Doubt {
  return {
    path: books.path(entry),
    rule: 'check-failed',
    message: `restic had not read it before it entered; now: ${message}`,
  };
}

function portionsOf(books: Books, packs: readonly Entry[]): Entry[][] {
  const portions: Entry[][] = [];
  let room = 0;
  for (const entry of packs) {
    if (portions.length === 0 || books.size(entry) > room) {
      portions.push([]);
      room = portionBytes;
    }
    portions.at(-1)?.push(entry);
    room -= books.size(entry);
  }
  return portions;
}

/** Files of the replica, by another name, as if they were candidates: restic sees them and no others. */
function showAlone({ books, replica }: Asking, folder: string, entries: readonly Entry[]): void {
  rmSync(folder, { recursive: true, force: true });
  for (const entry of entries) {
    const path = join(folder, books.path(entry));
    makeFolder(dirname(path));
    linkSync(join(replica, books.path(entry)), path);
  }
}
