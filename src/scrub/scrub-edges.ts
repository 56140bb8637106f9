/** The edges of `scrub`: reading, remembering, and the lock that keeps a second scrub away. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Amount } from '../audit/books.ts';
import type { JournalEvent } from '../state/chain.ts';
import type { Hashed, ScrubMemory, Share } from './share.ts';
import type { Fetched, ScrubEdges } from './scrub.ts';
import type { EdgeOptions } from '../ratchet/state-edges.ts';
import { makeFolder } from '../state/files.ts';
import { takeLock, type Lock } from '../programs/lock.ts';
import { Rehash } from './rehash.ts';
import { Repair } from '../ratchet/repair.ts';
import { readScrubMemory, writeScrubMemory } from './memory.ts';
import { State } from '../ratchet/state.ts';
import { requireState } from '../ratchet/whose-state.ts';

export class ReplicaScrub implements ScrubEdges {
  readonly name: string;
  readonly #options: EdgeOptions;
  readonly #state: State;
  readonly #rehash: Rehash;
  readonly #repair: Repair;
  #lock: Lock | undefined;

  constructor(options: EdgeOptions) {
    const { config, repository, interrupt } = options;
    this.name = repository.name;
    this.#options = options;
    this.#state = new State(config.state ?? '', repository.name);
    this.#rehash = new Rehash(repository.name, repository.replica, interrupt);
    this.#repair = new Repair(options, (path) => this.#rehash.rightHash(path));
  }

  now(): Date {
    return new Date();
  }

  random(): string {
    return randomBytes(2).toString('hex');
  }

  async begin(): Promise<boolean> {
    requireState(this.#options.config, this.name, this.#rehash.requireReplica());
    makeFolder(this.#state.folder);
    this.#lock = await takeLock(join(this.#state.folder, 'scrub.lock'));
    return this.#lock !== undefined;
  }

  close(): void {
    this.#lock?.release();
  }

  memory(): ScrubMemory | undefined {
    return readScrubMemory(this.#state.folder);
  }

  remember(memory: ScrubMemory): void {
    writeScrubMemory(this.#state.folder, memory);
  }

  async journal(event: JournalEvent): Promise<string> {
    return this.#state.append(this.now(), event);
  }

  total(share: Share | undefined): Amount {
    return this.#rehash.total(share);
  }

  hash(share: Share | undefined, after: string): AsyncIterable<Hashed> {
    return this.#rehash.hash(share, after, (folder) => {
      this.#options.console.detail(`${this.name}: scrub ${folder === '' ? 'config' : folder}`);
    });
  }

  faultOf(path: string): Promise<string | undefined> {
    return this.#rehash.faultOf(path);
  }

  lock(): Promise<boolean> {
    return this.#repair.lock();
  }

  unlock(): Promise<void> {
    return this.#repair.unlock();
  }

  fetch(paths: readonly string[]): Promise<readonly Fetched[]> {
    return this.#repair.fetch(paths);
  }

  replace(paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
    this.#rehash.requireReplica();
    return this.#repair.replace(paths);
  }
}
