/** The edges of one run for one repository: everything outside, wired together for `nightly.ts` and `initialise.ts`. */
import { randomInt } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Catalogue } from '../audit/catalogue.ts';
import type { Amount, Books, Entry } from '../audit/books.ts';
import { inReplica, rejected, verified, wanted } from '../audit/flags.ts';
import { admissionOrder, type Pass } from '../layout.ts';
import type { Judge } from '../audit/itemize.ts';
import type { FailedPass } from '../audit/passes.ts';
import type { Objection } from '../audit/deletions.ts';
import type { Run, Stage } from './run.ts';
import { sampleOf } from './stock.ts';
import { leaving } from './departure/tombstones.ts';
import { asFailure } from '../errors.ts';
import type { Edges, Examined, Fetched } from './edges.ts';
import { admit } from './arrival/admit.ts';
import type { Console } from '../telling/console.ts';
import { keptMtime, setMtime } from './mtime.ts';
import { emptyExpired, expire } from './departure/expire.ts';
import { examine } from './examination.ts';
import { refusalOf, writeNames } from '../state/files.ts';
import { askedIn, fetchBounds, manifestOf } from './arrival/growth.ts';
import { Incoming } from './arrival/incoming.ts';
import { Prover } from '../proof/prover.ts';
import { Quarantine } from './arrival/quarantine.ts';
import * as onDisk from './replica.ts';
import { ownPaths } from '../replica-path.ts';
import { freeInodes } from './replica-place.ts';
import { withWhatLiesThere } from '../audit/look-around.ts';
import { dryRun } from '../audit/dry-run.ts';
import { expectFetch, expectNight, runFetch } from './arrival/fetch.ts';
import { snapshotsSeen } from './snapshots-seen.ts';
import { isSame } from './departure/tombstone-log.ts';
import { ReplicaWalk } from '../audit/walk.ts';
import { Session } from './session.ts';
import { locksOfRun, type EdgeOptions } from './state-edges.ts';
import { Telling } from '../telling/telling-edges.ts';
import { requireState } from './whose-state.ts';

export class RunEdges extends Telling implements Edges {
  readonly restic: Prover;
  readonly #onStart: () => void;
  readonly #console: Console;
  readonly #paths: ReturnType<typeof ownPaths>;
  readonly #session: Session;
  readonly #quarantine: Quarantine;
  #marker: onDisk.Marker | undefined;
  #walk: ReplicaWalk | undefined;
  #incoming: Incoming | undefined;

