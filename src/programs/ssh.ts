/** One ssh connection for a whole run: a master of our own (ssh(1), "ControlMaster"), closed at the end. */
import { existsSync, rmSync, watch } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { join } from 'node:path';
import type { Repository } from '../config/config.ts';
import { Failure } from '../errors.ts';
import { Channels, pipeNames, pipesFolder } from './channel.ts';
import { type HeldFolder } from './held-folder.ts';
import { atOnce } from './at-once.ts';
import { openFolder } from './local-source.ts';
import { collect, start } from './process.ts';
import { endGroup } from './ending.ts';
import { connectionFailure, saysItKnowsForking } from './ssh-words.ts';
import { startedWithPipes } from './ssh-starter.ts';
import { mountSftp } from './sshfs.ts';
import { masterEnvironment, rsyncSource, throughMaster, masterCommand, type SshRepository } from './ssh-command.ts';

/** A way to serverA, or to a local path. */
export interface Connection {
  /** What rsync takes as source, with a slash at its end. */
  readonly source: string;
  /** How commands are started on serverA; undefined for a local path. */
  readonly channels: Channels | undefined;
  /** What rsync must be able to read besides the replica: a local folder, a mount. */
  readonly readable: readonly string[];
  /** The same, as the run found it. */
  readonly held: readonly HeldFolder[];
  /** What ssh itself said, for hints. */
  stderr(): string;
  /** Why what is read there is no longer what it was at the start; undefined while it stands. Does not wait for what hangs. */
  fallen?(): Promise<Failure | undefined>;
  /** Ends a mount at once, so that nobody can wait for it any more. */
  letGo?(): void;
  /** Ends the connection; never throws. */
  close(): Promise<void>;
}

/** How long ssh may take to tell its version, or a master to end, in milliseconds. */
const exitPatience = 5000;

/** Opens the connection of a run. Throws Failure with a hint when ssh does not come up in time. */
export async function connect(repository: Repository, folder: string, interrupt: AbortSignal): Promise<Connection> {
  const { source } = repository;
  if (source.kind === 'sftp') return mountSftp({ ...repository, source }, join(folder, 'mount'), interrupt);
  if (source.kind === 'local') return openFolder(repository, source.path, interrupt);
  return connectMaster({ ...repository, source }, folder, interrupt);
}

async function connectMaster(repository: SshRepository, folder: string, interrupt: AbortSignal): Promise<Connection> {
  const first = await tryMaster(repository, true, folder, interrupt);
  if ('close' in first) return first;
  const second = knowsForking() ? first : await tryMaster(repository, false, folder, interrupt);
  if ('close' in second) return second;
  throw connectionFailure(repository, second.said);
}

/** `forks`: whether ssh is to be told not to go into the background, which an old one takes for a mistake. */
async function tryMaster(
  repository: SshRepository,
  forks: boolean,
  folder: string,
  interrupt: AbortSignal,
): Promise<Connection | { said: string }> {
  const socket = join(folder, 'ssh');
  const pipes = join(folder, pipesFolder);
  const master = start(startedWithPipes(masterCommand(repository, socket, forks), pipeNames(pipes)));
  const stderr = collect(master.stderr);
  master.stdout.resume();
  let ended = false;
  const end = master.then(() => {
    ended = true;
  });
  const through = throughMaster(socket, repository.source.host);
  const channels = new Channels(through, masterEnvironment(), pipes, socket);
  const close = async (): Promise<void> => {
    await channels.oneAtATime();
    if (!ended) endGroup(master.pid);
    await Promise.race([end, wait(2 * exitPatience, undefined, { ref: false })]);
    leaveNone(through, socket);
  };
  const up = await socketAppears(socket, repository.timeouts.connect + 5000, end, interrupt).catch(
    async (error: unknown) => {
      await close();
      throw error;
    },
  );
  if (up) return { source: rsyncSource(repository.source), channels, readable: [], held: [], stderr, close };
  await close();
  if (interrupt.aborted) throw interrupt.reason;
  return { said: stderr() };
}

/** A master that is no child of ours (an `ssh` in PATH that goes into the background) still has its socket, and is told to end. */
function leaveNone([ssh = 'ssh', ...args]: readonly string[], socket: string): void {
  if (existsSync(socket)) atOnce(ssh, ['-O', 'exit', ...args], exitPatience, masterEnvironment());
  rmSync(socket, { force: true });
}

/** Whether this machine's ssh can be told not to go into the background. */
export function knowsForking(): boolean {
  return saysItKnowsForking(atOnce('ssh', ['-V'], exitPatience, masterEnvironment()).stderr);
}

/** ssh binds the socket after authentication, so its appearance means that the connection stands. */
async function socketAppears(
  socket: string,
  patience: number,
  ended: Promise<void>,
  interrupt: AbortSignal,
): Promise<boolean> {
  const stopWatching = new AbortController();
  const appeared = new Promise<boolean>((resolve) => {
    const look = (): void => {
      if (existsSync(socket)) resolve(true);
    };
    watch(join(socket, '..'), { signal: stopWatching.signal }, look);
    look();
    setTimeout(() => {
      resolve(false);
    }, patience).unref();
    interrupt.addEventListener(
      'abort',
      () => {
        resolve(false);
      },
      { signal: stopWatching.signal },
    );
  });
  const up = await Promise.race([appeared, ended.then(() => false)]);
  stopWatching.abort();
  return up;
}
