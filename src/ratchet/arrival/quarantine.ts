/** `quarantine/`: one copy of each file that failed, and a byte limit. */
import { linkSync, lstatSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Amount, Books } from '../../audit/books.ts';
import { inReplica } from '../../audit/flags.ts';
import { placeOf } from '../../layout.ts';
import { makeRoom, quarantineLimit, weightOf, type Copy } from './quarantine-limit.ts';
import { makeFolder, namesIn } from '../../state/files.ts';
import { exists, freeSpace } from '../replica.ts';

/** Where the old copies of repaired files lie, which stay. */
const replaced = 'replaced/';

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

/** How much is in quarantine, a replaced `config` included. */
export function quarantined(folder: string): Amount {
  const copies = copiesIn(folder);
  return { files: copies.length, bytes: copies.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Every copy, with when it came: moving and linking set the time of change, which serverA cannot choose. */
function copiesIn(root: string, folder = ''): (Copy & { readonly since: number })[] {
  return namesIn(join(root, folder)).flatMap((name) => {
    const path = folder === '' ? name : `${folder}/${name}`;
    const stats = lstatSync(join(root, path), { throwIfNoEntry: false });
    if (stats === undefined) return []; // it left while `status` was looking
    if (stats.isDirectory() && placeOf(withoutPrefix(`${path}/`)).of === 'folder') return copiesIn(root, path);
    return [{ path, bytes: sizeOf(join(root, path)), since: stats.ctimeMs }];
  });
}

/** Where the file of a copy belongs; also for a folder of copies, with or without a slash at its end. */
function withoutPrefix(path: string): string {
  return (path.startsWith(replaced) ? path.slice(replaced.length) : path).replace(/\/$/, '');
}

/** Bytes; of a folder, which may have come under a file's name, all that is in it. */
function sizeOf(path: string | Buffer): number {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory() !== true) return stats?.size ?? 0;
  const below = readdirSync(path, { encoding: 'buffer' }).map((name) =>
    Buffer.concat([Buffer.from(path), Buffer.from('/'), name]),
  );
  return below.reduce((sum, each) => sum + weightOf(sizeOf(each)), 0);
}
