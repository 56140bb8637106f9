/** What is remembered between runs, in `<state>/<repository>/`: the journal and what it comes to, declarations, a folder for each run. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JournalEvent } from '../state/chain.ts';
import { alarmSchema, type Alarm } from './declared/alarm.ts';
import { memorySchema, noMemory, remember, type Memory } from '../state/memory.ts';
import { noWindows, windowsSchema, type StoredWindows } from './declared/window.ts';
import { Failure } from '../errors.ts';
import { makeFolder, replaceFile, syncFolder } from '../state/files.ts';
import { Journal } from '../state/journal.ts';
import { fromBackup, readJson } from '../state/json-file.ts';
import { takeLock, type TakeLock } from '../programs/lock.ts';
import { TombstoneLog } from './departure/tombstone-log.ts';

const alarmFile = 'alarm.json';
const windowsFile = 'prune-window.json';
const memoryFile = 'memory.json';
/** The lock that is held around each read-change-write of a repository's state. */
export const stateLock = (folder: string): string => join(folder, 'state.lock');
/** How long another short-lived command may hold the state lock, in seconds. */
const stateLockWait = 30;
/** So many folders of earlier runs are kept. */
const runFoldersKept = 60;

export class State {
  readonly folder: string;
  readonly #repository: string;
  readonly #onRepair: (words: string) => void;
  readonly #take: TakeLock;

  /** `state` is the configuration's folder for all repositories; `onRepair` is told what was wrong with the journal. */
  constructor(
    state: string,
    repository: string,
    onRepair: (words: string) => void = () => undefined,
    take: TakeLock = takeLock,
  ) {
    this.#take = take;
    this.#repository = repository;
    this.#onRepair = onRepair;
    this.folder = join(state, repository);
  }

  /** Appends to the journal, durable when this returns; the new head hash. */
  async append(time: Date, event: JournalEvent): Promise<string> {
    return this.locked(() => this.note(time, event));
  }

  /** The same for a caller who holds the state lock. A torn last line is repaired, and said. */
  note(time: Date, event: JournalEvent): string {
    if (this.#isMemoryLost())
      this.#onRepair(`${this.folder}/${memoryFile} was missing; it was made again from the journal`);
    const before = this.memory();
    const { head, lines, repaired } = this.journal.append(time, event);
    if (repaired !== undefined) this.#onRepair(repaired);
    this.#write(memoryFile, lines.reduce(remember, before));
    return head;
  }

  /** What the next run must know of the ones before. Throws Failure when the file is damaged. */
  memory(): Memory {
    const remembered = this.#remembered();
    // A power cut may have come between a line and its memory; without any (0.3.0 had none) the whole journal is folded.
    return this.journal.after(remembered?.sequence ?? 0).reduce(remember, remembered ?? noMemory);
  }

  #remembered(): Memory | undefined {
    return readJson(
      join(this.folder, memoryFile),
      memorySchema,
      `${fromBackup}, or move it away: it is made again from the journal`,
    );
  }

  /** Versions that have a memory say which they are; 0.3.0 did not. */
  #isMemoryLost(): boolean {
    return (
      this.#remembered() === undefined && this.journal.findLast((line) => line['version'] !== undefined) !== undefined
    );
  }

  get journal(): Journal {
    return new Journal(this.folder, this.#repository);
  }

  /** The folder of a run, made; folders of runs long past are deleted. */
  runFolder(runId: string): string {
    const runs = join(this.folder, 'runs');
    makeFolder(join(runs, runId));
    const old = readdirSync(runs)
      .filter((name) => name !== runId)
      .sort()
      .slice(0, 1 - runFoldersKept);
    for (const name of old) rmSync(join(runs, name), { recursive: true, force: true });
    return join(runs, runId);
  }

  /** Writes a file of a run; it is for people, so it need not survive a power cut. */
  writeRunFile(runId: string, name: string, content: string): void {
    writeFileSync(join(this.runFolder(runId), name), content, { mode: 0o600 });
  }

  /**
   * The alarm that stands, if any. Its file lost does not lower it: the memory knows that it stands. Throws Failure when
   * the file is damaged: then nobody knows, so nothing goes on.
   */
  alarm(): Alarm | undefined {
    const standing = readJson(join(this.folder, alarmFile), alarmSchema);
    if (standing !== undefined) return standing;
    const { alarm } = this.memory();
    return alarm === null ? undefined : { version: 1, ...alarm, findings: [] };
  }

  /** Raises the alarm, keeps it up to date, or lowers it. The caller holds the state lock. */
  setAlarm(alarm: Alarm | undefined): void {
    this.#write(alarmFile, alarm);
  }

  /** Throws Failure when the file is damaged, or lost: what was closed by hand would be open again. */
  windows(): StoredWindows {
    const stored = this.storedWindows();
    if (stored !== undefined || !this.memory().hasWindows) return stored ?? noWindows;
    throw new Failure(
      `${this.folder}/${windowsFile} is missing, and a window was opened or closed before: nobody knows what is closed`,
      `${fromBackup}, or close all that may be open: rsync-ratchet prune-window close ${this.#repository}`,
    );
  }

  /** Undefined when there is none, lost or not. */
  storedWindows(): StoredWindows | undefined {
    return readJson(join(this.folder, windowsFile), windowsSchema);
  }

  /** The caller holds the state lock. */
  setWindows(windows: StoredWindows): void {
    this.#write(windowsFile, windows);
  }

  get tombstones(): TombstoneLog {
    return new TombstoneLog(join(this.folder, 'tombstones.jsonl'));
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
    const lock = await this.#take(stateLock(this.folder), stateLockWait);
    if (lock === undefined) {
      throw new Failure(
        `${this.folder}/state.lock is held for more than ${stateLockWait} s`,
        'another rsync-ratchet hangs there: see `fuser -v` on that file',
      );
    }
    try {
      return await work();
    } finally {
      lock.release();
    }
  }
}
