/** A set of IDs, each with a number, in a file of the state folder: 40 bytes each, sorted, with a hash at the end. */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder, replaceFile } from './files.ts';
import { readBytes } from './read-file.ts';
import { sha256Of } from './sha256.ts';

const heading = Buffer.from('ratchet IDs 1\n\0\0');
const width = 40;
const hashLength = 32;
/** What a number in it may be at most. */
export const largestNumber = 2 ** 48 - 1;

export class IdFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** The IDs and their numbers; undefined when there is no such file or it is not whole: then nobody knows. */
  read(): Map<string, number> | undefined {
    const bytes = readBytes(this.#path);
    const end = (bytes?.length ?? 0) - hashLength;
    const isWhole =
      bytes !== undefined &&
      end >= heading.length &&
      (end - heading.length) % width === 0 &&
      bytes.subarray(0, heading.length).equals(heading) &&
      bytes.subarray(end).equals(hashOf(bytes.subarray(0, end)));
    if (!isWhole) return undefined;
    const ids = new Map<string, number>();
    for (let at = heading.length; at < end; at += width)
      ids.set(bytes.toString('hex', at, at + 32), bytes.readUIntBE(at + 34, 6));
    return ids;
  }

  /** Replaces the file. The numbers are whole, and no more than `largestNumber`. */
  write(ids: ReadonlyMap<string, number>): void {
    const bytes = Buffer.alloc(heading.length + ids.size * width + hashLength);
    heading.copy(bytes);
    let at = heading.length;
    for (const [id, number] of [...ids].sort(([a], [b]) => (a < b ? -1 : 1))) {
      bytes.write(id, at, 'hex');
      bytes.writeUIntBE(number, at + 34, 6);
      at += width;
    }
    hashOf(bytes.subarray(0, at)).copy(bytes, at);
    makeFolder(dirname(this.#path));
    replaceFile(this.#path, bytes);
  }

  /** Then nobody knows. */
  forget(): void {
    rmSync(this.#path, { force: true });
  }
}

function hashOf(bytes: Buffer): Buffer {
  return Buffer.from(sha256Of(bytes), 'hex');
}
