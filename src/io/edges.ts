/** The edges of one run for one repository: everything outside, wired together for `nightly.ts` and `initialise.ts`. */
import { createHash, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { alarmWith, type Alarm } from '../core/alerts.ts';
import type { Catalogue } from '../core/audit.ts';
import type { Amount, Books } from '../core/books.ts';
import type { JournalEvent } from '../core/chain.ts';
import type { Config, Email, Repository } from '../core/config.ts';
import type { HashedType, Pass } from '../core/layout.ts';
import type { Change } from '../core/itemize.ts';
import { messageIdOf, type Mail } from '../core/mail.ts';
import type { Place } from '../core/report.ts';
import type { Run, Stage } from '../core/run.ts';
import { confirmation, reminderLead } from '../core/tombstones.ts';
import { decideWindow, type WindowDecision } from '../core/window.ts';
import { asFailure, Failure } from '../errors.ts';
import type { Edges, Fetched } from '../edges.ts';
import { admit } from './admit.ts';
import type { Console } from './console.ts';
import { emptyExpired, expire } from './expire.ts';
import { growthOf, Incoming, writeManifest } from './incoming.ts';
import { sendMail } from './mail.ts';
import * as onDisk from './replica.ts';
import * as rsync from './rsync.ts';
import { Session } from './session.ts';
import { State } from './state.ts';
import { bury } from './tombstones.ts';

/** What a run is given besides its repository. */
export interface EdgeOptions {
  readonly config: Config;
  readonly repository: Repository;
  readonly interrupt: AbortSignal;
  readonly console: Console;
  /** How a command begins that finds the same configuration, for mails. */
  readonly program?: string;
}

export class RunEdges implements Edges {
  readonly repository: Repository;
  readonly place: Place;
  readonly onSuccess: Email['onSuccess'] | undefined;
  readonly #config: Config;
  readonly #console: Console;
  readonly #paths: ReturnType<typeof onDisk.ownPaths>;
  readonly #state: State;
  readonly #session: Session;
  #marker: onDisk.Marker | undefined;
  #incoming: Incoming | undefined;

  constructor({ config, repository, interrupt, console, program }: EdgeOptions) {
    this.repository = repository;
    this.place = { host: hostname(), replica: repository.replica, ...(program === undefined ? {} : { program }) };
    this.onSuccess = config.alerts.email?.onSuccess;
    this.#config = config;
    this.#console = console;
    this.#session = new Session(repository, interrupt);
    this.#paths = onDisk.ownPaths(repository.replica);
    this.#state = new State(config.state ?? '', repository.name, (words) => { console.warn(words); });
  }

  now(): Date {
    return new Date();
  }

  random(): string {
    return randomBytes(2).toString('hex');
  }

  async lock(): Promise<boolean> {
    const { name, replica } = this.repository;
    this.#marker = onDisk.readMarker(replica);
    if (this.#marker === undefined) throw onDisk.notInitialised(name, replica);
    if (!(await this.#session.lock())) return false;
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

  async recordReminder(now: Date): Promise<void> {
    const until = new Date(now.getTime() + reminderLead).toISOString();
    await this.#state.locked(() => { this.#state.tombstones.append([{ event: 'reminded', until }]); });
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

  told(fingerprint: string) {
    return {
      finished: this.#state.findLast((line) => line.event === 'finished'),
      sameWarnings: this.#state.findLast((line) => line.event === 'alert-sent' && line['warnings'] === fingerprint),
    };
  }

  fingerprint(text: string): string {
    return createHash('sha256').update(text).digest('hex');
  }

  lastJournaled(): Date | undefined {
    const last = this.#state.findLast(() => true);
    return last === undefined ? undefined : new Date(last.time);
  }

  async journal(event: JournalEvent): Promise<string> {
    return this.#state.append(this.now(), event);
  }

  record(run: Run): void {
    if (run.findings.kept.length === 0) return;
    this.#state.writeRunFile(run.runId, 'findings.jsonl', run.findings.kept.map((finding) => `${JSON.stringify(finding)}\n`).join(''));
  }

  async mail(mail: Mail): Promise<boolean> {
    const { email } = this.#config.alerts;
    if (email === undefined) return false;
    try {
      await sendMail(email, mail, this.now());
      return true;
    } catch (error) {
      const { message } = asFailure(error);
      this.#console.error(new Failure(`the mail "${mail.subject}" was not delivered: ${message}`, 'check alerts.email in the configuration and the mail server'));
      return false;
    }
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
