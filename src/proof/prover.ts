/** The edges of proof: restic on views of the replica, or, without a password, only the structure of candidates. */
import { join } from 'node:path';
import type { Books, Entry } from '../audit/books.ts';
import type { Repository } from '../config/config.ts';
import { inReplica, verified } from '../audit/flags.ts';
import { checkedEvent, nextShare, sharesDue, type CheckResult, type Doubt, type Proof } from './proof.ts';
import { keysFault } from './structure.ts';
import { nothingUnread, type Unread } from './unread.ts';
import { Failure } from '../errors.ts';
import type { Asking } from './asking.ts';
import { checkShare } from './check-share.ts';
import { whatIsMissing, type Question } from './complete.ts';
import type { Console } from '../telling/console.ts';
import type { Incoming } from '../ratchet/arrival/incoming.ts';
import { prove, structuralJunk } from './prove.ts';
import { notInitialised } from '../ratchet/replica.ts';
import { ownPaths } from '../replica-path.ts';
import { KnownBlobs } from './known-blobs.ts';
import { Missing } from './missing-packs.ts';
import { proves } from './open-identity.ts';
import { Poison } from './poison.ts';
import type { Progress } from '../programs/progress.ts';
import { readUnread } from './read-unread.ts';
import { saysWrongPassword } from '../programs/restic-failures.ts';
import { Restic } from '../programs/restic.ts';
import { requireRestic } from '../programs/restic-version.ts';
import { Session } from '../ratchet/session.ts';
import { State } from '../ratchet/state.ts';
import { UnreadFile } from './unread-file.ts';
import type { RunOptions } from '../ratchet/holdings.ts';
import { markerOf } from '../ratchet/whose-state.ts';

export class Prover {
  readonly canProve: boolean;
  readonly poison: Poison;
  readsAgain = false;
  readonly #repository: Repository;
  readonly #session: Session;
  readonly #state: State;
  readonly #incoming: () => Incoming;
  readonly #console: Console;
  readonly #unread: UnreadFile;
  readonly #known: KnownBlobs;
  readonly #hasCompletedOnce: () => boolean;
  #restic: Restic | undefined;
  #remembered: Missing | undefined;
  /** When the proof of this night must be over, with what it asks about deletions. */
  #proveUntil: number | undefined;

  /** `hasCompletedOnce`: whether the first copy is done. */
  constructor(
    repository: Repository,
    session: Session,
    state: State,
    console: Console,
    incoming: () => Incoming,
    hasCompletedOnce: () => boolean,
  ) {
    this.#hasCompletedOnce = hasCompletedOnce;
    this.canProve = proves(repository);
    this.#repository = repository;
    this.poison = new Poison(state.folder, repository.limits.newFiles);
    this.#session = session;
    this.#state = state;
    this.#unread = new UnreadFile(state.folder);
    this.#known = new KnownBlobs(state.folder);
    this.#incoming = incoming;
    this.#console = console;
  }

