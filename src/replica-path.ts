/** A replica's path is a type: who is given a Replica can hand it on, and sees nothing of where it lies. */
import { join } from 'node:path';

let path: (replica: Replica) => string;

/** Where a replica lies. Only the files that scripts/house.mjs names may take the path out. */
export class Replica {
  readonly #name: string;
  readonly #path: string;

  static {
    path = (replica) => replica.#path;
  }

  /** `name` is the repository's. */
  constructor(name: string, folder: string) {
    this.#name = name;
    this.#path = folder;
  }

  /** The repository's name. */
  toString(): string {
    return this.#name;
  }
}

/** Absolute, without `.`, `..` or a trailing slash. */
export function pathOf(replica: Replica): string {
  return path(replica);
}

/** The replica's folder, and the folders and files of our own below its `.rsync-ratchet/`, which every dry run excludes. */
export function ownPaths(replica: Replica) {
  const folder = path(replica);
  const own = join(folder, '.rsync-ratchet');
  return {
    replica: folder,
    own,
    marker: join(own, 'replica.json'),
    lock: join(own, 'lock'),
    /** Held by those who read beside the nights, and by a night while files leave. */
    readers: join(own, 'readers'),
    incoming: join(own, 'incoming'),
    candidate: join(own, 'candidate'),
    quarantine: join(own, 'quarantine'),
    expired: join(own, 'expired'),
  };
}

export type OwnPaths = ReturnType<typeof ownPaths>;

/** A path below `root` whose part from outside is bytes, one per character. */
export function bytePath(root: string, below: string): string | Buffer {
  if (/^[\x00-\x7f]*$/.test(below)) return `${root}/${below}`;
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(below, 'latin1')]);
}
