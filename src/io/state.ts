/** What is remembered between runs, in `<state>/<repository>/`: the journal, and a folder for each run. */
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, fstatSync, ftruncateSync, openSync, readdirSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chainStart, nextLine, parseJournalLine, type JournalEvent, type JournalLine } from '../core/chain.ts';
import { Failure } from '../errors.ts';
import { makeFolder } from './files.ts';
import { takeLock } from './lock.ts';

/** How much of the journal's end is read to find the last line or the last runs, in bytes. */
const tailLength = 1024 * 1024;
/** How long another short-lived command may hold the state lock, in seconds. */
const stateLockWait = 30;
/** So many folders of earlier runs are kept. */
const runFoldersKept = 60;

export class State {
  readonly folder: string;
  readonly #repository: string;

  /** `state` is the configuration's folder for all repositories. */
  constructor(state: string, repository: string) {
    this.#repository = repository;
    this.folder = join(state, repository);
  }

  /** Appends to the journal, durable when this returns; the new head hash. A torn last line is repaired, and said. */
  async append(time: Date, event: JournalEvent): Promise<string> {
    return this.#locked(() => {
      const file = openSync(this.#journal, 'a+', 0o600);
      try {
        const torn = cutTornLine(file);
        let head = lastOf(readTail(file));
        const events = torn === 0 ? [event] : [{ event: 'journal-repaired', bytesDropped: torn }, event];
        for (const each of events) {
          const text = nextLine(head.line, head.hash, this.#repository, time, each);
          writeFileSync(file, `${text}\n`); // all of it, or an error
          head = { line: parseJournalLine(text), hash: hashOf(Buffer.from(text)) };
        }
        fsyncSync(file);
        return head.hash;
      } finally {
        closeSync(file);
      }
    });
  }

  /** The last line that `wanted` accepts, among the newest megabyte of the journal. */
  findLast(wanted: (line: JournalLine) => boolean): JournalLine | undefined {
    const lines = this.#readTailLines().map((text) => parseJournalLine(decoded(text)));
    return lines.findLast((line) => line !== undefined && wanted(line));
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

  get #journal(): string {
    return join(this.folder, 'journal.jsonl');
  }

  #readTailLines(): string[] {
    try {
      const file = openSync(this.#journal, 'r');
      try {
        return readTail(file).split('\n').filter((text) => text !== '');
      } finally {
        closeSync(file);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  /** Holds the state lock around a read-change-write. */
  async #locked<T>(work: () => T): Promise<T> {
    makeFolder(this.folder);
    const lock = await takeLock(join(this.folder, 'state.lock'), stateLockWait);
    if (lock === undefined) {
      throw new Failure(`${this.folder}/state.lock is held for more than ${stateLockWait} s`, 'another rsync-ratchet hangs there: see `fuser -v` on that file');
    }
    try {
      return work();
    } finally {
      lock.release();
    }
  }
}

/** Drops a last line without a newline, which a crash left; returns how many bytes that were. */
function cutTornLine(file: number): number {
  const { size } = fstatSync(file);
  const end = endOfLines(file, size);
  if (end < size) ftruncateSync(file, end);
  return size - end;
}

/** Where the last newline ends, looking back piece by piece; 0 without any. */
function endOfLines(file: number, size: number): number {
  for (let to = size; to > 0; to -= tailLength) {
    const newline = readTail(file, to).lastIndexOf('\n');
    if (newline >= 0) return Math.max(0, to - tailLength) + newline + 1;
  }
  return 0;
}

/** Up to `tailLength` bytes before `end`, one per character. */
function readTail(file: number, end = fstatSync(file).size): string {
  const bytes = Buffer.alloc(Math.min(end, tailLength));
  readSync(file, bytes, 0, bytes.length, end - bytes.length);
  return bytes.toString('latin1');
}

function lastOf(tail: string): { line: JournalLine | undefined; hash: string } {
  const text = tail.split('\n').findLast((each) => each !== '');
  if (text === undefined) return { line: undefined, hash: chainStart };
  return { line: parseJournalLine(decoded(text)), hash: hashOf(Buffer.from(text, 'latin1')) };
}

/** Bytes, one per character, as the text that they are. */
function decoded(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
