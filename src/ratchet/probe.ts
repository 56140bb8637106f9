/** A try: whether a file of ours can be linked into the replica as a night would link a candidate. It leaves nothing there. */
import {
  closeSync,
  constants,
  existsSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../errors.ts';
import { takeLock } from '../programs/lock.ts';
import { ownPaths, pathOf, type Replica } from '../replica-path.ts';
import { hasHardLinks } from './replica-place.ts';

/** What kept a file from being linked in. */
interface LinkRefusal {
  readonly reason: 'no links' | 'another disk' | 'refused';
  readonly message: string;
}

/** Tried under the run's lock: no run must meet our probes, nor we its end. Undefined when all went well; `busy` while a run has the lock. */
export async function tryLinking(replica: Replica): Promise<LinkRefusal | 'busy' | undefined> {
  const lock = await takeLock(ownPaths(replica).lock);
  if (lock === undefined) return 'busy';
  try {
    return linkProbes(replica);
  } finally {
    lock.release(lock.note);
  }
}

/** Throws Failure where a folder is a mount of its own, into which no candidate could be linked, so that `init` says it and not the first night. */
export function requireOneMount(replica: Replica): void {
  const home = mountOf(ownPaths(replica).own);
  const other = foldersLinkedInto(replica, Infinity).find((folder) => mountOf(folder) !== home);
  if (other === undefined) return;
  throw new Failure(
    `no file can be linked into the replica: ${other} is a mount of its own`,
    "make it part of the replica's file system. Nothing was changed",
  );
}

/** The number of the mount that a folder lies on (proc(5), fdinfo): the device is the same where a folder is bound. */
function mountOf(folder: string): string | undefined {
  const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    return /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1];
  } finally {
    closeSync(descriptor);
  }
}

/** Links a file of our own from where candidates lie into the folders of the layout, under a name that no audit looks at. */
function linkProbes(replica: Replica): LinkRefusal | undefined {
  const probe = mkdtempSync(join(ownPaths(replica).own, 'doctor-'));
  const targets = foldersLinkedInto(replica).map((folder) => join(folder, 'rsync-ratchet-tmp-doctor'));
  try {
    writeFileSync(join(probe, 'file'), '');
    for (const target of targets) {
      rmSync(target, { force: true }); // of a doctor that was killed
      linkSync(join(probe, 'file'), target);
    }
    return undefined;
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (code === 'EXDEV') return { reason: 'another disk', message };
    const isWithoutLinks = existsSync(join(probe, 'file')) && !hasHardLinks(probe);
    return { reason: isWithoutLinks ? 'no links' : 'refused', message };
  } finally {
    for (const path of [...targets, probe]) rmSync(path, { recursive: true, force: true });
  }
}

/** The folders that files are linked into, as far as they are there; of the 256 of `data/` so many. */
export function foldersLinkedInto(replica: Replica, most = 1): string[] {
  const folder = pathOf(replica);
  const data = join(folder, 'data');
  const isThere = (folder: string): boolean => lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  const packs = isThere(data) ? readdirSync(data).map((name) => join(data, name)) : [];
  const tops = ['keys', 'index', 'snapshots', 'data'].map((name) => join(folder, name));
  return [...tops.filter(isThere), ...packs.filter(isThere).slice(0, most)];
}
