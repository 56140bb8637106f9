/**
 * The books: which files the replica has, which of them serverA's report has named, and which new ones it listed.
 * Compact on purpose (about 60 bytes a file), because a replica may hold millions of files.
 */
import { gone, suspect, wanted, type Question } from './questions.ts';
import { randomFillSync } from 'node:crypto';
import {
  chunkBits,
  chunkLength,
  chunkMask,
  hash,
  idWords,
  newChunk,
  readId,
  readIdAt,
  writtenId,
  type Chunk,
} from './chunk.ts';
import type { HashedType, Pass } from '../layout.ts';
import { admissionOrder, repositoryPath, placeOf } from '../layout.ts';

/** Four bytes a file: two bits for its type, two for the pass that named it, and the flags of questions.ts. */
const typeMask = 0b0000_0011;
const passShift = 2;
const passMask = 0b0000_1100;

/** Files and bytes. */
export interface Amount {
  files: number;
  bytes: number;
}

/** An entry's number, valid as long as the books are; -1 where there is none. */
export type Entry = number;

export class Books {
  readonly #chunks: Chunk[] = [];
  #multipliers: Uint32Array | undefined;
  #slots = new Int32Array(1024).fill(-1);
  #count = 0;
  readonly #probe = new Uint32Array(idWords);

  /** Empty. `seed`: eight random numbers, so that serverA cannot choose names that collide. */
  constructor(seed?: Uint32Array) {
    this.#multipliers = seed?.map((word) => word | 1);
  }

  /** How many entries there are; entries are numbered from 0. */
  get count(): number {
    return this.#count;
  }

