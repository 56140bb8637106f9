/** Comparing and sending in portions: each is hashed here before it goes, so that what went wrong in the replica stays here. */
import { existsSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { pathOf } from '../replica-path.ts';
import type { Amount } from '../audit/books.ts';
import { notUnderstoodFailure } from '../audit/dry-run.ts';
import { NotUnderstood } from '../audit/itemize.ts';
import { Failure, UsageError } from '../errors.ts';
import { counted } from '../figures.ts';
import { escapeText } from '../printable.ts';
import type { Ended } from '../programs/process.ts';
import { failureOf } from '../programs/rsync.ts';
import type { RsyncContext } from '../programs/rsync-call.ts';
import { putNames } from '../programs/run-folder.ts';
import type { Bounds } from '../programs/watchdog.ts';
import { Rehash } from '../scrub/rehash.ts';
import { readingAsMeanwhile, type Owner } from '../state/become.ts';
import type { Away } from './away.ts';
import type { Comparison, GivenFile, IsMeant } from './comparison.ts';
import { byHand } from './destination.ts';
import { isReplica, look, otherContent, send, type Folder } from './exchange.ts';
import type { GiveBack } from './give-back.ts';

/** A file of the replica that is not what its name says. */
export interface Damaged {
  readonly path: string;
  readonly fault: string;
}

/** What has been sent so far. */
export interface Delivery {
  readonly sent: Amount;
  readonly damaged: Damaged[];
  undelivered: string | undefined;
}

/** The destination's folder. Throws Failure where there is none, no rsync answers, or it is a replica, or lies in one. */
export async function lookAtFolder(away: Away, bounds: Bounds, aside: string | undefined): Promise<Folder> {
  const { repository, connection } = away.looking;
  const found = await look(away.looking, bounds);
  if ('code' in found) {
    const { message } = failureOf('the destination cannot be looked at', found, connection, bounds);
    throw new Failure(
      message,
      `is the folder there, may the account read it, is rsync installed there? Where the account has nothing but sftp: ${byHand(repository.name, pathOf(repository.replica))}. Nothing was sent`,
    );
  }
  for (const above of ['..', '../..'])
    if (away.destination.kind === 'ssh') await look(away.looking, bounds, `${away.destination.path}/${above}`);
    else if (existsSync(join(away.destination.folder, above, '.rsync-ratchet'))) throw isReplica();
  if (aside === undefined || away.destination.kind === 'local') return found;
  const taken = await look(away.looking, bounds, aside);
  if (!('code' in taken))
    throw new UsageError(
      `${aside} is there already, and evidence of two days must not be mixed`,
      'name a folder that does not exist; nothing was tried',
    );
  return found;
}

/** Compares the content of what is meant and lies there with the size that it has here; notes what differs. */
export async function compareContent(held: GiveBack, found: Comparison, isMeant: IsMeant): Promise<void> {
  const { options, away, bounds } = held;
  const isThere = function* (): Generator<GivenFile> {
    for (const file of found.files(isMeant)) if (file.standing === 'there') yield file;
  };
  const total = amountOf(isThere());
  await options.console.withProgress(`${options.repository.name}: compare`, async (show) => {
    const done = { files: 0, bytes: 0 };
    for (const portion of portionsOf(isThere())) {
      const paths = portion.map(({ path }) => path);
      const other = await understood(() => otherContent(away.looking, putNames(away.folder, paths), paths, bounds));
      for (const path of other) found.differs(path);
      add(done, portion);
      show?.({ ...done }, total);
    }
  });
}

/**
 * Notes as in the way what the folder's owner may not read: in his room the two folders are mounts of their own, so what is
 * set aside is copied, and one such file would end the whole sending.
 */
export function keepClosed(
  { folder, owner }: { readonly folder: string; readonly owner: Owner },
  found: Comparison,
  isMeant: IsMeant,
): void {
  for (const { path, standing } of found.files(isMeant))
    if (standing === 'differs' && isClosed(join(folder, path), owner)) found.inTheWay.add(path);
}

function isClosed(path: string, { uid, gid }: Owner): boolean {
  const file = lstatSync(path, { throwIfNoEntry: false });
  if (file?.isFile() !== true) return false;
  const right = file.uid === uid ? 0o400 : file.gid === gid ? 0o040 : 0o004;
  return (file.mode & right) === 0;
}

/** Sends what is missing or differs; `delivery` tells how far it has come, whatever happens. Throws Failure when it breaks off. */
export async function sendAll(
  held: GiveBack,
  found: Comparison,
  isMeant: IsMeant,
  total: Amount & { readonly replaces: boolean },
  delivery: Delivery,
): Promise<void> {
  const { options, away } = held;
  const context = away.sending(total.replaces);
  const { name, replica } = options.repository;
  const rehash = new Rehash(replica, options.interrupt);
  rehash.requireReplica();
  const isWanted = function* (): Generator<GivenFile> {
    for (const file of found.files(isMeant)) if (file.standing === 'missing' || file.standing === 'differs') yield file;
  };
  await options.console.withProgress(`${name}: give back`, async (show) => {
    for (const portion of portionsOf(isWanted())) {
      const right = await hashed(held, rehash, portion, delivery.damaged);
      await sendPortion(held, context, right, delivery, () => show?.({ ...delivery.sent }, total));
    }
  });
}

/** Those of the files that are what their name says. */
async function hashed(
  { options: { another } }: GiveBack,
  rehash: Rehash,
  portion: readonly GivenFile[],
  damaged: Damaged[],
): Promise<string[]> {
  const right: string[] = [];
  const hash = async (): Promise<void> => {
    for (const { path } of portion) {
      const fault = await rehash.faultOf(path);
      if (fault === undefined) right.push(path);
      else damaged.push({ path, fault });
    }
  };
  await readingAsMeanwhile(another?.owner, hash);
  return right;
}

async function sendPortion(
  { away, folder, bounds }: GiveBack,
  context: RsyncContext,
  paths: readonly string[],
  delivery: Delivery,
  onFile: () => void,
): Promise<void> {
  if (paths.length === 0) return;
  const ended = await understood(() =>
    send(context, putNames(away.folder, paths), paths.length, folder, away.destination.aside, bounds, (bytes) => {
      delivery.sent.files++;
      delivery.sent.bytes += bytes;
      onFile();
    }),
  );
  if (ended.code === 0 && ended.stopped === undefined) return;
  if (ended.stopped === 'interrupt') throw bounds.interrupt.reason;
  const { message } = failureOf('sending broke off', ended, context.connection, bounds);
  if (ended.stopped === undefined && (ended.code === 23 || ended.code === 24))
    delivery.undelivered = escapeText(message);
  else throw brokenOff(message, ended, delivery.sent);
}

function brokenOff(message: string, { stderr }: Ended, { files }: Amount): Failure {
  const why = /No space left|quota/i.test(stderr)
    ? 'the disk there is full: make room'
    : 'see the message above; what came there meanwhile (by a second give-back, say) is not replaced, and what cannot be set aside must be moved away by hand (mv)';
  return new Failure(
    message,
    `${why}; ${counted(files, 'file')} had been sent. The same command goes on where this one ended; nothing was deleted there`,
  );
}

/** rsync at the destination may print what it likes. */
async function understood<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NotUnderstood) throw notUnderstoodFailure(error);
    throw error;
  }
}

/** So much goes at once: an rsync that says nothing while it hashes must not look like one that hangs. */
const [mostFiles, mostBytes] = [20_000, 4 * 2 ** 30];

function* portionsOf(files: Iterable<GivenFile>): Generator<GivenFile[]> {
  let portion: GivenFile[] = [];
  let bytes = 0;
  for (const file of files) {
    if (portion.length === mostFiles || (portion.length > 0 && bytes + file.bytes > mostBytes)) {
      yield portion;
      [portion, bytes] = [[], 0];
    }
    portion.push(file);
    bytes += file.bytes;
  }
  if (portion.length > 0) yield portion;
}

function amountOf(files: Iterable<GivenFile>): Amount {
  const amount = { files: 0, bytes: 0 };
  for (const file of files) add(amount, [file]);
  return amount;
}

function add(amount: Amount, files: readonly GivenFile[]): void {
  amount.files += files.length;
  for (const { bytes } of files) amount.bytes += bytes;
}
