/** What a night asks of restic, on views of the replica; without a password, only the structure of candidates. */
import type { Books, Entry } from '../audit/books.ts';
import { candidates, present } from '../audit/questions.ts';
import type { Repository } from '../config/config.ts';
import type { Progress } from '../programs/progress.ts';
import { saysWrongPassword } from '../programs/restic-words.ts';
import type { Restic } from '../programs/restic.ts';
import type { Incoming } from '../ratchet/arrival/incoming.ts';
import type { Session } from '../ratchet/session.ts';
import type { State } from '../ratchet/state.ts';
import { ownPaths } from '../replica-path.ts';
import type { Console } from '../telling/console.ts';
import type { Asking } from './asking.ts';
import { checkShare } from './check-share.ts';
import { whatIsMissing, type Question } from './complete.ts';
import { KnownBlobs } from './known-blobs.ts';
import { Missing } from './missing-packs.ts';
import { proves } from './open-identity.ts';
import { Poison } from './poison.ts';
import type { CheckResult, Doubt, Proof } from './proof.ts';
import { prove, structuralJunk } from './prove.ts';
import { readUnread, type ShowAlone } from './read-unread.ts';
import { requireFit, resticOf } from './restic-of.ts';
import { keysFault } from './structure.ts';
import { UnreadFile } from './unread-file.ts';
import { nothingUnread, type Unread } from '../state/unread.ts';

/** What the night hands in: whatever is to be changed in the replica, it does itself. */
interface Handed {
  readonly repository: Repository;
  readonly session: Session;
  readonly state: State;
  readonly console: Console;
  incoming(): Incoming;
  /** Whether the first copy is done. */
  hasCompletedOnce(): boolean;
  readonly showAlone: ShowAlone;
}

/** restic's own word on the repository, in a sandbox without a network. */
export class Prover {
  /** Whether restic is asked: a password is at hand, and `restic.prove` is not off. */
  readonly canProve: boolean;
  readonly poison: Poison;
  /** Whether `settle` has found something to be read again at once. */
  readsAgain = false;
  readonly #night: Handed;
  readonly #candidate: string;
  readonly #unread: UnreadFile;
  readonly #known: KnownBlobs;
  #askedRestic: Restic | undefined;
  #remembered: Missing | undefined;
  /** When the proof of this night must be over, with what it asks about deletions. */
  #proveUntil: number | undefined;

  constructor(night: Handed) {
    const { repository, state } = night;
    this.#night = night;
    this.#candidate = ownPaths(repository.replica).candidate;
    this.canProve = proves(repository);
    this.poison = new Poison(state.folder, repository.limits.newFiles);
    this.#unread = new UnreadFile(state.folder);
    this.#known = new KnownBlobs(state.folder);
  }

  /** Throws Failure when this machine's restic is too old to be believed. */
  async requireFit(): Promise<void> {
    await requireFit(this.#night.repository, this.#night.session, this.#night.state);
  }

  /** Opens *replica + candidates*; without restic only the structure of the candidates is looked at. */
  async prove(books: Books): Promise<Proof> {
    const junk = structuralJunk(this.#candidate, books);
    if (junk.length > 0) return { outcome: 'failed', junk, words: '' };
    const newKeys = books.amount(candidates, 'key').files;
    const crowd = newKeys === 0 ? undefined : keysFault(books.amount(present, 'key').files + newKeys);
    if (crowd !== undefined) return { outcome: 'failed', junk, words: crowd };
    if (!this.canProve) return { outcome: 'skipped', doubts: [], unread: [] };
    return this.#withProgress('read', (progress) => prove(this.#asking(books, progress)));
  }

  #withProgress<T>(what: string, work: (progress: Progress | undefined) => Promise<T>): Promise<T> {
    return this.#night.console.withProgress(`${this.#night.repository.name}: ${what}`, work);
  }

  #asking(books: Books, progress: Progress | undefined): Asking {
    return {
      restic: this.#restic,
      books,
      candidate: this.#candidate,
      scratch: this.#night.session.path('restic'),
      until: this.#untilProven,
      progress,
      known: this.#known,
      missing: this.#missing,
      mayEnterUnread: !this.#night.hasCompletedOnce(),
    };
  }

