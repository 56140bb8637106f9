/** rsync's report as rsync prints it, written without the parser's help. Paths are bytes, one per character (latin1). */
import { createHash } from 'node:crypto';
import { Lines, parseLine, type Change } from '../../src/audit/itemize.ts';
import { repositoryPath, type HashedType } from '../../src/layout.ts';

export const nonce = 'c0ffee0123456789c0ffee01';

/** What a line says; what is left out is an unchanged file of 10 bytes. */
export interface LineParts {
  readonly itemized?: string;
  readonly size?: number | string;
  readonly mtime?: string;
  readonly path: string;
}

/** 2026-11-23 01:27:44 UTC, in rsync's words and in seconds. */
export const someTime = '2026/11/23-01:27:44';
export const someSeconds = 1_795_397_264;

/** One line, with its newline. `path` is escaped as rsync does it; a folder's ends with a slash. */
export function line({ itemized = '.f         ', size = 10, mtime = someTime, path }: LineParts): string {
  return `${nonce} ${itemized}|${size}|${mtime}|${rsyncEscape(path)}\n`;
}

export const deletionLine = (path: string): string => line({ itemized: '*deleting  ', size: 0, path });

/** rsync's log.c, filtered_fwrite, under LC_ALL=C: a tab and DEL go through, a backslash before `#` and three digits does not. */
export function rsyncEscape(path: string): string {
  let text = '';
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    const isEscape = path[i] === '\\' && path[i + 1] === '#' && /^\d{3}/.test(path.slice(i + 2, i + 5));
    text += isEscape || (code < 32 && code !== 9) || code > 127 ? `\\#${code.toString(8).padStart(3, '0')}` : path.charAt(i);
  }
  return text;
}

/** `%M` of a time in seconds. */
export function rsyncTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replaceAll('-', '/').replace('T', '-');
}

/** Parses a whole report given as latin1 text, in chunks of `chunk` bytes. Throws what the parser throws. */
export function parseReport(report: string, chunk = 65_536, prefix = `${nonce} `): Change[] {
  const changes: Change[] = [];
  const lines = new Lines((bytes, start, end) => { changes.push(parseLine(bytes, start, end, prefix)); });
  const bytes = Buffer.from(report, 'latin1');
  for (let i = 0; i < bytes.length; i += chunk) lines.push(bytes.subarray(i, i + chunk));
  lines.end();
  return changes;
}

/** A well-formed ID, a different one for each seed. */
export const idOf = (seed: string | number): string => createHash('sha256').update(String(seed)).digest('hex');

/** The path of a file of the layout. */
export const fileOf = (type: HashedType, seed: string | number): string => repositoryPath(type, idOf(seed));
