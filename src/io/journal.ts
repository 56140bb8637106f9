/**
 * `journal.jsonl`: one chained line for each event. A new year begins a new file, the old one becomes
 * `journal-2025.jsonl`; the chain goes on across them. `journal.head` keeps the last line's hash.
 */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, fstatSync, fsyncSync, openSync, readdirSync, readFileSync, readSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chainStart, damagedEvent, nextLine, parseJournalLine, Verifier, type Head, type JournalEvent, type JournalLine, type Verification } from '../core/chain.ts';
import { cutTornLine, ifThere, replaceFile, shareWithGroup, syncFolder } from './files.ts';

const currentName = 'journal.jsonl';
const headName = 'journal.head';
const olderForm = /^journal-\d{4}\.jsonl$/;

/** What an append came to. */
export interface Appended {
  /** SHA-256 of the line that was written last. */
  readonly head: string;
  /** What was wrong with the journal before, for people; undefined when nothing was. */
  readonly repaired: string | undefined;
}

export class Journal {
  readonly #folder: string;
  readonly #repository: string;

  constructor(folder: string, repository: string) {
    this.#folder = folder;
    this.#repository = repository;
  }

  /** Appends an event, durable when this returns. The caller holds the state lock. */
  append(time: Date, event: JournalEvent): Appended {
    const torn = this.#cutTornLine();
    const last = this.#last();
    this.#rotate(time);
    const { events, repaired } = this.#repairs(torn, last);
    const file = openSync(this.#path(currentName), 'a', 0o600);
    try {
      shareWithGroup(file, this.#folder);
      let head: Last | undefined = last;
      for (const each of [...events, event]) head = this.#write(file, head, time, each);
      fsyncSync(file);
      replaceFile(this.#path(headName), `${JSON.stringify({ sequence: head?.line?.sequence ?? 0, hash: head?.hash })}\n`);
      return { head: head?.hash ?? chainStart, repaired };
    } finally {
      closeSync(file);
    }
  }

  /** The last line that `wanted` accepts; nothing older than `oldest` is looked at. */
  findLast(wanted: (line: JournalLine) => boolean, oldest = new Date(0)): JournalLine | undefined {
    for (const line of this.#backwards()) {
      if (Date.parse(line.time) < oldest.getTime()) return undefined;
      if (wanted(line)) return line;
    }
    return undefined;
  }

  /** Whether the line that `init` wrote is not there: lines that were written since the loss make no journal of it. */
  isLost(): boolean {
    const [oldest = currentName] = this.#names();
    const first = firstLine(this.#path(oldest));
    const isWhole = first !== undefined && (first.event === 'initialised' || first.sequence > 1); // files of early years may have been put away
    return !isWhole && this.findLast((line) => line.event === 'initialised') === undefined;
  }

  /** SHA-256 of the last line; undefined when there is none. */
  head(): string | undefined {
    return this.#last()?.hash;
  }

  /** The newest lines, oldest first, at most `limit` of them. */
  newest(limit: number): JournalLine[] {
    const lines: JournalLine[] = [];
    for (const line of this.#backwards()) if (lines.push(line) === limit) break;
    return lines.reverse();
  }

  /** Follows the chain through all files. `asked`: a head hash from a mail, to see whether it is in the chain. */
  verify(asked?: string): Verification {
    const verifier = new Verifier(this.#repository, this.#recordedHead(), asked);
    let torn = 0;
    for (const name of this.#names()) {
      const end = eachLine(this.#path(name), (line, number) => { verifier.line(name, number, line.toString('utf8'), hashOf(line)); });
      torn = end.torn;
      if (torn > 0 && name !== currentName) verifier.line(name, end.lines + 1, '', '');
    }
    return verifier.end(torn);
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  /** The files that there are, oldest first. */
  #names(): string[] {
    if (!existsSync(this.#folder)) return [];
    const names = readdirSync(this.#folder);
    return [...names.filter((name) => olderForm.test(name)).sort(), ...names.filter((name) => name === currentName)];
  }

  /** Every line that is one, newest first, through all years. */
  *#backwards(): Generator<JournalLine> {
    for (const name of this.#names().reverse()) {
      for (const text of linesBackwards(this.#path(name))) {
        const line = parseJournalLine(text.toString('utf8'));
        if (line !== undefined) yield line;
      }
    }
  }

  #cutTornLine(): number {
    if (!existsSync(this.#path(currentName))) return 0;
    const file = openSync(this.#path(currentName), 'r+');
    try {
      return cutTornLine(file);
    } finally {
      closeSync(file);
    }
  }

  /** The last line of the newest file that has one. */
  #last(): Last | undefined {
    for (const name of this.#names().reverse()) {
      const last = lastOf(this.#path(name));
      if (last !== undefined) return last;
    }
    return undefined;
  }

  #write(file: number, last: Last | undefined, time: Date, event: JournalEvent): Last {
    const text = Buffer.from(nextLine(last?.line, last?.hash ?? chainStart, this.#repository, time, event));
    writeFileSync(file, Buffer.concat([text, Buffer.from('\n')]));
    return { line: parseJournalLine(text.toString('utf8')), hash: hashOf(text) };
  }

  /** Puts the current file aside when its last line is of an earlier year; a name that is taken is never overwritten. */
  #rotate(time: Date): void {
    const path = this.#path(currentName);
    const last = existsSync(path) ? lastOf(path)?.line : undefined;
    const year = last === undefined ? NaN : new Date(last.time).getUTCFullYear();
    const older = `journal-${year}.jsonl`;
    if (!(year < time.getUTCFullYear()) || !olderForm.test(older) || existsSync(this.#path(older))) return;
    renameSync(path, this.#path(older));
    syncFolder(this.#folder);
  }

  /** What the next append writes before its own line: that the tail was torn, or is not the one that we wrote. */
  #repairs(torn: number, last: Last | undefined): { events: JournalEvent[]; repaired: string | undefined } {
    const recorded = this.#recordedHead();
    const sequence = last?.line?.sequence ?? 0;
    const isDamaged = recorded !== undefined && (recorded.sequence > sequence || (recorded.sequence === sequence && recorded.hash !== last?.hash));
    if (isDamaged) {
      const event = { event: damagedEvent, bytesDropped: torn, recorded };
      return { events: [event], repaired: `${this.#path(currentName)} does not end as it ended last time: lines were changed or cut off` };
    }
    if (torn === 0) return { events: [], repaired: undefined };
    const event = { event: 'journal-repaired', bytesDropped: torn };
    return { events: [event], repaired: `the last line of ${this.#path(currentName)} was cut short by a crash; ${torn} bytes were dropped` };
  }

  /** Undefined when it was never written, or is unreadable: the chain itself still tells. */
  #recordedHead(): Head | undefined {
    try {
      const head = JSON.parse(readFileSync(this.#path(headName), 'utf8')) as Head;
      return Number.isInteger(head.sequence) && typeof head.hash === 'string' ? head : undefined;
    } catch {
      return undefined;
    }
  }
}

/** The last line of a file. */
interface Last {
  readonly line: JournalLine | undefined;
  readonly hash: string;
}

function lastOf(path: string): Last | undefined {
  for (const bytes of linesBackwards(path)) return { line: parseJournalLine(bytes.toString('utf8')), hash: hashOf(bytes) };
  return undefined;
}

function firstLine(path: string): JournalLine | undefined {
  const file = ifThere(() => openSync(path, 'r'));
  if (file === undefined) return undefined;
  try {
    const block = Buffer.alloc(blockLength);
    const text = block.toString('utf8', 0, readSync(file, block));
    return parseJournalLine(text.slice(0, Math.max(0, text.indexOf('\n'))));
  } finally {
    closeSync(file);
  }
}

/** How much is read at once, in bytes. */
const blockLength = 256 * 1024;

/** The lines of a file that are not empty, newest first, read in blocks from its end. */
function* linesBackwards(path: string): Generator<Buffer> {
  const file = openSync(path, 'r');
  try {
    let rest: Buffer = Buffer.alloc(0);
    for (let end = fstatSync(file).size; end > 0; ) {
      const start = Math.max(0, end - blockLength);
      const block = Buffer.alloc(end - start);
      readSync(file, block, 0, block.length, start);
      rest = Buffer.concat([block, rest]);
      for (let newline = rest.lastIndexOf(10); newline >= 0; newline = rest.lastIndexOf(10)) {
        if (newline + 1 < rest.length) yield rest.subarray(newline + 1);
        rest = rest.subarray(0, newline);
      }
      end = start;
    }
    if (rest.length > 0) yield rest;
  } finally {
    closeSync(file);
  }
}

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Calls `visit` for each complete line, numbered from 1; returns how many there are, and how many bytes follow the last. */
function eachLine(path: string, visit: (line: Buffer, number: number) => void): { lines: number; torn: number } {
  const file = openSync(path, 'r');
  try {
    const block = Buffer.allocUnsafe(64 * 1024);
    let rest: Buffer = Buffer.alloc(0);
    let number = 0;
    for (let length = readSync(file, block); length > 0; length = readSync(file, block)) {
      const bytes = Buffer.concat([rest, block.subarray(0, length)]);
      let start = 0;
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
        visit(bytes.subarray(start, end), ++number);
        start = end + 1;
      }
      rest = bytes.subarray(start);
    }
    return { lines: number, torn: rest.length };
  } finally {
    closeSync(file);
  }
}
