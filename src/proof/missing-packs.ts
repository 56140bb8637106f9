/**
 * Packs that indexes name and that are not there. Where a snapshot needs one, such an index waits the first night: the
 * pack may still come. Then it enters with a warning, which stands until the pack has come, so that one dying pack on
 * serverA does not keep all later snapshots from safety; unless it would lead restic away from a blob that the replica has.
 */
import { join } from 'node:path';
import { merged, ofKnownBlobs, packOf, speakerOf, weightOf } from './blob-records.ts';
import type { Books, Entry } from '../audit/books.ts';
import { inReplica, present } from '../audit/questions.ts';
import { repositoryPath } from '../layout.ts';
import { doubt, type Doubt } from './proof.ts';
import { idOf, waitingPaths, type Asking } from './asking.ts';
import { isWholeWithout } from './complete.ts';
import { IdFile, largestNumber } from '../state/id-file.ts';
import type { RecordSorter } from './record-sorter.ts';

/** So many missing packs are remembered; indexes that name more of them wait. */
const remembered = 100_000;
/** A pack's header has so many bytes besides its lines. */
const headerBytes = 36;

export class Missing {
  readonly #admittedFile: IdFile;
  readonly #namingFile: IdFile;
  readonly #awaitedFile: IdFile;
  /** Named by indexes that entered all the same, with the bytes that the pack must have. */
  readonly admitted: Map<string, number>;
  /** These indexes; undefined when nobody knows. */
  #naming: Map<string, number> | undefined;
  /** Named by indexes that wait since an earlier night. */
  readonly awaited: ReadonlyMap<string, number>;
  /** Whether nothing waits for a second night: in a first copy, or where the operator has acknowledged that the pack is poison. */
  readonly mayEnter: (pack: string) => boolean;
  readonly #tonight = new Map<string, number>();

  /** `state`: the repository's state folder. */
  constructor(state: string, mayEnter: (pack: string) => boolean) {
    this.#admittedFile = new IdFile(join(state, 'missing-packs'));
    this.#namingFile = new IdFile(join(state, 'missing-packs-indexes'));
    this.#awaitedFile = new IdFile(join(state, 'awaited-packs'));
    this.admitted = this.#admittedFile.read() ?? new Map<string, number>();
    this.#naming = this.admitted.size > 0 ? this.#namingFile.read() : new Map<string, number>();
    this.awaited = this.#awaitedFile.read() ?? new Map<string, number>();
    this.mayEnter = mayEnter;
  }

  await(pack: string, bytes: number): void {
    this.#tonight.set(pack, bytes);
  }

  /** `indexes`: the IDs of those that name it and enter. */
  admit(pack: string, bytes: number, indexes: Iterable<string>): void {
    this.admitted.set(pack, bytes);
    for (const index of indexes) this.#naming?.set(index, 0);
  }

