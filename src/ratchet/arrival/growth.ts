/** What a fetch asks for, and that it brings no more: looks at the folder that rsync writes into. */
import { lstatSync, readdirSync } from 'node:fs';
import type { Books, Entry } from '../../audit/books.ts';
import { toFetch } from '../../audit/questions.ts';
import { bytePath } from '../../replica-path.ts';
import type { FetchBounds } from './fetch.ts';
import type { Bounds } from '../../programs/watchdog.ts';

/** How many files were asked for, their bytes, and those of the largest. */
export interface Asked {
  files: number;
  bytes: number;
  largest: number;
}

/** The sum of what was asked for. `sizes` in bytes. */
export function askedFor(sizes: Iterable<number>): Asked {
  const asked = { files: 0, bytes: 0, largest: 0 };
  for (const size of sizes) {
    asked.files++;
    asked.bytes += size;
    asked.largest = Math.max(asked.largest, size);
  }
  return asked;
}

/** The names that are wanted, not there yet and to be tried tonight, for `--files-from`. */
export function* manifestOf(books: Books): Generator<string> {
  for (const entry of missing(books)) yield books.path(entry);
}

/** The sum of what the manifest asks for. */
export function askedIn(books: Books): Asked {
  return askedFor(sizesOf(books));
}

function* sizesOf(books: Books): Generator<number> {
  for (const entry of missing(books)) yield books.size(entry);
}

function missing(books: Books): Generator<Entry> {
  return books.select(toFetch);
}

/**
 * The bounds of a fetch into `folder`. rsync names a file only once, so growth counts as progress; more than was asked
 * for ends it (one more file of the largest size, because a file that came damaged is sent again). `moved`: bytes that
 * have come and lie elsewhere by now.
 */
export function fetchBounds(bounds: Bounds, folder: string, asked: Asked, moved: () => number = () => 0): FetchBounds {
  return {
    ...bounds,
    files: asked.files,
    largest: asked.largest,
    hiddenProgress: growthOf(folder),
    overrun: () => moved() + bytesUnder(folder) > asked.bytes + asked.largest,
  };
}

/** A question whether the files under a folder have grown since it was last asked. */
export function growthOf(folder: string): () => boolean {
  let before = 0;
  return () => {
    const now = bytesUnder(folder);
    const hasGrown = now !== before;
    before = now;
    return hasGrown;
  };
}

/**
 * Bytes of everything but folders. rsync is at work there: what is gone when we look does not count. What cannot be looked at,
 * a path without end say, nobody has asked for.
 */
function bytesUnder(root: string, folder = ''): number {
  try {
    let bytes = 0;
    for (const name of readdirSync(bytePath(root, folder), 'latin1')) {
      const path = `${folder}/${name}`;
      const stats = lstatSync(bytePath(root, path), { throwIfNoEntry: false });
      if (stats !== undefined) bytes += stats.isDirectory() ? bytesUnder(root, path) : stats.size;
    }
    return bytes;
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '') ? 0 : Infinity;
  }
}
