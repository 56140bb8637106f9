/** The edges of one run for one repository: everything outside, wired together for `nightly.ts` and `initialise.ts`. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { alarmWith, type Alarm } from '../core/alerts.ts';
import type { Catalogue } from '../core/audit.ts';
import type { Amount, Books } from '../core/books.ts';
import type { HashedType, Pass } from '../core/layout.ts';
import type { Change } from '../core/itemize.ts';
import { messageIdOf } from '../core/mail.ts';
import type { Run, Stage } from '../core/run.ts';
import { confirmation } from '../core/tombstones.ts';
import { decideWindow, type WindowDecision } from '../core/window.ts';
import type { Failure } from '../errors.ts';
import type { Edges, Fetched } from '../edges.ts';
import { admit } from './admit.ts';
import type { Console } from './console.ts';
import { emptyExpired, expire } from './expire.ts';
import { growthOf, Incoming, writeManifest } from './incoming.ts';
import * as onDisk from './replica.ts';
import * as rsync from './rsync.ts';
import { Session } from './session.ts';
import type { State } from './state.ts';
import { Telling, type EdgeOptions } from './telling.ts';
import { bury } from './tombstones.ts';

export type { EdgeOptions } from './telling.ts';

export class RunEdges extends Telling implements Edges {
  readonly #onStart: () => void;
  readonly #console: Console;
  readonly #paths: ReturnType<typeof onDisk.ownPaths>;
  readonly #state: State;
  readonly #session: Session;
  #marker: onDisk.Marker | undefined;
  #incoming: Incoming | undefined;

  constructor(options: EdgeOptions) {
    super(options);
    const { repository, interrupt, console, onStart = () => undefined } = options;
    this.#onStart = onStart;
    this.#console = console;
    this.#session = new Session(repository, interrupt);
    this.#paths = onDisk.ownPaths(repository.replica);
    this.#state = this.state;
  }

  random(): string {
    return randomBytes(2).toString('hex');
  }

  async lock(): Promise<boolean> {
    const { name, replica } = this.repository;
    this.#marker = onDisk.readMarker(replica);
    if (this.#marker === undefined) throw onDisk.notInitialised(name, replica);
    if (!(await this.#session.lock())) return false;
    this.#onStart();
    onDisk.checkPins(replica, this.#marker);
    return true;
  }

  async connect(): Promise<void> {
    await this.#session.connect();
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  hasCompletedOnce(): boolean {
    return this.#marker?.firstRunCompleted === true;
  }

  recordCompletion(): void {
    this.#writeMarker({ ...this.#requireMarker(), firstRunCompleted: true });
  }

  window(now: Date): WindowDecision {
    return decideWindow(now, this.#state.windows(), this.repository.pruneWindows);
  }

  alarm(): Alarm | undefined {
    return this.#state.alarm();
  }

  async raiseAlarm(run: Run): Promise<Alarm> {
    const { alarm, isNew } = await this.#state.locked(() => {
      const standing = this.#state.alarm();
      const raised = alarmWith(standing, run, messageIdOf(run, this.place));
      this.#state.setAlarm(raised);
      return { alarm: raised, isNew: standing === undefined };
    });
    if (isNew) await this.journal({ event: 'alarm-raised', runId: run.runId, rules: alarm.rules });
    return alarm;
  }

  walk(): Catalogue {
    const catalogue = onDisk.walkReplica(this.repository.replica, this.repository.ignore);
    this.#state.tombstones.fold(catalogue.books);
    return catalogue;
  }

  async bury(run: Run, books: Books): Promise<void> {
    await this.#state.locked(() => { bury(this.#state, run, books, confirmation(this.now(), this.repository.deletionGrace)); });
  }

  async expire(run: Run, books: Books): Promise<Amount> {
    const { replica } = this.repository;
    this.#requireReplica();
    emptyExpired(this.#paths.expired);
    const moved = await this.#state.locked(() => expire(this.#state, replica, join(this.#paths.expired, run.runId), books, this.now()));
    emptyExpired(this.#paths.expired);
    this.#pinKeys(books);
    return moved;
  }

  exists(path: string): boolean {
    return onDisk.exists(this.repository.replica, path);
  }

  freeSpace(): { free: number; total: number } {
    return onDisk.freeSpace(this.repository.replica);
  }

  async dryRun(pass: Pass, deadline: Date, judge: (change: Change) => void): Promise<Failure | undefined> {
    return rsync.dryRun(this.#session.rsync, pass, this.repository.replica, this.#session.bounds(deadline), judge);
  }

  takeLeftovers(run: Run, books: Books): void {
    this.#incoming = new Incoming(this.#paths, books, run.findings);
    this.#incoming.takeLeftovers();
  }

  async fetch(runId: string, deadline: Date): Promise<Fetched> {
    const incoming = this.#incoming;
    if (incoming === undefined) throw new Error('takeLeftovers comes before fetch');
    const manifest = join(this.#state.runFolder(runId), 'manifest');
    writeManifest(manifest, incoming.books);
    const folder = incoming.freshFolder(runId);
    const bounds = { ...this.#session.bounds(deadline), hiddenProgress: growthOf(folder) };
    let before: string | undefined;
    const end = await rsync.fetch(this.#session.rsync, manifest, folder, bounds, (path) => {
      if (before !== undefined) incoming.verify(folder, before);
      before = path;
    });
    incoming.sweep(folder);
    return { end, ...incoming.tally };
  }

  async admit(books: Books, types: ReadonlySet<HashedType>): Promise<Amount> {
    this.#requireReplica();
    const admitted = await admit(this.repository.replica, this.#paths.candidate, books, types);
    this.#pinKeys(books);
    return admitted;
  }

  stage(name: Stage): void {
    this.#console.detail(`${this.repository.name}: ${name}`);
  }

  /** Throws Failure when the replica is not the one that we began with: unmounted, say. */
  #requireReplica(): void {
    const { name, replica } = this.repository;
    if (onDisk.readMarker(replica)?.id !== this.#requireMarker().id) throw onDisk.notInitialised(name, replica);
  }

  /** The replica's keys are the pinned ones; they change only in a window that says so. */
  #pinKeys(books: Books): void {
    const marker = onDisk.withKeys(this.#requireMarker(), books);
    if (marker !== this.#marker) this.#writeMarker(marker);
  }

  #writeMarker(marker: onDisk.Marker): void {
    onDisk.writeMarker(this.repository.replica, marker);
    this.#marker = marker;
  }

  #requireMarker(): onDisk.Marker {
    if (this.#marker === undefined) throw new Error('lock comes first');
    return this.#marker;
  }
}
