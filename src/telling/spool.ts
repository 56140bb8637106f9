/** `<state>/spool/`: alerts that were not delivered, each a file of mode 0600, replaced and removed as a whole. */
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readSpoolName, spooledSchema, spoolLimits, spoolName, type Spooled, type Waiting } from './spooled.ts';
import { Failure } from '../errors.ts';
import { makeFolder, namesIn, replaceFile, syncFolder } from '../state/files.ts';
import { readJson } from '../state/json-file.ts';
import { takeLock, type Lock } from '../programs/lock.ts';

/** Nobody writes an alert for longer than this, in milliseconds. */
const halfWritten = 3600 * 1000;

export class Spool {
  readonly folder: string;

  /** `state` is the configuration's folder for all repositories. */
  constructor(state: string) {
    this.folder = join(state, 'spool');
  }

  /** The alerts that wait, by file name, oldest first; empty where there is no spool. */
  names(): string[] {
    return namesIn(this.folder)
      .filter((name) => readSpoolName(name) !== undefined)
      .sort();
  }

  /** The alerts of a repository that wait. */
  waiting(repository: string): Waiting {
    const names = this.names().filter((name) => readSpoolName(name)?.repository === repository);
    const [oldest] = names;
    return {
      alerts: names.length,
      since: oldest === undefined ? null : (readSpoolName(oldest)?.since ?? null),
      why: oldest === undefined ? null : this.#whyOf(oldest),
    };
  }

  #whyOf(name: string): string | null {
    try {
      return this.read(name).why ?? null;
    } catch {
      return null; // sent meanwhile, or damaged: a flush tells
    }
  }

  /** Writes an alert, durable when this returns. False when the spool is full: nothing was written. */
  put(spooled: Spooled): boolean {
    makeFolder(this.folder);
    const name = spoolName(spooled.runId, spooled.repository);
    const content = JSON.stringify(spooled);
    if (!this.#hasRoom(name, content.length)) return false;
    replaceFile(join(this.folder, name), content, 0o600);
    return true;
  }

  /** Throws Failure when the file is damaged. */
  read(name: string): Spooled {
    const spooled = readJson(
      join(this.folder, name),
      spooledSchema,
      'it holds an alert that was never delivered: read what is left of it, then move it away',
    );
    if (spooled === undefined)
      throw new Failure(
        `${join(this.folder, name)} is not there any more`,
        'another rsync-ratchet has sent it; nothing is lost',
      );
    return spooled;
  }

  remove(name: string): void {
    rmSync(join(this.folder, name), { force: true });
    syncFolder(this.folder);
  }

  /** Removes what was half written when a run was killed. The caller holds the lock. */
  tidy(): void {
    for (const name of namesIn(this.folder).filter((each) => each.endsWith('.new'))) {
      const { mtimeMs } = statSync(join(this.folder, name), { throwIfNoEntry: false }) ?? { mtimeMs: Infinity };
      if (Date.now() - mtimeMs > halfWritten) rmSync(join(this.folder, name), { force: true });
    }
  }

  /** One process talks to the mail server at a time; undefined when another does for longer than `wait` seconds. */
  async lock(wait: number): Promise<Lock | undefined> {
    makeFolder(this.folder);
    return takeLock(join(this.folder, 'lock'), wait);
  }

  /** Room is made by what somebody has got already, oldest first. */
  #hasRoom(name: string, bytes: number): boolean {
    const others = this.names().filter((each) => each !== name);
    const size = (names: readonly string[]): number =>
      names.reduce((sum, each) => sum + (statSync(join(this.folder, each), { throwIfNoEntry: false })?.size ?? 0), 0);
    const fits = (names: readonly string[]): boolean =>
      names.length < spoolLimits.alerts && size(names) + bytes <= spoolLimits.bytes;
    while (!fits(others)) {
      const index = others.findIndex((each) => this.#isPartlyDelivered(each));
      if (index < 0) return false;
      for (const each of others.splice(index, 1)) this.remove(each);
    }
    return true;
  }

  #isPartlyDelivered(name: string): boolean {
    try {
      return this.read(name).accepted.length > 0;
    } catch {
      return false; // a damaged one is kept: it tells at every flush
    }
  }
}
