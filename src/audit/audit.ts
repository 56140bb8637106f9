/**
 * Folds the changes of three dry runs into a verdict. The books must balance: every path of the replica is named
 * exactly once. What a path is, `lstat`, `%l` and `%M` decide; `%i`, which serverA can choose, is a second opinion.
 */
import type { Entry } from './books.ts';
import { gone, inReplica, kept, suspect, tombstoned, wanted } from './questions.ts';
import { nothingLeft, objectionsTo } from './deletions.ts';
import { describe, expectedForms, kindOf, knownAt, subjectOf, unnamedIn, type Catalogue, type Known } from './facts.ts';
import type { Change, Standing } from './itemize.ts';
import { passOf, placeOf, type Pass, type Place } from '../layout.ts';
import { addUp, count, Flood, mostStrangers, newReport, type Limits, type PassReport, type Verdict } from './tally.ts';
import { emptyLine, readUnchangedPack } from './unchanged.ts';
import { rule, type ChangeKind, type Context, type Row, type ViolationRule } from './policy.ts';

export class Audit {
  readonly #catalogue: Catalogue;
  readonly #context: Context;
  readonly #exists: (path: string) => boolean;
  readonly #mostStrangers: number;
  readonly #reports = new Map<Pass, PassReport>();
  #pass: Pass = 1;
  #report: PassReport = newReport();
  readonly #failed = new Set<Pass>();
  /** Folders of the layout that are none on serverA; what lies below them need not be named. */
  readonly #typeChanged = new Set<string>();
  readonly #standing = new Set<string>();
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

