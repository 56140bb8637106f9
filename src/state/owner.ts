/**
 * Who types it (DESIGN section 8): nights run as a user of their own, operators type as root. So root becomes the owner of
 * state and replica before either is opened, and whatever is written or started then is that user's.
 */
import { lstatSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Repository } from '../config/config.ts';
import { UsageError } from '../errors.ts';
import { asOwner, canBecome, ownerOf, type Owner } from './become.ts';
import { ownPaths, type Replica } from '../replica-path.ts';

/** Whose a repository is, and what speaks against his doing anything with it: said of the key `replica`. */
interface Ownership {
  readonly repository: string;
  readonly owner: Owner;
  readonly objection: string | undefined;
}

/** `init` makes state and replica, other commands find them; `config validate` opens neither, so they may be several users'. */
export type Purpose = 'making' | 'using' | 'judging';

/** Where a user keeps his books when the configuration does not say; a path below the home of who is not root. */
type DefaultState = (owner: Owner) => string;

/**
 * The owner of a repository's marker; before `init` of the state folder, else of the replica or of the folder that it will
 * lie in. `state` is what the configuration says; where it is silent the state is the owner's own, and says nothing of him.
 */
export function ownershipOf(
  repository: Repository,
  state: string | undefined,
  purpose: Purpose,
  defaultState: DefaultState,
): Ownership {
  const owner = ownerOf(deciding(repository, state));
  return {
    repository: repository.name,
    owner,
    objection: objectionTo(repository, state ?? defaultState(owner), owner, purpose),
  };
}

/** The one owner of all. Throws UsageError when there are several, for a process is one user's. */
export function soleOwner(all: readonly Ownership[], purpose: Purpose): Owner | undefined {
  const owners = new Map(all.map(({ owner }) => [owner.uid, owner]));
  if (owners.size <= 1) return all[0]?.owner;
  if (purpose === 'judging') return undefined;
  throw new UsageError(
    `these repositories belong to different users: ${all.map(({ repository, owner }) => `${repository} to ${owner.name}`).join(', ')}`,
    'nothing was tried; name the repositories of one user, then those of the next. Each user needs a state folder of his own, so a configuration of his own',
  );
}

/** The path whose owner decides. */
function deciding({ name, replica }: Repository, state: string | undefined): string {
  const books = state === undefined ? [] : [join(state, name), state];
  const { marker, replica: folder } = ownPaths(replica);
  return marked(marker, folder) ?? [...books, folder].find(isThere) ?? nearest(folder);
}

/** The marker; where root may not look (an NFS export), the folder that hides it; undefined when there is none. */
function marked(path: string, replica: string): string | undefined {
  try {
    return isThere(path) ? path : undefined;
  } catch {
    return path === replica ? undefined : marked(dirname(path), replica);
  }
}

/** Throws where the folder around it is closed. */
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** The path itself, or the nearest folder above it that is there. */
function nearest(path: string): string {
  return statSync(path, { throwIfNoEntry: false }) === undefined && path !== '/' ? nearest(dirname(path)) : path;
}

function objectionTo(repository: Repository, state: string, owner: Owner, purpose: Purpose): string | undefined {
  const { name } = repository;
  const { replica } = ownPaths(repository.replica);
  const [first, ...more] = strangersIn(
    [...stateFiles(state, name), ...replicaFiles(repository.replica, purpose)],
    owner.uid,
  );
  if (first === undefined) return purpose === 'making' ? cannotMake([state, replica], owner) : undefined;
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
  const top = [join(state, name), join(state, 'spool'), replica].find((folder) => first.startsWith(folder)) ?? first;
  return `${first}${others} belongs to ${ownerOf(first).name}, and the repository to ${owner.name}: state and replica must be one user's (chown -R ${owner.name}: ${top})`;
}

/** Which of these paths, as far as they are there, belong to somebody else. */
export function strangersIn(paths: readonly string[], uid: number | undefined): string[] {
  return paths.filter((path) => (ifOpen(() => lstatSync(path, { throwIfNoEntry: false })?.uid) ?? uid) !== uid);
}

/** What the state folder keeps for a repository, a folder for each run included; and the spool, which all share. */
export function stateFiles(state: string, name: string): string[] {
  const own = join(state, name);
  return [...withEntries(own), ...withEntries(join(own, 'runs')), ...withEntries(join(state, 'spool'))];
}

/** The folders of a replica and what is ours in it. Without a marker it may be a bare mount point: only `init` asks whose that is. */
function replicaFiles(of: Replica, purpose: Purpose): string[] {
  const { replica, own, marker } = ownPaths(of);
  if (purpose !== 'making' && ifOpen(() => isThere(marker)) !== true) return [];
  return [
    replica,
    ...['config', 'keys', 'index', 'snapshots', 'data'].map((name) => join(replica, name)),
    ...withEntries(own),
  ];
}

function withEntries(folder: string): string[] {
  return [folder, ...(ifOpen(() => readdirSync(folder)) ?? []).map((name) => join(folder, name))];
}

/** What is not there, or closed even to root, says nothing. */
function ifOpen<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/** The folder that the owner could not make where it is to lie, and the command that makes it for him. */
function cannotMake(folders: readonly string[], owner: Owner): string | undefined {
  if (!canBecome()) return undefined; // the owner's own process will meet it
  const closed = folders.find(
    (folder) => asOwner(owner, () => ifOpen(() => isThere(folder) || mayWrite(nearest(folder)))) !== true,
  );
  return (
    closed &&
    `${owner.name}, to whom the repository will belong, may not make ${closed}: install -d -m 700 -o ${owner.name} ${closed}`
  );
}

/** By the modes, since access(2) asks for the real user. */
function mayWrite(folder: string): boolean {
  const { uid, gid, mode } = statSync(folder);
  const us = process.geteuid?.();
  if (us === 0) return true;
  const groups = [process.getegid?.(), ...(process.getgroups?.() ?? [])];
  return ((uid === us ? mode >> 6 : groups.includes(gid) ? mode >> 3 : mode) & 0o3) === 0o3;
}