  /** Before the admission: these enter although restic has not read them. */
  noteUnread(books: Books, entries: readonly Entry[]): void {
    if (!this.canProve && !this.#unread.openAlone()) return; // nobody knows: all is unread
    this.#unread.open(books);
    if (entries.length === 0 && this.#unread.isKept) return;
    this.#unread.add(books, entries);
    this.#unread.save();
    if (entries.some((entry) => books.type(entry) === 'pack')) this.#known.forget();
  }

  /** Reads what is unread, as far as the time of this night's proof goes; what is wrong with it, as warnings. */
  async readUnread(books: Books): Promise<Doubt[]> {
    this.#unread.open(books);
    const before = new Set(this.#missing.admitted.keys());
    const doubts = await this.#withProgress('read what is unread', (progress) =>
      readUnread(this.#asking(books, progress), this.#unread, this.#night.showAlone),
    );
    return [...doubts, ...this.#missing.settle().filter(({ path }) => !before.has(path.slice(-64)))];
  }

  /** What of the replica is unread, besides `without`; nothing where restic is never asked. */
  unread(books: Books, without: readonly Entry[] = []): Unread {
    if (!this.canProve) return nothingUnread;
    this.#unread.open(books);
    return this.#unread.amount(new Set(idsOf(books, without)));
  }

  /** The same, when the night has let go of its books. */
  unreadStill(): Unread {
    return this.canProve && this.#unread.isOpen ? this.#unread.amount() : nothingUnread;
  }

  /** After the admission: remembers what the proof has learned, and what is to be read again because of what has come; warnings that stand. */
  settle(books: Books): Doubt[] {
    if (!this.canProve) return [];
    const again = this.#missing.takeChanged(books);
    if (again.length > 0) this.noteUnread(books, again);
    this.readsAgain = again.length > 0;
    return this.#missing.settle();
  }

  /** Candidates that must not enter go to quarantine, and their names are remembered: they are not fetched again. */
  rejectAll(books: Books, entries: readonly Entry[]): void {
    this.poison.remember(idsOf(books, entries));
    for (const entry of entries) this.#night.incoming().reject(entry);
  }

  /** What would be missing without `hidden`, in restic's words; undefined when the repository is complete. */
  async whatIsMissing(hidden: readonly string[], withCandidates: boolean): Promise<string | undefined> {
    const shown = { without: hidden, ...(withCandidates ? { candidate: this.#candidate } : {}) };
    const until = withCandidates ? this.#untilProven : this.#deadline('prove');
    const words = await whatIsMissing(this.#question(until), shown);
    return words !== undefined && saysWrongPassword(words)
      ? `the key that the password of restic.passwordFile or passwordCommand opens: if it was changed with restic key passwd, put the new password into ${this.#night.repository.restic.passwordFile ?? 'what passwordCommand asks'}`
      : words;
  }

  /** Checks the replica and reads a share of its data. */
  async check(share: string): Promise<CheckResult> {
    const question = this.#question(this.#deadline('check'));
    return this.#withProgress('check', (progress) => checkShare(question, this.#unread, share, progress));
  }

  #question(until: number): Question {
    return {
      restic: this.#restic,
      until,
      missing: this.#missing.admitted,
    };
  }

  #deadline(of: 'prove' | 'check'): number {
    return Date.now() + this.#night.repository.timeouts[of];
  }

  get #untilProven(): number {
    return (this.#proveUntil ??= this.#deadline('prove'));
  }

  get #missing(): Missing {
    const mayEnter = (pack: string): boolean => !this.#night.hasCompletedOnce() || this.poison.has(pack);
    return (this.#remembered ??= new Missing(this.#night.state.folder, mayEnter));
  }

  get #restic(): Restic {
    return (this.#askedRestic ??= resticOf(this.#night.repository, this.#night.session, this.#night.state));
  }
}

function idsOf(books: Books, entries: readonly Entry[]): string[] {
  return entries.map((entry) => books.path(entry).slice(-64));
}
