/**
 * The journal's lines and their hash chain: each line carries the SHA-256 of the line before, so that a changed or
 * missing line is found, and a cut tail by comparing with the head hash that every mail carries.
 */

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
export function nextLine(last: JournalLine | undefined, hash: string, repository: string, time: Date, event: JournalEvent): string {
  const line: JournalLine = {
    sequence: (last?.sequence ?? 0) + 1,
    time: time.toISOString(),
    repository,
    ...event,
    previous: hash,
  };
  return JSON.stringify(line);
}

/** A line of the journal as data; undefined when it is none. */
export function parseJournalLine(text: string): JournalLine | undefined {
  try {
    const line = JSON.parse(text) as JournalLine;
    return typeof line.sequence === 'number' && typeof line.previous === 'string' && typeof line.event === 'string' ? line : undefined;
  } catch {
    return undefined; // the caller says so: for a torn line this is an expected answer
  }
}