  constructor(options: EdgeOptions) {
    const { repository, interrupt, console, onStart = () => undefined } = options;
    const locks = locksOfRun(options);
    super(options, locks.take);
    this.#onStart = onStart;
    this.#console = console;
    this.#session = new Session(repository, interrupt, this.calls, locks);
    this.#paths = ownPaths(repository.replica);
    this.#quarantine = new Quarantine(this.#paths.quarantine);
    this.restic = new Prover(repository, this.#session, this.state, console, () => this.#requireIncoming(), () => this.hasCompletedOnce());
  }

  async lock(): Promise<boolean> {
    const { name, replica } = this.repository;
    this.#marker = onDisk.readMarker(replica);
    if (this.#marker === undefined) throw onDisk.notInitialised(name, replica);
    requireState(this.config, name, this.#marker);
    if (!(await this.#session.lock())) return false;
    if (this.#marker.repository !== name) await this.#takeName();
    snapshotsSeen(this.state.folder); // read again at the end: what is damaged stops the night before it has changed anything
    this.#onStart();
    emptyExpired(this.#paths.expired);
    onDisk.checkPins(replica, this.#marker);
    return true;
  }

  async connect(run: Run, deadline: Date): Promise<void> {
    await this.#session.connect();
    const { replica, spotCheck } = this.repository;
    const willFetch = run.command === 'sync' && run.alarm === undefined && spotCheck > 0;
    await expectNight(this.#session.rsync, replica, willFetch ? 1 : 0, this.#session.bounds(deadline));
  }

  lacksRoom(): boolean {
    return this.repository.rsync.sandbox === 'auto' && !this.#session.rsync.hasRoom;
  }

  async close(): Promise<void> {
    this.#walk?.stop();
    await this.#session.close();
  }

  hasCompletedOnce(): boolean {
    return this.#marker?.firstRunCompleted === true;
  }

  recordCompletion(): void {
    this.#writeMarker({ ...this.#requireMarker(), firstRunCompleted: true });
  }

  async walk(): Promise<Catalogue> {
    const books = await this.state.locked(() => this.state.tombstones.ownBooks());
    books.each(inReplica, 0, (entry) => { books.clear(entry, inReplica); }); // the walk sees whether they are there
    this.#walk = new ReplicaWalk(this.repository.replica, this.repository.ignore, books);
    void this.#walk.goOn();
    return this.#walk;
  }

  async examine(run: Run, paths: readonly string[], deadline: Date, told: (path: string, found: Examined) => void): Promise<void> {
    const [pinned, bounds] = [this.#requireMarker().pins.config, this.#session.bounds(deadline)];
    if (this.#walk !== undefined && this.#walk.books.amount(wanted, 0).files > 0) await expectFetch(this.#session.rsync, this.repository.replica, bounds);
    const what = {
      paths, size: (path: string) => lstatSync(join(this.repository.replica, path)).size,
      expected: (path: string) => (path === 'config' ? pinned : path.slice(-64)),
      folder: join(this.#paths.incoming, `${run.runId}-examined`), manifest: this.#session.path('examined'),
    };
    await examine(this.#session.rsync, bounds, what, told);
  }

  setMtime(path: string, mtime: number): void {
    setMtime(join(this.repository.replica, path), mtime);
  }

  keptMtime(mtime: number): number {
    return keptMtime(join(this.#paths.own, 'mtime'), mtime);
  }

  sample(entries: Iterable<Entry>, n: number): Entry[] {
    return sampleOf(entries, n, (below) => randomInt(below));
  }

  hasLooseEnds(): boolean {
    const last = this.memory().lastRun?.['rules'] as { rule: string }[] | undefined;
    return this.#quarantine.hasMissing(this.repository.replica) || onDisk.hasFiles(this.#paths.candidate) || last?.some(({ rule }) => rule === 'not-delivered') === true;
  }

  async expire(run: Run, books: Books, due: readonly Entry[], when: Date): Promise<Amount | undefined> {
    const { replica } = this.repository;
    await this.#requireStanding();
    const moved = await this.state.locked(() => {
      this.state.tombstones.fold(books); // an operator may have said `keep` meanwhile
      if (!isSame(due, leaving(books, when))) return undefined;
      this.#pinKeys(books, due); // before they leave: a kill in between must not leave a pin without its key
      return expire(this.state, replica, join(this.#paths.expired, run.runId), books, due);
    });
    emptyExpired(this.#paths.expired);
    return moved;
  }

  exists(path: string): boolean { return onDisk.exists(this.repository.replica, path); }

  freeInodes(): { free: number; total: number } | undefined { return freeInodes(this.repository.replica); }

  freeSpace(): { free: number; total: number } {
    return onDisk.freeSpace(this.repository.replica);
  }

  async dryRun(pass: Pass, deadline: Date, judge: Judge, hidden: readonly string[]): Promise<FailedPass | undefined> {
    const [context, bounds] = [this.#session.rsync, this.#session.bounds(deadline)];
    const failed = await dryRun(context, pass, this.repository.replica, bounds, judge, hidden);
    return failed === undefined || pass !== 1 ? failed : withWhatLiesThere(context, failed, bounds, 'Nothing was fetched');
  }

  override async bury(run: Run, books: Books): Promise<Objection[]> {
    await this.#requireStanding();
    return super.bury(run, books);
  }

  takeLeftovers(run: Run, books: Books): void {
    this.#incoming = new Incoming(this.#paths, books, run.findings, this.#quarantine);
    this.#incoming.takeLeftovers();
    this.#quarantine.settle(books);
    this.restic.poison.holdOff(books, run.findings);
  }

  async fetch(runId: string, deadline: Date): Promise<Fetched> {
    const incoming = this.#requireIncoming();
    const manifest = join(this.state.runFolder(runId), 'manifest');
    writeNames(manifest, manifestOf(incoming.books));
    const folder = incoming.freshFolder(runId);
    const bounds = fetchBounds(this.#session.bounds(deadline), folder, askedIn(incoming.books), () => incoming.arrived.bytes);
    const total = incoming.books.amount(wanted, verified | rejected);
    let before: string | undefined;
    const end = await this.#console.withProgress(`${this.repository.name}: fetch`, (progress) => runFetch(this.#session.rsync, manifest, folder, bounds, (path) => {
      if (before !== undefined) incoming.verify(folder, before);
      before = path;
      progress?.(incoming.arrived, total);
    }));
    const refusal = refusalOf(this.#paths.incoming);
    incoming.sweep(folder);
    const isOurs = refusal !== undefined && end === 'complete' && incoming.books.amount(wanted, verified | rejected).files > 0;
    return { end: isOurs ? asFailure(refusal) : end, ...incoming.tally };
  }

  async admit(books: Books): Promise<Amount> {
    this.#requireReplica();
    const admitted = await admit(this.repository.replica, this.#paths.candidate, books, new Set(admissionOrder));
    this.#quarantine.settle(books);
    this.#pinKeys(books);
    return admitted;
  }

  stage(name: Stage): void {
    this.#console.detail(`${this.repository.name}: ${name}`);
    this.#session.phase(name);
  }

  /** Throws Failure when source or replica is not the one that we began with: what serverA does not show any more may not count as deleted. */
  async #requireStanding(): Promise<void> {
    const fallen = await this.#session.fallen();
    if (fallen !== undefined) throw fallen;
    this.#requireReplica();
  }

  /** Throws Failure when the replica is not the one that we began with: unmounted, say. */
  #requireReplica(): void {
    const { name, replica } = this.repository;
    if (onDisk.readMarker(replica)?.id !== this.#requireMarker().id) throw onDisk.notInitialised(name, replica);
  }

  /** The replica's keys are the pinned ones; they change only in a window that says so. */
  #pinKeys(books: Books, without: readonly Entry[] = []): void {
    const marker = onDisk.withKeys(this.#requireMarker(), books, without);
    if (marker !== this.#marker) this.#writeMarker(marker);
  }

  #writeMarker(marker: onDisk.Marker): void {
    onDisk.writeMarker(this.repository.replica, marker);
    this.#marker = marker;
  }

  /** The repository was renamed, and its state came along: the journal says so first, then the marker. */
  async #takeName(): Promise<void> {
    const { name: repository } = this.repository;
    await this.state.append(this.now(), { event: 'marker-renamed' });
    this.#writeMarker({ ...this.#requireMarker(), repository });
  }

  #requireIncoming(): Incoming {
    if (this.#incoming === undefined) throw new Error('takeLeftovers comes first');
    return this.#incoming;
  }

  #requireMarker(): onDisk.Marker {
    if (this.#marker === undefined) throw new Error('lock comes first');
    return this.#marker;
  }
}
