/** Where give-back sends: a folder of this machine, or one of another machine by the operator's own ssh. */
import { pathOf } from '../replica-path.ts';
import { lstatSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, normalize, resolve } from 'node:path';
import type { Config, Repository } from '../config/config.ts';
import { parseSource } from '../config/source.ts';
import { UsageError } from '../errors.ts';
import { ownerOf, type Owner } from '../state/become.ts';
import { doOverlap, isReallyWithin } from '../state/same-folder.ts';

/** What the operator asked for. */
export interface GiveBackWish {
  /** The destination as typed. */
  readonly to: string;
  /** Everything, and not only what the standing alarm is about. */
  readonly all: boolean;
  /** Size and time tell whether a file differs, not its content. */
  readonly quick: boolean;
  /** Where what is replaced is set aside; by default beside the destination. */
  readonly aside: string | undefined;
  /** Files with a tombstone as well. */
  readonly withTombstones: boolean;
}

/** `folder` and `aside` are as the destination's machine names them; a local folder has no symlinks in it. */
export type Destination =
  | { readonly kind: 'local'; readonly folder: string; readonly aside: string; readonly owner: Owner }
  | {
      readonly kind: 'ssh';
      readonly user?: string;
      readonly host: string;
      readonly path: string;
      readonly aside: string;
    };

/** Throws UsageError, and nothing was tried, where it cannot be one. `runId` names the folder for what is set aside. */
export function destinationOf(
  wish: GiveBackWish,
  { name, replica }: Repository,
  config: Config,
  runId: string,
): Destination {
  const aside = `rsync-ratchet-aside-${runId}`;
  if (/^sftp:/i.test(wish.to)) throw sftpOnly(name, pathOf(replica));
  if (!isLocal(wish.to)) return remote(wish, `../${aside}`);
  const folder = folderAt(resolve(wish.to));
  const place = wish.aside === undefined ? join(dirname(folder), aside) : resolve(wish.aside);
  for (const path of [folder, place]) requireApart(path, config);
  requireAside(place, folder);
  const { gid } = statSync(folder);
  return { kind: 'local', folder, aside: place, owner: { ...ownerOf(folder), gid } };
}

/** As rsync sees it: a colon before the first slash makes a host. */
function isLocal(to: string): boolean {
  return !/^[^/]*:/.test(to);
}

function remote({ to, aside }: GiveBackWish, usual: string): Destination {
  const parsed = parseSource(to);
  if ('wrong' in parsed || parsed.value.kind !== 'ssh')
    throw new UsageError(
      `--to ${to} is neither a folder of this machine nor user@host:/path`,
      `${'wrong' in parsed ? `${parsed.wrong}; ` : ''}nothing was tried`,
    );
  const isIn = (place: string): boolean =>
    `${place}/`.startsWith(`${normalize(parsed.value.path).replace(/\/$/, '')}/`);
  if (aside !== undefined && (!/^\/[\w./@%+=,-]+$/.test(aside) || normalize(aside) !== aside || isIn(aside)))
    throw new UsageError(
      `--aside ${aside} must be an absolute path there, outside the destination, without . and .. in it, of letters, digits and . _ / @ % + = , -`,
      'for example --aside /srv/evidence; nothing was tried',
    );
  return { ...parsed.value, kind: 'ssh', aside: aside ?? usual };
}

function folderAt(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return realpathSync(path);
  throw new UsageError(
    `the destination ${path} is no folder`,
    `whose the files become, and their modes, is taken from it, so make it first: install -d -m 700 -o USER ${path}; nothing was tried`,
  );
}

/** Nothing is sent into a replica or the books of one, and neither may lie in what is written to. */
function requireApart(path: string, { state = '', repositories }: Config): void {
  for (const ours of [state, ...repositories.map(({ replica }) => pathOf(replica))])
    if (ours !== '' && doOverlap(path, ours))
      throw new UsageError(
        `${path} and ${ours} lie in one another: nothing is written into a replica or its state`,
        'name another folder; nothing was tried',
      );
}

function requireAside(place: string, folder: string): void {
  if (statSync(dirname(place), { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new UsageError(
      `${dirname(place)}, where --aside is to lie, is no folder`,
      'make it first; nothing was tried',
    );
  if (isReallyWithin(place, folder))
    throw new UsageError(
      `what is set aside cannot lie in the destination: ${place} would be foreign there every night`,
      'name a folder beside it; nothing was tried',
    );
  if (lstatSync(place, { throwIfNoEntry: false }) !== undefined)
    throw new UsageError(
      `${place} is there already, and evidence of two days must not be mixed`,
      'name a folder that does not exist; nothing was tried',
    );
}

function sftpOnly(name: string, replica: string): UsageError {
  return new UsageError(
    'a destination that has only sftp has no rsync to receive with',
    `${byHand(name, replica)}; nothing was tried`,
  );
}

/** The way where no rsync answers. */
export function byHand(name: string, replica: string): string {
  return `install rsync there, or by hand: rsync-ratchet give-back ${name} --all --to a folder of this machine, which fills it, then sftp to it with: put -pR FOLDER/. ; single files: put -p ${replica}/data/ab/NAME data/ab/NAME`;
}

/**
 * Where what is replaced will lie, as the destination's machine names it; of a path below the account's home, as from there.
 * The folder may be a symlink there: `..` is beside what it leads to.
 */
export function asideOf(destination: Destination): string {
  const { kind, aside } = destination;
  return kind === 'local' || aside.startsWith('/') ? aside : `${destination.path.replace(/\/+$/, '')}/${aside}`;
}
