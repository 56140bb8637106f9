/** Fetches files that the replica has already, hashes what comes, and throws it away; the replica is not touched. */
import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { listedNew } from '../audit/questions.ts';
import { Failure } from '../errors.ts';
import { sha256OfFile } from '../state/file-hash.ts';
import { writeNames } from '../state/files.ts';
import { expectFetch, runFetch } from './arrival/fetch.ts';
import { askedFor, fetchBounds } from './arrival/growth.ts';
import { inRealFolder } from './arrival/real-folders.ts';
import { deadlineOf, requireMarker, type Holdings } from './holdings.ts';
import { exists } from './replica.ts';
import type { Run } from './run.ts';

/** What came when a file of the replica was asked for. */
export type Examined = 'right' | 'missing' | { readonly wrong: string };

/**
 * Calls `told` once for each path of a file that the replica has, with what came of it. Each is deleted as soon as it is
 * hashed, so the disk needs room for two.
 */
export async function fetchAndHash(
  held: Holdings,
  run: Run,
  paths: readonly string[],
  told: (path: string, found: Examined) => void,
): Promise<void> {
  const { session, walk } = held;
  const { replica, incoming } = held.paths;
  const pinned = requireMarker(held).pins.config;
  const bounds = session.bounds(deadlineOf(held, run.startedAt));
  const isFetchDue = walk !== undefined && walk.books.amount(listedNew).files > 0;
  if (isFetchDue) await expectFetch(session.rsync, replica, bounds);
  const folder = join(incoming, `${run.runId}-examined`);
  const open = new Set(paths);
  const tell = (path: string): void => {
    if (!open.has(path) || !exists(folder, path)) return;
    inRealFolder(folder, path, (name) => {
      open.delete(path);
      told(path, examineOne(name, path === 'config' ? pinned : path.slice(-64)));
    });
  };
  const manifest = session.path('examined');
  writeNames(manifest, paths);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    const growth = fetchBounds(bounds, folder, askedFor(paths.map((path) => lstatSync(join(replica, path)).size)));
    let before = '';
    const end = await runFetch(session.rsync, manifest, folder, growth, (path) => {
      if (before !== '') tell(before); // rsync names a file when its transfer starts
      before = path;
    });
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
    const hash = sha256OfFile(file);
    return hash === expected ? 'right' : { wrong: `serverA's content has the SHA-256 ${hash}` };
  } finally {
    closeSync(file);
    rmSync(name, { recursive: true, force: true });
  }
}
