/** Verify: what rsync wrote into `incoming/`, trusted for nothing, becomes a candidate or goes to quarantine. */
import { chmodSync, fdatasyncSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Amount, Books, Entry } from '../../audit/books.ts';
import { candidates, rejected, taken, unhashed, verified, wanted } from '../../audit/questions.ts';
import type { Findings } from '../../audit/findings.ts';
import { removeTree } from '../../programs/remove-tree.ts';
import { makeFolder } from '../../state/unguarded.ts';
import { faultOf, faultOfFile, isTemporary, outerFault, settledSince, type Listed } from './fitness.ts';
import type { Quarantine } from './quarantine.ts';
import { RealFolders } from './real-folders.ts';
import { exists } from '../replica.ts';
import { bytePath, type OwnPaths } from '../../replica-path.ts';

/** What verification has come to so far. */
export interface Verified {
  readonly delivered: Amount;
  readonly quarantined: Amount;
}

/** A file under candidate/ that rsync may still have open: out of its reach by name, but not hashed yet. */
interface Moved {
  readonly entry: Entry;
  /** When it was last changed (ctime, ms). */
  readonly since: number;
}

/** Smaller files are hashed when rsync has ended: to flush each to the disk before would take longer than all the rest. */
const hashedLater = 2 ** 20;

const unasked = 'delivered without having been asked for; thrown away';
/** What has come is not wanted a second time. */
const came = [taken, verified, rejected];

/** How far ctime may lag behind the clock, in milliseconds: a kernel at 100 Hz. */
const clockTick = 10;

export class Incoming {
  /** What this run's fetch has brought; leftovers do not count. */
  tally: Verified = { delivered: { files: 0, bytes: 0 }, quarantined: { files: 0, bytes: 0 } };
  readonly #paths: OwnPaths;
  readonly books: Books;
  readonly #findings: Findings;
  readonly #quarantine: Quarantine;
  readonly #folders = new RealFolders();
  /** What this run's fetch has brought so far, right or not, and what no longer lies where rsync writes. */
  arrived: Amount = { files: 0, bytes: 0 };
  #leftovers: Amount = { files: 0, bytes: 0 };
  /** Those that are hashed while the transfer runs, the one that was moved first in front. */
  readonly #moved: Moved[] = [];

  constructor(paths: OwnPaths, books: Books, findings: Findings, quarantine: Quarantine) {
    this.#paths = paths;
    this.books = books;
    this.#findings = findings;
    this.#quarantine = quarantine;
  }

