/** `snapshots` in the state folder: the ID of every snapshot that was ever admitted, one a line. What was touched, or has come back, is not new. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../errors.ts';
import { fromBackup } from './json-file.ts';
import { appendLines, eachLine } from './lines.ts';

/** Notes snapshots, by their IDs; how many of them were never there before, or undefined in the first night that notes them. */
export function noteSnapshots(state: string, ids: readonly string[]): number | undefined {
  const seen = snapshotsSeen(state);
  const found = ids.filter((id) => seen?.has(id) !== true);
  if (found.length > 0 || seen === undefined) appendLines(fileIn(state), found);
  return seen === undefined ? undefined : found.length;
}

/** What was noted; undefined before the first night that notes. Throws Failure when the file is damaged. */
export function snapshotsSeen(state: string): Set<string> | undefined {
  const path = fileIn(state);
  const seen = new Set<string>();
  const { lines, torn } = eachLine(path, (line) => {
    const id = line.toString('latin1');
    if (!/^[0-9a-f]{64}$/.test(id))
      throw new Failure(
        `${path} is damaged: a line is no ID of a snapshot`,
        `${fromBackup}, or move it away: then what the replica holds counts as seen`,
      );
    seen.add(id);
  });
  return lines + torn === 0 && !existsSync(path) ? undefined : seen;
}

function fileIn(state: string): string {
  return join(state, 'snapshots');
}
