/** Sorts any number of blob records in bounded memory: what does not fit is written to a private folder, sorted, and merged. */
import { closeSync, mkdirSync, mkdtempSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openToRead } from '../state/read-file.ts';
import { merged, recordWidth, writeRecord } from './blob-records.ts';
import type { IndexEntry } from './index-json.ts';

/** So many records are held in memory, 21 MiB. */
const held = 262_144;

export class RecordSorter {
  readonly #folder: string;
  readonly #capacity: number;
  readonly #runs: string[] = [];
  #records = Buffer.alloc(1024 * recordWidth);
  #count = 0;

  /** `scratch`: a private folder. `capacity`: records that are held in memory. */
  constructor(scratch: string, capacity = held) {
    mkdirSync(scratch, { recursive: true, mode: 0o700 });
    this.#folder = mkdtempSync(join(scratch, 'records-'));
    this.#capacity = capacity;
  }

  add(entry: IndexEntry, speaker = 0): void {
    const at = this.#place(); // which may move the records
    writeRecord(this.#records, at, entry, speaker);
  }

  addRecord(record: Buffer): void {
    const at = this.#place();
    record.copy(this.#records, at);
  }

  get isEmpty(): boolean {
    return this.#count === 0 && this.#runs.length === 0;
  }

  #place(): number {
    if (this.#count === this.#capacity) this.#spill();
    if ((this.#count + 1) * recordWidth > this.#records.length)
      this.#records = Buffer.concat([this.#records, Buffer.alloc(this.#records.length)]);
    return this.#count++ * recordWidth;
  }

  #spill(): void {
    const run = join(this.#folder, String(this.#runs.length));
    writeFileSync(run, this.#inOrder(), { mode: 0o600 });
    this.#runs.push(run);
    this.#count = 0;
  }

  #inOrder(): Buffer {
    const records = Array.from({ length: this.#count }, (_, n) =>
      this.#records.subarray(n * recordWidth, (n + 1) * recordWidth),
    );
    return Buffer.concat(records.sort((a, b) => a.compare(b)));
  }

  /** All records in order. Each is good until the next one is asked for. */
  *sorted(): Generator<Buffer> {
    const rest = this.#inOrder();
    yield* merged([...this.#runs.map((run) => recordsIn(run)), recordsOf(rest)]);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
    this.#records = Buffer.alloc(0);
  }
}

function* recordsOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at + recordWidth <= bytes.length; at += recordWidth) yield bytes.subarray(at, at + recordWidth);
}

/** The records of a file, from `start` for `length` bytes. */
export function* recordsIn(path: string, start = 0, length = Infinity): Generator<Buffer> {
  const file = openToRead(path);
  const piece = Buffer.alloc(4096 * recordWidth);
  try {
    for (let done = 0; done < length;) {
      const read = readSync(file, piece, 0, Math.min(piece.length, length - done), start + done);
      if (read === 0) return;
      done += read;
      yield* recordsOf(piece.subarray(0, read));
    }
  } finally {
    closeSync(file);
  }
}
