/**
 * `journal.jsonl`: one chained line for each event. A new year begins a new file, the old one becomes
 * `journal-2025.jsonl`; the chain goes on across them. `journal.head` keeps the last line's hash.
 */
import { closeSync, existsSync, fsyncSync, openSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  chainStart,
  damagedEvent,
  headSchema,
  nextLine,
  parseJournalLine,
  Verifier,
  withRenaming,
  type Head,
  type JournalEvent,
  type JournalLine,
  type Verification,
} from './chain.ts';
import { replaceFile, shareWithGroup, syncFolder } from './files.ts';
import { readJson } from './json-file.ts';
import { cutTornLine, eachLine, firstLineOf, linesBackwards } from './lines.ts';
import { sha256Of } from './sha256.ts';

const currentName = 'journal.jsonl';
const headName = 'journal.head';
const olderForm = /^journal-\d{4}\.jsonl$/;

/** What an append came to. */
interface Appended {
  /** SHA-256 of the line that was written last. */
  readonly head: string;
  /** The lines that were written: the event, behind what was wrong before. */
  readonly lines: readonly JournalLine[];
  /** What was wrong with the journal before, for people; undefined when nothing was. */
  readonly repaired: string | undefined;
}

/** The last line of a file. */
interface Last {
  readonly line: JournalLine | undefined;
  readonly hash: string;
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
      const lines: JournalLine[] = [];
      for (const each of [...events, ...withRenaming(last?.line, this.#repository, event)]) {
        head = this.#write(file, head, time, each);
        if (head.line !== undefined) lines.push(head.line);
      }
      fsyncSync(file);
      replaceFile(
        this.#path(headName),
        `${JSON.stringify({ sequence: head?.line?.sequence ?? 0, hash: head?.hash })}\n`,
      );
      return { head: head?.hash ?? chainStart, lines, repaired };
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
    const first = parseJournalLine(firstLineOf(this.#path(oldest)));
    const isWhole = first !== undefined && (first.event === 'initialised' || first.sequence > 1); // files of early years may have been put away
    return !isWhole && this.findLast((line) => line.event === 'initialised') === undefined;
  }

  /** Whether there is none, or its first line begins a chain. After a loss the lines of failed nights begin one. */
  isBegun(): boolean {
    const [oldest] = this.#names();
    return oldest === undefined || parseJournalLine(firstLineOf(this.#path(oldest)))?.previous === chainStart;
  }

  /** SHA-256 of the last line; undefined when there is none. */
  head(): string | undefined {
    return this.#last()?.hash;
  }

  /** The lines that were written after the one with this number, oldest first. */
  after(sequence: number): JournalLine[] {
    const lines: JournalLine[] = [];
    for (const line of this.#backwards()) {
      if (line.sequence <= sequence) break;
      lines.push(line);
    }
    return lines.reverse();
  }

  /** Calls `visit` for every line that is one, oldest first. */
  each(visit: (line: JournalLine) => void): void {
    for (const name of this.#names()) {
      eachLine(this.#path(name), (bytes) => {
        const line = parseJournalLine(bytes.toString('utf8'));
        if (line !== undefined) visit(line);
      });
    }
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
      const end = eachLine(this.#path(name), (line, number) => {
        verifier.line(name, number, line.toString('utf8'), sha256Of(line));
      });
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
    return { line: parseJournalLine(text.toString('utf8')), hash: sha256Of(text) };
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
    const isDamaged =
      recorded !== undefined &&
      (recorded.sequence > sequence || (recorded.sequence === sequence && recorded.hash !== last?.hash));
    if (isDamaged) {
      const event = { event: damagedEvent, bytesDropped: torn, recorded };
      return {
        events: [event],
        repaired: `${this.#path(currentName)} does not end as it ended last time: lines were changed or cut off`,
      };
    }
    if (torn === 0) return { events: [], repaired: undefined };
    const event = { event: 'journal-repaired', bytesDropped: torn };
    return {
      events: [event],
      repaired: `the last line of ${this.#path(currentName)} was cut short by a crash; ${torn} bytes were dropped`,
    };
  }

  /** Undefined when it was never written: the chain itself still tells. */
  #recordedHead(): Head | undefined {
    return readJson(
      this.#path(headName),
      headSchema,
      'something else than rsync-ratchet wrote there: look who can; hold the journal against a mail (history --verify HASH), then move the file away',
    );
  }
}

/** The last line of a file; undefined when there is no file, or no line in it. */
function lastOf(path: string): Last | undefined {
  for (const bytes of linesBackwards(path))
    return { line: parseJournalLine(bytes.toString('utf8')), hash: sha256Of(bytes) };
  return undefined;
}
