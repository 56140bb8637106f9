/** `tombstones.jsonl`: an append-only log of events, read as a stream, compacted atomically. */
import { Books, type Entry } from '../../audit/books.ts';
import {
  alreadyTold,
  bornTonight,
  cameBack,
  inReplica,
  kept,
  newlyGone,
  pending,
  told,
  type Question,
} from '../../audit/questions.ts';
import type { PruneWindowRow } from '../../config/config.ts';
import { chargedFor, objectionsTo, type Objection } from '../../audit/deletions.ts';
import { placeOf } from '../../layout.ts';
import { apply, current, tombstoneEvent, type Tombstone, type TombstoneEvent } from './tombstones.ts';
import type { Run } from '../run.ts';
import { decideWindow, withUsed, type OpenWindow } from '../declared/window.ts';
import { replaceLines } from '../../state/files.ts';
import { parseJson } from '../../state/json-file.ts';
import { appendLines, eachLine } from '../../state/lines.ts';
import type { State } from '../state.ts';

export class TombstoneLog {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Calls `visit` for each event, oldest first. A last line without a newline was never completed and is passed over. */
  each(visit: (event: TombstoneEvent) => void): void {
    eachLine(this.#path, (line) => visit(parseJson(line.toString('utf8'), this.#path, tombstoneEvent)));
  }

  /** Brings the books up to date with the whole log. */
  fold(books: Books): void {
    this.each((event) => apply(event, books));
  }

  /** Books of the tombstones alone, as if the replica held just those files; for commands that do not walk it. */
  ownBooks(): Books {
    const books = new Books();
    this.each((event) => {
      const place = event.event === 'tombstone' ? placeOf(event.path) : undefined;
      if (event.event === 'tombstone' && place !== undefined && 'id' in place)
        books.set(books.enter(place.of, place.id, event.size, 0), inReplica);
    });
    this.fold(books);
    return books;
  }

  /** Calls `visit` for each tombstone that stands, as the books know it, each once. */
  eachCurrent(books: Books, visit: (tombstone: Tombstone) => void): void {
    for (const entry of books.select(alreadyTold)) books.clear(entry, told);
    this.each((event) => {
      const tombstone = event.event === 'tombstone' ? current(event, books) : undefined;
      if (tombstone !== undefined) visit(tombstone);
    });
  }

  /**
   * Brings the books, which know the whole replica, up to date, and forgets tombstones whose file has left, and those that
   * were dropped: a run that was killed before it could left them, and they must not fall on a file of that name that is
   * fetched, or deleted, again. The caller holds the state lock.
   */
  forgetStale(books: Books): void {
    this.fold(books);
    const stale = { count: 0 };
    this.each((event) => {
      const entry = event.event === 'tombstone' ? books.at(event.path) : -1;
      const hasLeft = event.event === 'tombstone' && (entry < 0 || !books.has(entry, inReplica));
      if (hasLeft || event.event === 'dropped') stale.count++;
    });
    if (stale.count > 0) this.compact(books);
  }

  /** Appends events, durable when this returns. The caller holds the state lock. */
  append(events: Iterable<TombstoneEvent>): void {
    appendLines(this.#path, jsonLines(events));
  }

  /** Rewrites the log with only the tombstones that stand, as the books know them. The caller holds the state lock. */
  compact(books: Books): void {
    replaceLines(this.#path, (writer) => {
      this.eachCurrent(books, (tombstone) => writer.line(JSON.stringify(tombstone)));
    });
  }
}

function* jsonLines(events: Iterable<TombstoneEvent>): Generator<string> {
  for (const event of events) yield JSON.stringify(event);
}

/** Drops the tombstones of files that serverA lists again, and of those that have left; how many of the first. The caller holds the state lock. */
export function dropReturned(state: State, run: Run, books: Books, now: Date): number {
  const log = state.tombstones;
  log.forgetStale(books);
  const back = [...listed(books, cameBack)];
  if (back.length === 0) return 0;
  const events = back.map((entry) => returnOf(books, entry));
  const dropped = events.filter(({ event }) => event === 'dropped').length;
  state.note(now, { event: 'tombstones', runId: run.runId, added: 0, dropped });
  log.append(events);
  log.fold(books);
  log.compact(books); // a file that is deleted again later has one tombstone, the new one
  return dropped;
}

/** Those that tonight's report names: in one that leaves files out, which is a violation, these have not come back. */
export function* listed(books: Books, question: Question): Generator<Entry> {
  for (const entry of books.select(question)) if (books.namedIn(entry) !== 0) yield entry;
}

function returnOf(books: Books, entry: Entry): TombstoneEvent {
  return { event: books.has(entry, kept) ? 'came-back' : 'dropped', path: books.path(entry) };
}

/**
 * Writes tonight's accepted deletions as tombstones, unconfirmed; or returns what speaks against it now, whatever the audit
 * said, and writes nothing. The journal comes first: it reminds the next run to tell of deletions when this one is killed
 * before its mail. The budget is spent before the tombstones are written: a power cut in between rather leaves too little
 * of it than too much. The caller holds the state lock.
 */
export function bury(state: State, run: Run, books: Books, rows: readonly PruneWindowRow[], now: Date): Objection[] {
  const log = state.tombstones;
  log.fold(books); // an operator may have said `keep`, or closed the window, while the run was at work
  const added = books.amount(bornTonight).files;
  const window = run.window === undefined ? undefined : decideWindow(run.startedAt, state.windows(), rows, now).open;
  const objections = added === 0 ? [] : objectionsTo(books, window);
  if (objections.length > 0) return objections;
  if (added > 0) state.note(now, { event: 'tombstones', runId: run.runId, added, dropped: 0, window: window?.source });
  spend(state, run, window, chargedFor(books));
  log.append(burials(run, books));
  log.fold(books);
  return [];
}

function spend(state: State, run: Run, window: OpenWindow | undefined, count: number): void {
  if (window === undefined) return;
  if (count > 0) state.setWindows(withUsed(state.windows(), window, count));
  run.window = { ...window, used: window.used + count };
}

/**
 * Gives all unconfirmed tombstones their due date, unless what may leave is not exactly `asked`, the set that restic was
 * asked about; false then, and nothing is written. The caller holds the state lock.
 */
export function confirm(state: State, books: Books, asked: readonly Entry[], confirmation: TombstoneEvent): boolean {
  state.tombstones.fold(books);
  if (!isSame(asked, [...books.select(pending)])) return false;
  state.tombstones.append([confirmation]);
  state.tombstones.fold(books);
  return true;
}

/** Whether two lists in the order of the books are the same set. */
export function isSame(some: readonly Entry[], others: readonly Entry[]): boolean {
  return some.length === others.length && some.every((entry, n) => entry === others[n]);
}

function* burials(run: Run, books: Books): Generator<TombstoneEvent> {
  for (const entry of books.select(newlyGone)) {
    yield {
      event: 'tombstone',
      path: books.path(entry),
      size: books.size(entry),
      run: run.runId,
      window: run.window?.source ?? 'command',
      at: run.startedAt.toISOString(),
      state: books.has(entry, kept) ? 'kept' : 'unconfirmed',
      due: null,
      reminded: false,
    };
  }
}
