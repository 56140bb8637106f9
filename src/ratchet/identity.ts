/** What `init` takes of serverA before it trusts anything there: `config` and keys, listed, fetched, verified, pinned (P6). */
import { chmodSync, existsSync, linkSync, lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Audit } from '../audit/audit.ts';
import { Books } from '../audit/books.ts';
import { listedNew, unverified, wanted } from '../audit/questions.ts';
import { dryRun } from '../audit/dry-run.ts';
import type { Change } from '../audit/itemize.ts';
import { offered, sourcesAround, withWhatLiesThere } from '../programs/look-around.ts';
import { auditPass } from '../audit/passes.ts';
import { Failure } from '../errors.ts';
import { layoutFolders, placeOf } from '../layout.ts';
import type { Bounds } from '../programs/watchdog.ts';
import { syncFileSystem } from '../programs/sync.ts';
import { proves, requireKeys, requireOpens } from '../proof/open-identity.ts';
import { PatientHash } from '../state/file-hash.ts';
import { namesIn, writeNames } from '../state/files.ts';
import { makeFolder } from '../state/unguarded.ts';
import { faultOfOurs } from './adoption.ts';
import { admit } from './arrival/admit.ts';
import { runFetch } from './arrival/fetch.ts';
import { askedFor, fetchBounds } from './arrival/growth.ts';
import { exists, fingerprint, notInitialised, readMarker, type Pins } from './replica.ts';
import type { Beginning } from './init.ts';
import { writeMarker } from './replica-place.ts';

/** A key or a config above this is none, in bytes. */
const largestIdentity = 1024 * 1024;

function boundsOf({ session, repository }: Beginning): Bounds {
  return session.bounds(new Date(Date.now() + repository.timeouts.run));
}

/** The paths of `config` and the keys that serverA lists. Throws Failure when it has no restic repository: a `config` and at least one key. */
export async function listIdentity(beginning: Beginning): Promise<string[]> {
  const { session } = beginning;
  const listed = new Books();
  const audit = new Audit({ books: listed, others: new Map() }, { initialising: true, window: undefined }, () => false);
  const empty = session.path('empty');
  mkdirSync(empty);
  let config: string[] = [];
  const judge = (change: Change): void => {
    requireFolder(change);
    audit.judge(change);
    if (isConfig(change)) config = ['config'];
  };
  const bounds = boundsOf(beginning);
  const failed = await auditPass(audit, 2, (hidden) =>
    dryRun(session.rsync, 2, empty, bounds, { judge, judgeUnchanged: () => false }, { hidden }),
  );
  if (failed !== undefined) throw (await withWhatLiesThere(session.rsync, failed, bounds, 'Nothing was made')).failure;
  const keys = await takeKeys(beginning, listed);
  if (config.length > 0 && keys.length > 0) return [...config, ...keys];
  const lies = offered(await sourcesAround(session.rsync, boundsOf(beginning)));
  const usual =
    "check the path in source: behind rrsync it is relative to rrsync's folder, so usually just user@host:/";
  throw new Failure(
    'the source is not a restic repository: it has no config, or no key',
    `${lies ?? usual}. Nothing was made`,
  );
}

function isConfig(change: Change): boolean {
  return (
    change.path === 'config' && change.kind === 'item' && change.fileType === 'f' && change.size <= largestIdentity
  );
}

/** Throws Failure when a folder of the layout is something else on serverA: moved to another disk and linked, say. */
function requireFolder(change: Change): void {
  if (!layoutFolders.includes(change.path) || change.kind === 'deletion') return;
  if (change.kind === 'item' && change.fileType === 'd') return;
  const what = change.kind === 'item' ? 'a file' : 'a symlink (or a device, fifo or socket)';
  throw new Failure(
    `"${change.path}" is no folder on serverA but ${what}, and rsync follows none`,
    `if it was moved to another disk, mount that disk (or bind it) at its place on serverA; or give the folder that it leads to as source. Nothing was made`,
  );
}

/** Only keys are wanted of what pass 2 lists, and only those that are not here yet; indexes wait for the first sync. */
async function takeKeys(beginning: Beginning, listed: Books): Promise<string[]> {
  const keys = beginning.incoming.books;
  const paths: string[] = [];
  for (const entry of listed.select(listedNew)) {
    if (listed.type(entry) !== 'key' || listed.size(entry) > largestIdentity) continue;
    const path = listed.path(entry);
    paths.push(path);
    if (await hasKey(beginning, path)) continue;
    keys.set(keys.enter('key', path.slice('keys/'.length), listed.size(entry), listed.mtime(entry)), wanted);
  }
  return paths;
}

/** A key of the existing copy stays when it is what its name says. Throws Failure when it is not: nothing is overwritten. */
async function hasKey({ paths: { replica }, session }: Beginning, path: string): Promise<boolean> {
  if (!exists(replica, path)) return false;
  const fault = await faultOfOurs(replica, path, new PatientHash(session.interrupt));
  if (fault === undefined) return true;
  throw new Failure(
    `${path} in the existing copy is not what its name says: ${fault}`,
    'the copy was not adopted; move this file away, then run init once more',
  );
}

/**
 * Fetches them, verifies each key; throws Failure when one does not come or is no key, when `config` differs from what is
 * there, or when restic, which is asked where there is a password, cannot open them.
 */