  /** Starts a pass, or starts it again: what was read of it before is forgotten, but for folders that are `hidden` now. */
  begin(pass: Pass, hidden: readonly string[] = []): void {
    if (this.#reports.has(pass)) {
      this.#catalogue.books.forget(pass);
      for (const other of this.#catalogue.others.values()) if (other.named === pass) other.named = 0;
    }
    this.#failed.delete(pass);
    this.#pass = pass;
    this.#report = newReport();
    this.#reports.set(pass, this.#report);
    for (const path of hidden) {
      this.#report.counts.foreign++;
      this.#report.findings.add('warning', 'foreign', path, 'restic does not use the name; the folder was not opened');
    }
  }

  /** The pass failed, or never began: what it said counts, what it did not say does not. */
  fail(pass: Pass): void {
    this.#failed.add(pass);
  }

  /** The folders, named in this pass, that are none of the layout's. */
  get foreignFolders(): readonly string[] {
    return this.#report.foreignFolders;
  }

  /**
   * Judges the line `bytes[start, end)`, without our prefix, if it is that of an unchanged pack that the replica has and
   * that was not named before; false when it is for `judge`. Both say the same of such a line.
   */
  judgeUnchanged(bytes: Buffer, start: number, end: number): boolean {
    const line = this.#line;
    if (this.#pass !== 3 || !readUnchangedPack(bytes, start, end, line)) return false;
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
    if (change.kind === 'standing') return this.#judgeStanding(change.path);
    if (change.path === '.') return this.#judgeRoot(change);
    const place = placeOf(change.path);
    const entry = this.#find(place);
    const known = knownAt(this.#catalogue, change.path, entry);
    const kind = kindOf(change, known);
    if (kind === 'type' && place.of === 'folder') {
      // In pass 2 rsync names what took a folder's place; the folder and what is below it as deleted, or not at all.
      this.#typeChanged.add(change.path);
      this.#countStranger();
    } else this.#account(change, entry, known);
    const { books } = this.#catalogue;
    const hasTombstone =
      entry >= 0 && books.has(entry, inReplica) && (books.has(entry, tombstoned) || books.has(entry, kept));
    const row = rule(kind, subjectOf(place, kind, change, known), this.#context, hasTombstone);
    this.#apply(row, kind, change, place, known);
    if (change.kind === 'item' && !expectedForms(kind, change, known).includes(change.itemized)) {
      this.#violation('inconsistent', change.path, `rsync printed "${change.itemized}" for what is ${kind}`);
    }
  }

  /** Closes the books after the last pass; of the passes that did not fail, everything that the replica has has been entered. */
  verdict(limits: Limits): Verdict {
    const whole = newReport();
    for (const report of this.#reports.values()) addUp(whole, report);
    this.#report = whole;
    this.#closeBooks();
    const { counts, findings, configMtime } = whole;
    const { newFiles = Infinity, newBytes = Infinity, deletions = Infinity } = limits;
    if (counts.new > newFiles || counts.newBytes > newBytes) {
      const bounds = `the limits are ${newFiles} files and ${newBytes} bytes a night`;
      this.#violation('over-limit', '', `${counts.new} new files of ${counts.newBytes} bytes; ${bounds}`);
    }
    this.#judgeDeletions(deletions, limits.isNewsAwaited === true);
    return { counts, findings, configMtime };
  }

  /** What was accepted one by one must also hold as a whole. */
  #judgeDeletions(budget: number, isNewsAwaited: boolean): void {
    const { books } = this.#catalogue;
    const later = isNewsAwaited || this.#failed.has(2) ? nothingLeft(books).map(({ message }) => message) : [];
    for (const { rule, path, message } of objectionsTo(books, { budget, used: 0, allowKeys: true }))
      if (!later.includes(message)) this.#violation(rule, path, message);
  }

  /** rsync names such a folder so instead of as deleted, or besides; folders hold no data. */
  #judgeStanding(path: string): void {
    this.#countStranger();
    const other = this.#catalogue.others.get(path);
    if (other?.type !== 'folder')
      return this.#violation('unaccounted', path, 'named as a folder that stays, but the replica never had it');
    this.#standing.add(path);
  }

  #judgeRoot(change: Exclude<Change, Standing>): void {
    if (this.#report.rootNamed++ > 0) this.#countStranger();
    this.#report.counts.ignored++;
    const isFolder = change.kind === 'item' && change.fileType === 'd';
    if (!isFolder) this.#violation('type-changed', '.', 'the repository itself is not a folder');
  }

  #find(place: Place): Entry {
    return 'id' in place ? this.#catalogue.books.find(place.of, place.id) : -1;
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
    else if (row.ruling.verdict === 'warning') {
      findings.add('warning', row.ruling.rule, change.path, message);
      if (change.kind === 'item' && change.fileType === 'd' && this.#report.foreignFolders.length < mostFolders)
        this.#report.foreignFolders.push(change.path);
    } else if (row.ruling.verdict === 'fetch') this.#fetch(change, place);
    else if (row.ruling.verdict === 'bury' || row.ruling.verdict === 'known')
      this.#catalogue.books.set(this.#find(place), gone);
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
  #fetch(change: Change, place: Place): void {
    if (change.kind !== 'item') return;
    if (this.#exists(change.path)) {
      return this.#violation('unaccounted', change.path, 'said to be new, but the replica has it');
    }
    this.#report.counts.newBytes += change.size;
    if (!('id' in place)) return;
    const entry = this.#catalogue.books.enter(place.of, place.id, change.size, change.mtime);
    this.#catalogue.books.set(entry, wanted);
    this.#catalogue.books.name(entry, this.#pass);
  }

  #closeBooks(): void {
    for (const path of unnamedIn(this.#catalogue)) {
      if (this.#standing.has(path)) {
        if (placeOf(path).of === 'outside')
          this.#report.findings.add(
            'warning',
            'stray',
            path,
            'only the replica has the folder; something in it is left out of the audit',
          );
      } else if (!this.#isExcused(path)) this.#violation('unaccounted', path, 'in the replica, but not in the report');
    }
    for (const [pass, report] of this.#reports) {
      if (report.rootNamed !== 1 && !this.#failed.has(pass))
        this.#violation('unaccounted', '.', `named ${report.rootNamed} times in a pass`);
    }
  }

  /** Whether a path need not have been named: its pass failed, or it lies where there is no folder any more. */
  #isExcused(path: string): boolean {
    return (
      this.#failed.has(passOf(path)) ||
      [...this.#typeChanged].some((folder) => path === folder || path.startsWith(`${folder}/`))
    );
  }

  #violation(name: ViolationRule, path: string, message: string): void {
    this.#report.findings.add('violation', name, path, message);
  }
}

/** So many foreign folders of a pass are kept by name; more than can be hidden (filters.ts). */
const mostFolders = 2000;
