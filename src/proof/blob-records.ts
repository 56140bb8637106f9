/**
 * What a pack's header or an index says of a blob, as a record of fixed width. Records sort by blob, then by all the
 * rest, so that millions of them can be compared by walking along two sorted lists.
 */
import type { IndexEntry } from './index-json.ts';

/** Bytes of a record: blob, pack, offset, length, plain length, type, whether it is compressed, two of nothing; then the number of who says so. */
export const recordWidth = 84;
/** What is the same in two records that say the same. */
export const saidWidth = 80;

/** Writes a record; `speaker`: the number of the index that says so. */
export function writeRecord(target: Buffer, at: number, entry: IndexEntry, speaker = 0): void {
  target.write(entry.blob, at, 'hex');
  target.write(entry.pack, at + 32, 'hex');
  target.writeUInt32BE(entry.offset, at + 64);
  target.writeUInt32BE(entry.length, at + 68);
  target.writeUInt32BE(entry.plain, at + 72);
  target.writeUInt32BE((entry.isTree ? 2 ** 24 : 0) + (entry.isCompressed ? 2 ** 16 : 0), at + 76);
  target.writeUInt32BE(speaker, at + saidWidth);
}

export const blobOf = (record: Buffer): string => record.toString('hex', 0, 32);
export const packOf = (record: Buffer): string => record.toString('hex', 32, 64);
const plainOf = (record: Buffer): number => record.readUInt32BE(72);
/** Bytes that the blob takes of its pack, with its line in the pack's header. */
export const weightOf = (record: Buffer): number => record.readUInt32BE(68) + (record[77] === 0 ? 37 : 41);
export const speakerOf = (record: Buffer): number => record.readUInt32BE(saidWidth);

const compareBlobs = (a: Buffer, b: Buffer): number => a.compare(b, 0, 32, 0, 32);
const isSameBlob = (a: Buffer, b: Buffer): boolean => compareBlobs(a, b) === 0;
const compareSaid = (a: Buffer, b: Buffer): number => a.compare(b, 0, saidWidth, 0, saidWidth);

/** Several sorted lists as one. A record is good until the next one is asked for. */
export function* merged(lists: readonly Iterable<Buffer>[]): Generator<Buffer> {
  const heads = lists.map((list) => ({ list: list[Symbol.iterator](), record: undefined as Buffer | undefined }));
  for (const head of heads) head.record = next(head.list);
  for (;;) {
    let least: (typeof heads)[number] | undefined;
    for (const head of heads)
      if (head.record !== undefined && (least?.record === undefined || head.record.compare(least.record) < 0))
        least = head;
    if (least?.record === undefined) return;
    yield least.record;
    least.record = next(least.list);
  }
}

function next(list: Iterator<Buffer, unknown>): Buffer | undefined {
  const result = list.next();
  return result.done === true ? undefined : result.value;
}

/** The records of a sorted list that no record of `truths` (sorted) equals, whoever says so. */
export function* notIn(records: Iterable<Buffer>, truths: Iterable<Buffer>): Generator<Buffer> {
  for (const [record, isTrue] of compared(records, truths, compareSaid)) if (!isTrue) yield record;
}

/** The records of a sorted list whose blob a record of `known` (sorted) has as well. */
export function* ofKnownBlobs(records: Iterable<Buffer>, known: Iterable<Buffer>): Generator<Buffer> {
  for (const [record, isKnown] of compared(records, known, compareBlobs)) if (isKnown) yield record;
}

/** Each record of a sorted list, and whether another sorted list has one that is equal in this. */
function* compared(
  records: Iterable<Buffer>,
  others: Iterable<Buffer>,
  compare: (a: Buffer, b: Buffer) => number,
): Generator<readonly [Buffer, boolean]> {
  const list = others[Symbol.iterator]();
  let other = next(list);
  for (const record of records) {
    while (other !== undefined && compare(other, record) < 0) other = next(list);
    yield [record, other !== undefined && compare(other, record) === 0];
  }
}

/**
 * The new records whose blob has another plain length elsewhere: in a known record, or, where none is known, in another
 * new one. restic does not notice (tried with 0.14, 0.18, 0.19): it places what follows by these lengths.
 */
export function* contradicting(news: Iterable<Buffer>, known: Iterable<Buffer>): Generator<Buffer> {
  const others = known[Symbol.iterator]();
  let other = next(others);
  let first: Buffer | undefined;
  let isToldOf = false;
  const plains = new Set<number>();
  for (const record of news) {
    if (first === undefined || !isSameBlob(first, record)) {
      [first, isToldOf] = [Buffer.from(record), false];
      plains.clear();
      while (other !== undefined && compareBlobs(other, record) < 0) other = next(others);
      for (; other !== undefined && isSameBlob(other, record); other = next(others)) plains.add(plainOf(other));
    }
    if (plains.size === 0 ? plainOf(record) === plainOf(first) : plains.has(plainOf(record))) continue;
    if (plains.size === 0 && !isToldOf) yield first;
    isToldOf = true;
    yield record;
  }
}

/** A sorted list without what is said twice. */
export function* once(records: Iterable<Buffer>): Generator<Buffer> {
  const last = Buffer.alloc(saidWidth);
  for (const record of records) {
    if (last.compare(record, 0, saidWidth) === 0) continue;
    record.copy(last, 0, 0, saidWidth);
    yield record;
  }
}

/** The records of a sorted list whose blob has two plain lengths in it. */
export function* disagreeing(records: Iterable<Buffer>): Generator<Buffer> {
  let group: Buffer[] = [];
  const told = (): Buffer[] => (group.some((record) => plainOf(record) !== plainOf(group[0] ?? record)) ? group : []);
  for (const record of records) {
    if (group[0] !== undefined && isSameBlob(group[0], record)) {
      group.push(Buffer.from(record));
      continue;
    }
    yield* told();
    group = [Buffer.from(record)];
  }
  yield* told();
}
