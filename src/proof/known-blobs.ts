/**
 * `known-blobs` in the state folder: what the headers of the replica's packs say of every blob, sorted. It is the measure
 * for new indexes, and for the plain length of blobs that come once more. Lost or damaged it is made anew from the headers.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openForReading } from '../state/read-file.ts';
import { forgetFile, replaceByPieces } from '../state/files.ts';
import { merged, once, recordWidth, saidWidth } from './blob-records.ts';
import { recordsIn } from './record-sorter.ts';

const heading = Buffer.from('ratchet blobs 2\n');
const hashLength = 32;

export class KnownBlobs {
  readonly #path: string;
  #isWhole: boolean | undefined;

  /** `state`: the repository's state folder. */
  constructor(state: string) {
    this.#path = join(state, 'known-blobs');
  }

  /** Whether the file is there and what was written: its hash is looked at once. */
  isWhole(): boolean {
    return (this.#isWhole ??= isWhole(this.#path));
  }

  /** All records in order; none when the file is not whole. */
  *records(): Generator<Buffer> {
    if (!this.isWhole()) return;
    yield* recordsIn(this.#path, heading.length, statSync(this.#path).size - heading.length - hashLength);
  }

  /** Adds records that are sorted; to an empty list when the file is not whole. */
  add(news: Iterable<Buffer>): void {
    replaceByPieces(this.#path, (write) => {
      writeRecords(write, once(merged([this.records(), news])));
    });
    this.#isWhole = true;
  }

  /** What is in the replica is no longer what this file says: it is made anew when it is needed. */
  forget(): void {
    forgetFile(this.#path);
    this.#isWhole = false;
  }
}

/** The heading, the records, and the hash of both. */
function writeRecords(write: (piece: Uint8Array) => void, records: Iterable<Buffer>): void {
  const hash = createHash('sha256');
  const put = (bytes: Uint8Array): void => {
    hash.update(bytes);
    write(bytes);
  };
  put(heading);
  const piece = Buffer.alloc(4096 * recordWidth);
  let length = 0;
  for (const record of records) {
    record.copy(piece, length);
    piece.writeUInt32BE(0, length + saidWidth); // nobody in particular says so
    if ((length += recordWidth) < piece.length) continue;
    put(piece);
    length = 0;
  }
  put(piece.subarray(0, length));
  write(hash.digest());
}

function isWhole(path: string): boolean {
  const file = openForReading(path);
  if (file === undefined) return false;
  const { size } = fstatSync(file);
  const hash = createHash('sha256');
  const piece = Buffer.alloc(1024 * 1024);
  try {
    const length = size - heading.length - hashLength;
    if (length < 0 || length % recordWidth !== 0) return false;
    for (let at = 0; at < size - hashLength;) {
      const read = readSync(file, piece, 0, Math.min(piece.length, size - hashLength - at), at);
      if (read === 0) return false;
      if (at === 0 && !piece.subarray(0, heading.length).equals(heading)) return false;
      hash.update(piece.subarray(0, read));
      at += read;
    }
    readSync(file, piece, 0, hashLength, size - hashLength);
    return hash.digest().equals(piece.subarray(0, hashLength));
  } finally {
    closeSync(file);
  }
}
