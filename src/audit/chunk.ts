/** The files of the books are kept in chunks, so that growing does not copy them: numbers side by side, no object for each file. */
import { idWords } from './ids.ts';

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
