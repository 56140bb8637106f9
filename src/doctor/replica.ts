/** What `doctor` looks at in the replica: marker, rights, one file system, room, and what restic says. */
import { formatBytes } from '../figures.ts';
import { lstatSync } from 'node:fs';
import type { Config, MinFree, Repository } from '../config/config.ts';
import { reservedBytes } from '../config/units.ts';
import { bad, good, warning, type Verdict } from './checkup.ts';
import { secretCross, type Check } from './ask.ts';
import { checkPins, notInitialised, readMarker } from '../ratchet/replica.ts';
import { foldersLinkedInto, tryLinking } from '../ratchet/probe.ts';
import { ownPaths, pathOf } from '../replica-path.ts';
import { freeInodes, freeSpace, leastInodes, noHardLinks } from '../programs/disk.ts';
import { Restic } from '../programs/restic.ts';
import { namespaceFacts, namespaceMend } from './namespaces.ts';
import { forgetPassword, passwordOf } from '../programs/restic-password.ts';
import type { Answer } from '../programs/restic-question.ts';
import { canIsolate } from '../programs/sandbox.ts';
import { markerOf } from '../ratchet/whose-state.ts';

/** Opening a large repository takes its time, in milliseconds. */
const resticPatience = 300_000;

/** All of it. `state` is the configuration's folder, `scratch` a private one. */
export function replicaChecks(config: Config, repository: Repository, scratch: string): Check[] {
  return [
    { item: 'replica', look: () => marker(config, repository) },
    { item: 'rights', look: () => rights(repository) },
    { item: 'one disk', look: () => oneFileSystem(repository) },
    { item: 'free space', look: () => room(repository) },
    { item: 'namespaces', look: () => namespaces(repository) },
    { item: 'proof', patience: resticPatience, look: (signal) => proof(repository, scratch, signal) },
  ];
}

function marker(config: Config, repository: Repository): Verdict {
  const { replica } = repository;
  const found = markerOf(config, repository);
  if (found === undefined) throw notInitialised(replica);
  checkPins(replica, found);
  return good(`${pathOf(replica)}, made ${found.createdAt.slice(0, 10)}; config and keys are the pinned ones`);
}

/** Only tried where our own folder is: without a marker nothing is written. */
const uninitialised = (name: string): Verdict =>
  warning('not looked at', `first: rsync-ratchet init ${name}, or mount the disk`);

/** Whether a candidate could be linked in. */
async function rights({ name, replica }: Repository): Promise<Verdict> {
  if (readMarker(replica) === undefined) return uninitialised(name);
  const refusal = await tryLinking(replica);
  if (refusal === undefined) return good('files can be written and linked in');
  if (refusal === 'busy') return good('not tried: a run is at work, and writes there');
  if (refusal.reason === 'no links') return bad(noHardLinks(replica).message, noHardLinks(replica).hint);
  if (refusal.reason === 'another disk')
    return bad(
      refusal.message,
      "a folder of the replica is a mount of its own: make it part of the replica's file system",
    );
  return bad(refusal.message, `run as the owner of the replica, or: chown -R "$(id -un)" ${pathOf(replica)}`);
}

/** Candidates are linked into the replica, which works on one file system only. */
function oneFileSystem({ name, replica }: Repository): Verdict {
  if (readMarker(replica) === undefined) return uninitialised(name);
  const { own, incoming, candidate, quarantine } = ownPaths(replica);
  const device = lstatSync(pathOf(replica)).dev;
  const folders = [...foldersLinkedInto(replica), own, incoming, candidate, quarantine];
  const other = folders.find((folder) => (lstatSync(folder, { throwIfNoEntry: false })?.dev ?? device) !== device);
  return other === undefined
    ? good('candidates and replica are on one file system')
    : bad(
        `${other} is on another file system than ${pathOf(replica)}`,
        `umount ${other}, or move the whole replica to one disk`,
      );
}

function room({ name, replica, limits }: Repository): Verdict {
  if (readMarker(replica) === undefined) return uninitialised(name);
  const { free, total } = freeSpace(replica);
  const reserved = reservedBytes(limits.minFree, total);
  const words = `${formatBytes(free)} of ${formatBytes(total)} free, limits.minFree keeps ${formatBytes(reserved)}`;
  if (free <= reserved) return bad(words, `make room on the disk (df ${pathOf(replica)}), or lower limits.minFree`);
  const inodes = freeInodes(replica);
  if (inodes !== undefined && isShortOf(inodes, limits.minFree))
    return bad(
      `${inodes.free} of ${inodes.total} inodes free: the disk takes few more files, whatever room there is`,
      `remove many small files (df -i ${pathOf(replica)}), or put the replica on a file system with more inodes`,
    );
  return good(words);
}

/** restic runs without a network, or not at all. */
async function namespaces({ restic }: Repository): Promise<Verdict> {
  if (!restic.hasPassword) return good('not needed: restic is not asked');
  if (await canIsolate()) return good('restic runs without a network');
  const mend = namespaceMend(namespaceFacts());
  return restic.prove === 'unisolated'
    ? warning('refused by this kernel: restic sees the network and every file', mend)
    : bad('refused by this kernel', mend);
}

/** Whether fewer inodes are free than `limits.minFree` keeps, where that is a share of the disk, or than hardly any. */
function isShortOf({ free, total }: { free: number; total: number }, minFree: MinFree): boolean {
  return free < ('percent' in minFree ? Math.max(leastInodes, (total * minFree.percent) / 100) : leastInodes);
}

async function proof(repository: Repository, scratch: string, signal: AbortSignal): Promise<Verdict> {
  const { passwordFile, hasPassword, prove } = repository.restic;
  if (!hasPassword) {
    return warning(
      'no password: hashes are right, but junk with a right hash would be admitted',
      "put the repository's password into a file (chmod 600) and name it: restic.passwordFile; or name a program that prints it: restic.passwordCommand",
    );
  }
  const fault = secretCross(passwordFile);
  if (fault !== undefined) return fault;
  if (readMarker(repository.replica) === undefined) return uninitialised(repository.name);
  const answer = await unlocks(repository, scratch, signal);
  if (!answer.isGood) return bad(`restic cannot open the replica: ${answer.words}`, wrongPassword(repository));
  return prove === false
    ? warning(
        'the password fits, but restic.prove is false: nothing is proven before it is admitted',
        'say restic.prove: true',
      )
    : good('restic opens the replica with the password');
}

async function unlocks(repository: Repository, scratch: string, signal: AbortSignal): Promise<Answer> {
  const password = await passwordOf(repository.restic, scratch, signal);
  try {
    const restic = new Restic(repository, async () => Promise.resolve(password), scratch, signal);
    return await restic.unlocks({}, Date.now() + repository.timeouts.check);
  } finally {
    forgetPassword(password);
  }
}

function wrongPassword({ replica, restic: { passwordFile } }: Repository): string {
  return passwordFile === undefined
    ? 'does the program of restic.passwordCommand print the password that is valid now? After restic key passwd it must print the new one'
    : `does ${passwordFile} (restic.passwordFile) hold the password that is valid now? After restic key passwd it must have the new one: restic -r ${pathOf(replica)} --no-lock --password-file ${passwordFile} cat config`;
}
