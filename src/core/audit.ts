/**
 * Folds the changes of three dry runs into a verdict. The books must balance: every path of the replica is named
 * exactly once. What a path is, `lstat`, `%l` and `%M` decide; `%i`, which serverA can choose, is a second opinion.
 */
import type { Entry } from './books.ts';
import type { Catalogue } from './catalogue.ts';
import { nothingLeft, objectionsTo } from './deletions.ts';
import { Flood, mostStrangers } from './flood.ts';
import { gone, inReplica, kept, suspect, tombstoned, wanted } from './flags.ts';
import type { Findings } from './findings.ts';
import { describe, expectedForms, kindOf, subjectOf, type Known } from './facts.ts';
import type { Change } from './itemize.ts';
import { packFolderOf, passOf, placeOf, type Pass, type Place } from './layout.ts';
import { addUp, count, newReport, type AuditCounts, type PassReport } from './tally.ts';
import { emptyLine, readUnchangedPack } from './unchanged.ts';
import { rule, type ChangeKind, type Context, type Row, type ViolationRule } from './policy.ts';

/** The audit's answer. Clean, if there is no violation among the findings. */
export interface Verdict {
  readonly counts: AuditCounts;
  readonly findings: Findings;
  /** Bytes of the largest new file. */
  readonly largestNew: number;
  /** The modification time that serverA lists for `config`, when only that differs. */
  readonly configMtime: number | undefined;
}

/** What the night as a whole may bring; undefined: no bound. */
export interface Limits {
  readonly newFiles?: number;
  readonly newBytes?: number;
  /** Deletions that the open window still lets through. */
  readonly deletions?: number;
  /** Tonight's deletions wait until what is new is admitted, and are judged then: whether a snapshot and a key are left. */
  readonly isNewsAwaited?: boolean;
}

export class Audit {
  readonly #catalogue: Catalogue;
  readonly #context: Context;
  readonly #exists: (path: string) => boolean;
  readonly #mostStrangers: number;
  readonly #reports = new Map<Pass, PassReport>();
  #pass: Pass = 1;
  #report: PassReport = newReport();
  readonly #line = emptyLine();

  /**
   * `exists`: whether `lstat` finds anything at a path of the replica, asked for every file that is said to be new.
   * `most`: so many lines of a pass may name what the replica does not have, or once more what it has.
   */
  constructor(catalogue: Catalogue, context: Context, exists: (path: string) => boolean, most = mostStrangers()) {
    this.#catalogue = catalogue;
    this.#context = context;
    this.#exists = exists;
    this.#mostStrangers = most;
  }

