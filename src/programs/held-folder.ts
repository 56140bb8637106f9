/**
 * A folder that must stay the same one for a whole run: the source on this machine, a mount, the replica. It is opened once,
 * so that its device and inode are nobody else's meanwhile; where a disk goes, the folder below it has other ones.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, statSync, type BigIntStats } from 'node:fs';
import { Failure } from '../errors.ts';

export interface HeldFolder {
  readonly path: string;
  /** Open for nothing but its identity (open(2), O_PATH). It never goes into rsync's room: `..` leads out of it. */
  readonly descriptor: number;
  /** Device and inode, decimal, with a blank between: as the first step in the room reads them. */
  readonly identity: string;
  /** What is said on stderr in the room where another folder is bound. Random: an exit code is serverA's to choose. */
  readonly mark: string;
}

/** Node has no name for it; the same number on all of Debian's machines but alpha, parisc and sparc. */
const O_PATH = 0o10000000;
/** How to open a folder that is to be held. */
export const heldFlags = O_PATH | constants.O_DIRECTORY;

/** Throws as open(2) does where it is no folder. */
export function hold(path: string): HeldFolder {
  const descriptor = openSync(path, heldFlags);
  return heldAs(path, descriptor, fstatSync(descriptor, { bigint: true }));
}

/** What is open already. */
export function heldAs(path: string, descriptor: number, stats: Pick<BigIntStats, 'dev' | 'ino'>): HeldFolder {
  return { path, descriptor, identity: identityOf(stats), mark: randomBytes(12).toString('hex') };
}

export function letGo({ descriptor }: HeldFolder): void {
  closeSync(descriptor);
}

/** Why the path no longer leads to the folder that is held; undefined while it does. Not for a mount that may not answer. */
export function fallenFrom({ path, identity }: HeldFolder): Failure | undefined {
  const now = statSync(path, { bigint: true, throwIfNoEntry: false });
  return now !== undefined && identityOf(now) === identity ? undefined : anotherFolder(path);
}

/** For `require_held`. In hexadecimal, because a path may hold anything. */
export function asWord({ path, identity, mark }: HeldFolder): string {
  return Buffer.from(`${identity} ${mark} ${path}`).toString('hex');
}

/** Perl that ends the program where what was bound is another folder. No apostrophes: rsync takes it within some. */
export const requireHeld = `sub require_held {
  my ($identity, $mark, $path) = pack("H*", $_[0]) =~ /^(\\d+ \\d+) (\\w+) (.*)$/s;
  return if join(" ", (stat $path)[0, 1]) eq $identity;
  print STDERR "$path is another folder than before ($mark)\\n";
  exit 1;
}`;

/** Which of them was another one in the room, by what was said there; undefined when nobody has found that. */
export function otherThanHeld(held: readonly HeldFolder[], stderr: string): HeldFolder | undefined {
  return held.find(({ mark }) => stderr.includes(mark));
}

/** What stands at a path is not what the run began with. */
export function anotherFolder(path: string): Failure {
  return new Failure(
    `${path} is no longer the folder that it was when the run began: was its disk unmounted?`,
    'mount it again and run once more; what was listed meanwhile does not count, and nothing was admitted',
  );
}

export function identityOf({ dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): string {
  return `${dev} ${ino}`;
}
