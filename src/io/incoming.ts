/** Verify: what rsync wrote into `incoming/`, trusted for nothing, becomes a candidate or goes to quarantine. */
import { createHash } from 'node:crypto';
import {
  closeSync, constants, fchmodSync, fstatSync, futimesSync, lstatSync, mkdirSync, mkdtempSync, openSync, readdirSync, readSync, renameSync, rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Amount, Books, Entry } from '../core/books.ts';
import { rejected, verified, wanted } from '../core/flags.ts';
import type { Findings } from '../core/findings.ts';
import { makeFolder } from './files.ts';
import type { Quarantine } from './quarantine.ts';
import { RealFolders } from './real-folders.ts';
import { bytePath, exists, type ownPaths } from './replica.ts';

/** What verification has come to so far. */
export interface Verified {
  readonly delivered: Amount;
  readonly quarantined: Amount;
}

/** What serverA listed for a file: bytes, and seconds since 1970. */
interface Listed {
  readonly size: number;
  readonly mtime: number;
}

/** 64 KiB read synchronously into one buffer hashes at twice the speed of a stream. */
const buffer = Buffer.allocUnsafe(64 * 1024);

export class Incoming {
  /** What this run's fetch has brought; leftovers do not count. */
  tally: Verified = { delivered: { files: 0, bytes: 0 }, quarantined: { files: 0, bytes: 0 } };
  readonly #paths: ReturnType<typeof ownPaths>;
  readonly books: Books;
  readonly #findings: Findings;
  readonly #quarantine: Quarantine;
  readonly #folders = new RealFolders();

