/** The replica on disk: its marker and pins, what is there, its free space. */
import { present } from '../audit/questions.ts';
import { lstatSync, readdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { Books, type Entry } from '../audit/books.ts';
import { listOf, moment, sha256, versionOne } from '../state/schema.ts';
import { Failure } from '../errors.ts';
import { replaceFile } from '../state/files.ts';
import { readJson } from '../state/json-file.ts';
import { readBytes } from '../state/read-file.ts';
import { sha256Of } from '../state/sha256.ts';
import { bytePath, ownPaths } from '../replica-path.ts';

const markerSchema = v.object({
  version: versionOne,
  /** Random; tells two replicas apart. */
  id: v.string(),
  repository: v.string(),
  createdAt: moment,
  /** SHA-256 of `config`, and the IDs of the keys. */
  pins: v.object({ config: sha256, keys: listOf(sha256) }),
  /** Until the first run has completed, `limits` do not apply. */
  firstRunCompleted: v.boolean(),
});

/** `replica.json`: what this replica is, and what was trusted on first use. */
export type Marker = Readonly<v.InferOutput<typeof markerSchema>>;

/** The marker, or undefined when there is none. Throws Failure when it cannot be read or is damaged. */
export function readMarker(replica: string): Marker | undefined {
  try {
    return readJson(
      ownPaths(replica).marker,
      markerSchema,
      'nothing was done; restore the file from a backup of this machine, or move it away and run init again',
    );
  } catch (error) {
    if (((error as Failure).cause as NodeJS.ErrnoException | undefined)?.code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** The failure for a replica without a marker: it must never be written to, it may be an empty mount point. */
export function notInitialised(name: string, replica: string): Failure {
  return new Failure(
    `${replica} has no marker: it is not initialised, or not mounted`,
    `if the disk is not mounted, mount it; if this is the first time, run: rsync-ratchet init ${name}. Nothing was written there`,
  );
}

export function writeMarker(replica: string, marker: Marker): void {
  replaceFile(ownPaths(replica).marker, `${JSON.stringify(marker, null, 2)}\n`);
}

/** SHA-256 of a small file that is there, hexadecimal. */
export function fingerprint(path: string): string {
  const found = fingerprintOf(path);
  if (found === undefined)
    throw new Failure(`${path} is not there any more`, 'who removed it while we were at work? Nothing was changed');
  return found;
}

/** Throws Failure unless the replica's `config` is the pinned one and the pinned keys are there. */
export function checkPins(replica: string, marker: Marker): void {
  const damaged = fingerprintOf(join(replica, 'config')) !== marker.pins.config ? ['config'] : [];
  const keys = marker.pins.keys
    .map((id) => `keys/${id}`)
    .filter((path) => fingerprintOf(join(replica, path)) !== path.slice(5));
  const wrong = [...damaged, ...keys];
  if (wrong.length === 0) return;
  throw new Failure(
    `the replica's own ${wrong.join(', ')} is missing or is not what was pinned at init`,
    `this machine or its disk changed it, not serverA: look at the disk, then run rsync-ratchet scrub --repair ${marker.repository}. Nothing was fetched`,
  );
}

/** Undefined when there is none. Throws Failure when it may not be read, or is no file. */
function fingerprintOf(path: string): string | undefined {
  const bytes = readBytes(path);
  return bytes && sha256Of(bytes);
}

/** Whether anything at all has that name in the replica. */
export function exists(replica: string, path: string): boolean {
  return lstatSync(bytePath(replica, path), { throwIfNoEntry: false }) !== undefined;
}

/** Free and total bytes of the replica's file system, as an ordinary user may use them. */
export function freeSpace(replica: string): { free: number; total: number } {
  const { bavail, blocks, bsize } = statfsSync(replica);
  return { free: bavail * bsize, total: blocks * bsize };
}

/** The marker with the keys that the replica holds now, but for `without`, as the pinned ones; the same one when nothing changed. */
export function withKeys(marker: Marker, books: Books, without: readonly Entry[]): Marker {
  const keys = [...books.select(...present, 'key')]
    .filter((entry) => !without.includes(entry))
    .map((entry) => books.path(entry).slice('keys/'.length))
    .sort();
  return keys.join() === [...marker.pins.keys].sort().join() ? marker : { ...marker, pins: { ...marker.pins, keys } };
}

/** Whether any file lies below a folder, which need not exist. */
export function hasFiles(folder: string): boolean {
  const entries =
    lstatSync(folder, { throwIfNoEntry: false }) === undefined
      ? []
      : readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries.some((entry) => !entry.isDirectory());
}
