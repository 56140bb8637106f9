/** Quarantine, decided: which copies leave when room is needed, and which names are not tried every night. */

/** What quarantine may hold, in bytes. */
export const quarantineLimit = 1024 ** 3;

/** Each copy counts as so many bytes at least: a flood of empty files is bounded too. */
export const smallestCopy = 64 * 1024;

/** A file in quarantine. */
export interface Copy {
  readonly path: string;
  readonly bytes: number;
}

/** What a copy of so many bytes takes of the limit. */
export function weightOf(bytes: number): number {
  return Math.max(bytes, smallestCopy);
}

/**
 * The paths of the copies that must leave so that one of `bytes` more finds room: the oldest. Undefined when it is
 * larger than all of quarantine may be. `copies` are oldest first and weigh `total` together.
 */
export function makeRoom(copies: Iterable<Copy>, total: number, bytes: number, limit = quarantineLimit): string[] | undefined {
  if (weightOf(bytes) > limit) return undefined;
  const leaving: string[] = [];
  let weight = total + weightOf(bytes);
  for (const copy of copies) {
    if (weight <= limit) break;
    leaving.push(copy.path);
    weight -= weightOf(copy.bytes);
  }
  return leaving;
}

/** A file as serverA lists it. Size in bytes, modification time in seconds. */
export interface Listed {
  readonly path: string;
  readonly size: number;
  readonly mtime: number;
}

/** A name that came with wrong content, with the size and time that serverA listed. Times are ISO 8601. */
export interface Failed extends Listed {
  readonly nights: number;
  /** When the last of these nights was: runs less than half a day apart are one night. */
  readonly night: string;
  /** When it was last fetched. */
  readonly tried: string;
}

/** So many nights it is fetched again as if nothing had been; from then on once a week. */
const patience = 3;
const halfADay = 12 * 3600 * 1000;
const week = 7 * 24 * 3600 * 1000;

/** What is remembered of a name that came with wrong content once more. Another size or time: it begins anew. */
export function failedAgain(before: Failed | undefined, listed: Listed, now: Date): Failed {
  const { path, size, mtime } = listed;
  const time = now.toISOString();
  if (before === undefined || !isSame(before, listed)) return { path, size, mtime, nights: 1, night: time, tried: time };
  const isSameNight = Math.abs(now.getTime() - Date.parse(before.night)) < halfADay;
  return { ...before, tried: time, ...(isSameNight ? {} : { nights: before.nights + 1, night: time }) };
}

/**
 * When a name that serverA lists tonight is fetched again; undefined: tonight. A week is a bit less, because the
 * seventh night may begin a little earlier than the first. When the clock was set back, it is tonight as well.
 */
export function triedAgain(failed: Failed | undefined, listed: Listed, now: Date): Date | undefined {
  if (failed === undefined || failed.nights < patience || !isSame(failed, listed)) return undefined;
  const since = now.getTime() - Date.parse(failed.tried);
  return since >= 0 && since < week - halfADay ? new Date(Date.parse(failed.tried) + week) : undefined;
}

function isSame(failed: Listed, listed: Listed): boolean {
  return failed.size === listed.size && failed.mtime === listed.mtime;
}

/** So many names are remembered; what is forgotten is only tried every night. */
const remembered = 2000;

/** The names that were tried last, oldest first, as many as are remembered. */
export function newest(failures: Iterable<Failed>): Failed[] {
  return [...failures].sort((a, b) => (a.tried < b.tried ? -1 : a.tried > b.tried ? 1 : 0)).slice(-remembered);
}

/** The words for a name that is not fetched tonight. */
export function heldOffWords(failed: Failed, next: Date): string {
  return `came with wrong content in ${failed.nights} nights and has the same size and time on serverA; ` +
    `not fetched tonight, tried again from ${next.toISOString().slice(0, 10)} on`;
}

/** Remembered names from the text of their file; none where it cannot be understood: then all are tried. */
export function parseFailures(text: string): Failed[] {
  try {
    const { failures } = JSON.parse(text) as { failures: unknown };
    return Array.isArray(failures) ? failures.filter(isFailed) : [];
  } catch {
    return [];
  }
}

function isFailed(value: unknown): value is Failed {
  const { path, size, mtime, nights, night, tried } = (value ?? {}) as Record<keyof Failed, unknown>;
  return [path, night, tried].every((each) => typeof each === 'string') && [size, mtime, nights].every((each) => typeof each === 'number');
}

/** The text of the file that remembers them. */
export function failuresText(failures: Iterable<Failed>): string {
  return `${JSON.stringify({ version: 1, failures: newest(failures) }, null, 1)}\n`;
}