  constructor(paths: ReturnType<typeof ownPaths>, books: Books, findings: Findings, quarantine: Quarantine) {
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
    if (exists(this.#paths.own, 'candidate')) renameSync(this.#paths.candidate, mkdtempSync(join(this.#paths.incoming, 'candidate-')));
    makeFolder(this.#paths.candidate);
    for (const run of readdirSync(this.#paths.incoming, 'latin1')) {
      const folder = join(this.#paths.incoming, run);
      this.#eachFile(folder, '', (path) => {
        const entry = this.#wantedEntry(path);
        const file = join(folder, path);
        if (entry >= 0 && faultOf(file, path.slice(-64), this.#listed(entry)) === undefined) this.#toCandidate(file, path, entry);
      });
      rmSync(folder, { recursive: true, force: true });
    }
    this.tally = { delivered: { files: 0, bytes: 0 }, quarantined: { files: 0, bytes: 0 } };
  }

  /** Makes the fresh folder that rsync fetches into. */
  freshFolder(runId: string): string {
    const folder = join(this.#paths.incoming, runId);
    mkdirSync(folder, { mode: 0o700 });
    return folder;
  }

  /** Verifies one file, if it is wanted and there already; called while the transfer runs. What else came, `sweep` says. */
  verify(folder: string, path: string): void {
    const entry = this.#wantedEntry(path);
    if (entry >= 0) this.#judge(folder, path, entry);
  }

  /**
   * Verifies everything that is still in the folder, once rsync has ended, and deletes the folder. What was touched
   * after it was verified is verified once more: an rsync that was taken over may have kept a file open.
   */
  sweep(folder: string): void {
    for (const entry of this.books.select(verified, 0)) this.#verifyAgain(entry);
    this.#folders.close(); // nobody writes any more: what stands there now is what came
    this.#eachFile(folder, '', (path) => {
      const entry = this.#wantedEntry(path);
      if (entry >= 0) this.#judge(folder, path, entry);
      else if (!isTemporary(path)) this.#findings.add('warning', 'unrequested', path, 'delivered without having been asked for; thrown away');
    });
    this.#folders.close();
    rmSync(folder, { recursive: true, force: true });
  }

  #judge(folder: string, path: string, entry: Entry): void {
    this.#folders.visit(folder, path, (safe) => {
      const fault = faultOf(safe, path.slice(-64), this.#listed(entry));
      if (fault === undefined) this.#toCandidate(safe, path, entry);
      else this.#toQuarantine(safe, path, entry, fault);
    });
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
    const isOpen = entry >= 0 && this.books.has(entry, wanted) && !this.books.has(entry, verified) && !this.books.has(entry, rejected);
    return isOpen ? entry : -1;
  }

  #verifyAgain(entry: Entry): void {
    const path = this.books.path(entry);
    const file = join(this.#paths.candidate, path);
    if (lstatSync(file).ctimeMs === this.books.stamp(entry)) return;
    const fault = faultOf(file, path.slice(-64), this.#listed(entry));
    if (fault === undefined) return this.books.setStamp(entry, lstatSync(file).ctimeMs);
    this.books.clear(entry, verified);
    this.#toQuarantine(file, path, entry, `changed after it was verified; ${fault}`);
  }

  #toCandidate(file: string, path: string, entry: Entry): void {
    moveTo(this.#paths.candidate, file, path);
    this.books.set(entry, verified);
    this.books.setStamp(entry, lstatSync(join(this.#paths.candidate, path)).ctimeMs);
    count(this.tally.delivered, this.books.size(entry));
  }

  #toQuarantine(file: string, path: string, entry: Entry, fault: string): void {
    const thrownAway = this.#keepAside(file, path, entry);
    this.#quarantine.failed(path);
    this.#findings.add('warning', 'quarantined', path, thrownAway === undefined ? fault : `${fault}; ${thrownAway}`);
  }

  /** Returns why it was thrown away instead; undefined when it is kept. */
  #keepAside(file: string, path: string, entry: Entry): string | undefined {
    const bytes = lstatSync(file).size;
    const thrownAway = this.#quarantine.take(file, path);
    this.books.set(entry, rejected);
    count(this.tally.quarantined, bytes);
    return thrownAway;
  }

  /** Everything but folders, depth first; `path` is bytes, one per character. */
  #eachFile(root: string, folder: string, visit: (path: string) => void): void {
    for (const name of readdirSync(bytePath(root, folder), 'latin1')) {
      const path = folder === '' ? name : `${folder}/${name}`;
      if (lstatSync(bytePath(root, path)).isDirectory()) this.#eachDirectory(root, path, visit);
      else visit(path);
    }
  }

  /** A folder under the name of a wanted file is judged like a file; its content is of no interest. */
  #eachDirectory(root: string, path: string, visit: (path: string) => void): void {
    if (this.#wantedEntry(path) >= 0) visit(path);
    else this.#eachFile(root, path, visit);
  }
}

/**
 * What makes a delivered file unfit: its type, a second link, its size where serverA listed one, or content without the
 * right SHA-256. A file that is fit is read-only from then on, and has the time that serverA listed: with another, which
 * the fetch may have brought, the next audit would suspect it.
 */
export function faultOf(name: string, right: string, listed?: Listed): string | undefined {
  const stats = lstatSync(name);
  if (!stats.isFile()) return 'not a regular file';
  const file = openSync(name, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const opened = fstatSync(file);
    if (opened.ino !== stats.ino || opened.nlink !== 1) return 'has a second link';
    if (listed !== undefined && opened.size !== listed.size) return `has ${opened.size} bytes, serverA listed ${listed.size}`;
    const hash = sha256Of(file);
    if (hash !== right) return `its content has the SHA-256 ${hash}`;
    if (listed !== undefined && Math.floor(opened.mtimeMs / 1000) !== listed.mtime) futimesSync(file, listed.mtime, listed.mtime);
    fchmodSync(file, 0o400);
    return undefined;
  } finally {
    closeSync(file);
  }
}

/** SHA-256 of an open file from its current position, hexadecimal. */
export function sha256Of(file: number): string {
  const hash = createHash('sha256');
  for (;;) {
    const length = readSync(file, buffer, 0, buffer.length, null);
    if (length === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, length));
  }
}

/** Moves a file to the same place under another root of the same file system. */
function moveTo(root: string, file: string, path: string): void {
  const target = join(root, path);
  try {
    renameSync(file, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    makeFolder(dirname(target));
    renameSync(file, target);
  }
}

/** rsync writes into `.NAME.XXXXXX` and renames at the end; what is left of that was broken off. */
function isTemporary(path: string): boolean {
  return /(^|\/)\.[0-9a-f]{64}\.[A-Za-z0-9]{6}$/.test(path);
}

function count(amount: Amount, bytes: number): void {
  amount.files++;
  amount.bytes += bytes;
}