  /**
   * The indexes to be read again, because such a pack has come, and nobody has held what they say of it against its header,
   * or because one of them has left. What they name then is noted anew.
   */
  takeChanged(books: Books): Entry[] {
    const naming =
      this.#naming === undefined
        ? undefined
        : [...this.#naming.keys()].filter((index) => isInReplica(books, 'index', index));
    const isAsBefore =
      naming?.length === this.#naming?.size &&
      ![...this.admitted.keys()].some((pack) => isInReplica(books, 'pack', pack));
    if (this.admitted.size === 0 || (naming !== undefined && isAsBefore)) return [];
    this.admitted.clear();
    this.#naming = new Map();
    return naming?.map((index) => books.find('index', index)) ?? [...books.select(present, 'index')];
  }

  /** After the admission: remembers what waits and what has entered. The standing warnings. */
  settle(): Doubt[] {
    if (this.admitted.size > 0 || this.#admittedFile.read() !== undefined) {
      this.#namingFile.write(this.#naming ?? new Map());
      this.#admittedFile.write(this.admitted);
    }
    if (this.#tonight.size > 0 || this.awaited.size > 0) this.#awaitedFile.write(this.#tonight);
    return [...this.admitted.keys()].map((pack) => ({
      path: repositoryPath('pack', pack),
      rule: 'missing-pack',
      message: standing,
    }));
  }
}

const standing =
  'an index of the replica names it, and it is not there: what needs it cannot be restored until it has come';
const waits = 'an index names it, and it is not there: the index and what needs it wait as candidates';

function isInReplica(books: Books, type: 'pack' | 'index', id: string): boolean {
  const entry = books.find(type, id);
  return entry >= 0 && books.has(entry, inReplica);
}

/** One absent pack: what it must weigh, and which indexes name it. */
interface Absent {
  bytes: number;
  readonly speakers: Set<number>;
}

/** What indexes say of absent packs. */
interface Named {
  readonly packs: ReadonlyMap<string, Absent>;
  /** The indexes that name more than can be remembered. */
  readonly tooMany: ReadonlySet<number>;
}

/** What is said of absent packs: warnings for those that enter, waiting indexes for the others. `truth`: what tonight's packs say. */
export async function missingPacks(
  asking: Asking,
  indexes: readonly Entry[],
  absent: RecordSorter,
  truth: RecordSorter,
  unread: readonly Entry[],
): Promise<Doubt[]> {
  if (absent.isEmpty) return [];
  const { books, missing, known } = asking;
  const { packs, tooMany } = absentPacks(absent, missing);
  const misleading = new Set<number>();
  for (const record of ofKnownBlobs(absent.sorted(), merged([known.records(), truth.sorted()])))
    misleading.add(speakerOf(record));
  const patient = [...packs]
    .filter(([pack]) => !missing.mayEnter(pack) && !missing.awaited.has(pack) && !missing.admitted.has(pack))
    .flatMap(([, { speakers }]) => [...speakers]);
  const refused = new Set([...misleading, ...tooMany]);
  const hidden = [...[...refused].flatMap((speaker) => indexes[speaker] ?? []), ...unread];
  const waiting = new Set([
    ...refused,
    ...(patient.length === 0 || (await nothingNeeds(asking, hidden)) ? [] : patient),
  ]);
  const doubts: Doubt[] = [];
  for (const [pack, { bytes, speakers }] of packs) {
    if ([...speakers].some((each) => waiting.has(each))) missing.await(pack, bytes);
    const entering = [...speakers].filter((each) => !waiting.has(each));
    if (entering.length > 0) missing.admit(pack, bytes, idsOf(asking, indexes, entering));
    else doubts.push({ path: repositoryPath('pack', pack), rule: 'missing-pack', message: waits });
  }
  for (const speaker of waiting) {
    const entry = indexes[speaker];
    const message = tooMany.has(speaker) ? namesTooMany : misleading.has(speaker) ? misleads : '';
    if (entry !== undefined) doubts.push(doubt(books, entry, 'missing-pack', message));
  }
  return doubts;
}

/** What indexes that are in the replica already name, and is not there, gets its warning. */
export function noteMissing(asking: Asking, indexes: readonly Entry[], absent: RecordSorter): void {
  for (const [pack, { bytes, speakers }] of absentPacks(absent, asking.missing).packs)
    asking.missing.admit(pack, bytes, idsOf(asking, indexes, [...speakers]));
}

function idsOf({ books }: Asking, indexes: readonly Entry[], speakers: readonly number[]): string[] {
  return speakers.flatMap((speaker) => indexes[speaker] ?? []).map((entry) => idOf(books, entry));
}

/** Whether no snapshot, old or new, needs what is not there. */
async function nothingNeeds({ restic, books, candidate, until }: Asking, hidden: readonly Entry[]): Promise<boolean> {
  return isWholeWithout(
    restic,
    { candidate, without: [...waitingPaths(books), ...hidden.map((entry) => books.path(entry))] },
    until,
  );
}

const misleads =
  'it names packs that are not there for content that the replica has: restic would look for it in vain. It waits as a candidate until they have come';
const namesTooMany = `it names packs that are not there, and more of them than the ${remembered} that are remembered. It waits as a candidate`;

/** In bounded memory, whatever the indexes say. */
function absentPacks(absent: RecordSorter, { admitted }: Missing): Named {
  const packs = new Map<string, Absent>();
  const tooMany = new Set<number>();
  const room = remembered - admitted.size;
  let before: Buffer | undefined;
  for (const record of absent.sorted()) {
    const pack = packOf(record);
    const known = packs.get(pack) ?? { bytes: headerBytes, speakers: new Set<number>() };
    const isRepeated = before?.compare(record, 0, 80, 0, 80) === 0;
    if (!isRepeated) known.bytes = Math.min(known.bytes + weightOf(record), largestNumber);
    if (packs.has(pack) || admitted.has(pack) || packs.size < room) packs.set(pack, known);
    else tooMany.add(speakerOf(record));
    known.speakers.add(speakerOf(record));
    before = Buffer.from(record);
  }
  return { packs, tooMany };
}
