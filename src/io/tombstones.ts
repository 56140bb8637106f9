/** `tombstones.jsonl`: an append-only log of events, read as a stream, compacted atomically. */
import { closeSync, fsyncSync, openSync, readSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Books } from '../core/books.ts';
import { gone, inReplica, told, tombstoned } from '../core/flags.ts';
import { Lines } from '../core/itemize.ts';
import { placeOf } from '../core/layout.ts';
import { apply, current, tombstoneEvent, type Tombstone, type TombstoneEvent } from '../core/tombstones.ts';
import type { Run } from '../core/run.ts';
import { withUsed } from '../core/window.ts';
import { ifThere, LineWriter, shareWithGroup, syncFolder } from './files.ts';
import { parseJson, unreadable } from './json-file.ts';
import { cutTornLine } from './lines.ts';
import { newBooks } from './replica.ts';
import type { State } from './state.ts';

export class TombstoneLog {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Calls `visit` for each event, oldest first. A last line without a newline was never completed and is passed over. */
  each(visit: (event: TombstoneEvent) => void): void {
    const lines = new Lines((bytes, start, end) => { visit(parseJson(bytes.toString('utf8', start, end), this.#path, tombstoneEvent)); });
    const file = this.#open();
    if (file === undefined) return;
    try {
      const buffer = Buffer.allocUnsafe(64 * 1024);
      for (let length = readSync(file, buffer); length > 0; length = readSync(file, buffer)) {
        lines.push(Buffer.from(buffer.subarray(0, length)));
      }
    } finally {
      closeSync(file);
    }
  }

  #open(): number | undefined {
    try {
      return ifThere(() => openSync(this.#path, 'r'));
    } catch (error) {
      throw unreadable(this.#path, error as NodeJS.ErrnoException);
    }
  }

  /** Brings the books up to date with the whole log. */
  fold(books: Books): void {
    this.each((event) => { apply(event, books); });
  }

  /** Books of the tombstones alone, as if the replica held just those files; for commands that do not walk it. */
  ownBooks(): Books {
    const books = newBooks();
    this.each((event) => {
      const place = event.event === 'tombstone' ? placeOf(event.path) : undefined;
      if (event.event === 'tombstone' && place !== undefined && 'id' in place) books.set(books.enter(place.of, place.id, event.size, 0), inReplica);
    });
    this.fold(books);
    return books;
  }

  /** Calls `visit` for each tombstone that stands, as the books know it, each once. */
  eachCurrent(books: Books, visit: (tombstone: Tombstone) => void): void {
    books.each(told, 0, (entry) => { books.clear(entry, told); });
    this.each((event) => {
      const tombstone = event.event === 'tombstone' ? current(event, books) : undefined;
      if (tombstone !== undefined) visit(tombstone);
    });
  }

  /**
   * Brings the books, which know the whole replica, up to date, and forgets tombstones whose file has left: a run that was
   * killed behind the last move left them, and they must not fall on a file of that name that is fetched again. The caller
   * holds the state lock.
   */
  forgetStale(books: Books): void {
    this.fold(books);
    const stale = { count: 0 };
    this.each((event) => {
      const entry = event.event === 'tombstone' ? books.at(event.path) : -1;
      if (event.event === 'tombstone' && (entry < 0 || !books.has(entry, inReplica))) stale.count++;
    });
    if (stale.count > 0) this.compact(books);
  }

  /** Appends events, durable when this returns. The caller holds the state lock. */
  append(events: Iterable<TombstoneEvent>): void {
    const file = openSync(this.#path, 'a+', 0o600);
    try {
      shareWithGroup(file, dirname(this.#path));
      cutTornLine(file);
      const writer = new LineWriter(file);
      for (const event of events) writer.line(JSON.stringify(event));
      writer.flush();
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }

  /** Rewrites the log with only the tombstones that stand, as the books know them. The caller holds the state lock. */
  compact(books: Books): void {
    const temporary = `${this.#path}.new`;
    rmSync(temporary, { force: true });
    const file = openSync(temporary, 'wx', 0o600);
    try {
      shareWithGroup(file, dirname(this.#path));
      const writer = new LineWriter(file);
      this.eachCurrent(books, (tombstone) => { writer.line(JSON.stringify(tombstone)); });
      writer.flush();
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, this.#path);
    syncFolder(dirname(this.#path));
  }
}

/**
 * Writes tonight's accepted deletions as tombstones, unconfirmed, and drops those whose file serverA lists again.
 * The budget is spent first: a power cut in between rather leaves too little of it than too much. Holds the state lock.
 */
export function bury(state: State, run: Run, books: Books): void {
  const spent = books.amount(gone, tombstoned).files - books.amount(gone, tombstoned, 'key').files;
  if (run.window !== undefined && spent > 0) {
    state.setWindows(withUsed(state.windows(), run.window, spent));
    run.window = { ...run.window, used: run.window.used + spent };
  }
  const log = state.tombstones;
  const hasDropped = books.amount(tombstoned, gone).files > 0;
  log.append(burials(run, books));
  log.fold(books);
  if (hasDropped) log.compact(books); // a file that is deleted again later has one tombstone, the new one
}

/** Gives all unconfirmed tombstones their due date. The caller holds the state lock. */
export function confirm(state: State, books: Books, confirmation: TombstoneEvent): void {
  state.tombstones.append([confirmation]);
  state.tombstones.fold(books);
}

function* burials(run: Run, books: Books): Generator<TombstoneEvent> {
  for (const entry of books.select(tombstoned, gone)) yield { event: 'dropped', path: books.path(entry) };
  for (const entry of books.select(gone, tombstoned)) {
    yield {
      event: 'tombstone', path: books.path(entry), size: books.size(entry), run: run.runId, window: run.window?.source ?? 'command',
      at: run.startedAt.toISOString(), state: 'unconfirmed', due: null, reminded: false,
    };
  }
}
