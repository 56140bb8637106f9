/** The edges of `init`: folders, the verification of an existing copy, `config` and keys from serverA, the marker. */
import { ownPaths } from '../replica-path.ts';
import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, linkSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Audit } from '../audit/audit.ts';
import { catalogueOf } from '../audit/catalogue.ts';
import type { Change } from '../audit/itemize.ts';
import type { Amount, Books } from '../audit/books.ts';
import { inReplica, verified, wanted } from '../audit/flags.ts';
import type { JournalEvent } from '../state/chain.ts';
import { Findings } from '../audit/findings.ts';
import { requireFolder } from './identity.ts';
import { auditPass } from '../audit/passes.ts';
import { nothingUnread, type Unread } from '../proof/unread.ts';
import { Failure } from '../errors.ts';
import type { InitialiseEdges, Pins } from './init.ts';
import { admit } from './arrival/admit.ts';
import { makeFolder, namesIn, writeNames } from '../state/files.ts';
import { askedFor, fetchBounds } from './arrival/growth.ts';
import { isWhole } from './arrival/fitness.ts';
import { Incoming } from './arrival/incoming.ts';
import { whatLiesThere, withWhatLiesThere } from '../audit/look-around.ts';
import { proves, requireKeys, requireOpens } from '../proof/open-identity.ts';
import { Quarantine } from './arrival/quarantine.ts';
import * as onDisk from './replica.ts';
import { newBooks } from '../audit/walk.ts';
import { ReplicaPlace } from './replica-place.ts';
import { Restic } from '../programs/restic.ts';
import { dryRun } from '../audit/dry-run.ts';
import { runFetch } from './arrival/fetch.ts';
import { Session } from './session.ts';
import { State } from './state.ts';
import type { EdgeOptions } from './state-edges.ts';
import { UnreadFile } from '../proof/unread-file.ts';
import { walkReplica } from '../audit/walk.ts';
import { markerOf } from './whose-state.ts';
import { syncFileSystem } from '../programs/sync.ts';

/** A key or a config above this is none, in bytes. */
const largestIdentity = 1024 * 1024;

export class InitEdges implements InitialiseEdges {
  readonly #options: EdgeOptions;
  readonly #replica: string;
  readonly #paths: ReturnType<typeof ownPaths>;
  readonly #state: State;
  readonly #findings = new Findings();
  readonly #quarantine: Quarantine;
  #incoming: Incoming;
  readonly #place: ReplicaPlace;
  readonly #session: Session;

  constructor(options: EdgeOptions) {
    this.#options = options;
    this.#replica = options.repository.replica;
    this.#place = new ReplicaPlace(this.#replica);
    this.#paths = ownPaths(this.#replica);
    this.#state = new State(options.config.state ?? '', options.repository.name);
    this.#session = new Session(options.repository, options.interrupt);
    this.#quarantine = new Quarantine(this.#paths.quarantine);
    this.#incoming = new Incoming(this.#paths, newBooks(), this.#findings, this.#quarantine);
  }

