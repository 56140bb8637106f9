/** The names of files that restic cannot use although their names are their hashes: raised once, and not fetched again. */
import { join } from 'node:path';
import type { Books } from '../audit/books.ts';
import { rejected, unrefused, verified } from '../audit/questions.ts';
import type { Findings } from '../audit/findings.ts';
import { IdFile } from '../state/id-file.ts';

export class Poison {
  readonly #file: IdFile;
  readonly #most: number;
  #names: Map<string, number> | undefined;

  /** `state`: the repository's state folder; `most`: so many names are remembered. A lost file: all is tried, and raised, once more. */
  constructor(state: string, most: number) {
    this.#file = new IdFile(join(state, 'poison'));
    this.#most = most;
  }

  has(id: string): boolean {
    return this.#all.has(id);
  }

  remember(ids: readonly string[]): void {
    for (const id of ids) if (this.#all.size < this.#most) this.#all.set(id, 0);
    this.#file.write(this.#all);
  }

  /** Marks what is wanted and known to be poison as rejected, with its warning; to be called before the fetch. */
  holdOff(books: Books, findings: Findings): void {
    if (this.#all.size === 0) return;
    for (const entry of [...books.select(unrefused)]) {
      const path = books.path(entry);
      if (!this.has(path.slice(-64))) continue;
      books.set(entry, rejected);
      books.clear(entry, verified);
      findings.add('warning', 'quarantined', path, notAgain);
    }
  }

  get #all(): Map<string, number> {
    return (this.#names ??= this.#file.read() ?? new Map<string, number>());
  }
}

const notAgain = 'restic cannot use it, which an alarm has told; not fetched again';
