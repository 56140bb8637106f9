/** The walk of the replica that the audit is checked against. */
import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { Catalogue, Other } from './catalogue.ts';
import { Books } from './books.ts';
import { inReplica } from './flags.ts';
import type { Known } from './facts.ts';
import { ignoredNames, type IgnoredNames } from '../ignored.ts';
import { foldersOf, isExcluded, packFolderOf, placeOf } from '../layout.ts';
import { bytePath } from '../replica-path.ts';
import { randomFillSync } from 'node:crypto';

const packFolders = foldersOf('pack');

/**
 * Everything in the replica that the dry runs must name: regular hash-named files in the books, the rest by path.
 * A few dozen bytes are kept for each file. The folders of packs, where nearly all files are, are walked one by one: when
 * the audit comes to one, or while it waits, so that the walk runs beside rsync's scan.
 */
export class ReplicaWalk implements Catalogue {
  readonly books: Books;
  readonly others = new Map<string, Other>();
  readonly #replica: string;
  readonly #ignore: IgnoredNames;
  /** Those that are there and have not been walked. */
  readonly #left = new Set<number>();
  #isStopped = false;

  /** Walks everything but the folders of packs. `books` may know tombstones already. Throws what lstat(2) or readdir(2) say. */
  constructor(replica: string, ignore: readonly string[], books: Books = newBooks()) {
    this.books = books;
    this.#replica = replica;
    this.#ignore = ignoredNames(ignore);
    this.others.set('.', { type: 'folder', size: 0, mtime: 0, named: 0 });
    this.#walk('');
  }

  enterPacks(folder: number): void {
    if (!this.#left.has(folder)) return;
    this.#walk(packFolders[folder] ?? '');
    this.#left.delete(folder);
  }

  enterAll(): void {
    for (const folder of [...this.#left]) this.enterPacks(folder);
  }

  /** Walks on whenever there is nothing else to do, until all is walked or `stop`; the first error ends it too, and comes again later. */
  async goOn(): Promise<void> {
    for (const folder of [...this.#left]) {
      await setImmediate();
      if (this.#isStopped) return;
      try {
        this.enterPacks(folder);
      } catch {
        return;
      }
    }
  }

  /** Nobody waits for the rest any more. */
  stop(): void {
    this.#isStopped = true;
  }

  #walk(folder: string): void {
    for (const name of readdirSync(bytePath(this.#replica, folder), 'latin1')) {
      const path = folder === '' ? name : `${folder}/${name}`;
      const stats = lstatSync(bytePath(this.#replica, path));
      if (isExcluded(path, stats.isDirectory(), this.#ignore)) continue;
      this.#enter(
        path,
        known(stats, () => exactSeconds(this.#replica, path)),
      );
      if (!stats.isDirectory()) continue;
      const packs = packFolderOf(path);
      if (packs >= 0 && path.length === 7) this.#left.add(packs);
      else this.#walk(path);
    }
  }

  #enter(path: string, { type, size, mtime }: Known): void {
    const place = placeOf(path);
    if ('id' in place && type === 'file') {
      this.books.set(this.books.enter(place.of, place.id, size, mtime), inReplica);
    } else {
      this.others.set(path, { type, size, mtime, named: 0 });
    }
  }
}

/** The whole walk at once. */
export function walkReplica(replica: string, ignore: readonly string[]): ReplicaWalk {
  const walk = new ReplicaWalk(replica, ignore);
  walk.enterAll();
  return walk;
}

function known(stats: Stats, exact: () => number): Known {
  const type = stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'special';
  return { type, size: stats.size, mtime: seconds(stats.mtimeMs, exact) };
}

/** `mtimeMs` is a double: within some hundred nanoseconds of a full second it may have rounded to the wrong one. */
function seconds(mtimeMs: number, exact: () => number): number {
  const rest = ((mtimeMs % 1000) + 1000) % 1000;
  return rest > 999.99 || rest < 0.01 ? exact() : Math.floor(mtimeMs / 1000);
}

function exactSeconds(replica: string, path: string): number {
  const { mtimeNs } = lstatSync(bytePath(replica, path), { bigint: true });
  return Number(mtimeNs / 1_000_000_000n) - (mtimeNs < 0n && mtimeNs % 1_000_000_000n !== 0n ? 1 : 0);
}

/** Empty books with a random seed. */
export function newBooks(): Books {
  return new Books(randomFillSync(new Uint32Array(8)));
}
