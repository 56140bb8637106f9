/** `snapshots` in the state folder: the ID of every snapshot that was ever admitted, one a line. What was touched, or has come back, is not new. */
import { present } from '../audit/questions.ts';
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Books } from '../audit/books.ts';
import { Failure } from '../errors.ts';
import { LineWriter, shareWithGroup } from '../state/files.ts';
import { fromBackup } from '../state/json-file.ts';
import { cutTornLine } from '../state/lines.ts';
import { readText } from '../state/read-file.ts';

/** Notes the snapshots that the replica holds; how many of them were never there before, or undefined in the first night that notes them. */
export function noteSnapshots(state: string, books: Books): number | undefined {
  const seen = snapshotsSeen(state);
  const found = [...books.select(...present, 'snapshot')]
    .map((entry) => books.path(entry).slice(-64))
    .filter((id) => seen?.has(id) !== true);
  if (found.length > 0 || seen === undefined) append(fileIn(state), found);
  return seen === undefined ? undefined : found.length;
}

/** What was noted; undefined before the first night that notes. Throws Failure when the file is damaged. */
export function snapshotsSeen(state: string): Set<string> | undefined {
  const text = readText(fileIn(state));
  return text === undefined ? undefined : new Set(linesOf(text, fileIn(state)));
}

function fileIn(state: string): string {
  return join(state, 'snapshots');
}

/** A last line without its newline was never completed. */
function linesOf(text: string, path: string): string[] {
  const ids = text.split('\n').slice(0, -1);
  if (ids.every((id) => /^[0-9a-f]{64}$/.test(id))) return ids;
  throw new Failure(
    `${path} is damaged: a line is no ID of a snapshot`,
    `${fromBackup}, or move it away: then what the replica holds counts as seen`,
  );
}

function append(path: string, ids: readonly string[]): void {
  const file = openSync(path, 'a+', 0o600);
  try {
    shareWithGroup(file, dirname(path));
    cutTornLine(file);
    const writer = new LineWriter(file);
    for (const id of ids) writer.line(id);
    writer.flush();
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
