/** What is remembered between runs, in `<state>/<repository>/`: the journal, and a folder for each run. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JournalEvent, JournalLine } from '../core/chain.ts';
import type { Alarm } from '../core/alerts.ts';
import { noWindows, type StoredWindows } from '../core/window.ts';
import { Failure } from '../errors.ts';
import { makeFolder, replaceFile, syncFolder } from './files.ts';
import { Journal } from './journal.ts';
import { takeLock } from './lock.ts';
import { TombstoneLog } from './tombstones.ts';

const alarmFile = 'alarm.json';
const windowsFile = 'prune-window.json';
/** How long another short-lived command may hold the state lock, in seconds. */
const stateLockWait = 30;
/** So many folders of earlier runs are kept. */
const runFoldersKept = 60;

export class State {
  readonly folder: string;
  readonly #repository: string;
  readonly #onRepair: (words: string) => void;

  /** `state` is the configuration's folder for all repositories; `onRepair` is told what was wrong with the journal. */
  constructor(state: string, repository: string, onRepair: (words: string) => void = () => undefined) {
    this.#repository = repository;
    this.#onRepair = onRepair;
    this.folder = join(state, repository);
  }

  /** Appends to the journal, durable when this returns; the new head hash. A torn last line is repaired, and said. */
  async append(time: Date, event: JournalEvent): Promise<string> {
    const { head, repaired } = await this.locked(() => this.journal.append(time, event));
    if (repaired !== undefined) this.#onRepair(repaired);
    return head;
  }

  /** The last line of the journal that `wanted` accepts; nothing older than `oldest` is looked at. */
  findLast(wanted: (line: JournalLine) => boolean, oldest?: Date): JournalLine | undefined {
    return this.journal.findLast(wanted, oldest);
  }

  get journal(): Journal {
    return new Journal(this.folder, this.#repository);
  }

  /** The folder of a run, made; folders of runs long past are deleted. */
  runFolder(runId: string): string {
    const runs = join(this.folder, 'runs');
    makeFolder(join(runs, runId));
    const old = readdirSync(runs).sort().slice(0, -runFoldersKept);
    for (const name of old) rmSync(join(runs, name), { recursive: true, force: true });
    return join(runs, runId);
  }

  /** Writes a file of a run; it is for people, so it need not survive a power cut. */
  writeRunFile(runId: string, name: string, content: string): void {
    writeFileSync(join(this.runFolder(runId), name), content, { mode: 0o600 });
  }

  /** The alarm that stands, if any. Throws Failure when its file is damaged: then nobody knows, so nothing goes on. */
  alarm(): Alarm | undefined {
    return this.#read<Alarm>(alarmFile, (value) => Array.isArray(value.rules) && typeof value.runId === 'string');
  }

  /** Raises the alarm, keeps it up to date, or lowers it. The caller holds the state lock. */
  setAlarm(alarm: Alarm | undefined): void {
    this.#write(alarmFile, alarm);
  }

  windows(): StoredWindows {
    return this.#read<StoredWindows>(windowsFile, (value) => typeof value.rows === 'object' && typeof value.command === 'object') ?? noWindows;
  }

  /** The caller holds the state lock. */
  setWindows(windows: StoredWindows): void {
    this.#write(windowsFile, windows);
  }

  get tombstones(): TombstoneLog {
    return new TombstoneLog(join(this.folder, 'tombstones.jsonl'));
  }

  #read<T extends { version: number }>(name: string, isWhole: (value: T) => boolean): T | undefined {
    const path = join(this.folder, name);
    try {
      const value = JSON.parse(readFileSync(path, 'utf8')) as T;
      if (value.version !== 1 || !isWhole(value)) throw new TypeError('not what it should be');
      return value;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new Failure(`${path} cannot be read or is damaged`, 'nothing was done; restore the file from a backup of this machine', { cause: error });
    }
  }

  #write(name: string, value: object | undefined): void {
    const path = join(this.folder, name);
    if (value !== undefined) return replaceFile(path, `${JSON.stringify(value, null, 2)}\n`);
    rmSync(path, { force: true });
    syncFolder(this.folder);
  }

  /** Holds the state lock around a read-change-write. Throws Failure when another command holds it for too long. */
  async locked<T>(work: () => T | Promise<T>): Promise<T> {
    makeFolder(this.folder);
    const lock = await takeLock(join(this.folder, 'state.lock'), stateLockWait);
    if (lock === undefined) {
      throw new Failure(`${this.folder}/state.lock is held for more than ${stateLockWait} s`, 'another rsync-ratchet hangs there: see `fuser -v` on that file');
    }
    try {
      return await work();
    } finally {
      lock.release();
    }
  }
}
