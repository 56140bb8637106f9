/** Fetches files that the replica has already, hashes what comes, and throws it away; the replica is not touched. */
import { closeSync, constants, fstatSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { Failure } from '../errors.ts';
import { writeNames } from '../state/files.ts';
import { askedFor, fetchBounds } from './arrival/growth.ts';
import { sha256Of } from './arrival/fitness.ts';
import { inRealFolder } from './arrival/real-folders.ts';
import { exists } from './replica.ts';
import { runFetch } from './arrival/fetch.ts';
import type { RsyncContext } from '../programs/rsync-call.ts';
import type { Bounds } from '../programs/watchdog.ts';

/** What came when a file of the replica was asked for. */
export type Examined = 'right' | 'missing' | { readonly wrong: string };

/** What to fetch and what to expect. */
export interface Examination {
  readonly paths: readonly string[];
  /** Bytes of a path's file; serverA listed it with the same size. */
  readonly size: (path: string) => number;
  /** The SHA-256 that a path's content must have, hexadecimal. */
  readonly expected: (path: string) => string;
  /** A fresh folder, and where to write the names. */
  readonly folder: string;
  readonly manifest: string;
}

/** Calls `told` once for each path. Each file is deleted as soon as it is hashed, so the disk needs room for two. */
export async function fetchToHash(
  context: RsyncContext,
  bounds: Bounds,
  what: Examination,
  told: (path: string, found: Examined) => void,
): Promise<void> {
  const { folder, manifest } = what;
  const open = new Set(what.paths);
  const tell = (path: string): void => {
    if (!open.has(path) || !exists(folder, path)) return;
    inRealFolder(folder, path, (name) => {
      open.delete(path);
      told(path, examineOne(name, what.expected(path)));
    });
  };
  writeNames(manifest, what.paths);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    let before = '';
    const end = await runFetch(
      context,
      manifest,
      folder,
      fetchBounds(bounds, folder, askedFor(what.paths.map(what.size))),
      (path) => {
        if (before !== '') tell(before);
        before = path;
      },
    );
    if (end === 'unfinished') throw outOfTime();
    if (end !== 'complete') throw end;
    for (const path of [...open]) tell(path);
    for (const path of open) told(path, 'missing');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function outOfTime(): Failure {
  return new Failure(
    'the time of timeouts.run was over while suspects and spot checks were fetched',
    'raise timeouts.run, or lower spotCheck; nothing else was fetched',
  );
}

function examineOne(name: string, expected: string): Examined {
  let file: number;
  try {
    file = openSync(name, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return { wrong: 'what came is not a regular file' };
  }
  try {
    if (!fstatSync(file).isFile()) return { wrong: 'what came is not a regular file' };
    const hash = sha256Of(file);
    return hash === expected ? 'right' : { wrong: `serverA's content has the SHA-256 ${hash}` };
  } finally {
    closeSync(file);
    rmSync(name, { recursive: true, force: true });
  }
}
