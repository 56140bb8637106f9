import type { Amount } from '../audit/books.ts';

/** How far it has come, out of how much. */
export type Progress = (done: Amount, total: Amount) => void;

/** How many packs have been read of how many, from restic's last line of progress: `[0:01] 41.67%  5 / 12 packs`. */
export function tellPacks(chunk: Buffer, progress: Progress): void {
  const parts = chunk.toString('latin1').split(/ (\d+) \/ (\d+) packs/);
  if (parts.length > 3) progress({ files: Number(parts.at(-3)), bytes: 0 }, { files: Number(parts.at(-2)), bytes: 0 });
}
