/**
 * rsync's words: one line of `--itemize-changes --out-format` -> Change (rsync(1), "--itemize-changes", `%i`).
 * Strict: what is not understood is an error that quotes the line, never skipped. serverA chooses these bytes.
 */
import { escapePath } from '../printable.ts';
import { placeOf } from '../layout.ts';
import { isAt } from './unchanged.ts';

/** `%i`'s first two letters and the rest, with `%l`, `%M`, `%n`: a file or folder that serverA lists. */
export interface Item {
  readonly kind: 'item';
  /** `%i` as rsync printed it: eleven characters `YXcstpoguax`. */
  readonly itemized: string;
  /** What the entry is on serverA: `f` file, `d` folder, `L` symlink, `D` device, `S` special. */
  readonly fileType: string;
  /** Bytes. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly path: string;
}

/** A path that only the replica has. */
interface Deletion {
  readonly kind: 'deletion';
  readonly isFolder: boolean;
  readonly path: string;
}

/** What is no folder on serverA and not copied: a symlink, device, fifo or socket; or what stands in a folder's place. */
interface NonRegular {
  readonly kind: 'non-regular';
  readonly path: string;
}

/** A folder that only the replica has, and that would stay because something in it is left out by the filters. */
export interface Standing {
  readonly kind: 'standing';
  readonly path: string;
}

/** One line of the dry run, parsed. `path` holds bytes, one per character (latin1), without a slash at its end. */
export type Change = Item | Deletion | NonRegular | Standing;

/** Who judges the lines of a dry run. */
export interface Judge {
  judge(change: Change): void;
  /** Judges a line without our prefix by its bytes, if it is one of the most frequent kind; else false. */
  judgeUnchanged(bytes: Buffer, start: number, end: number): boolean;
}

/** A line, or the stream of lines, that is not what our rsync prints. The audit fails; nothing is skipped. */
export class NotUnderstood extends Error {
  override readonly name: string = 'NotUnderstood';
}

/** The longest line that we accept, in bytes; rsync's own paths end at 4096 before escaping. */
export const longestLine = 4096;

/** The format for `--out-format`; the nonce makes our client's lines different from text that serverA sends. */
export function auditFormat(nonce: string): string {
  return `${nonce} %i|%l|%M|%n`;
}

const [newline, pipe, zero, nine] = [10, 124, 48, 57] as const;
const itemizedLength = 11;
const timeLength = 19;
const itemizedForm = /^[<>ch.][fdLDS](?:\+{9}|\?{9}| {9}|[.cstTpoguxabn]{9})$/;
const timeForm = /^\d{4}\/\d\d\/\d\d-\d\d:\d\d:\d\d$/;
const deleting = '*deleting  ';
const skippedForm = /^skipping non-regular file "(.+)"$/s;
/** What rsync says of a folder that it could not clear away for a file of the same name; its pass fails. */
const noWayForm = /^could not make way for new regular file: (.+)$/s;
/** What rsync says of a folder that it would delete, were it not for what the filters leave out in it. */
const standingForm = /^cannot delete non-empty directory: (.+)$/s;
/** By far the most frequent forms; comparing strings is faster than the expression. */
const commonForms = new Set(['.f         ', '>f+++++++++', '.d         ', 'cd+++++++++']);

/**
 * Parses the line `bytes[start, end)` (without its newline).
 * Throws NotUnderstood with the line quoted when it is neither ours nor rsync's note on a non-regular file.
 */
export function parseLine(bytes: Buffer, start: number, end: number, prefix: string): Change {
  if (end - start > longestLine) throw notUnderstood('line too long', bytes, start, end);
  const format = start + prefix.length;
  if (bytes.toString('latin1', start, format) !== prefix) return parseSkipped(bytes, start, end);
  const length = format + itemizedLength;
  if (bytes[length] !== pipe) throw notUnderstood('no %i', bytes, start, end);
  const lengthEnd = bytes.indexOf(pipe, length + 1);
  const timeEnd = lengthEnd + 1 + timeLength;
  if (lengthEnd < 0 || bytes[timeEnd] !== pipe || timeEnd + 1 >= end) throw notUnderstood('fields', bytes, start, end);
  const change = toChange(
    bytes.toString('latin1', format, length),
    parseSize(bytes, length + 1, lengthEnd),
    bytes.toString('latin1', lengthEnd + 1, timeEnd),
    unescapePath(bytes.toString('latin1', timeEnd + 1, end)),
  );
  if (change === undefined) throw notUnderstood('fields', bytes, start, end);
  return change;
}

/** Feeds lines to a judge, each as fast as its kind allows. Throws what parseLine does. */
export function lineJudge(judge: Judge, prefix: string): (bytes: Buffer, start: number, end: number) => void {
  const prefixBytes = Buffer.from(prefix);
  return (bytes, start, end) => {
    if (isAt(bytes, start, prefixBytes) && judge.judgeUnchanged(bytes, start + prefix.length, end)) return;
    judge.judge(parseLine(bytes, start, end, prefix));
  };
}

function toChange(itemized: string, size: number, time: string, name: string): Change | undefined {
  const path = withoutSlash(name);
  if (itemized === deleting) return size === 0 ? { kind: 'deletion', isFolder: path !== name, path } : undefined;
  if (!commonForms.has(itemized) && !itemizedForm.test(itemized)) return undefined;
  const mtime = timeForm.test(time) ? toSeconds(time) : NaN;
  const fileType = itemized.charAt(1);
  if (Number.isNaN(size + mtime) || (fileType === 'd') !== (path !== name)) return undefined;
  return { kind: 'item', itemized, fileType, size, mtime, path };
}

function parseSkipped(bytes: Buffer, start: number, end: number): Change {
  const line = bytes.toString('latin1', start, end);
  const skipped = skippedForm.exec(line)?.[1];
  if (skipped !== undefined) return { kind: 'non-regular', path: withoutSlash(unescapePath(skipped)) };
  const standing = standingForm.exec(line)?.[1];
  if (standing !== undefined) return { kind: 'standing', path: withoutSlash(unescapePath(standing)) };
  const stuck = noWayForm.exec(line)?.[1];
  if (stuck === undefined || placeOf(stuck).of !== 'folder')
    throw notUnderstood('not one of our lines', bytes, start, end);
  return { kind: 'non-regular', path: stuck };
}

/** NaN unless decimal digits that fit a double exactly. */
function parseSize(bytes: Buffer, from: number, to: number): number {
  if (from === to) return NaN;
  let size = 0;
  for (let i = from; i < to; i++) {
    const digit = bytes[i] ?? 0;
    if (digit < zero || digit > nine) return NaN;
    size = size * 10 + (digit - zero);
  }
  return Number.isSafeInteger(size) ? size : NaN;
}

/** `%M` under TZ=UTC, `2026/11/23-01:27:44`, as seconds since 1970. */
function toSeconds(time: string): number {
  const part = (from: number, to: number) => Number(time.slice(from, to));
  return Date.UTC(part(0, 4), part(5, 7) - 1, part(8, 10), part(11, 13), part(14, 16), part(17, 19)) / 1000;
}

function withoutSlash(name: string): string {
  return name.length > 1 && name.endsWith('/') ? name.slice(0, -1) : name;
}

/**
 * rsync's escapes back to bytes. rsync writes `\#ooo` for what is not printable, and for the backslash of a
 * literal `\#` with three digits behind it, so that this is unambiguous (rsync's log.c, filtered_fwrite).
 */
export function unescapePath(name: string): string {
  if (!name.includes('\\#')) return name;
  return name.replace(/\\#([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}

function notUnderstood(what: string, bytes: Buffer, start: number, end: number): NotUnderstood {
  return new NotUnderstood(`${what}: "${escapePath(bytes.toString('latin1', start, Math.min(end, start + 200)))}"`);
}

/** Cuts a stream of chunks into lines of at most `longestLine` bytes, and at most so many; keeps at most one unfinished line. */
export class Lines {
  readonly #line: (bytes: Buffer, start: number, end: number) => void;
  readonly #most: number;
  readonly #terminator: number;
  #count = 0;
  #rest: Buffer = Buffer.alloc(0);

  /** `line` is called with each line's place in a buffer, without the byte that ends it. */
  constructor(
    line: (bytes: Buffer, start: number, end: number) => void,
    most = Infinity,
    terminator: number = newline,
  ) {
    this.#line = line;
    this.#most = most;
    this.#terminator = terminator;
  }

  /** Throws NotUnderstood for a line without an end, and for one too many; what `line` throws comes through. */
  push(chunk: Buffer): void {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    let start = 0;
    for (let end = bytes.indexOf(this.#terminator); end >= 0; end = bytes.indexOf(this.#terminator, start)) {
      if (++this.#count > this.#most) throw new NotUnderstood(`more than ${this.#most} lines`);
      this.#line(bytes, start, end);
      start = end + 1;
    }
    this.#rest = bytes.subarray(start);
    if (this.#rest.length > longestLine) throw notUnderstood('line too long', bytes, start, bytes.length);
  }

  /** Throws NotUnderstood unless the last byte was a newline: a report that was cut short is no report. */
  end(): void {
    if (this.#rest.length > 0) throw notUnderstood('last line is cut short', this.#rest, 0, this.#rest.length);
  }
}
