/** `quarantine/`: one copy of each file that failed, and a byte limit. */
import { linkSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Books } from '../../audit/books.ts';
import { inReplica } from '../../audit/questions.ts';
import { placeOf } from '../../layout.ts';
import { copiesIn, replaced, sizeOf } from './quarantined.ts';
import { makeRoom, quarantineLimit, weightOf, type Copy } from './quarantine-limit.ts';
import { makeFolder } from '../../state/unguarded.ts';
import { freeSpace } from '../../programs/disk.ts';
import { exists } from '../replica.ts';

export class Quarantine {
  readonly #folder: string;
  #limit: number | undefined;
  /** Oldest first; read when first needed. */
  #copies: Map<string, Copy> | undefined;
  #weight = 0;
  /** Whoever calls anything else in here holds the run lock. `limit` in bytes: by default, what its disk allows. */
  constructor(folder: string, limit?: number) {
    this.#folder = folder;
    this.#limit = limit;
  }

  /**
   * Moves a file that must not enter here, in place of an earlier one of its name; the oldest copies leave when there is
   * no room. Returns why it was thrown away instead; undefined when it is kept.
   */
  take(file: string, path: string): string | undefined {
    if (this.#makeRoom(file, path)) {
      this.#enter(file, path, renameSync);
      return undefined;
    }
    rmSync(file, { recursive: true, force: true });
    return 'larger than quarantine may be, so thrown away';
  }

  /** Gives a file of the replica a second name under `replaced/`, so that it can be replaced. Throws what link(2) says. */
  keep(file: string, path: string): void {
    const copy = `${replaced}${path}`;
    this.#drop(copy);
    this.#enter(file, copy, linkSync);
  }

  /** Makes the oldest copies leave; false when that would not be enough. */
  #makeRoom(file: string, path: string): boolean {
    this.#copies ??= this.#readCopies();
    this.#drop(path);
    makeFolder(this.#folder);
    this.#limit ??= quarantineLimit(freeSpace(this.#folder).total);
    const leaving = makeRoom(this.#copies.values(), this.#weight, sizeOf(file), this.#limit);
    for (const each of leaving ?? []) this.#drop(each);
    return leaving !== undefined;
  }

  #enter(file: string, path: string, move: (from: string, to: string) => void): void {
    const target = join(this.#folder, path);
    makeFolder(dirname(target));
    move(file, target);
    this.#add({ path, bytes: sizeOf(target) });
  }

  #readCopies(): Map<string, Copy> {
    this.#copies = new Map();
    for (const copy of copiesIn(this.#folder).sort((a, b) => a.since - b.since)) this.#add(copy);
    return this.#copies;
  }

  /**
   * What came from serverA counts, and leaves when room is needed. What the replica itself had (`replaced/`, an old
   * `config`) is an operator's to remove: junk from serverA must not push it out.
   */
  #add({ path, bytes }: Copy): void {
    if (!('id' in placeOf(path))) return;
    this.#copies?.set(path, { path, bytes });
    this.#weight += weightOf(bytes);
  }

  #drop(path: string): void {
    const copy = this.#copies?.get(path);
    if (copy !== undefined) this.#weight -= weightOf(copy.bytes);
    this.#copies?.delete(path);
    rmSync(join(this.#folder, path), { recursive: true, force: true });
  }

  /** A copy leaves when the right content has been admitted. The old copies of repaired files stay. */
  settle(books: Books): void {
    for (const path of [...this.#missing()]) {
      const entry = books.at(path);
      if (entry >= 0 && books.has(entry, inReplica)) this.#drop(path);
    }
  }

  /** Whether any file that came and must not enter is still missing in the replica. */
  hasMissing(replica: string): boolean {
    for (const path of this.#missing()) if (!exists(replica, path)) return true;
    return false;
  }

  /** The copies of what came and must not enter. */
  *#missing(): Generator<string> {
    this.#copies ??= this.#readCopies();
    yield* this.#copies.keys();
  }
}
