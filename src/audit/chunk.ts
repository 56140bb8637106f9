/**
 * How the books are kept small: an ID, 64 hexadecimal digits, is eight words of 32 bits; files lie in chunks, numbers side
 * by side and no object for each, so that growing does not copy them.
 */

export const idWords = 8;

/** The value of each byte as a lower-case hexadecimal digit; 255 for what is none. */
const digits = new Uint8Array(256).fill(255);
for (let value = 0; value < 16; value++) digits[value.toString(16).charCodeAt(0)] = value;

/** Reads an ID, which the layout has accepted, into eight words; without parseInt, because this runs for every file. */
export function readId(id: string, words: Uint32Array): void {
  for (let i = 0; i < idWords; i++) {
    let word = 0;
    for (let j = i * 8; j < i * 8 + 8; j++) word = (word << 4) | (digits[id.charCodeAt(j)] ?? 0);
    words[i] = word;
  }
}

/** The same from bytes; false, and the words mean nothing, when these are not 64 lower-case hexadecimal digits. */
export function readIdAt(bytes: Uint8Array, at: number, words: Uint32Array): boolean {
  for (let i = 0; i < idWords; i++) {
    let word = 0;
    for (let j = at + i * 8; j < at + i * 8 + 8; j++) {
      const digit = digits[bytes[j] ?? 0] ?? 255;
      if (digit > 15) return false;
      word = (word << 4) | digit;
    }
    words[i] = word;
  }
  return true;
}

const written = Buffer.alloc(idWords * 4);

/** The ID whose words begin at a place; not by toString(16), which goes through floating point. */
export function writtenId(words: Uint32Array, from: number): string {
  for (let i = 0; i < idWords; i++) written.writeUInt32BE(words[from + i] ?? 0, i * 4);
  return written.toString('hex');
}

/** A hash of an ID and a small number; `multipliers` are eight random odd numbers, so that nobody can choose IDs that collide. */
export function hash(words: Uint32Array, seed: number, multipliers: Uint32Array): number {
  let mixed = seed;
  for (let i = 0; i < idWords; i++) {
    mixed = Math.imul(mixed ^ (words[i] ?? 0), multipliers[i] ?? 1);
    mixed ^= mixed >>> 15;
  }
  return mixed >>> 0;
}

export const chunkBits = 14;
export const chunkLength = 1 << chunkBits;
export const chunkMask = chunkLength - 1;

/** What is kept of so many files. */
export interface Chunk {
  readonly ids: Uint32Array;
  readonly sizes: Float64Array;
  readonly mtimes: Float64Array;
  readonly states: Uint32Array;
  /** When tombstoned files may leave; made only for chunks that have one. */
  dues: Float64Array | undefined;
  stamps: Float64Array | undefined;
}

export function newChunk(): Chunk {
  return {
    ids: new Uint32Array(chunkLength * idWords),
    sizes: new Float64Array(chunkLength),
    mtimes: new Float64Array(chunkLength),
    states: new Uint32Array(chunkLength),
    dues: undefined,
    stamps: undefined,
  };
}
