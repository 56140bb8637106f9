/** Which files a drill restores: a random choice from what `restic ls --json` prints, read as it comes and never held as a whole. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** A regular file of a snapshot. */
export interface Chosen {
  readonly path: string;
  readonly size: number;
}

/** A line of a file that can be restored is not longer, whatever name stands in it; so much of the end of the first line is looked at. */
const [longestLine, endLooked] = [64 * 1024, 4096];
/** What the kernel opens, with the folder that it is restored to before it (PATH_MAX, NAME_MAX), in bytes. */
const [longestPath, longestName] = [4000, 255];
/** All paths together, in bytes: they are arguments of one program, escaped, each three times. */
const pathsKept = 128 * 1024;

/** Of all regular files at most so many, each as likely as any other, of so many bytes in all. `chance`: from 0 to below 1. */
export class Choice {
  readonly #files: number;
  readonly #bytes: number;
  readonly #chance: () => number;
  readonly #kept: Chosen[] = [];
  readonly #decoder = new TextDecoder();
  #seen = 0;
  #lines = 0;
  #held = '';
  #length = 0;
  #endOfFirst = '';

  constructor(files: number, bytes: number, chance: () => number) {
    this.#files = files;
    this.#bytes = bytes;
    this.#chance = chance;
  }

  /** Takes what was printed, in pieces. */
  readonly read = (chunk: Uint8Array): void => {
    const [end = '', ...pieces] = this.#decoder.decode(chunk, { stream: true }).split('\n');
    this.#hold(end);
    for (const piece of pieces) {
      this.#endLine();
      this.#hold(piece);
    }
  };

  /** The snapshot that is listed, by its ID: the first line says it, behind whatever the client has said of it. */
  get snapshot(): string | undefined {
    return /[{,]"id":"([0-9a-f]{64})"/.exec(this.#endOfFirst)?.[1];
  }

  /** The choice; without the largest where all would be too much. */
  chosen(): Chosen[] {
    const bySize = [...this.#kept].sort((a, b) => a.size - b.size);
    let [left, room] = [this.#bytes, pathsKept];
    return bySize.filter(({ size, path }) => (left -= size) >= 0 && (room -= Buffer.byteLength(path)) >= 0);
  }

  #hold(piece: string): void {
    this.#length += piece.length;
    if (this.#lines === 0) this.#endOfFirst = (this.#endOfFirst + piece).slice(-endLooked);
    if (this.#length <= longestLine) this.#held += piece;
  }

  #endLine(): void {
    if (this.#length <= longestLine) this.#consider(fileIn(this.#held));
    this.#lines++;
    [this.#held, this.#length] = ['', 0];
  }

  #consider(file: Chosen | undefined): void {
    if (file === undefined || file.size > this.#bytes) return;
    this.#seen++;
    if (this.#kept.length < this.#files) this.#kept.push(file);
    else {
      const place = Math.floor(this.#chance() * this.#seen);
      if (place < this.#files) this.#kept[place] = file;
    }
  }
}

/** Undefined for what is no regular file, and for a name that JSON cannot say (bytes that are no UTF-8), or that no file has here. */
function fileIn(line: string): Chosen | undefined {
  const node = objectIn(line);
  const { type, path, size = 0 } = node ?? {};
  if (type !== 'file' || typeof path !== 'string' || !canBe(path)) return undefined;
  return Number.isSafeInteger(size) && (size as number) >= 0 ? { path, size: size as number } : undefined;
}

function canBe(path: string): boolean {
  return (
    path.startsWith('/') &&
    !/[\0\ufffd]/.test(path) &&
    Buffer.byteLength(path) <= longestPath &&
    path.split('/').every((name) => Buffer.byteLength(name) <= longestName)
  );
}

function objectIn(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // no line of ls
  }
}

/** A path as a pattern that means it alone (Go's filepath.Match). */
export function patternOf(path: string): string {
  return path.replace(/[\\*?[]/g, '\\$&');
}

/** Two snapshots of a replica at random, or as many as there are: their IDs. */
export function snapshotsAtRandom(replica: string, chance: () => number): string[] {
  const all = readdirSync(join(replica, 'snapshots')).filter((name) => /^[0-9a-f]{64}$/.test(name));
  const one = Math.floor(chance() * all.length);
  const other = (one + 1 + Math.floor(chance() * (all.length - 1))) % all.length;
  return [...new Set([all[one], all[other]])].filter((id) => id !== undefined);
}
