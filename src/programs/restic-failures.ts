/** What keeps restic from an answer: our own trouble, each with its hint. And its words, made fit for people. */
import { formatBytes } from '../figures.ts';
import { accessSync, constants } from 'node:fs';
import { escapeText } from '../printable.ts';
import { isForPeople, resticCodes, saysWrongPassword } from './restic-words.ts';
import { asFailure, Failure } from '../errors.ts';
import type { Ended } from './process.ts';

/** The time for a step was over before restic had an answer. */
export class OutOfTime extends Failure {
  constructor() {
    super(
      'restic was not done within timeouts.prove',
      'raise timeouts.prove (timeouts.check for the check), or look what slows this machine or its disk down; what was not read was not admitted',
    );
  }
}

/** restic's exit code where it is an answer: 0 or 1. Throws Failure for everything else: a signal, a crash, a wrong password. */
export function codeOf(ended: Ended, memory: number): 0 | 1 {
  if (ended.code === resticCodes.yes || ended.code === resticCodes.no) return ended.code;
  const words = wordsOf(ended, '');
  if (ended.code === resticCodes.wrongPassword) throw cannotOpen(words);
  const how = ended.code === undefined ? `was ended (${ended.signal ?? 'not started'})` : `ended with ${ended.code}`;
  throw new Failure(
    `restic ${how}, which is no answer${words === '' ? '' : `: ${words}`}`,
    `see whether memory is short (restic.memory is ${formatBytes(memory)}; dmesg names what the kernel ended), and whether restic is whole: restic version. Nothing was admitted`,
  );
}

/** restic cannot even do what it must be able to do: what is new is not to blame. */
export function cannotOpen(words: string): Failure {
  const isPassword = saysWrongPassword(words);
  return new Failure(
    `restic cannot open the replica itself: ${words}`,
    isPassword
      ? 'restic.passwordFile or passwordCommand gives the wrong password for this repository; nothing was admitted'
      : 'see whether this restic is new enough for the repository (restic version) and whether memory is short; then whether the disk damaged a file: rsync-ratchet scrub. Nothing was admitted',
  );
}

export function sandboxFailure(ended: Ended): Failure {
  return new Failure(
    `the view of the repository for restic could not be made: ${escapeText(ended.stderr)}`,
    'see the message; rsync-ratchet --verbose sync says more. Nothing was admitted',
  );
}

/** Without namespaces restic would see the network and every secret. */
export function notIsolated(): Failure {
  return new Failure(
    'restic cannot be isolated: this kernel refuses namespaces (unshare)',
    'allow user namespaces (sysctl kernel.unprivileged_userns_clone=1), run as root, or say restic.prove: unisolated. Nothing was admitted',
  );
}

/** `path` is how restic sees the file. */
export function unreadable(replica: string, path: string): Failure {
  return new Failure(
    `restic may not read the replica: ${escapeText(path)}: permission denied`,
    `run as the user who owns the replica, or give it whole to the one who runs this (root, too): chown -R "$(id -un)" ${replica}. Nothing was checked or admitted`,
  );
}

export function passwordFailure(passwordFile: string, words: string): Failure {
  return new Failure(
    `restic.passwordFile cannot be read: ${escapeText(words.trim())}`,
    `make it readable for the user who runs this: chown "$(id -un)" ${passwordFile}; chmod 600 ${passwordFile}. Nothing was checked or admitted`,
  );
}

/** For a restic without a sandbox; in the sandbox the script finds out. Throws Failure. */
export function requirePassword(path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    throw passwordFailure(path, asFailure(error).message);
  }
}

const wordsKept = 20;

/** What restic said, escaped and capped. */
export function wordsOf(ended: Ended, stdout: string): string {
  const said = ended.stderr.trim() === '' ? stdout : ended.stderr;
  const lines = said.split('\n').filter(isForPeople).slice(0, wordsKept);
  return lines.map((line) => escapeText(line, 200)).join('; ');
}