  async requireFit(): Promise<void> {
    const { passwordFile, path } = this.#repository.restic;
    if (passwordFile === undefined) return;
    const before = this.#state.memory().restic;
    const restic = await requireRestic(path, before, this.#session.interrupt);
    if (restic !== before) await this.#state.append(new Date(), { event: 'restic', ...restic });
  }

  async prove(books: Books): Promise<Proof> {
    const { candidate } = ownPaths(this.#repository.replica);
    const junk = structuralJunk(candidate, books);
    if (junk.length > 0) return { outcome: 'failed', junk, words: '' };
    const newKeys = books.amount(verified, 0, 'key').files;
    const crowd = newKeys === 0 ? undefined : keysFault(books.amount(inReplica, 0, 'key').files + newKeys);
    if (crowd !== undefined) return { outcome: 'failed', junk, words: crowd };
    if (!this.canProve) return { outcome: 'skipped', doubts: [], unread: [] };
    return this.#console.withProgress(`${this.#repository.name}: read`, (progress) =>
      prove(this.#asking(books, progress)),
    );
  }

  #asking(books: Books, progress: Progress | undefined): Asking {
    const { replica } = this.#repository;
    return {
      restic: this.#asked,
      books,
      replica,
      candidate: ownPaths(replica).candidate,
      scratch: this.#session.path('restic'),
      until: this.#untilProven,
      progress,
      known: this.#known,
      missing: this.#missing,
      mayEnterUnread: !this.#hasCompletedOnce(),
    };
  }

  noteUnread(books: Books, entries: readonly Entry[]): void {
    if (!this.canProve && !this.#unread.openAlone()) return; // nobody knows: all is unread
    this.#unread.open(books);
    if (entries.length === 0 && this.#unread.isKept) return;
    this.#unread.add(books, entries);
    this.#unread.save();
    if (entries.some((entry) => books.type(entry) === 'pack')) this.#known.forget();
  }

  async readUnread(books: Books): Promise<Doubt[]> {
    this.#unread.open(books);
    const before = new Set(this.#missing.admitted.keys());
    const folder = join(ownPaths(this.#repository.replica).own, 'reading');
    const doubts = await this.#console.withProgress(`${this.#repository.name}: read what is unread`, (progress) =>
      readUnread(this.#asking(books, progress), this.#unread, folder),
    );
    return [...doubts, ...this.#missing.settle().filter(({ path }) => !before.has(path.slice(-64)))];
  }

  unread(books: Books, without: readonly Entry[] = []): Unread {
    if (!this.canProve) return nothingUnread;
    this.#unread.open(books);
    return this.#unread.amount(new Set(without.map((entry) => books.path(entry).slice(-64))));
  }

  settle(books: Books): Doubt[] {
    if (!this.canProve) return [];
    const again = this.#missing.takeChanged(books);
    if (again.length > 0) this.noteUnread(books, again);
    this.readsAgain = again.length > 0;
    return this.#missing.settle();
  }

  rejectAll(books: Books, entries: readonly Entry[]): void {
    this.poison.remember(entries.map((entry) => books.path(entry).slice(-64)));
    for (const entry of entries) this.#incoming().reject(entry);
  }

  async whatIsMissing(hidden: readonly string[], withCandidates: boolean): Promise<string | undefined> {
    const { replica, restic } = this.#repository;
    const shown = { without: hidden, ...(withCandidates ? { candidate: ownPaths(replica).candidate } : {}) };
    const until = withCandidates ? this.#untilProven : this.#deadline('prove');
    const words = await whatIsMissing(this.#question(until), shown);
    return words !== undefined && saysWrongPassword(words)
      ? `the key that the password in restic.passwordFile opens: if it was changed with restic key passwd, put the new password into ${restic.passwordFile ?? ''}`
      : words;
  }

  /** For a check alone; undefined where nobody knows what is unread, otherwise what tells it later. */
  openUnread(): (() => Unread) | undefined {
    return this.canProve && this.#unread.openAlone() ? () => this.#unread.amount() : undefined;
  }

  dueChecks(now: Date): string[] {
    const { check } = this.#repository.restic;
    return check === undefined ? [] : sharesDue(this.#state.memory().checks, check, now);
  }

  async check(share: string): Promise<CheckResult> {
    const question = this.#question(this.#deadline('check'));
    return this.#console.withProgress(`${this.#repository.name}: check`, (progress) =>
      checkShare(question, this.#unread, share, progress),
    );
  }

  #question(until: number): Question {
    return { restic: this.#asked, replica: this.#repository.replica, until, missing: this.#missing.admitted };
  }

  #deadline(of: 'prove' | 'check'): number {
    return Date.now() + this.#repository.timeouts[of];
  }

  get #untilProven(): number {
    return (this.#proveUntil ??= this.#deadline('prove'));
  }

  get #missing(): Missing {
    return (this.#remembered ??= new Missing(
      this.#state.folder,
      (pack) => !this.#hasCompletedOnce() || this.poison.has(pack),
    ));
  }

  get #asked(): Restic {
    const { passwordFile } = this.#repository.restic;
    if (passwordFile === undefined) throw new Error('restic is asked only with a password');
    return (this.#restic ??= new Restic(
      this.#repository,
      passwordFile,
      this.#session.path('restic'),
      this.#session.interrupt,
      undefined,
      this.#state.memory().restic,
    ));
  }
}

/** The command `check`: the next share, whether it is due or not; undefined while another run is at work. Throws Failure without a password or a replica. */
export async function checkNow({
  config,
  repository,
  interrupt,
  console,
}: RunOptions): Promise<CheckResult | undefined> {
  const { passwordFile, check } = repository.restic;
  if (markerOf(config, repository) === undefined) throw notInitialised(repository.name, repository.replica);
  if (passwordFile === undefined || check === undefined) {
    throw new Failure(
      `${repository.name} has no restic.passwordFile`,
      'restic can only check what it can open: put the password into a file (0600) and name it in the configuration',
    );
  }
  const session = new Session(repository, interrupt);
  const state = new State(config.state ?? '', repository.name);
  const edges = new Prover(
    repository,
    session,
    state,
    console,
    () => {
      throw new Error('check verifies nothing');
    },
    () => true,
  );
  try {
    if (!(await session.lock())) return undefined;
    await edges.requireFit();
    const { failed, turn } = state.memory().checks;
    const unread = edges.openUnread();
    const result = await edges.check(failed[0]?.share ?? nextShare(turn ?? undefined, check.readDataSubset));
    await state.append(new Date(), { ...checkedEvent(result), ...(unread === undefined ? {} : { unread: unread() }) });
    return result;
  } finally {
    await session.close();
  }
}
