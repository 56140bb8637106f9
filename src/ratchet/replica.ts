/** The replica on disk, for who only reads: its marker and pins, what is there. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { Books, Entry } from '../audit/books.ts';
import { present } from '../audit/questions.ts';
import { listOf, moment, sha256, versionOne } from '../state/schema.ts';
import { Failure } from '../errors.ts';
import { readJson } from '../state/json-file.ts';
import { readBytes } from '../state/read-file.ts';
import { sha256Of } from '../state/sha256.ts';
import { bytePath, ownPaths, pathOf, type Replica } from '../replica-path.ts';

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

/** What was pinned: SHA-256 of `config`, and the IDs of the keys. */
export type Pins = Readonly<Marker['pins']>;

/** The marker, or undefined when there is none. Throws Failure when it cannot be read or is damaged. */
export function readMarker(replica: Replica): Marker | undefined {
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
export function notInitialised(replica: Replica): Failure {
  return new Failure(
    `${pathOf(replica)} has no marker: it is not initialised, or not mounted`,
    `if the disk is not mounted, mount it; if this is the first time, run: rsync-ratchet init ${String(replica)}. Nothing was written there`,
  );
}

/** SHA-256 of a small file that is there, hexadecimal. */
export function fingerprint(path: string): string {
  const found = fingerprintOf(path);
  if (found === undefined)
    throw new Failure(`${path} is not there any more`, 'who removed it while we were at work? Nothing was changed');
  return found;
}

/** Throws Failure unless the replica's `config` is the pinned one and the pinned keys are there. */
export function checkPins(replica: Replica, marker: Marker): void {
  const damaged = fingerprintOf(join(pathOf(replica), 'config')) !== marker.pins.config ? ['config'] : [];
  const keys = marker.pins.keys
    .map((id) => `keys/${id}`)
    .filter((path) => fingerprintOf(join(pathOf(replica), path)) !== path.slice(5));
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

/** Whether anything at all has that name below a folder. */
export function exists(folder: string, path: string): boolean {
  return lstatSync(bytePath(folder, path), { throwIfNoEntry: false }) !== undefined;
}

/** The marker with the keys that the replica holds now, but for `without`, as the pinned ones; the same one when nothing changed. */
export function withKeys(marker: Marker, books: Books, without: readonly Entry[]): Marker {
  const keys = [...books.select(present, 'key')]
    .filter((entry) => !without.includes(entry))
    .map((entry) => books.path(entry).slice('keys/'.length))
    .sort();
  return keys.join() === [...marker.pins.keys].sort().join() ? marker : { ...marker, pins: { ...marker.pins, keys } };
}

/** Whether any file lies below a folder, which need not exist. */
export function hasFiles(folder: string): boolean {
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) return false;
  return readdirSync(folder, { withFileTypes: true, recursive: true }).some((entry) => !entry.isDirectory());
}
