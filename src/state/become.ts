/** Users: who one is, being him for a moment, and becoming him for good. Only root can; everybody else stays who he is. */
import { accessSync, constants, lstatSync, readFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { UsageError } from '../errors.ts';
import type { Handed } from './handed.ts';

/** A user as the machine knows him; `name` is his number, and `home` `/`, where it does not. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
  readonly home: string;
}

/** Whether root can become somebody: no process can where Node shares the system's libuv, as Debian 13's does. A try that changes nothing tells. */
export function canBecome(): boolean {
  try {
    process.setegid?.(process.getegid?.() ?? 0);
    return true;
  } catch {
    return false; // the answer, not an error
  }
}

/** The user to whom a path belongs. The machine's own data base (NSS) is asked, which tells of the effective user alone. */
export function ownerOf(path: string): Owner {
  const { uid, gid } = lstatSync(path);
  if (!canBecome()) return listed(uid, gid);
  const before = process.geteuid?.() ?? uid;
  try {
    process.seteuid?.(uid);
    const { username, homedir, gid: group } = userInfo();
    return { uid, gid: group, name: username, home: homedir };
  } catch {
    return { uid, gid, name: String(uid), home: '/' }; // nobody in that data base
  } finally {
    process.seteuid?.(before);
  }
}

/** A user as /etc/passwd has him, which knows those of this machine alone. */
function listed(uid: number, gid: number): Owner {
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  const [name = String(uid), , , group = gid, , home = '/'] =
    users.map((line) => line.split(':')).find(([, , number]) => number === String(uid)) ?? [];
  return { uid, gid: Number(group), name, home };
}

/** Root does something with an owner's rights, and is root again. `work` must start no program: that one could be root again, too. Throws where no process can become somebody. */
export function asOwner<T>(owner: Owner, work: () => T): T {
  const goBack = take(owner);
  try {
    return work();
  } finally {
    goBack();
  }
}

/**
 * The owner's rights for what only reads, where he is not who we are. Root reads with his own where no process can become
 * somebody; what he reads of another user is judged as serverA's would be.
 */
export function readingAs<T>(owner: Owner | undefined, work: () => T): T {
  return owner === undefined || !canBecome() ? work() : asOwner(owner, work);
}

/** The same for work that waits; see asOwnerMeanwhile. */
export async function readingAsMeanwhile<T>(owner: Owner | undefined, work: () => Promise<T>): Promise<T> {
  return owner === undefined || !canBecome() ? work() : asOwnerMeanwhile(owner, work);
}

/** The same for work that waits. Nothing else may be under way meanwhile, and of programs it may start those alone that lock (flock). */
export async function asOwnerMeanwhile<T>(owner: Owner, work: () => Promise<T>): Promise<T> {
  const goBack = take(owner);
  try {
    return await work();
  } finally {
    goBack();
  }
}

/** Takes the owner's rights; what it returns gives them back. */
function take(owner: Owner): () => void {
  if (process.geteuid?.() !== 0 || owner.uid === 0) return () => undefined;
  const groups = process.getgroups?.() ?? [];
  takeGroups(owner);
  process.setegid?.(owner.gid);
  process.seteuid?.(owner.uid);
  return () => {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.(groups);
  };
}

/** Who we are by now; the number where the machine knows no name for it. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.geteuid?.() ?? 'unknown');
  }
}

let typist: string | undefined;

/** Who typed the command, for the journal; who called sudo is the person. */
export function whoTyped(): string {
  return process.env['SUDO_USER'] ?? typist ?? userName();
}

/** Root is to go on as the owner, and only another process can: see programs/another-process.ts. */
export class AnotherProcess extends Error {
  readonly owner: Owner;
  readonly configuration: Handed;

  constructor(owner: Owner, configuration: Handed) {
    super(`root is to go on as ${owner.name}`);
    this.owner = owner;
    this.configuration = configuration;
  }
}

/** Root becomes the owner, for good, with his groups and home, in `/`. Throws UsageError when the kernel does not let him. */
export function become(owner: Owner): void {
  typist = userName();
  try {
    takeGroups(owner);
    process.setgid?.(owner.gid);
    process.setuid?.(owner.uid);
  } catch (error) {
    throw new UsageError(
      `root cannot become ${owner.name}, to whom the repository belongs: ${(error as Error).message}`,
      `nothing was tried; type it as that user: runuser -u ${owner.name} -- rsync-ratchet …`,
    );
  }
  arrive(owner);
}

function takeGroups({ name, uid, gid }: Owner): void {
  if (name === String(uid)) process.setgroups?.([gid]);
  else (process as { initgroups?: (user: string, group: number) => void }).initgroups?.(name, gid); // missing in the types of Node 20
}

/** What belongs to root's own session (its agent, its folders) is closed to the owner. */
const ofTheSession = [
  'XDG_RUNTIME_DIR',
  'XDG_CONFIG_HOME',
  'XDG_STATE_HOME',
  'XDG_CACHE_HOME',
  'XDG_DATA_HOME',
  'SSH_AUTH_SOCK',
  'DBUS_SESSION_BUS_ADDRESS',
];

/** What goes with being him: his home, `/`, and nothing of root's session. */
export function arrive({ name, home }: Pick<Owner, 'name' | 'home'>): void {
  process.chdir('/');
  Object.assign(process.env, { HOME: home, USER: name, LOGNAME: name });
  const closed = isUsable(tmpdir()) ? [] : ['TMPDIR', 'TMP', 'TEMP'];
  for (const key of [...ofTheSession, ...closed]) Reflect.deleteProperty(process.env, key);
}

function isUsable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false; // the answer, not an error
  }
}
