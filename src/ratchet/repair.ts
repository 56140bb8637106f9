/** `scrub --repair`: fetches damaged files into a fresh folder, verifies them there, and puts them in the damaged ones' place. */
import { lstatSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { placeOf } from '../layout.ts';
import { Failure } from '../errors.ts';
import type { RunOptions } from './holdings.ts';
import { writeNames } from '../state/files.ts';
import { makeFolder } from '../state/unguarded.ts';
import { askedFor, fetchBounds } from './arrival/growth.ts';
import { faultOf } from './arrival/fitness.ts';
import { Quarantine } from './arrival/quarantine.ts';
import { inRealFolder } from './arrival/real-folders.ts';
import { ownPaths, type OwnPaths } from '../replica-path.ts';
import { runFetch, type FetchEnd } from './arrival/fetch.ts';
import { Session } from './session.ts';
import { removeTree } from '../programs/remove-tree.ts';
import { syncFileSystem } from '../programs/sync.ts';

/** restic's packs are 128 MiB at most; a file above this is not believed to be the right one for a smaller damaged one. */
const largestUsual = 2 ** 30;

/** A damaged path, and what serverA has sent for it: `wrong` says why that cannot take its place. */
interface Replacement {
  readonly path: string;
  readonly bytes: number;
  readonly wrong: string | undefined;
}

export class Repair {
  readonly #options: RunOptions;
  readonly #session: Session;
  readonly #rightHash: (path: string) => string;
  readonly #paths: OwnPaths;
  /** Under `incoming/`, so that a later run tidies up after a repair that was killed. rsync writes below it. */
  readonly #folder: string;
  readonly #fetched: string;
  readonly #verified: string;

  /** Takes the run lock; undefined when a run holds it. `rightHash`: the SHA-256 that a file must have. */
  static async begin(options: RunOptions, rightHash: (path: string) => string): Promise<Repair | undefined> {
    const session = new Session(options.repository, options.interrupt);
    return (await session.lock()) ? new Repair(options, session, rightHash) : undefined;
  }

  private constructor(options: RunOptions, session: Session, rightHash: (path: string) => string) {
    this.#options = options;
    this.#session = session;
    this.#rightHash = rightHash;
    this.#paths = ownPaths(options.repository.replica);
    this.#folder = join(this.#paths.incoming, 'repair');
    this.#fetched = join(this.#folder, 'fetched');
    this.#verified = join(this.#folder, 'verified');
  }

  /** Throws away what was fetched and not needed, and gives the lock back. */
  async end(): Promise<void> {
    try {
      removeTree(this.#folder);
    } finally {
      await this.#session.close();
    }
  }

  /** Fetches and verifies; nothing but the fresh folder is touched. Throws Failure when rsync failed and nothing right has come. */
  async fetch(paths: readonly string[]): Promise<readonly Replacement[]> {
    const files = paths.filter((path) => placeOf(path).of !== 'folder');
    const end = files.length === 0 ? 'complete' : await this.#transfer(files);
    this.#options.interrupt.throwIfAborted();
    const why =
      end === 'complete'
        ? 'serverA did not deliver it'
        : end === 'unfinished'
          ? 'the time of timeouts.run was over'
          : end.message;
    const fetched = paths.map((path) => this.#judge(path, why));
    if (end instanceof Failure && fetched.every(({ wrong }) => wrong !== undefined)) throw end;
    return fetched;
  }

  async #transfer(paths: readonly string[]): Promise<FetchEnd> {
    const session = this.#session;
    await session.connect();
    removeTree(this.#folder);
    makeFolder(this.#fetched);
    const manifest = session.path('manifest');
    writeNames(manifest, paths);
    const deadline = new Date(Date.now() + this.#options.repository.timeouts.run);
    const asked = askedFor(paths.map((path) => this.#mostBytes(path)));
    const bounds = fetchBounds(session.bounds(deadline), this.#fetched, asked);
    return runFetch(session.rsync, manifest, this.#fetched, bounds, () => undefined);
  }

  /** Nobody has listed it: what a damaged file may be, or what any file of restic's may. */
  #mostBytes(path: string): number {
    const damaged = lstatSync(join(this.#paths.replica, path), { throwIfNoEntry: false });
    return Math.max(damaged?.size ?? 0, largestUsual);
  }

  #judge(path: string, why: string): Replacement {
    const nothing = { path, bytes: 0 };
    if (placeOf(path).of === 'folder')
      return { ...nothing, wrong: "a folder that cannot be read is for the disk's owner to mend (fsck)" };
    let judged: Replacement = { ...nothing, wrong: why };
    inRealFolder(this.#fetched, path, (name) => {
      const fault = faultOf(name, this.#rightHash(path));
      if (fault !== undefined) judged = { ...nothing, wrong: `what serverA delivers is no better: ${fault}` };
      else judged = { path, bytes: this.#moveToVerified(name, path), wrong: undefined };
    });
    return judged;
  }

  /** Returns the file's size. */
  #moveToVerified(name: string, path: string): number {
    const target = join(this.#verified, path);
    makeFolder(dirname(target));
    renameSync(name, target);
    return lstatSync(target).size;
  }

  /**
   * Gives the damaged files a second name in quarantine, and then renames the right ones onto the first: at every
   * instant, and after a kill, one of the two stands in the replica. The right content is durable before that.
   */
  async replace(paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { replica } = this.#paths;
    const undone = new Map<string, string>();
    const quarantine = new Quarantine(this.#paths.quarantine);
    for (const path of paths) {
      const why = keep(quarantine, join(replica, path), path);
      if (why !== undefined) undone.set(path, why);
    }
    await syncFileSystem(replica);
    for (const path of paths) {
      if (undone.has(path)) continue;
      makeFolder(dirname(join(replica, path)));
      renameSync(join(this.#verified, path), join(replica, path));
    }
    await syncFileSystem(replica);
    return undone;
  }
}

/** What cannot have a second name (a folder under a file's name) is left as it is; returns the reason. */
function keep(quarantine: Quarantine, file: string, path: string): string | undefined {
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return undefined; // a pinned file that is missing
  try {
    quarantine.keep(file, path);
    return undefined;
  } catch (error) {
    return `it cannot be put into quarantine: ${(error as Error).message}`;
  }
}
