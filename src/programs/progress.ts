/** How far a long work has come, told to whoever shows it. */
import { packsRead } from './restic-words.ts';

interface HowMuch {
  readonly files: number;
  readonly bytes: number;
}

/** How far it has come, out of how much; a total without files is one that nobody knows yet. */
export type Progress = (done: HowMuch, total: HowMuch) => void;

/** Passes on how many packs restic has read, where it says so. */
export function tellPacks(chunk: Buffer, progress: Progress): void {
  const read = packsRead(chunk.toString('latin1'));
  if (read !== undefined) progress({ files: read[0], bytes: 0 }, { files: read[1], bytes: 0 });
}