  /** The entry of a file, or -1. `id` is 64 hexadecimal digits. */
  find(type: HashedType, id: string): Entry {
    readId(id, this.#probe);
    return this.#slots[this.#slotOf(admissionOrder.indexOf(type))] ?? -1;
  }

  /** The entry of the file that a path of the layout names, or -1. */
  at(path: string): Entry {
    const place = placeOf(path);
    return 'id' in place ? this.find(place.of, place.id) : -1;
  }

  /** The entry of a file whose ID stands at a place in `bytes`; -1 also when these are not 64 lower-case hexadecimal digits. */
  findAt(type: HashedType, bytes: Uint8Array, at: number): Entry {
    if (!readIdAt(bytes, at, this.#probe)) return -1;
    return this.#slots[this.#slotOf(admissionOrder.indexOf(type))] ?? -1;
  }

  /** Enters a file, or finds it; sets its size (bytes) and modification time (seconds). */
  enter(type: HashedType, id: string, size: number, mtime: number): Entry {
    readId(id, this.#probe);
    return this.#enter(type, size, mtime);
  }

  /** The same for an ID that stands at a place in `bytes`; -1 when these are not 64 lower-case hexadecimal digits. */
  enterAt(type: HashedType, bytes: Uint8Array, at: number, size: number, mtime: number): Entry {
    return readIdAt(bytes, at, this.#probe) ? this.#enter(type, size, mtime) : -1;
  }

  #enter(type: HashedType, size: number, mtime: number): Entry {
    const typeNumber = admissionOrder.indexOf(type);
    const slot = this.#slotOf(typeNumber);
    const known = this.#slots[slot] ?? -1;
    const entry = known >= 0 ? known : this.#append(slot, typeNumber);
    const chunk = this.#chunk(entry);
    chunk.sizes[entry & chunkMask] = size;
    chunk.mtimes[entry & chunkMask] = mtime;
    return entry;
  }

  size(entry: Entry): number {
    return this.#chunk(entry).sizes[entry & chunkMask] ?? 0;
  }

  mtime(entry: Entry): number {
    return this.#chunk(entry).mtimes[entry & chunkMask] ?? 0;
  }

  /** When a tombstoned file may leave, in milliseconds since 1970; Infinity for never. */
  due(entry: Entry): number {
    return this.#chunk(entry).dues?.[entry & chunkMask] ?? Infinity;
  }

  setDue(entry: Entry, due: number): void {
    const chunk = this.#chunk(entry);
    chunk.dues ??= new Float64Array(chunkLength).fill(Infinity);
    chunk.dues[entry & chunkMask] = due;
  }

  /** A number for later: the time that serverA lists for a suspect, or when a candidate was last changed. */
  stamp(entry: Entry): number {
    return this.#chunk(entry).stamps?.[entry & chunkMask] ?? 0;
  }

  setStamp(entry: Entry, stamp: number): void {
    const chunk = this.#chunk(entry);
    chunk.stamps ??= new Float64Array(chunkLength);
    chunk.stamps[entry & chunkMask] = stamp;
  }

  type(entry: Entry): HashedType {
    return admissionOrder[this.#state(entry) & typeMask] ?? 'key';
  }

  path(entry: Entry): string {
    return repositoryPath(this.type(entry), writtenId(this.#chunk(entry).ids, (entry & chunkMask) * idWords));
  }

  /** Whether the entry has all of these flags. */
  has(entry: Entry, flags: number): boolean {
    return (this.#state(entry) & flags) === flags;
  }

  set(entry: Entry, flags: number): void {
    this.#setState(entry, this.#state(entry) | flags);
  }

  clear(entry: Entry, flags: number): void {
    this.#setState(entry, this.#state(entry) & ~flags);
  }

  /** The pass that named the entry; 0: none yet. */
  namedIn(entry: Entry): Pass | 0 {
    return ((this.#state(entry) & passMask) >> passShift) as Pass | 0;
  }

  name(entry: Entry, pass: Pass): void {
    this.#setState(entry, (this.#state(entry) & ~passMask) | (pass << passShift));
  }

  /** Forgets what a pass named and wanted, because the pass is run once more. */
  forget(pass: Pass): void {
    for (let entry = 0; entry < this.#count; entry++) {
      if (this.namedIn(entry) === pass)
        this.#setState(entry, this.#state(entry) & ~(passMask | wanted | gone | suspect));
    }
  }

  /** Every entry to which a question says yes, of one type or of all, in the order of entry. */
  *select([flags, without]: Question, type?: HashedType): Generator<Entry> {
    for (let entry = 0; entry < this.#count; entry++) {
      const state = this.#state(entry);
      if ((state & flags) === flags && (state & without) === 0 && (type === undefined || this.type(entry) === type))
        yield entry;
    }
  }

  /** How many files and bytes the entries of `select` are, of one type or of all. */
  amount(question: Question, type?: HashedType): Amount {
    const amount = { files: 0, bytes: 0 };
    for (const entry of this.select(question, type)) {
      amount.files++;
      amount.bytes += this.size(entry);
    }
    return amount;
  }

  #append(slot: number, typeNumber: number): Entry {
    const entry = this.#count++;
    if ((entry & chunkMask) === 0) this.#chunks.push(newChunk());
    const chunk = this.#chunk(entry);
    const from = (entry & chunkMask) * idWords;
    for (let i = 0; i < idWords; i++) chunk.ids[from + i] = this.#probe[i] ?? 0;
    chunk.states[entry & chunkMask] = typeNumber;
    this.#slots[slot] = entry;
    if (this.#count * 2 > this.#slots.length) this.#growSlots();
    return entry;
  }

  /** Open addressing with linear probing; at most half of the slots are taken. */
  #slotOf(typeNumber: number): number {
    const mask = this.#slots.length - 1;
    this.#multipliers ??= randomFillSync(new Uint32Array(idWords)).map((word) => word | 1);
    let slot = hash(this.#probe, typeNumber, this.#multipliers) & mask;
    for (;;) {
      const entry = this.#slots[slot] ?? -1;
      if (entry < 0 || this.#isProbe(entry, typeNumber)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #isProbe(entry: Entry, typeNumber: number): boolean {
    if ((this.#state(entry) & typeMask) !== typeNumber) return false;
    const ids = this.#chunk(entry).ids;
    const from = (entry & chunkMask) * idWords;
    for (let i = 0; i < idWords; i++) if (ids[from + i] !== this.#probe[i]) return false;
    return true;
  }

  #growSlots(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    for (let entry = 0; entry < this.#count; entry++) {
      const { ids } = this.#chunk(entry);
      const from = (entry & chunkMask) * idWords;
      for (let i = 0; i < idWords; i++) this.#probe[i] = ids[from + i] ?? 0; // no object for each entry
      this.#slots[this.#slotOf(this.#state(entry) & typeMask)] = entry;
    }
  }

  #chunk(entry: Entry): Chunk {
    const chunk = this.#chunks[entry >> chunkBits];
    if (chunk === undefined) throw new RangeError(`no entry ${entry} in the books`);
    return chunk;
  }

  #state(entry: Entry): number {
    return this.#chunk(entry).states[entry & chunkMask] ?? 0;
  }

  #setState(entry: Entry, state: number): void {
    this.#chunk(entry).states[entry & chunkMask] = state;
  }
}
