/** Reading the replica's own files at the speed of the disk: is each what its name says? */
import { pathOf, type Replica } from '../replica-path.ts';
import { closeSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Amount } from '../audit/books.ts';
import { placeOf } from '../layout.ts';
import { isInShare, placeAfter, scrubOrder, type Hashed, type Share } from './share.ts';
import { PatientHash } from '../state/file-hash.ts';
import { namesIn } from '../state/files.ts';
import { openToRead } from '../state/read-file.ts';
import { keepYoungGenerationSmall } from '../state/young-generation.ts';
import * as onDisk from '../ratchet/replica.ts';

/** What one look at a file has found. */
type Read = Omit<Hashed, 'path'>;

export class Rehash {
  readonly #replica: Replica;
  readonly #folder: string;
  readonly #interrupt: AbortSignal;
  readonly #hashing: PatientHash;
  #marker: onDisk.Marker | undefined;

  constructor(replica: Replica, interrupt: AbortSignal) {
    keepYoungGenerationSmall();
    this.#replica = replica;
    this.#folder = pathOf(replica);
    this.#interrupt = interrupt;
    this.#hashing = new PatientHash(interrupt);
  }

  /** How much a whole scrub of the share has to hash. What cannot be read now is told when its turn has come. */
  total(share: Share | undefined): Amount {
    const amount = { files: 0, bytes: 0 };
    for (const folder of scrubOrder) {
      try {
        for (const path of this.#pathsIn(folder, share)) {
          amount.files++;
          amount.bytes += lstatSync(join(this.#folder, path), { throwIfNoEntry: false })?.size ?? 0;
        }
      } catch (error) {
        unreadable(error);
      }
    }
    return amount;
  }

  /**
   * Hashes the files of a share that come after a path, one by one; `entering` is called for each folder. A file that has
   * left meanwhile is passed over.
   */
  async *hash(share: Share | undefined, after: string, entering: (folder: string) => void): AsyncGenerator<Hashed> {
    const from = placeAfter(after);
    for (const [index, folder] of scrubOrder.entries()) {
      if (index < from.folder) continue;
      entering(folder);
      yield* this.#hashFolder(folder, share, index === from.folder ? from.name : '');
      this.requireReplica();
    }
  }

  async *#hashFolder(folder: string, share: Share | undefined, after: string): AsyncGenerator<Hashed> {
    let paths: string[];
    try {
      paths = this.#pathsIn(folder, share);
    } catch (error) {
      yield { path: folder, bytes: 0, fault: unreadable(error) };
      return;
    }
    for (const path of paths) {
      if (path.slice(path.lastIndexOf('/') + 1) <= after) continue;
      this.#interrupt.throwIfAborted();
      const read = await this.#read(path);
      if (read !== undefined) yield { path, ...read };
    }
  }

  /** What is wrong with a file now; undefined when nothing is, or when the replica no longer has it. */
  async faultOf(path: string): Promise<string | undefined> {
    if (placeOf(path).of !== 'folder') return (await this.#read(path))?.fault;
    try {
      readdirSync(join(this.#folder, path));
      return undefined;
    } catch (error) {
      return codeOf(error) === 'ENOENT' ? undefined : unreadable(error);
    }
  }

  /** The files of a folder that are of the share, sorted; the pinned keys among them, there or not. */
  #pathsIn(folder: string, share: Share | undefined): string[] {
    const pins = this.#requireMarker().pins;
    if (folder === '') return isInShare(pins.config, share) ? ['config'] : [];
    const names = new Set([...namesIn(join(this.#folder, folder)), ...(folder === 'keys' ? pins.keys : [])]);
    const paths = [...names].sort().map((name) => `${folder}/${name}`);
    return paths.filter((path) => {
      const place = placeOf(path);
      return 'id' in place && isInShare(place.id, share);
    });
  }

  /** Reads a file; undefined when it has left the replica meanwhile. */
  async #read(path: string): Promise<Read | undefined> {
    const whole = join(this.#folder, path);
    let file: number;
    try {
      if (!lstatSync(whole).isFile()) return { bytes: 0, fault: 'not a regular file' };
      file = openToRead(whole, 'no link');
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') return { bytes: 0, fault: unreadable(error) };
      return this.#isPinned(path) ? { bytes: 0, fault: 'is missing, and was pinned at init' } : undefined;
    }
    try {
      return await this.#readOpened(file, this.rightHash(path));
    } finally {
      closeSync(file);
    }
  }

  async #readOpened(file: number, right: string): Promise<Read> {
    let bytes = 0;
    try {
      const found = await this.#hashing.of(file, (more) => (bytes += more));
      return { bytes, fault: found === right ? undefined : `its content has the SHA-256 ${found}` };
    } catch (error) {
      this.#interrupt.throwIfAborted();
      return { bytes, fault: unreadable(error) };
    }
  }

  /** The SHA-256 that a file must have: the pinned one, or its name. */
  rightHash(path: string): string {
    return path === 'config' ? this.#requireMarker().pins.config : path.slice(-64);
  }

  /** By the marker as it is now: a run may have let a key go. */
  #isPinned(path: string): boolean {
    this.requireReplica();
    return path === 'config' || this.#requireMarker().pins.keys.some((id) => path === `keys/${id}`);
  }

  /** Throws Failure when the replica is not there, or is no longer the one that we began with: unmounted, say. */
  requireReplica(): onDisk.Marker {
    const marker = onDisk.readMarker(this.#replica);
    if (marker === undefined || (this.#marker !== undefined && marker.id !== this.#marker.id))
      throw onDisk.notInitialised(this.#replica);
    this.#marker = marker;
    return marker;
  }

  #requireMarker(): onDisk.Marker {
    if (this.#marker === undefined) throw new Error('requireReplica comes first');
    return this.#marker;
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}

/** Our own shortage says nothing about the file. */
const ourOwn = new Set(['EMFILE', 'ENFILE', 'ENOMEM', '']);

/** The fault of what cannot be read; throws what is not the file's fault. */
function unreadable(error: unknown): string {
  const code = codeOf(error);
  if (ourOwn.has(code)) throw error;
  return `cannot be read (${code}): ${code === 'EACCES' || code === 'EPERM' ? 'look at its owner and mode' : 'the disk or file system reports an error'}`;
}
