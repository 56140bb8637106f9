/**
 * The journal's lines and their hash chain: each line carries the SHA-256 of the line before, so that a changed or
 * missing line is found; a cut tail by the head that is kept beside it; a rewritten chain by comparing with the head
 * hash that every mail carries.
 */
import * as v from 'valibot';
import { ifJson } from './json-file.ts';
import { sha256, whole } from './schema.ts';

/** One event. `event` says what happened, `runId` in which run; the rest depends on the event. */
export interface JournalEvent {
  readonly event: string;
  readonly runId?: string;
  readonly [detail: string]: unknown;
}

/** An event as it stands in the journal. */
export interface JournalLine extends JournalEvent {
  readonly sequence: number;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly repository: string;
  /** SHA-256 of the line before (without its newline), hexadecimal; zeros for the first. */
  readonly previous: string;
}

/** What the first line of a chain carries. */
export const chainStart = '0'.repeat(64);

/** The next line of the journal, without a newline. `last` is the line before, `hash` its SHA-256. */
export function nextLine(
  last: JournalLine | undefined,
  hash: string,
  repository: string,
  time: Date,
  event: JournalEvent,
): string {
  const line: JournalLine = {
    sequence: (last?.sequence ?? 0) + 1,
    time: time.toISOString(),
    repository,
    ...event,
    previous: hash,
  };
  return JSON.stringify(line);
}

/** The line as it is, its keys in their order: the chain is held against how it is written. */
const lineSchema = v.custom<JournalLine>((line) => {
  const { sequence, previous, event } = (line ?? {}) as Partial<JournalLine>;
  return typeof sequence === 'number' && typeof previous === 'string' && typeof event === 'string';
});

/** A line of the journal as data; undefined when it is none, which of a torn line is expected. */
export function parseJournalLine(text: string): JournalLine | undefined {
  return ifJson(text, lineSchema);
}

/** The end of a chain: the last line's number and its SHA-256. Kept beside the journal, so that a changed last line shows. */
export const headSchema = v.object({ sequence: whole, hash: sha256 });

export type Head = Readonly<v.InferOutput<typeof headSchema>>;

/** The event that an append writes when the journal does not end where it ended last time. */
export const damagedEvent = 'journal-damaged';

/** The event that an append writes when the journal was another repository's: it was renamed in the configuration. */
const renamedEvent = 'renamed';

/** `event`, and before it that the journal has been another repository's until now. */
export function withRenaming(last: JournalLine | undefined, repository: string, event: JournalEvent): JournalEvent[] {
  if (last === undefined || last.repository === repository) return [event];
  return [{ event: renamedEvent, from: last.repository }, event];
}

/** What a walk along a whole chain came to. */
export interface Verification {
  readonly lines: number;
  readonly head: Head;
  /** The first line that is not what it was, and why. */
  readonly bad: { readonly file: string; readonly line: number; readonly why: string } | undefined;
  /** Bytes behind the last complete line, which a crash left; the next append drops them. */
  readonly torn: number;
  /** Whether the hash that was asked for is that of a line; undefined when none was asked for. */
  readonly known: boolean | undefined;
}

interface Place {
  readonly file: string;
  readonly line: number;
}

/** Follows a chain line by line, oldest first, up to the first line that does not fit. */
export class Verifier {
  readonly #repository: string;
  /** Whose the lines are up to here. */
  #called: string | undefined;
  readonly #asked: string | undefined;
  readonly #recorded: Head | undefined;
  #head: Head = { sequence: 0, hash: chainStart };
  #bad: Verification['bad'];
  #known = false;
  #metRecorded: boolean;
  #place: Place = { file: 'journal.jsonl', line: 1 };
  /** Two neighbours of which one was changed; the next line tells which. */
  #suspects: { readonly first: Place; readonly second: Place; readonly hash: string } | undefined;

  /** `recorded`: the head that was kept beside the journal; `asked`: a hash that some line must have. */
  constructor(repository: string, recorded: Head | undefined, asked?: string) {
    this.#repository = repository;
    this.#recorded = recorded;
    this.#asked = asked;
    this.#metRecorded = recorded === undefined;
  }

  /** The next line without its newline; `hash` is the SHA-256 of its bytes, `line` counts from 1 in each file. */
  line(file: string, line: number, text: string, hash: string): void {
    if (this.#bad !== undefined) return;
    const parsed = parseJournalLine(text);
    if (this.#suspects !== undefined) return this.#decide(parsed?.previous);
    const before = this.#place;
    this.#place = { file, line };
    const why = parsed === undefined ? 'it is no line of a journal' : this.#fault(parsed, text);
    if (why !== undefined) return this.#refuse(this.#place, why);
    if (parsed?.previous !== this.#head.hash) {
      this.#suspects = { first: before, second: this.#place, hash };
      return;
    }
    if (!this.#isOurs(parsed)) return this.#refuse(this.#place, 'it belongs to another repository');
    this.#accept({ sequence: this.#head.sequence + 1, hash });
  }

  /** After the last line; `torn`: how many bytes without a newline follow it. */
  end(torn: number): Verification {
    if (this.#suspects !== undefined) this.#decide(this.#recorded?.hash);
    if (this.#called !== undefined && this.#called !== this.#repository)
      this.#refuse(this.#place, `it belongs to another repository, ${this.#called}`);
    if (this.#bad === undefined && !this.#metRecorded) {
      this.#refuse(
        this.#place,
        `the journal went on behind it, up to number ${this.#recorded?.sequence ?? 0}: its tail is missing`,
      );
    }
    const known = this.#asked === undefined ? undefined : this.#known;
    return { lines: this.#head.sequence, head: this.#head, bad: this.#bad, torn, known };
  }

  #accept(head: Head): void {
    this.#head = head;
    if (head.hash === this.#asked) this.#known = true;
    if (head.hash === this.#recorded?.hash) this.#metRecorded = true;
    if (head.sequence === this.#recorded?.sequence && !this.#metRecorded)
      this.#refuse(this.#place, 'it is not what was written there');
  }

  /** The second suspect is whole if what comes after it carries its hash; then the first was changed. */
  #decide(next: string | undefined): void {
    if (this.#suspects === undefined) return;
    const { first, second, hash } = this.#suspects;
    this.#suspects = undefined;
    if (this.#head.sequence === 0) this.#refuse(second, 'the beginning of the chain is missing');
    else this.#refuse(next === hash ? first : second, 'it was changed: the chain of hashes breaks here');
  }

  /** Lines from before a change of name have the old one; the first with the new one says so. */
  #isOurs({ repository, event, from }: JournalLine): boolean {
    const isNext = repository === (this.#called ?? repository) || (event === renamedEvent && from === this.#called);
    this.#called = repository;
    return isNext;
  }

  #refuse(place: Place, why: string): void {
    this.#bad ??= { ...place, why };
  }

  #fault(line: JournalLine, text: string): string | undefined {
    const expected = this.#head.sequence + 1;
    if (JSON.stringify(line) !== text) return 'it is not written as rsync-ratchet writes';
    if (line.sequence !== expected) return `it has the number ${line.sequence}, but ${expected} comes next`;
    if (line.event === damagedEvent)
      return 'rsync-ratchet itself noted here that lines before it had been changed or cut off';
    return undefined;
  }
}
