/** What a drill has restored, held against what `restic ls` and `restic dump` say; never more of it in memory than was asked for. */
import { createHash } from 'node:crypto';
import { escapePath } from '../printable.ts';
import { isForPeople } from '../programs/restic-words.ts';
import type { Chosen } from './choice.ts';

/** A file that is to come, and where; the place is one of the box. */
export interface Wanted extends Chosen {
  readonly snapshot: string;
  readonly place: string;
}

/** The drill has failed, and why. */
export class NotRight extends Error {}

/** A size or a hash, and what stands around it and a name. */
const recordLength = 100;

export class Restored {
  readonly #wanted: readonly Wanted[];
  readonly #dumps: readonly { readonly hash: ReturnType<typeof createHash>; bytes: number }[];
  readonly #told = { sizes: [] as Buffer[], hashes: [] as Buffer[] };
  /** So many bytes are told of the files that were chosen, at most. */
  #room: number;

  constructor(wanted: readonly Wanted[]) {
    this.#wanted = wanted;
    this.#dumps = wanted.map(() => ({ hash: createHash('sha256'), bytes: 0 }));
    this.#room = 2 * wanted.reduce((sum, { place }) => sum + Buffer.byteLength(place) + recordLength, 0);
  }

  /** Takes what find(1) or sha256sum(1) says of all that came: records of a word, two blanks, a name and a NUL. Throws NotRight where it is of more files than were chosen. */
  told(what: 'sizes' | 'hashes', chunk: Buffer): void {
    this.#told[what].push(Buffer.from(chunk));
    if ((this.#room -= chunk.length) < 0)
      throw new NotRight('files came that were not chosen, more than can be counted');
  }

  /** Takes what `dump` gives of a file. Throws NotRight as soon as it is more than `ls` says. */
  dumped(at: number, chunk: Buffer): void {
    const [dump, file] = [this.#dumps[at], this.#wanted[at]];
    if (dump === undefined || file === undefined) return;
    dump.hash.update(chunk);
    if ((dump.bytes += chunk.length) <= file.size) return;
    this.requireNames('');
    throw new NotRight(`files are not what restic dump says: it gives more than ls says of ${named([file])}`);
  }

  /** Throws NotRight unless the chosen files came, in the sizes that `ls` says, and no others. `words`: what was said meanwhile. */
  requireNames(words: string): void {
    const wanted = this.#wanted;
    const sizes = records(this.#told.sizes);
    const missing = wanted.filter(({ place }) => !sizes.has(place));
    const short = wanted.filter(({ place, size }) => sizes.get(place) !== String(size));
    if (missing.length > 0)
      throw new NotRight(`${missing.length} of ${wanted.length} files did not come: ${named(missing)}${why(words)}`);
    if (short.length > 0)
      throw new NotRight(`${short.length} files have another size than ls says: ${named(short)}${why(words)}`);
    const more = sizes.size - new Set(wanted.map(({ place }) => place)).size;
    if (more > 0) throw new NotRight(`${more} files came that were not chosen`);
  }

  /** Throws NotRight unless their content is what `dump` gave. */
  requireContent(): void {
    const hashes = records(this.#told.hashes);
    const right = this.#dumps.map(({ hash }) => hash.digest('hex'));
    const wrong = this.#wanted.filter(({ place }, at) => hashes.get(place) !== right[at]);
    if (wrong.length > 0) throw new NotRight(`${wrong.length} files are not what restic dump says: ${named(wrong)}`);
  }
}

/** As a table by name. */
function records(chunks: readonly Buffer[]): Map<string, string> {
  const found = Buffer.concat(chunks)
    .toString('utf8')
    .split('\0')
    .map((record) => /^(\S+) [ *]([^]*)$/.exec(record));
  return new Map(found.flatMap((record) => (record === null ? [] : [[record[2] ?? '', record[1] ?? '']])));
}

const named = (files: readonly Wanted[]): string =>
  escapePath(Buffer.from(files[0]?.path ?? '', 'utf8').toString('latin1'));

/** What restic complained of first, as a hint: not that nobody in the box may give a file its owner, nor what others do not find. */
function why(words: string): string {
  const [first] = words.split('\n').filter((line) => isForPeople(line) && !/chown|^\/(usr\/)?bin\//i.test(line));
  return first === undefined ? '' : `; restic says: ${first}`;
}