  pins(): Pins | undefined {
    return markerOf(this.#options.config, this.#options.repository)?.pins;
  }

  async prepare(): Promise<boolean> {
    this.#place.make();
    return this.#session.lock();
  }

  undo(): void { this.#place.leave(); }

  hasConfig(): boolean { return existsSync(join(this.#replica, 'config')); }

  earlier(): string | undefined { return this.#state.memory().initialisedAt ?? undefined; }

  verifyExisting(): Promise<{ amount: Amount; damaged: string[] }> {
    const { books } = walkReplica(this.#replica, this.#options.repository.ignore);
    const amount = { files: 0, bytes: 0 };
    const damaged: string[] = [];
    books.each(inReplica, 0, (entry) => {
      amount.files++;
      amount.bytes += books.size(entry);
      if (!isWhole(this.#replica, books.path(entry))) damaged.push(books.path(entry));
    });
    return Promise.resolve({ amount, damaged });
  }

  ownKeys(): string[] { return namesIn(join(this.#replica, 'keys')).map((name) => `keys/${name}`); }

  async connect(): Promise<void> { await this.#session.connect(); }

  async listIdentity(): Promise<string[]> {
    const listed = newBooks();
    const audit = new Audit(catalogueOf(listed), { initialising: true, window: undefined }, () => false);
    const empty = this.#session.path('empty');
    mkdirSync(empty);
    let config: string[] = [];
    const judge = (change: Change): void => {
      requireFolder(change);
      audit.judge(change);
      if (change.path === 'config' && change.kind === 'item' && change.fileType === 'f' && change.size <= largestIdentity) config = ['config'];
    };
    const failed = await auditPass(audit, 2, (hidden) => dryRun(this.#session.rsync, 2, empty, this.#bounds, { judge, judgeUnchanged: () => false }, hidden));
    if (failed !== undefined) throw (await withWhatLiesThere(this.#session.rsync, failed, this.#bounds, 'Nothing was made')).failure;
    return [...config, ...this.#takeKeys(listed)];
  }

  whatLiesThere(): Promise<string | undefined> { return whatLiesThere(this.#session.rsync, this.#bounds); }

  /** Only keys are wanted of what pass 2 lists, and only those that are not here yet; indexes wait for the first sync. */
  #takeKeys(listed: Books): string[] {
    const keys = newBooks();
    const paths: string[] = [];
    listed.each(wanted, 0, (entry) => {
      if (listed.type(entry) !== 'key' || listed.size(entry) > largestIdentity) return;
      const path = listed.path(entry);
      paths.push(path);
      if (this.#hasKey(path)) return;
      keys.set(keys.enter('key', path.slice('keys/'.length), listed.size(entry), listed.mtime(entry)), wanted);
    });
    this.#incoming = new Incoming(this.#paths, keys, this.#findings, this.#quarantine);
    return paths;
  }

  /** A key of the existing copy stays when it is what its name says. Throws Failure when it is not: nothing is overwritten. */
  #hasKey(path: string): boolean {
    if (!existsSync(join(this.#replica, path))) return false;
    if (isWhole(this.#replica, path)) return true;
    throw new Failure(`${path} in the existing copy is not what its name says`, 'the copy was not adopted; move this file away, then run init once more');
  }

  async fetchIdentity(): Promise<void> {
    this.#incoming.takeLeftovers();
    const { books } = this.#incoming;
    const keys = [...books.select(wanted, verified)].map((entry) => books.path(entry));
    const folder = await this.#fetch(['config', ...keys]);
    this.#requireSameConfig();
    this.#incoming.sweep(folder);
    this.#requireKeys();
    if (proves(this.#options.repository)) await requireOpens(this.#restic, this.#paths.candidate, this.#options.repository);
  }

  async fetchConfig(): Promise<string> {
    this.#incoming.takeLeftovers();
    await this.#fetch(['config']);
    return onDisk.fingerprint(join(this.#paths.candidate, 'config'));
  }

  /** Fetches `config`, which becomes a candidate, and keys, which wait in the folder that is returned. */
  async #fetch(names: readonly string[]): Promise<string> {
    const manifest = this.#session.path('manifest');
    writeNames(manifest, names);
    const folder = this.#incoming.freshFolder('init');
    const bounds = fetchBounds(this.#bounds, folder, askedFor(names.map(() => largestIdentity)));
    const end = await runFetch(this.#session.rsync, manifest, folder, bounds, () => undefined);
    if (end instanceof Failure) throw end;
    this.#takeConfig(folder);
    return folder;
  }

  async objection(): Promise<string | undefined> {
    if (!proves(this.#options.repository)) return undefined;
    const answer = await this.#restic.opens({ config: join(this.#paths.candidate, 'config') }, [], Date.now() + this.#options.repository.timeouts.prove);
    return answer.isGood ? undefined : answer.words;
  }

  /** The old one is linked into quarantine before the new one takes its place; a kill leaves one or the other. */
  async replaceConfig(): Promise<void> {
    const own = join(this.#replica, 'config');
    const marker = onDisk.readMarker(this.#replica);
    if (marker === undefined) throw onDisk.notInitialised(this.#options.repository.name, this.#replica);
    const kept = join(this.#paths.quarantine, `config-${onDisk.fingerprint(own)}`);
    if (!existsSync(kept)) linkSync(own, kept);
    await syncFileSystem(this.#replica);
    renameSync(join(this.#paths.candidate, 'config'), own);
    await syncFileSystem(this.#replica);
    onDisk.writeMarker(this.#replica, { ...marker, pins: { ...marker.pins, config: onDisk.fingerprint(own) } });
  }

  /** `config` is not named by its hash, so it is taken as it is, as a candidate. */
  #takeConfig(folder: string): void {
    const delivered = join(folder, 'config');
    const stats = lstatSync(delivered, { throwIfNoEntry: false });
    if (stats?.isFile() !== true || stats.size > largestIdentity || stats.nlink !== 1) throw notDelivered('config');
    makeFolder(this.#paths.candidate);
    chmodSync(delivered, 0o400);
    renameSync(delivered, join(this.#paths.candidate, 'config'));
  }

  #requireSameConfig(): void {
    const own = join(this.#replica, 'config');
    if (!existsSync(own) || onDisk.fingerprint(own) === onDisk.fingerprint(join(this.#paths.candidate, 'config'))) return;
    throw new Failure(
      'the config of the existing copy is not that of serverA: they are two repositories',
      'check source and replica in the configuration. Nothing was changed',
    );
  }

  #requireKeys(): void {
    const { books } = this.#incoming;
    books.each(wanted, verified, (entry) => {
      const fault = this.#findings.kept.find((finding) => finding.path === books.path(entry));
      throw notDelivered(books.path(entry), fault?.message);
    });
    requireKeys(this.#paths.candidate, books);
  }

  async pin(): Promise<Pins> {
    const { repository } = this.#options;
    const own = join(this.#replica, 'config');
    await admit(this.#replica, this.#paths.candidate, this.#incoming.books, new Set(['key']));
    if (!existsSync(own)) linkSync(join(this.#paths.candidate, 'config'), own);
    await syncFileSystem(this.#replica);
    rmSync(join(this.#paths.candidate, 'config'));
    const pins = { config: onDisk.fingerprint(own), keys: readdirSync(join(this.#replica, 'keys')).filter((name) => isWhole(this.#replica, `keys/${name}`)) };
    onDisk.writeMarker(this.#replica, {
      version: 1, id: randomUUID(), repository: repository.name, createdAt: new Date().toISOString(), pins, firstRunCompleted: false,
    });
    return pins;
  }

  noteUnread(): Unread {
    const unread = new UnreadFile(this.#state.folder).begin(walkReplica(this.#replica, this.#options.repository.ignore).books);
    return proves(this.#options.repository) ? unread : nothingUnread;
  }

  async journal(event: JournalEvent): Promise<string> {
    return this.#state.append(new Date(), event);
  }

  async close(): Promise<void> { await this.#session.close(); }

  get #restic(): Restic {
    return new Restic(this.#options.repository, this.#options.repository.restic.passwordFile ?? '', this.#session.path('restic'), this.#options.interrupt);
  }

  get #bounds() {
    return this.#session.bounds(new Date(Date.now() + this.#options.repository.timeouts.run));
  }
}

function notDelivered(path: string, why = 'it did not come'): Failure {
  return new Failure(`${path} could not be fetched from serverA: ${why}`, 'look at the file on serverA; the replica has no marker yet, so run init again');
}