export async function fetchIdentity(beginning: Beginning): Promise<void> {
  const { incoming, paths, repository } = beginning;
  incoming.takeLeftovers();
  const keys = [...incoming.books.select(unverified)].map((entry) => incoming.books.path(entry));
  const folder = await fetchNames(beginning, ['config', ...keys]);
  requireSameConfig(beginning);
  incoming.sweep(folder);
  requireKeysCame(beginning);
  if (proves(repository)) await requireOpens(beginning.restic(), paths.candidate, repository);
}

/** Fetches serverA's `config` alone; its SHA-256. */
export async function fetchConfig(beginning: Beginning): Promise<string> {
  beginning.incoming.takeLeftovers();
  await fetchNames(beginning, ['config']);
  return fingerprint(join(beginning.paths.candidate, 'config'));
}

/** Fetches `config`, which becomes a candidate, and keys, which wait in the folder that is returned. */
async function fetchNames(beginning: Beginning, names: readonly string[]): Promise<string> {
  const { session, incoming } = beginning;
  const manifest = session.path('manifest');
  writeNames(manifest, names);
  const folder = incoming.freshFolder('init');
  const bounds = fetchBounds(boundsOf(beginning), folder, askedFor(names.map(() => largestIdentity)));
  const end = await runFetch(session.rsync, manifest, folder, bounds, () => undefined);
  if (end instanceof Failure) throw end;
  takeConfig(beginning, folder);
  return folder;
}

/** `config` is not named by its hash, so it is taken as it is, as a candidate. */
function takeConfig({ paths }: Beginning, folder: string): void {
  const delivered = join(folder, 'config');
  const stats = lstatSync(delivered, { throwIfNoEntry: false });
  if (stats?.isFile() !== true || stats.size > largestIdentity || stats.nlink !== 1) throw notDelivered('config');
  makeFolder(paths.candidate);
  chmodSync(delivered, 0o400);
  renameSync(delivered, join(paths.candidate, 'config'));
}

function requireSameConfig({ paths }: Beginning): void {
  const own = join(paths.replica, 'config');
  if (!existsSync(own) || fingerprint(own) === fingerprint(join(paths.candidate, 'config'))) return;
  throw new Failure(
    'the config of the existing copy is not that of serverA: they are two repositories',
    'check source and replica in the configuration. Nothing was changed',
  );
}

function requireKeysCame({ incoming, findings, paths }: Beginning): void {
  const { books } = incoming;
  const [missing] = [...books.select(unverified)].map((entry) => books.path(entry));
  if (missing !== undefined)
    throw notDelivered(missing, findings.kept.find((finding) => finding.path === missing)?.message);
  requireKeys(paths.candidate, books);
}

function notDelivered(path: string, why = 'it did not come'): Failure {
  return new Failure(
    `${path} could not be fetched from serverA: ${why}`,
    'look at the file on serverA; the replica has no marker yet, so run init again',
  );
}

/** Links them into the replica: what is to be pinned. */
export async function linkIdentity({ paths, incoming, session }: Beginning): Promise<Pins> {
  const { replica } = paths;
  const own = join(replica, 'config');
  await admit(replica, paths.candidate, incoming.books, new Set(['key']));
  if (!exists(replica, 'config')) linkSync(join(paths.candidate, 'config'), own);
  await syncFileSystem(replica);
  rmSync(join(paths.candidate, 'config'));
  const [keys, hashing]: [string[], PatientHash] = [[], new PatientHash(session.interrupt)];
  for (const path of keysIn(replica))
    if ((await faultOfOurs(replica, path, hashing)) === undefined) keys.push(path.slice('keys/'.length));
  return { config: fingerprint(own), keys };
}

/** The paths that are a key's by their name; who made a copy may have put others beside them. */
export function keysIn(replica: string): string[] {
  const paths = namesIn(join(replica, 'keys')).map((name) => `keys/${name}`);
  return paths.filter((path) => placeOf(path).of === 'key');
}

/** Writes the marker, the last step of `init`: without it there is no replica, whatever else there is. */
export function pin({ repository }: Beginning, id: string, pins: Pins): void {
  const createdAt = new Date().toISOString();
  const marker = { version: 1, id, repository: repository.name, createdAt, pins, firstRunCompleted: false } as const;
  writeMarker(repository.replica, marker);
}

/** Throws Failure when restic, which is asked where there is a password, cannot open the repository with the fetched `config`. */
export async function requireOpensSo({ repository, paths, restic }: Beginning): Promise<void> {
  if (!proves(repository)) return;
  const until = Date.now() + repository.timeouts.prove;
  const { isGood, words } = await restic().opens({ config: join(paths.candidate, 'config') }, [], until);
  if (isGood) return;
  throw new Failure(
    `restic cannot open the repository with the new config: ${words}`,
    'nothing was changed; look at the config on serverA',
  );
}

/**
 * Puts the fetched `config` into the replica, the old one into quarantine, and pins it. The old one is linked there before
 * the new one takes its place; a kill leaves one or the other.
 */
export async function replaceConfig({ paths, repository }: Beginning): Promise<void> {
  const { replica } = paths;
  const own = join(replica, 'config');
  const marker = readMarker(repository.replica);
  if (marker === undefined) throw notInitialised(repository.replica);
  const kept = join(paths.quarantine, `config-${fingerprint(own)}`);
  if (!existsSync(kept)) linkSync(own, kept);
  await syncFileSystem(replica);
  renameSync(join(paths.candidate, 'config'), own);
  await syncFileSystem(replica);
  writeMarker(repository.replica, { ...marker, pins: { ...marker.pins, config: fingerprint(own) } });
}
