/** `unread` in the state folder: the packs and indexes of the replica that restic has not read. No such file: it has read none. */
import { join } from 'node:path';
import type { Books, Entry } from '../audit/books.ts';
import { inReplica, present } from '../audit/questions.ts';
import { shareOf } from './proof.ts';
import type { Unread } from '../state/unread.ts';
import { IdFile } from '../state/id-file.ts';

/** The number of an ID: its bytes times four, and these. */
const isIndex = 1;
/** An index names it: so a check, which goes by the indexes, reads it. */
const isNamed = 2;
const unit = 4;

export class UnreadFile {
  readonly #file: IdFile;
  #ids: Map<string, number> | undefined;
  #isKept = false;

  /** `state`: the repository's state folder. */
  constructor(state: string) {
    this.#file = new IdFile(join(state, 'unread'));
  }

  /** At `init`: of what is there nobody has read anything; how much that is. */
  begin(books: Books): Unread {
    this.#ids = new Map();
    this.#addAll(books);
    if (this.#ids.size > 0) this.#file.forget();
    else this.save();
    return this.amount();
  }

  /** Takes what is known, without what has left the replica; where nobody knows, all that the replica has. */
  open(books: Books): void {
    if (this.#ids !== undefined) return;
    const known = this.#file.read();
    this.#isKept = known !== undefined;
    this.#ids = known ?? new Map();
    if (known === undefined) this.#addAll(books);
    for (const [id, number] of this.#ids) {
      const entry = books.find((number & isIndex) === 0 ? 'pack' : 'index', id);
      if (entry < 0 || !books.has(entry, inReplica)) this.#ids.delete(id);
    }
  }

  /** Takes what is known, where the books are not at hand; false when nobody knows. */
  openAlone(): boolean {
    this.#ids = this.#file.read();
    this.#isKept = this.#ids !== undefined;
    return this.#ids !== undefined;
  }

  get isOpen(): boolean {
    return this.#ids !== undefined;
  }

  add(books: Books, entries: readonly Entry[]): void {
    for (const entry of entries)
      this.#all.set(
        books.path(entry).slice(-64),
        books.size(entry) * unit + (books.type(entry) === 'index' ? isIndex : 0),
      );
  }

  #addAll(books: Books): void {
    for (const type of ['pack', 'index'] as const) this.add(books, [...books.select(present, type)]);
  }

  /** The IDs of packs, or of indexes. */
  ids(type: 'pack' | 'index'): string[] {
    return [...this.#all]
      .filter(([, number]) => (number & isIndex) === (type === 'index' ? isIndex : 0))
      .map(([id]) => id);
  }

  hasRead(ids: Iterable<string>): void {
    for (const id of ids) this.#all.delete(id);
  }

  isNamedBy(pack: string): void {
    const number = this.#all.get(pack);
    if (number !== undefined && (number & (isIndex | isNamed)) === 0) this.#all.set(pack, number + isNamed);
  }

  /** A check has read a share of all data, `n/t`: the packs that indexes name, or all of it. */
  hasReadShare(share: string, goesByIndexes: boolean): void {
    const [number, total = 1] = share.split('/').map(Number);
    for (const [id, flags] of this.#all) {
      if ((flags & isIndex) === 0 && ((flags & isNamed) !== 0 || !goesByIndexes) && shareOf(id, total) === number)
        this.#all.delete(id);
    }
  }

  amount(without: ReadonlySet<string> = new Set()): Unread {
    const unread = { packs: 0, indexes: 0, bytes: 0 };
    for (const [id, number] of this.#all) {
      if (without.has(id)) continue;
      unread[(number & isIndex) === 0 ? 'packs' : 'indexes']++;
      unread.bytes += Math.floor(number / unit);
    }
    return unread;
  }

  /** Whether the file is there; until it is, nobody knows what of the replica was read. */
  get isKept(): boolean {
    return this.#isKept;
  }

  save(): void {
    this.#file.write(this.#all);
    this.#isKept = true;
  }

  get #all(): Map<string, number> {
    if (this.#ids === undefined) throw new Error('open comes first');
    return this.#ids;
  }
}