  /** Starts a pass, or starts it again: what was read of it before is forgotten. */
  begin(pass: Pass): void {
    if (this.#reports.has(pass)) {
      this.#catalogue.books.forget(pass);
      for (const other of this.#catalogue.others.values()) if (other.named === pass) other.named = 0;
    }
    this.#pass = pass;
    this.#report = newReport();
    this.#reports.set(pass, this.#report);
  }

  /**
   * Judges the line `bytes[start, end)`, without our prefix, if it is that of an unchanged pack that the replica has and
   * that was not named before; false when it is for `judge`. Both say the same of such a line.
   */
  judgeUnchanged(bytes: Buffer, start: number, end: number): boolean {
    const line = this.#line;
    if (this.#pass !== 3 || !readUnchangedPack(bytes, start, end, line)) return false;
    this.#catalogue.enterPacks(line.folder);
    const { books } = this.#catalogue;
    const entry = books.findAt('pack', bytes, line.idAt);
    if (entry < 0 || !books.has(entry, inReplica) || books.namedIn(entry) !== 0) return false;
    if (books.size(entry) !== line.size || books.mtime(entry) !== line.mtime) return false;
    books.name(entry, this.#pass);
    this.#report.counts.unchanged++;
    return true;
  }

  /** Judges one line of the pass. Throws Flood when there is no end to what the replica does not have. */
  judge(change: Change): void {
    if (change.path === '.') return this.#judgeRoot(change);
    const folder = packFolderOf(change.path);
    if (folder >= 0) this.#catalogue.enterPacks(folder);
    const place = placeOf(change.path);
    const entry = place.of in hashedTypes ? this.#find(place) : -1;
    const known = this.#known(change.path, entry);
    this.#account(change, entry, known);
    const kind = kindOf(change, known);
    const { books } = this.#catalogue;
    const hasTombstone = entry >= 0 && books.has(entry, inReplica) && (books.has(entry, tombstoned) || books.has(entry, kept));
    const row = rule(kind, subjectOf(place, kind, change, known), this.#context, hasTombstone);
    this.#apply(row, kind, change, place, known);
    if (change.kind === 'item' && !expectedForms(kind, change, known).includes(change.itemized)) {
      this.#violation('inconsistent', change.path, `rsync printed "${change.itemized}" for what is ${kind}`);
    }
  }

  /** Closes the books after the last pass; everything that the replica has has been entered. */
  verdict(limits: Limits): Verdict {
    const whole = newReport();
    for (const report of this.#reports.values()) addUp(whole, report);
    this.#report = whole;
    this.#closeBooks();
    const { counts, findings, largestNew, configMtime } = whole;
    const { newFiles = Infinity, newBytes = Infinity, deletions = Infinity } = limits;
    if (counts.new > newFiles || counts.newBytes > newBytes) {
      this.#violation('over-limit', '', `${counts.new} new files of ${counts.newBytes} bytes; ` +
        `the limits are ${newFiles} files and ${newBytes} bytes a night`);
    }
    this.#judgeDeletions(deletions, limits.isNewsAwaited === true);
    return { counts, findings, largestNew, configMtime };
  }

  /** What was accepted one by one must also hold as a whole. */
  #judgeDeletions(budget: number, isNewsAwaited: boolean): void {
    const { books } = this.#catalogue;
    const later = isNewsAwaited ? nothingLeft(books).map(({ message }) => message) : [];
    for (const { rule, path, message } of objectionsTo(books, { budget, used: 0, allowKeys: true })) if (!later.includes(message)) this.#violation(rule, path, message);
  }

  #judgeRoot(change: Change): void {
    if (this.#report.rootNamed++ > 0) this.#countStranger();
    this.#report.counts.ignored++;
    const isFolder = change.kind === 'item' && change.fileType === 'd';
    if (!isFolder) this.#violation('type-changed', '.', 'the repository itself is not a folder');
  }

  #find(place: Place): Entry {
    return 'id' in place ? this.#catalogue.books.find(place.of, place.id) : -1;
  }

  #known(path: string, entry: Entry): Known | undefined {
    const books = this.#catalogue.books;
    if (entry < 0 || !books.has(entry, inReplica)) return this.#catalogue.others.get(path);
    return { type: 'file', size: books.size(entry), mtime: books.mtime(entry) };
  }

  /** Every path once, in its own pass. */
  #account(change: Change, entry: Entry, known: Known | undefined): void {
    const { books, others } = this.#catalogue;
    const other = others.get(change.path);
    const before = entry >= 0 ? books.namedIn(entry) : (other?.named ?? 0);
    if (known === undefined || before !== 0) this.#countStranger();
    if (entry >= 0) books.name(entry, this.#pass);
    if (other !== undefined) other.named = this.#pass;
    if (before !== 0) this.#violation('unaccounted', change.path, 'named more than once');
    if (passOf(change.path) !== this.#pass) this.#violation('unaccounted', change.path, 'named in the wrong pass');
    if (change.kind === 'deletion' && known === undefined) {
      this.#violation('unaccounted', change.path, 'named as deleted, but the replica never had it');
    }
  }

  #countStranger(): void {
    if (++this.#report.strangers > this.#mostStrangers) throw new Flood(this.#mostStrangers);
  }

  #apply(row: Row, kind: ChangeKind, change: Change, place: Place, known: Known | undefined): void {
    const { counts, findings } = this.#report;
    count(counts, kind, row);
    const message = describe(kind, change, known, row.reason);
    if (row.ruling.verdict === 'violation') this.#violation(row.ruling.rule, change.path, message);
    else if (row.ruling.verdict === 'warning') findings.add('warning', row.ruling.rule, change.path, message);
    else if (row.ruling.verdict === 'accepted') this.#accept(change, place);
    else if (row.ruling.verdict === 'known') this.#catalogue.books.set(this.#find(place), gone);
    else if (row.ruling.verdict === 'suspect') this.#suspect(change, place, message);
  }

  /** Noted with the time that serverA lists; `sync` fetches and hashes it before the night goes on. */
  #suspect(change: Change, place: Place, message: string): void {
    if (change.kind !== 'item') return;
    this.#report.findings.add('note', 'suspect', change.path, message);
    const entry = this.#find(place);
    if (entry < 0) this.#report.configMtime = change.mtime;
    else {
      this.#catalogue.books.set(entry, suspect);
      this.#catalogue.books.setStamp(entry, change.mtime);
    }
  }

  /** A new file goes into the books as wanted; `config`, which has no hash for a name, is the caller's (init). */
  #accept(change: Change, place: Place): void {
    // A deletion: the night makes it a tombstone, if the whole verdict is clean.
    if (change.kind !== 'item') return this.#catalogue.books.set(this.#find(place), gone);
    if (this.#exists(change.path)) {
      return this.#violation('unaccounted', change.path, 'said to be new, but the replica has it');
    }
    this.#report.largestNew = Math.max(this.#report.largestNew, change.size);
    this.#report.counts.newBytes += change.size;
    if (!('id' in place)) return;
    const entry = this.#catalogue.books.enter(place.of, place.id, change.size, change.mtime);
    this.#catalogue.books.set(entry, wanted);
    this.#catalogue.books.name(entry, this.#pass);
  }

  #closeBooks(): void {
    const { books, others } = this.#catalogue;
    const missing = (path: string) => { this.#violation('unaccounted', path, 'in the replica, but not in the report'); };
    books.each(inReplica, 0, (entry) => {
      if (books.namedIn(entry) === 0) missing(books.path(entry));
    });
    for (const [path, other] of others) if (other.named === 0 && path !== '.') missing(path);
    for (const report of this.#reports.values()) {
      if (report.rootNamed !== 1) this.#violation('unaccounted', '.', `named ${report.rootNamed} times in a pass`);
    }
  }

  #violation(name: ViolationRule, path: string, message: string): void {
    this.#report.findings.add('violation', name, path, message);
  }
}

const hashedTypes = { key: true, pack: true, index: true, snapshot: true };
