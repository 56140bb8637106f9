/**
 * Packs that indexes name and that are not there. Where a snapshot needs one, such an index waits the first night: the
 * pack may still come. Then it enters with a warning, which stands until the pack has come, so that one dying pack on
 * serverA does not keep all later snapshots from safety; unless it would lead restic away from a blob that the replica has.
 */
import { join } from 'node:path';
import { ofKnownBlobs, packOf, speakerOf, weightOf } from '../core/blob-records.ts';
import type { Books, Entry } from '../core/books.ts';
import { inReplica } from '../core/flags.ts';
import { pathOf } from '../core/layout.ts';
import type { Doubt } from '../core/proof.ts';
import { waitingPaths, type Asking } from './asking.ts';
import { isWholeWithout } from './complete.ts';
import { IdFile } from './id-file.ts';
import type { RecordSorter } from './record-sorter.ts';

/** So many missing packs are remembered; indexes that name more of them wait. */
const remembered = 100_000;
/** A pack's header has so many bytes besides its lines. */
const headerBytes = 36;

export class Missing {
  readonly #admittedFile: IdFile;
  readonly #awaitedFile: IdFile;
  /** Named by indexes that entered all the same, with the bytes that the pack must have. */
  readonly admitted: Map<string, number>;
  /** Named by indexes that wait since an earlier night. */
  readonly awaited: ReadonlyMap<string, number>;
  /** Whether nothing waits for a second night: in a first copy, or where the operator has acknowledged that the pack is poison. */
  readonly mayEnter: (pack: string) => boolean;
  readonly #tonight = new Map<string, number>();

  /** `state`: the repository's state folder. */
  constructor(state: string, mayEnter: (pack: string) => boolean) {
    this.#admittedFile = new IdFile(join(state, 'missing-packs'));
    this.#awaitedFile = new IdFile(join(state, 'awaited-packs'));
    this.admitted = this.#admittedFile.read() ?? new Map<string, number>();
    this.awaited = this.#awaitedFile.read() ?? new Map<string, number>();
    this.mayEnter = mayEnter;
  }

  await(pack: string, bytes: number): void {
    if (this.#tonight.size < remembered) this.#tonight.set(pack, bytes);
  }

  /** After the admission: remembers what waits and what has entered, and forgets packs that have come. The standing warnings. */
  settle(books: Books): Doubt[] {
    for (const pack of this.admitted.keys()) if (isInReplica(books, pack)) this.admitted.delete(pack);
    if (this.admitted.size > 0 || this.#admittedFile.read() !== undefined) this.#admittedFile.write(this.admitted);
    if (this.#tonight.size > 0 || this.awaited.size > 0) this.#awaitedFile.write(this.#tonight);
    return [...this.admitted.keys()].map((pack) => ({ path: pathOf('pack', pack), rule: 'missing-pack', message: standing }));
  }
}

const standing = 'an index of the replica names it, and it is not there: what needs it cannot be restored until it has come';
const waits = 'an index names it, and it is not there: the index and what needs it wait as candidates';

function isInReplica(books: Books, pack: string): boolean {
  const entry = books.find('pack', pack);
  return entry >= 0 && books.has(entry, inReplica);
}

/** One absent pack: what it must weigh, and which indexes name it. */
interface Absent {
  bytes: number;
  readonly speakers: Set<number>;
}

/** What is said of absent packs: warnings for those that enter, waiting indexes for the others. */
export async function missingPacks(asking: Asking, indexes: readonly Entry[], absent: RecordSorter, unread: readonly Entry[]): Promise<Doubt[]> {
  if (absent.isEmpty) return [];
  const { books, missing, known } = asking;
  const packs = absentPacks(absent);
  const misleading = new Set<number>();
  for (const record of ofKnownBlobs(absent.sorted(), known.records())) misleading.add(speakerOf(record));
  const patient = [...packs].filter(([pack]) => !missing.mayEnter(pack) && !missing.awaited.has(pack) && !missing.admitted.has(pack)).flatMap(([, { speakers }]) => [...speakers]);
  const hidden = [...[...misleading].flatMap((speaker) => indexes[speaker] ?? []), ...unread];
  const waiting = new Set([...misleading, ...(patient.length === 0 || (await nothingNeeds(asking, hidden)) ? [] : patient)]);
  const doubts: Doubt[] = [];
  for (const [pack, { bytes, speakers }] of packs) {
    const [speaker] = [...speakers].filter((each) => waiting.has(each));
    if (speaker !== undefined) missing.await(pack, bytes);
    if ([...speakers].some((each) => !waiting.has(each)) && missing.admitted.size < remembered) missing.admitted.set(pack, bytes);
    else doubts.push({ path: pathOf('pack', pack), rule: 'missing-pack', message: waits });
  }
  return [...doubts, ...[...waiting].flatMap((speaker): Doubt[] => {
    const entry = indexes[speaker];
    return entry === undefined ? [] : [{ entry, path: books.path(entry), rule: 'missing-pack', message: misleading.has(speaker) ? misleads : '' }];
  })];
}

/** What indexes that are in the replica already name, and is not there, gets its warning. */
export function noteMissing({ missing: { admitted } }: Asking, absent: RecordSorter): void {
  for (const [pack, { bytes }] of absentPacks(absent)) if (admitted.size < remembered) admitted.set(pack, bytes);
}

/** Whether no snapshot, old or new, needs what is not there. */
async function nothingNeeds({ restic, books, candidate, until }: Asking, hidden: readonly Entry[]): Promise<boolean> {
  return isWholeWithout(restic, { candidate, without: [...waitingPaths(books), ...hidden.map((entry) => books.path(entry))] }, until);
}

const misleads = 'it names packs that are not there for content that the replica has: restic would look for it in vain. It waits as a candidate until they have come';

function absentPacks(absent: RecordSorter): Map<string, Absent> {
  const packs = new Map<string, Absent>();
  let before: Buffer | undefined;
  for (const record of absent.sorted()) {
    const pack = packOf(record);
    const known = packs.get(pack) ?? { bytes: headerBytes, speakers: new Set<number>() };
    const isRepeated = before?.compare(record, 0, 80, 0, 80) === 0;
    if (!isRepeated) known.bytes += weightOf(record);
    known.speakers.add(speakerOf(record));
    packs.set(pack, known);
    before = Buffer.from(record);
  }
  return packs;
}
