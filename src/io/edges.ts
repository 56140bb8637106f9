/** The edges of one run for one repository: everything outside, wired together for `nightly.ts` and `initialise.ts`. */
import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Books } from '../core/books.ts';
import type { JournalEvent } from '../core/chain.ts';
import type { Config, Email, Repository } from '../core/config.ts';
import type { Findings } from '../core/findings.ts';
import type { HashedType, Pass } from '../core/layout.ts';
import type { Change } from '../core/itemize.ts';
import type { Mail } from '../core/report.ts';
import type { Amount, Run, Stage } from '../core/run.ts';
import { asFailure, Failure } from '../errors.ts';
import type { Edges, Fetched } from '../nightly.ts';
import { admit } from './admit.ts';
import type { Console } from './console.ts';
import { growthOf, Incoming, writeManifest } from './incoming.ts';
import { takeLock, type Lock } from './lock.ts';
import { sendMail } from './mail.ts';
import * as onDisk from './replica.ts';
import * as rsync from './rsync.ts';
import { connect, makeRunFolder, removeRunFolder } from './ssh.ts';
import { State } from './state.ts';

/** What a run is given besides its repository. */
export interface EdgeOptions {
  readonly config: Config;
  readonly repository: Repository;
  readonly interrupt: AbortSignal;
  readonly console: Console;
}

export class RunEdges implements Edges {
  readonly repository: Repository;
  readonly place: { host: string; replica: string };
  readonly onSuccess: Email['onSuccess'] | undefined;
  readonly #config: Config;
  readonly #console: Console;
  readonly #interrupt: AbortSignal;
  readonly #paths: ReturnType<typeof onDisk.ownPaths>;
  readonly #state: State;
  readonly #nonce = randomBytes(12).toString('hex');
  #lock: Lock | undefined;
  #marker: onDisk.Marker | undefined;
  #runFolder: string | undefined;
  #rsync: rsync.RsyncContext | undefined;
  #incoming: Incoming | undefined;

  constructor({ config, repository, interrupt, console }: EdgeOptions) {
    this.repository = repository;
    this.place = { host: hostname(), replica: repository.replica };
    this.onSuccess = config.alerts.email?.onSuccess;
    this.#config = config;
    this.#console = console;
    this.#interrupt = interrupt;
    this.#paths = onDisk.ownPaths(repository.replica);
    this.#state = new State(config.state ?? '', repository.name);
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
    this.#lock = await takeLock(this.#paths.lock);
    if (this.#lock === undefined) return false;
    removeRunFolder(this.#lock.note);
    onDisk.checkPins(replica, this.#marker);
    return true;
  }

  async connect(): Promise<void> {
    this.#runFolder = makeRunFolder();
    this.#lock?.write(this.#runFolder);
    const { repository } = this;
    const connection = await connect(repository, this.#runFolder, this.#interrupt);
    this.#rsync = { repository, connection, runFolder: this.#runFolder, nonce: this.#nonce };
  }

  async close(): Promise<void> {
    await this.#rsync?.connection.close();
    if (this.#runFolder !== undefined) rmSync(this.#runFolder, { recursive: true, force: true });
    this.#lock?.release();
  }

  hasCompletedOnce(): boolean {
    return this.#marker?.firstRunCompleted === true;
  }

  recordCompletion(): void {
    this.#writeMarker({ ...this.#requireMarker(), firstRunCompleted: true });
  }

  walk() {
    return onDisk.walkReplica(this.repository.replica, this.repository.ignore);
  }

  exists(path: string): boolean {
    return onDisk.exists(this.repository.replica, path);
  }

  freeSpace(): { free: number; total: number } {
    return onDisk.freeSpace(this.repository.replica);
  }

  async dryRun(pass: Pass, deadline: Date, judge: (change: Change) => void): Promise<Failure | undefined> {
    return rsync.dryRun(this.#requireRsync(), pass, this.repository.replica, this.#bounds(deadline), judge);
  }

  takeLeftovers(books: Books, findings: Findings): void {
    this.#incoming = new Incoming(this.#paths, books, findings);
    this.#incoming.takeLeftovers();
  }

  async fetch(runId: string, deadline: Date): Promise<Fetched> {
    const incoming = this.#incoming;
    if (incoming === undefined) throw new Error('takeLeftovers comes before fetch');
    const manifest = join(this.#state.runFolder(runId), 'manifest');
    writeManifest(manifest, incoming.books);
    const folder = incoming.freshFolder(runId);
    const bounds = { ...this.#bounds(deadline), hiddenProgress: growthOf(folder) };
    let before: string | undefined;
    const end = await rsync.fetch(this.#requireRsync(), manifest, folder, bounds, (path) => {
      if (before !== undefined) incoming.verify(folder, before);
      before = path;
    });
    incoming.sweep(folder);
    return { end, ...incoming.tally };
  }

  async admit(books: Books, types: ReadonlySet<HashedType>): Promise<Amount> {
    const { name, replica } = this.repository;
    if (onDisk.readMarker(replica)?.id !== this.#marker?.id) throw onDisk.notInitialised(name, replica);
    return admit(replica, this.#paths.candidate, books, types);
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

  #bounds(deadline: Date) {
    return { stall: this.repository.timeouts.stall, deadline: deadline.getTime(), interrupt: this.#interrupt };
  }

  #writeMarker(marker: onDisk.Marker): void {
    onDisk.writeMarker(this.repository.replica, marker);
    this.#marker = marker;
  }

  #requireMarker(): onDisk.Marker {
    if (this.#marker === undefined) throw new Error('lock comes first');
    return this.#marker;
  }

  #requireRsync(): rsync.RsyncContext {
    if (this.#rsync === undefined) throw new Error('connect comes first');
    return this.#rsync;
  }
}
