/** Which files a drill restores: a random choice from what `restic ls --json` prints, read as it comes and never held as a whole. */

/** A regular file of a snapshot. */
export interface Chosen {
  readonly path: string;
  readonly size: number;
}

/** A line of `ls --json` is not longer, whatever name stands in it. */
const longestLine = 1024 * 1024;

/** Of all regular files at most so many, each as likely as any other, of so many bytes in all. `chance`: from 0 to below 1. */
export class Choice {
  readonly #files: number;
  readonly #bytes: number;
  readonly #chance: () => number;
  readonly #kept: Chosen[] = [];
  readonly #decoder = new TextDecoder();
  #seen = 0;
  #held = '';

  constructor(files: number, bytes: number, chance: () => number) {
    this.#files = files;
    this.#bytes = bytes;
    this.#chance = chance;
  }

  /** Takes what was printed, in pieces. */
  readonly read = (chunk: Uint8Array): void => {
    const lines = (this.#held + this.#decoder.decode(chunk, { stream: true })).split('\n');
    this.#held = (lines.pop() ?? '').slice(0, longestLine);
    for (const line of lines) this.#line(line);
  };

  /** The choice; without the largest where all would be too much. */
  chosen(): Chosen[] {
    const bySize = [...this.#kept].sort((a, b) => a.size - b.size);
    let left = this.#bytes;
    return bySize.filter(({ size }) => (left -= size) >= 0);
  }

  #line(line: string): void {
    const file = fileIn(line);
    if (file === undefined || file.size > this.#bytes) return;
    this.#seen++;
    if (this.#kept.length < this.#files) this.#kept.push(file);
    else {
      const place = Math.floor(this.#chance() * this.#seen);
      if (place < this.#files) this.#kept[place] = file;
    }
  }
}

/** Undefined for what is no regular file, and for a name that JSON cannot say: bytes that are no UTF-8. */
function fileIn(line: string): Chosen | undefined {
  const node = objectIn(line);
  const { type, path, size = 0 } = node ?? {};
  const isFile = type === 'file' && typeof path === 'string' && path.startsWith('/') && !path.includes('\ufffd');
  return isFile && Number.isSafeInteger(size) ? { path, size: size as number } : undefined;
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

/** A snapshot of `snapshots --json`: the newest, and one of the others at random, if there are any. */
export function snapshotsToTry(printed: string, chance: () => number): string[] {
  const list: unknown = JSON.parse(printed);
  const all = (Array.isArray(list) ? list : []) as { id?: unknown; time?: unknown }[];
  const known = all.flatMap(({ id, time }) =>
    typeof id === 'string' && /^[0-9a-f]{64}$/.test(id) ? [{ id, at: Date.parse(String(time)) || 0 }] : [],
  );
  const [newest, ...older] = known.sort((a, b) => b.at - a.at).map(({ id }) => id);
  const other = older[Math.floor(chance() * older.length)];
  return [newest, other].filter((id) => id !== undefined);
}
