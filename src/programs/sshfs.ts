/** The sftp road: a read-only sshfs mount in a private folder, for a serverA whose account has only sftp. */
import {
  closeSync,
  fstat,
  mkdirSync,
  open,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
  type BigIntStats,
} from 'node:fs';
import { promisify } from 'node:util';
import { setTimeout as wait } from 'node:timers/promises';
import type { Repository } from '../config/config.ts';
import { Failure } from '../errors.ts';
import { atOnce } from './at-once.ts';
import { heldAs, heldFlags, letGo as release, type HeldFolder } from './held-folder.ts';
import { collect, findProgram, keptTogether, start, type Command } from './process.ts';
import { endGroup, killGroup } from './ending.ts';
import { knowsForking, type Connection } from './ssh.ts';
import { masterEnvironment, portOf, sshOptions } from './ssh-command.ts';
import { connectionFailure } from './ssh-words.ts';

type SftpRepository = Repository & { source: Extract<Repository['source'], { kind: 'sftp' }> };

/** How often we look whether the mount stands, in milliseconds; the kernel offers no way to be told across versions. */
const lookEvery = 20;

/** Mounts the source at `folder`. Throws Failure with a hint when the mount does not come up in time. */
export async function mountSftp(
  repository: SftpRepository,
  folder: string,
  interrupt: AbortSignal,
): Promise<Connection> {
  mkdirSync(folder, { mode: 0o700 });
  const bare = statSync(folder, { bigint: true }).dev;
  writeFileSync(`${folder}.conf`, sshConfiguration(repository), { mode: 0o600 });
  const { sshfs, stderr, life, end } = startSshfs(repository, folder);
  // A server that does not answer keeps whoever asks waiting in the kernel until sshfs is gone.
  const letGo = (): void => {
    killGroup(sshfs.pid, 'SIGKILL');
    detach(folder);
  };
  let held: HeldFolder | undefined;
  const close = async (): Promise<void> => {
    if (held !== undefined) release(held);
    held = undefined;
    unmount(folder);
    if (!life.isOver) endGroup(sshfs.pid);
    await Promise.race([end, wait(mostWait, undefined, { ref: false })]);
  };
  const deadline = Date.now() + repository.timeouts.connect + 5000;
  while (!isMounted(folder) && !life.isOver && !interrupt.aborted && Date.now() < deadline) await wait(lookEvery);
  const patience = wait(Math.max(deadline - Date.now(), 0), undefined, { ref: false, signal: interrupt }).catch(
    () => undefined,
  );
  const mount = mountOf(folder);
  const fallen = async (): Promise<Failure | undefined> =>
    !life.isOver && mountOf(folder) === mount ? undefined : isGone(repository.source.host);
  if (mount !== undefined) held = await Promise.race([holdServed(folder, bare), end.then(() => undefined), patience]);
  if (held !== undefined && (await fallen()) === undefined)
    return { ...mounted(folder, held), stderr, fallen, letGo, close };
  await close();
  if (interrupt.aborted) throw interrupt.reason;
  throw connectionFailure(repository, stderr());
}

/** sshfs at work. `life` says when it has ended; so does `end`, to who waits. */
function startSshfs(repository: SftpRepository, folder: string) {
  const sshfs = start(keptTogether(mountCommand(repository, folder), folder));
  const stderr = collect(sshfs.stderr);
  sshfs.stdout.resume();
  const life = { isOver: false };
  const end = sshfs.then(() => {
    life.isOver = true;
  });
  return { sshfs, stderr, life, end };
}

/** What is read where a mount stands. */
function mounted(folder: string, held: HeldFolder) {
  return { source: `${folder}/`, channels: undefined, readable: [folder], held: [held] };
}

function isGone(host: string): Failure {
  return new Failure(
    `the sftp mount of ${host} is gone: sshfs ended, or the connection broke`,
    'see whether serverA is up, and run again; what was listed meanwhile does not count, and nothing was admitted',
  );
}

/** sshfs mounts before it has connected; the first question waits until it has, and fails when it cannot. What answers must not be the bare folder. */
async function holdServed(path: string, bare: bigint): Promise<HeldFolder | undefined> {
  const descriptor = await promisify(open)(path, heldFlags).catch(() => undefined);
  if (descriptor === undefined) return undefined;
  const stats = await askOf(descriptor, { bigint: true }).catch(() => undefined);
  if (stats !== undefined && stats.dev !== bare) return heldAs(path, descriptor, stats);
  closeSync(descriptor);
  return undefined;
}

const askOf = promisify<number, { bigint: true }, BigIntStats>(fstat);

/** sshfs in the foreground, so that it ends with us. */
export function mountCommand(repository: SftpRepository, folder: string): Command {
  const { source } = repository;
  const port = portOf(repository);
  const host = source.host.includes(':') ? `[${source.host}]` : source.host;
  const remote = `${source.user === undefined ? '' : `${source.user}@`}${host}:${source.path}`;
  const options = [
    'ro',
    'nosuid',
    'nodev',
    'noexec',
    'idmap=user',
    ...(port === undefined ? [] : [`port=${port}`]),
  ].flatMap((option) => ['-o', option]);
  return {
    file: findProgram('sshfs', 'sshfs'),
    args: ['-f', '-F', `${folder}.conf`, ...options, remote, folder],
    env: masterEnvironment(),
  };
}

/** sshfs takes few of ssh's options, but a configuration file: ours first, because in ssh the first value wins. */
function sshConfiguration(repository: SftpRepository): string {
  const { identityFile } = repository.ssh;
  const identity = identityFile === undefined ? [] : [`IdentityFile="${identityFile.replaceAll('%', '%%')}"`];
  return [
    ...sshOptions(repository),
    ...(knowsForking() ? ['ForkAfterAuthentication=no', 'StdinNull=no'] : []),
    ...identity,
    'Include ~/.ssh/config',
    'Include /etc/ssh/ssh_config',
    '',
  ].join('\n');
}

/** Ends a mount, also a stale one of a killed run; nothing happens where there is none. */
export function unmount(folder: string): void {
  if (!isMounted(folder)) return;
  detach(folder);
  if (isMounted(folder))
    throw new Failure(`${folder} cannot be unmounted`, `run: fusermount3 -u -z ${folder}; nothing was deleted there`);
  rmdirSync(folder);
}

function detach(folder: string): void {
  atOnce('fusermount3', ['-u', '-z', folder], mostWait);
}

/** How long we wait for what should take milliseconds. */
const mostWait = 10_000;

function isMounted(folder: string): boolean {
  return mountOf(folder) !== undefined;
}

/** The mount at a folder, by the kernel's number for it. */
function mountOf(folder: string): string | undefined {
  // Field 5 is the mount point; run folders have no blanks or backslashes, which the kernel would escape.
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((line) => line.split(' ')[4] === folder)
    ?.split(' ', 1)[0];
}
