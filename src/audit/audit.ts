/**
 * Folds the changes of three dry runs into a verdict. The books must balance: every path of the replica is named
 * exactly once. What a path is, `lstat`, `%l` and `%M` decide; `%i`, which serverA can choose, is a second opinion.
 */
import { gone, inReplica, suspect, wanted } from './questions.ts';
import { nothingLeft, overBudget } from './deletions.ts';
import { contradictionIn, describe, hasTombstone, isFolder, sightingOf, subjectOf, unnamedIn } from './facts.ts';
import type { Catalogue, Known, Sighting } from './facts.ts';
import type { Findings } from './findings.ts';
import type { Change } from './itemize.ts';
import { passOf, placeOf, type Pass } from '../layout.ts';
import { addUp, count, Flood, mostStrangers, newReport, type Limits, type PassReport, type Verdict } from './tally.ts';
import { emptyLine, readUnchangedPack } from './unchanged.ts';
import { rule, type ChangeKind, type Context, type Row, type ViolationRule, type WarningRule } from './policy.ts';

export class Audit {
  readonly #catalogue: Catalogue;
  readonly #context: Context;
  readonly #exists: (path: string) => boolean;
  readonly #mostStrangers: number;
  readonly #reports = new Map<Pass, PassReport>();
  #pass: Pass = 1;
  #report: PassReport = newReport();
  readonly #failed = new Set<Pass>();
  /** What the tries of a pass before its last one found, which counts where that fails, too. */
  readonly #earlier = new Map<Pass, Findings>();
  /** Folders of the layout that are none on serverA, and the pass that said so; what lies below them need not be named. */
  readonly #typeChanged = new Map<string, Pass>();
  /** Folders that only the replica has and that would stay, and the pass that said so; they need not be named. */
  readonly #standing = new Map<string, Pass>();
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