  /**
   * Takes over what a broken run left: whatever is still wanted and right goes to `candidate/`, the rest is deleted.
   * Candidates of an earlier run are verified anew; then a power cut between writing and syncing cannot hurt.
   */
  takeLeftovers(): void {
    makeFolder(this.#paths.incoming);
    // A new name each time: a run that is killed in here leaves the candidates that it had not looked at under the last one.
    if (exists(this.#paths.own, 'candidate'))
      renameSync(this.#paths.candidate, mkdtempSync(join(this.#paths.incoming, 'candidate-')));
    makeFolder(this.#paths.candidate);
    for (const run of readdirSync(this.#paths.incoming, 'latin1')) {
      const folder = join(this.#paths.incoming, run);
      this.#eachFile(folder, '', (path) => {
        const entry = this.#wantedEntry(path);
        const file = join(folder, path);
        if (entry < 0 || faultOf(file, path.slice(-64), this.#listed(entry)) !== undefined) return;
        moveTo(join(this.#paths.candidate, path), file);
        this.books.set(entry, verified);
        this.books.setStamp(entry, lstatSync(join(this.#paths.candidate, path)).ctimeMs);
      });
      removeTree(folder);
    }
    this.#leftovers = this.books.amount(candidates);
  }

  /** Makes the fresh folder that rsync fetches into. */
  freshFolder(runId: string): string {
    const folder = join(this.#paths.incoming, runId);
    mkdirSync(folder, { mode: 0o700 });
    return folder;
  }

  /**
   * Takes one file, if it is wanted and there already; called while the transfer runs. First it is moved out of rsync's
   * reach: what is hashed then is what has this name from then on. It is hashed when the next one comes.
   */
  verify(folder: string, path: string): void {
    const entry = this.#wantedEntry(path);
    if (entry >= 0) ifAllowed(() => this.#take(folder, path, entry));
    if (this.#moved.length > 1) this.#hashMoved();
  }

  /**
   * Once rsync has ended: verifies everything that is still in the folder, deletes the folder, and hashes what has not
   * been hashed, or has changed since it was: an rsync that was taken over may have kept a file open.
   */
  sweep(folder: string): void {
    this.#moved.length = 0;
    try {
      this.#folders.close(); // nobody writes any more: what stands there now is what came
      this.#eachFile(folder, '', (path) => {
        const entry = this.#wantedEntry(path);
        if (entry >= 0) this.#take(folder, path, entry);
        else if (!isTemporary(path)) this.#findings.add('warning', 'unrequested', path, unasked);
      });
    } finally {
      this.#folders.close();
    }
    for (const entry of this.books.select(candidates)) this.#settle(entry);
    for (const entry of this.books.select(unhashed)) this.#hash(entry);
    removeTree(folder);
    const { files, bytes } = this.books.amount(candidates);
    this.tally = {
      ...this.tally,
      delivered: { files: files - this.#leftovers.files, bytes: bytes - this.#leftovers.bytes },
    };
  }

  /** Moved first, then looked at: nobody can exchange it any more. */
  #take(folder: string, path: string, entry: Entry): void {
    this.#folders.visit(folder, path, (safe) => {
      const file = `${this.#paths.candidate}/${path}`;
      moveTo(file, safe);
      const stats = lstatSync(file);
      const fault = outerFault(stats, this.#listed(entry));
      count(this.arrived, stats.size);
      if (fault !== undefined) return this.#toQuarantine(file, path, entry, fault);
      this.books.set(entry, taken);
      const since = stats.size < hashedLater ? undefined : settledSince(file, this.#listed(entry));
      if (since !== undefined) this.#moved.push({ entry, since });
    });
  }

  /**
   * Hashes the candidate that was moved first. What is written to it afterwards, through a descriptor or a mapping that
   * rsync kept, changes its ctime: that has moved on since the file's, and fdatasync(2) makes the kernel notice the next
   * store into a mapping.
   */
  #hashMoved(): void {
    const moved = this.#moved.shift();
    if (moved === undefined) return;
    const rest = Math.min(clockTick, Math.max(0, moved.since + clockTick - Date.now()));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, rest);
    this.#hash(moved.entry, '', fdatasyncSync);
    this.books.setStamp(moved.entry, moved.since);
  }

  /** A candidate that was hashed while rsync could still have it open is hashed again if it has changed since. */
  #settle(entry: Entry): void {
    const file = join(this.#paths.candidate, this.books.path(entry));
    if (lstatSync(file).ctimeMs === this.books.stamp(entry)) return;
    this.#hash(entry, 'changed after it was verified; ');
  }

  /** Hashes a candidate: it is verified then, or goes to quarantine. */
  #hash(entry: Entry, words = '', before?: (file: number) => void): void {
    const path = this.books.path(entry);
    const file = `${this.#paths.candidate}/${path}`;
    const fault = faultOfFile(file, path.slice(-64), this.#listed(entry), before);
    this.books.clear(entry, taken | verified);
    if (fault !== undefined) return this.#toQuarantine(file, path, entry, `${words}${fault}`);
    this.books.set(entry, verified);
  }

  /** A candidate that restic refuses goes to quarantine after all. */
  reject(entry: Entry): void {
    const path = this.books.path(entry);
    this.#keepAside(join(this.#paths.candidate, path), path, entry);
    this.books.clear(entry, verified);
  }

  #listed(entry: Entry): Listed {
    return { size: this.books.size(entry), mtime: this.books.mtime(entry) };
  }

  /** The entry of a path that is wanted and has not come yet, or -1. */
  #wantedEntry(path: string): Entry {
    const entry = this.books.at(path);
    const isOpen = entry >= 0 && this.books.has(entry, wanted) && !came.some((flag) => this.books.has(entry, flag));
    return isOpen ? entry : -1;
  }

  #toQuarantine(file: string, path: string, entry: Entry, fault: string): void {
    const thrownAway = this.#keepAside(file, path, entry);
    this.#findings.add('warning', 'quarantined', path, thrownAway === undefined ? fault : `${fault}; ${thrownAway}`);
    if (thrownAway !== undefined)
      this.#findings.add('warning', 'not-delivered', path, 'what came was wrong, and too large to be kept');
  }

  /** Returns why it was thrown away instead; undefined when it is kept. */
  #keepAside(file: string, path: string, entry: Entry): string | undefined {
    const bytes = lstatSync(file).size;
    const thrownAway = this.#quarantine.take(file, path);
    this.books.set(entry, rejected);
    count(this.tally.quarantined, bytes);
    return thrownAway;
  }

  /** Everything but folders, depth first; `path` is bytes, one per character. Rights that rsync took from a folder come back. */
  #eachFile(root: string, folder: string, visit: (path: string) => void, depth = 0): void {
    const here = bytePath(root, folder);
    if ((lstatSync(here).mode & 0o700) !== 0o700) chmodSync(here, 0o700);
    for (const name of readdirSync(here, 'latin1')) {
      const path = folder === '' ? name : `${folder}/${name}`;
      const isWayOn = depth < deepest && lstatSync(bytePath(root, path)).isDirectory() && this.#wantedEntry(path) < 0;
      if (isWayOn) this.#eachFile(root, path, visit, depth + 1);
      else visit(path);
    }
  }
}

/** The layout has two folders above a file; deeper ones are not looked into, because their paths have no end. */
const deepest = 3;

/** Does nothing where rsync has taken the right to: what is left is for `sweep`. */
function ifAllowed(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** Moves a file to a place of the same file system. */
function moveTo(target: string, file: string): void {
  try {
    renameSync(file, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    makeFolder(dirname(target));
    renameSync(file, target);
  }
}

function count(amount: Amount, bytes: number): void {
  amount.files++;
  amount.bytes += bytes;
}
