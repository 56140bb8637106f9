/** The walk of the replica that the audit is checked against. What lies below `data` find-packs.ts walks in a night, this file elsewhere. */
import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { Books } from './books.ts';
import { inReplica } from './questions.ts';
import type { Catalogue, Known, Other } from './facts.ts';
import { ignoredNames, type IgnoredNames } from '../ignored.ts';
import { isExcluded, placeOf } from '../layout.ts';
import { bytePath } from '../replica-path.ts';

/** The folder that holds nearly all files. */
export const packs = 'data';

/**
 * Everything in the replica that the dry runs must name: regular hash-named files in the books, the rest by path.
 * A few dozen bytes are kept for each file.
 */
export class ReplicaWalk implements Catalogue {
  readonly books: Books;
  readonly others = new Map<string, Other>();
  readonly replica: string;
  readonly #ignore: IgnoredNames;

  /** Walks everything but what lies below `data`. `books` may know tombstones already. Throws what lstat(2) or readdir(2) say. */
  constructor(replica: string, ignore: readonly string[], books: Books = new Books()) {
    this.books = books;
    this.replica = replica;
    this.#ignore = ignoredNames(ignore);
    this.others.set('.', { type: 'folder', size: 0, mtime: 0, named: 0 });
    this.#walk('');
  }

  /** Whether there is a folder `data`, whose content is still to be walked. */
  get hasPacks(): boolean {
    return this.others.get(packs)?.type === 'folder';
  }

  /** Walks what lies below `data`: the slow form of find-packs.ts. */
  walkPacks(): void {
    if (this.hasPacks) this.#walk(packs);
  }

  /** Enters what was found below `data`, unless it or a folder that it lies in is left out of the audit. */
  enterFound(path: string, known: Known): void {
    for (let slash = path.indexOf('/', packs.length + 1); slash > 0; slash = path.indexOf('/', slash + 1))
      if (isExcluded(path.slice(0, slash), true, this.#ignore)) return;
    if (!isExcluded(path, known.type === 'folder', this.#ignore)) this.#enter(path, known);
  }

  #walk(folder: string): void {
    for (const name of readdirSync(bytePath(this.replica, folder), 'latin1')) {
      const path = folder === '' ? name : `${folder}/${name}`;
      const stats = lstatSync(bytePath(this.replica, path));
      if (isExcluded(path, stats.isDirectory(), this.#ignore)) continue;
      this.#enter(path, { type: typeOf(stats), size: stats.size, mtime: this.#seconds(path, stats) });
      if (stats.isDirectory() && path !== packs) this.#walk(path);
    }
  }

  /** `mtimeMs` is a double: within some hundred nanoseconds of a full second it may have rounded to the wrong one. */
  #seconds(path: string, { mtimeMs }: Stats): number {
    const rest = ((mtimeMs % 1000) + 1000) % 1000;
    if (rest >= 0.01 && rest <= 999.99) return Math.floor(mtimeMs / 1000);
    const { mtimeNs } = lstatSync(bytePath(this.replica, path), { bigint: true });
    return Number(mtimeNs / 1_000_000_000n) - (mtimeNs < 0n && mtimeNs % 1_000_000_000n !== 0n ? 1 : 0);
  }

  #enter(path: string, { type, size, mtime }: Known): void {
    const place = placeOf(path);
    if ('id' in place && type === 'file') this.books.set(this.books.enter(place.of, place.id, size, mtime), inReplica);
    else this.others.set(path, { type, size, mtime, named: 0 });
  }
}

/** The whole walk at once. */
export function walkReplica(replica: string, ignore: readonly string[]): ReplicaWalk {
  const walk = new ReplicaWalk(replica, ignore);
  walk.walkPacks();
  return walk;
}

function typeOf(stats: Stats): Known['type'] {
  return stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'special';
}
