/**
 * restic as an operator types it, in the sandbox of the proof: the replica read-only, no network, nothing of this machine
 * but programs and the password; for `restore` one folder more, the only thing that can be written to.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../errors.ts';
import { escapeText } from '../printable.ts';
import { briefly } from './briefly.ts';
import { findProgram, run, type Command, type Ended } from './process.ts';
import { passwordFailure } from './restic-failures.ts';
import { Screen, type Sink } from './restic-screen.ts';
import { canIsolate, inSandbox, namespaces, restic, surroundings } from './sandbox.ts';
import { noOwners, passwordRefused, type Part } from './sandbox-script.ts';
import { parts } from './sandbox-view.ts';

/** What restic is to do, and on what. */
export interface Boxed {
  readonly replica: string;
  /** The program's name or path, and what its memory is to stay below. */
  readonly restic: { readonly path: string; readonly memory: number };
  /** A file with the password, or the password as it was typed. */
  readonly password: { readonly file: string } | { readonly typed: string };
  readonly args: readonly string[];
  readonly target?: Target | undefined;
  /** A private folder. */
  readonly scratch: string;
}

/** The folder that `restore` writes to: as it was looked at, and what becomes of owners there. */
interface Target {
  readonly path: string;
  /** Device and inode. */
  readonly identity: string;
  readonly owners: Owners;
}

/**
 * Whose restored files are: as they were, for root; the subordinate IDs of an ordinary user stand for the others, or all are
 * his. `unknown`: all are his, and restic will complain of each, because nobody knows this processor's system calls.
 */
export type Owners = 'kept' | 'subordinate' | 'ours' | 'unknown';

/** What inside names the target. It comes first: behind a `--` among the words that were typed it would be no option. */
export const targetInside = '/target';
/** What `restore` needs to give each file its owner, its mode and its kind; nothing else is kept for it: the numbers of capabilities(7). */
const powers = { chown: 0, dac_override: 1, fowner: 3, fsetid: 4, mknod: 27, setfcap: 31 };
const probePatience = 10_000;

/** What can become of owners where this process restores. */
export async function ownersHere(): Promise<Owners> {
  if (process.getuid?.() === 0) return 'kept';
  if ((await briefly('unshare', [...namespaces(), ...bySubordinates, 'true'], probePatience)).code === 0)
    return 'subordinate';
  return noOwners === undefined ? 'unknown' : 'ours';
}

const bySubordinates = ['--map-auto'];

/**
 * Runs restic to its end; its exit code, 128 and the number for what a signal ended. What it prints goes on as it comes: to
 * a terminal without control characters. Throws Failure when the box could not be made, and what interrupted it.
 */
export async function runInBox(
  boxed: Boxed,
  interrupt: AbortSignal,
  stdout: Sink = process.stdout,
  stderr: Sink = process.stderr,
): Promise<number> {
  const nonce = randomBytes(16).toString('hex');
  const [out, words] = [new Screen(stdout), new Screen(stderr)];
  const beginning = new Beginning(nonce, words.show);
  const command = boxCommand(boxed, nonce, stdout.isTTY === true);
  const ended = await run(command, { stall: Infinity, deadline: Infinity, interrupt }, out.show, beginning.read);
  out.end();
  words.end();
  if (interrupt.aborted) throw interrupt.reason;
  if (!beginning.isOver) throw await notMade(boxed, ended);
  if (ended.code === undefined) throw killed(ended);
  return ended.code;
}

/** It was not restic that ended in this way, but what stands around it. */
function killed({ signal }: Ended): Failure {
  return new Failure(
    `the box was ended (${signal ?? 'not started'}) before restic was done`,
    'see dmesg for what the kernel ended, and whether memory is short (restic.memory). What was restored by then lies there unfinished',
  );
}

/** What a box is made of. */
export function boxParts({ replica, restic: { path }, password, target }: Omit<Boxed, 'args'>): Part[] {
  const passwordFile = 'file' in password ? password.file : '-';
  const program = findProgram(path, 'restic');
  return [
    ...surroundings({ replica, candidate: undefined, passwordFile, program }),
    ...repository(replica),
    ...(target === undefined ? [] : written(target)),
  ];
}

/** What it is given besides, by its stdin. */
export const inputOf = ({ password }: Pick<Boxed, 'password'>): { readonly input?: string } =>
  'typed' in password ? { input: `${password.typed}\n` } : {};

function boxCommand(boxed: Boxed, nonce: string, isShown: boolean): Command {
  const { args, target, scratch } = boxed;
  const words = [...restic, ...(target === undefined ? [] : [`--target=${targetInside}`]), ...args];
  const command = inSandbox(boxed.restic, scratch, boxParts(boxed), [['alone', ...words]], nonce, mappingOf(target));
  return {
    ...command,
    env: {
      ...command.env,
      TZ: Intl.DateTimeFormat().resolvedOptions().timeZone,
      ...(isShown ? { RESTIC_PROGRESS_FPS: '2' } : {}),
    },
    ...inputOf(boxed),
    ...(isShown ? {} : { stdout: 'ours' as const }),
  };
}

/** How unshare(1) is told whose users the box knows. */
export const mappingOf = (target: Target | undefined): readonly string[] =>
  target?.owners === 'subordinate' ? bySubordinates : [];

/** The replica as it is; nothing is laid over it, so this works on every kernel. */
function repository(replica: string): Part[] {
  return [
    ['show', join(replica, 'config'), 'repo/config'],
    ...parts.map((part): Part => {
      const folder = join(replica, part);
      return existsSync(folder) ? ['show', folder, `repo/${part}`] : ['folder', '', `repo/${part}`];
    }),
  ];
}

function written({ path, identity, owners }: Target): Part[] {
  const target: Part = ['target', `${identity} ${path}`, targetInside.slice(1)];
  if (owners === 'ours' && noOwners !== undefined) return [target, ['pretend', noOwners, '']];
  return owners === 'unknown' ? [target] : [target, ['keep', Object.values(powers).join(','), '']];
}

/** What is said before restic starts is kept; what comes after the line that marks it goes on. */
class Beginning {
  readonly #mark: string;
  readonly #goOn: (chunk: Uint8Array) => void;
  #said = Buffer.alloc(0);
  isOver = false;

  constructor(nonce: string, goOn: (chunk: Uint8Array) => void) {
    this.#mark = `${nonce}\n`;
    this.#goOn = goOn;
  }

  readonly read = (chunk: Buffer): void => {
    if (this.isOver) {
      this.#goOn(chunk);
      return;
    }
    this.#said = Buffer.concat([this.#said, chunk]);
    const at = this.#said.indexOf(this.#mark);
    if (at < 0) return;
    this.isOver = true;
    const rest = this.#said.subarray(at + this.#mark.length);
    if (rest.length > 0) this.#goOn(rest);
  };
}

async function notMade({ password }: Boxed, ended: Ended): Promise<Failure> {
  if (ended.code === passwordRefused && 'file' in password) return passwordFailure(password.file, ended.stderr);
  if (!(await canIsolate()))
    return new Failure(
      'there is no box for restic: this kernel refuses namespaces (unshare)',
      'allow user namespaces (sysctl kernel.unprivileged_userns_clone=1). restic was not started: without a box it would have the network',
    );
  return new Failure(
    `the box for restic could not be made: ${escapeText(ended.stderr)}`,
    'see the message; rsync-ratchet doctor says what a box needs. restic was not started',
  );
}
