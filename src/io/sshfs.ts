/** The sftp road: a read-only sshfs mount in a private folder, for a serverA whose account has only sftp. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { Repository } from '../core/config.ts';
import { Failure } from '../errors.ts';
import { collect, endGroup, findProgram, start, type Command } from './process.ts';
import { connectionFailure, masterEnvironment, sshOptions, type Connection } from './ssh.ts';

type SftpRepository = Repository & { source: Extract<Repository['source'], { kind: 'sftp' }> };

/** How often we look whether the mount stands, in milliseconds; the kernel offers no way to be told across versions. */
const lookEvery = 20;

/** Mounts the source at `folder`. Throws Failure with a hint when the mount does not come up in time. */
export async function mountSftp(repository: SftpRepository, folder: string, interrupt: AbortSignal): Promise<Connection> {
  mkdirSync(folder, { mode: 0o700 });
  writeFileSync(`${folder}.conf`, sshConfiguration(repository), { mode: 0o600 });
  const sshfs = start(mountCommand(repository, folder));
  const stderr = collect(sshfs.stderr);
  sshfs.stdout.resume();
  const life = { isOver: false };
  const end = sshfs.then(() => { life.isOver = true; });
  const close = async (): Promise<void> => {
    unmount(folder);
    if (!life.isOver) endGroup(sshfs.pid);
    await end;
  };
  const deadline = Date.now() + repository.timeouts.connect + 5000;
  while (!isMounted(folder) && !life.isOver && !interrupt.aborted && Date.now() < deadline) await wait(lookEvery);
  const patience = wait(Math.max(deadline - Date.now(), 0), false, { ref: false, signal: interrupt }).catch(() => false);
  if (isMounted(folder) && await Promise.race([isServed(folder), end.then(() => false), patience])) return { source: `${folder}/`, channels: undefined, readable: [folder], stderr, close };
  await close();
  if (interrupt.aborted) throw interrupt.reason;
  throw connectionFailure(repository, stderr());
}

/** sshfs mounts before it has connected; the first question waits until it has, and fails when it cannot. */
async function isServed(folder: string): Promise<boolean> {
  return stat(folder).then(() => true, () => false);
}

/** sshfs in the foreground, so that it ends with us. */
export function mountCommand(repository: SftpRepository, folder: string): Command {
  const { source, ssh } = repository;
  const host = source.host.includes(':') ? `[${source.host}]` : source.host;
  const remote = `${source.user === undefined ? '' : `${source.user}@`}${host}:${source.path}`;
  const options = ['ro', 'nosuid', 'nodev', 'noexec', 'idmap=user', `port=${source.port ?? ssh.port}`].flatMap((option) => ['-o', option]);
  return { file: findProgram('sshfs', 'sshfs'), args: ['-f', '-F', `${folder}.conf`, ...options, remote, folder], env: masterEnvironment() };
}

/** sshfs takes few of ssh's options, but a configuration file: ours first, because in ssh the first value wins. */
function sshConfiguration(repository: SftpRepository): string {
  const { identityFile } = repository.ssh;
  const identity = identityFile === undefined ? [] : [`IdentityFile="${identityFile.replaceAll('%', '%%')}"`];
  return [...sshOptions(repository), ...identity, 'Include ~/.ssh/config', 'Include /etc/ssh/ssh_config', ''].join('\n');
}

/** Ends a mount, also a stale one of a killed run; nothing happens where there is none. */
export function unmount(folder: string): void {
  if (!isMounted(folder)) return;
  spawnSync('fusermount3', ['-u', '-z', folder], { stdio: 'ignore' });
  if (isMounted(folder)) throw new Failure(`${folder} cannot be unmounted`, `run: fusermount3 -u -z ${folder}; nothing was deleted there`);
  rmdirSync(folder);
}

function isMounted(folder: string): boolean {
  // Field 5 is the mount point; run folders have no blanks or backslashes, which the kernel would escape.
  return readFileSync('/proc/self/mountinfo', 'utf8').split('\n').some((line) => line.split(' ')[4] === folder);
}