  /**
   * Starts a pass, or starts it again: what was read of it before counts only if it fails again, but for folders that are
   * `hidden` now.
   */
  begin(pass: Pass, hidden: readonly string[] = []): void {
    const before = this.#reports.get(pass)?.findings;
    before?.addViolations(this.#earlier.get(pass));
    if (before !== undefined) this.#earlier.set(pass, before);
    this.#failed.delete(pass);
    this.#pass = pass;
    this.drop();
    for (const path of hidden) {
      this.#report.counts.foreign++;
      this.#report.findings.add('warning', 'foreign', path, 'restic does not use the name; the folder was not opened');
    }
  }

  /** Nothing that was read since `begin` counts: it was no longer the source, or the replica. */
  drop(): void {
    if (this.#reports.has(this.#pass)) this.#forget(this.#pass);
    this.#report = newReport();
    this.#reports.set(this.#pass, this.#report);
  }

  #forget(pass: Pass): void {
    const { books, others } = this.#catalogue;
    books.forget(pass);
    for (const other of others.values()) if (other.named === pass) other.named = 0;
    for (const said of [this.#typeChanged, this.#standing])
      for (const [path, by] of said) if (by === pass) said.delete(path);
  }

  /** The pass failed in all of its tries, or never began: what they said counts, what they did not say does not. */
  fail(pass: Pass): void {
    this.#failed.add(pass);
    this.#reports.get(pass)?.findings.addViolations(this.#earlier.get(pass));
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
    const sighting = sightingOf(this.#catalogue, change);
    const { place, known, kind } = sighting;
    if (kind === 'type' && place.of === 'folder') {
      // In pass 2 rsync names what took a folder's place; the folder and what is below it as deleted, or not at all.
      this.#typeChanged.set(change.path, this.#pass);
      this.#countStranger();
    } else this.#account(sighting);
    const isBuried = hasTombstone(this.#catalogue.books, sighting.entry);
    this.#apply(rule(kind, subjectOf(place, kind, change, known), this.#context, isBuried), sighting);
    this.#compareWords(kind, change, known);
  }

  /** rsync names such a folder so instead of as deleted, or besides; folders hold no data. */
  #judgeStanding(path: string): void {
    this.#countStranger();
    if (this.#catalogue.others.get(path)?.type === 'folder') this.#standing.set(path, this.#pass);
    else this.#violation('unaccounted', path, 'named as a folder that stays, but the replica never had it');
  }

  #judgeRoot(change: Sighting['change']): void {
    if (this.#report.rootNamed++ > 0) this.#countStranger();
    this.#report.counts.ignored++;
    if (isFolder(change)) this.#compareWords('unchanged', change, undefined);
    else this.#violation('type-changed', '.', 'the repository itself is not a folder');
  }

  #compareWords(kind: ChangeKind, change: Change, known: Known | undefined): void {
    const contradiction = contradictionIn(kind, change, known);
    if (contradiction !== undefined) this.#violation('inconsistent', change.path, contradiction);
  }

  /** Every path once, in its own pass. The first pass that names it has the word: a later one may be run again, and forgotten. */
  #account({ change: { kind, path }, entry, known }: Sighting): void {
    const { books, others } = this.#catalogue;
    const other = others.get(path);
    const before = entry >= 0 ? books.namedIn(entry) : (other?.named ?? 0);
    if (known === undefined || before !== 0) this.#countStranger();
    if (before !== 0) this.#violation('unaccounted', path, 'named more than once');
    else {
      if (entry >= 0) books.name(entry, this.#pass);
      if (other !== undefined) other.named = this.#pass;
    }
    if (passOf(path) !== this.#pass) this.#violation('unaccounted', path, 'named in the wrong pass');
    if (kind === 'deletion' && known === undefined)
      this.#violation('unaccounted', path, 'named as deleted, but the replica never had it');
  }

  #countStranger(): void {
    if (++this.#report.strangers > this.#mostStrangers) throw new Flood(this.#mostStrangers);
  }

  #apply(row: Row, sighting: Sighting): void {
    const { change, entry, known, kind } = sighting;
    const { books } = this.#catalogue;
    const { ruling, reason } = row;
    count(this.#report.counts, kind, row);
    const message = describe(kind, change, known, reason);
    if (ruling.verdict === 'violation') this.#violation(ruling.rule, change.path, message);
    else if (ruling.verdict === 'warning') this.#warn(ruling.rule, change, message);
    else if (entry >= 0 && books.namedIn(entry) !== this.#pass) return;
    else if (ruling.verdict === 'fetch') this.#fetch(sighting);
    else if (ruling.verdict === 'suspect') this.#suspect(sighting, message);
    else if ((ruling.verdict === 'bury' || ruling.verdict === 'known') && known !== undefined) books.set(entry, gone);
  }

  #warn(name: WarningRule, change: Change, message: string): void {
    const { findings, foreignFolders } = this.#report;
    findings.add('warning', name, change.path, message);
    if (isFolder(change) && foreignFolders.length < mostFolders) foreignFolders.push(change.path);
  }

  /** A new file goes into the books as wanted; `config`, which has no hash for a name, is the caller's (init). */
  #fetch({ change, place }: Sighting): void {
    if (change.kind !== 'item') return;
    if (this.#exists(change.path))
      return this.#violation('unaccounted', change.path, 'said to be new, but the replica has it');
    this.#report.counts.newBytes += change.size;
    if (!('id' in place)) return;
    const { books } = this.#catalogue;
    const entry = books.enter(place.of, place.id, change.size, change.mtime);
    books.set(entry, wanted);
    books.name(entry, this.#pass);
  }

  /** Noted with the time that serverA lists; `sync` fetches and hashes it before the night goes on. */
  #suspect({ change, entry }: Sighting, message: string): void {
    if (change.kind !== 'item') return;
    const { books } = this.#catalogue;
    this.#report.findings.add('note', 'suspect', change.path, message);
    if (entry < 0) this.#report.configMtime = change.mtime;
    else {
      books.set(entry, suspect);
      books.setStamp(entry, change.mtime);
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
    const { books } = this.#catalogue;
    const lacking = limits.isNewsAwaited === true ? [] : nothingLeft(books, this.#failed);
    for (const { rule, path, message } of [...overBudget(books, deletions), ...lacking])
      this.#violation(rule, path, message);
    return { counts, findings, configMtime };
  }

  #closeBooks(): void {
    for (const path of unnamedIn(this.#catalogue)) {
      if (!this.#standing.has(path)) {
        if (!this.#isExcused(path)) this.#violation('unaccounted', path, 'in the replica, but not in the report');
      } else if (placeOf(path).of === 'outside') this.#report.findings.add('warning', 'stray', path, partlyLeftOut);
    }
    for (const [pass, { rootNamed }] of this.#reports) {
      if (rootNamed !== 1 && !this.#failed.has(pass))
        this.#violation('unaccounted', '.', `named ${rootNamed} times in a pass`);
    }
  }

  /** Whether a path need not have been named: its pass failed, or it lies where there is no folder any more. */
  #isExcused(path: string): boolean {
    return (
      this.#failed.has(passOf(path)) ||
      [...this.#typeChanged.keys()].some((folder) => path === folder || path.startsWith(`${folder}/`))
    );
  }

  #violation(name: ViolationRule, path: string, message: string): void {
    this.#report.findings.add('violation', name, path, message);
  }
}

/** So many foreign folders of a pass are kept by name; more than can be hidden (filters.ts). */
const mostFolders = 2000;

const partlyLeftOut = 'only the replica has the folder; something in it is left out of the audit';
