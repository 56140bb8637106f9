/** One ssh connection for a whole run: a master of our own (ssh(1), "ControlMaster"), closed at the end. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { basename, join } from 'node:path';
import type { Repository } from '../config/config.ts';
import { asFailure, Failure } from '../errors.ts';
import { Channels, pipesFolder } from './channel.ts';
import { fallenFrom, hold, letGo, type HeldFolder } from './held-folder.ts';
import { closedSource, requireAnswer } from './local-source.ts';
import { collect, endGroup, start, type Command } from './process.ts';
import { connectionFailure } from './ssh-words.ts';
import { mountSftp, unmount } from './sshfs.ts';

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

/** A repository that ssh or sftp leads to. */
export type RemoteRepository = Repository & { source: Extract<Repository['source'], { kind: 'ssh' | 'sftp' }> };

type SshRepository = Repository & { source: Extract<Repository['source'], { kind: 'ssh' }> };

/** Sockets above about 85 characters fail (sun_path is 108 bytes, ssh adds a random suffix while it binds). */
const longestSocketPath = 85;
/** How long ssh may take to tell its version, or a master to end, in milliseconds. */
const exitPatience = 5000;

/** A private folder for one run: the control socket and the empty HOME of rsync. Its path is short, without blanks. */
export function makeRunFolder(): string {
  const usual = tmpdir();
  const suits = /^[\w./-]+$/.test(usual) && usual.length + '/rsync-ratchet-XXXXXX/ssh'.length < longestSocketPath;
  const folder = mkdtempSync(join(suits ? usual : '/tmp', runFolderPrefix));
  chmodSync(folder, 0o700);
  for (const name of ['home', pipesFolder]) mkdirSync(join(folder, name), { mode: 0o700 });
  return folder;
}

/** Unmounts and removes the run folder that a killed run noted in the lock file; anything else is left alone. */
export function removeRunFolder(path: string): void {
  if (!basename(path).startsWith(runFolderPrefix)) return;
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory() !== true || stats.uid !== process.getuid?.()) return;
  unmount(join(path, 'mount'));
  rmSync(path, { recursive: true, force: true });
}

/** How the names of run folders begin. */
const runFolderPrefix = 'rsync-ratchet-';

/** Opens the connection of a run. Throws Failure with a hint when ssh does not come up in time. */
export async function connect(repository: Repository, folder: string, interrupt: AbortSignal): Promise<Connection> {
  const { source } = repository;
  if (source.kind === 'sftp') return mountSftp({ ...repository, source }, join(folder, 'mount'), interrupt);
  if (source.kind === 'local') return openFolder(repository, source.path, interrupt);
  return connectMaster({ ...repository, source }, folder, interrupt);
}

/** A folder of this machine, a disk perhaps. */
async function openFolder(repository: Repository, path: string, interrupt: AbortSignal): Promise<Connection> {
  await requireAnswer(path, interrupt);
  const held = holdSource(path);
  const closed = closedSource(repository);
  if (closed !== undefined) {
    letGo(held);
    throw closed;
  }
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) letGo(held);
    isOpen = false;
  };
  const fallen = async (): Promise<Failure | undefined> => {
    try {
      await requireAnswer(path, interrupt);
      return fallenFrom(held);
    } catch (error) {
      return asFailure(error);
    }
  };
  return {
    source: withSlash(path),
    channels: undefined,
    readable: [path],
    held: [held],
    stderr: () => '',
    fallen,
    close,
  };
}

function holdSource(path: string): HeldFolder {
  try {
    return hold(path);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new Failure(
        `the source ${path} is ${code === 'ENOENT' ? 'not there' : 'no folder'}`,
        'is its disk mounted, and the path in source right? Nothing was fetched',
        { cause: error },
      );
    }
    throw new Failure(
      `the source ${path} cannot be opened (${code})`,
      'may this user reach it? Look at the modes of the folders above it; nothing was fetched',
      { cause: error },
    );
  }
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
  const master = start(masterCommand(repository, socket, forks));
  const stderr = collect(master.stderr);
  master.stdout.resume();
  let ended = false;
  const end = master.then(() => {
    ended = true;
  });
  const through = throughMaster(socket, repository.source.host);
  const channels = new Channels(through, masterEnvironment(), join(folder, pipesFolder), socket);
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
  if (existsSync(socket))
    spawnSync(ssh, ['-O', 'exit', ...args], {
      env: masterEnvironment(),
      stdio: 'ignore',
      timeout: exitPatience,
      killSignal: 'SIGKILL',
    });
  rmSync(socket, { force: true });
}

/** ForkAfterAuthentication came with OpenSSH 8.7. */
export function knowsForking(): boolean {
  const { stderr } = spawnSync('ssh', ['-V'], {
    env: masterEnvironment(),
    encoding: 'utf8',
    timeout: exitPatience,
    killSignal: 'SIGKILL',
  });
  const [, major = 0, minor = 0] = /OpenSSH_(\d+)\.(\d+)/.exec(stderr) ?? [];
  return Number(major) > 8 || (Number(major) === 8 && Number(minor) >= 7);
}

/** The master's command line. It honours the user's ssh configuration; what protects us comes first and wins. */
export function masterCommand(repository: SshRepository, socket: string, forks = true): Command {
  const own = [
    '-M',
    '-N',
    '-T',
    '-S',
    socket,
    '-oControlPersist=no',
    ...(forks ? ['-oForkAfterAuthentication=no'] : []),
  ];
  return { file: 'ssh', args: [...own, ...loginArguments(repository)], env: masterEnvironment() };
}

/** How ssh logs in: options, key, user, host, and a port where the configuration has one. */
export function loginArguments(repository: RemoteRepository): string[] {
  const { source, ssh } = repository;
  const identity = ssh.identityFile === undefined ? [] : ['-i', ssh.identityFile];
  const port = portOf(repository);
  const user = source.user === undefined ? [] : ['-l', source.user];
  return [
    ...sshOptions(repository).map((option) => `-o${option}`),
    ...identity,
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...user,
    '--',
    source.host,
  ];
}

/** sshd's port on serverA, as far as we say one; an sftp address may name its own. */
export function portOf({ source, ssh }: RemoteRepository): number | undefined {
  return source.kind === 'sftp' ? (source.port ?? ssh.port) : ssh.port;
}

/**
 * What protects us, and what a line in ssh_config could break (ssh_config(5), option by option; the table is in
 * test/programs/ssh-config.test.ts). These come first, and ssh takes the first.
 */
export const fixedOptions = [
  'BatchMode=yes',
  'StrictHostKeyChecking=yes',
  'ClearAllForwardings=yes',
  'ForwardAgent=no',
  'ForwardX11=no',
  'Tunnel=no',
  'PermitLocalCommand=no',
  'NoHostAuthenticationForLocalhost=no',
  'VerifyHostKeyDNS=no',
  'UpdateHostKeys=no',
  'AddKeysToAgent=no',
  'RemoteCommand=none',
  'EscapeChar=none',
];

/** The values of `-o`, for ssh and for sshfs: what protects, the configuration's own, and what that may change. */
export function sshOptions({ ssh, timeouts }: Repository): string[] {
  return [
    ...fixedOptions,
    ...(ssh.knownHostsFile === undefined ? [] : [`UserKnownHostsFile=${quoted(ssh.knownHostsFile)}`]),
    ...(ssh.identityFile === undefined ? [] : ['IdentitiesOnly=yes']),
    ...ssh.options,
    `ConnectTimeout=${Math.ceil(timeouts.connect / 1000)}`,
    'ServerAliveInterval=15',
    'ServerAliveCountMax=4',
    'LogLevel=ERROR',
    ...(hasAes() ? ['Ciphers=^aes128-gcm@openssh.com'] : []),
  ];
}

/** ssh through the master's socket, up to the command; without the master there is no connection at all. */
export function throughMaster(socket: string, host: string): string[] {
  return [
    'ssh',
    '-F',
    '/dev/null',
    '-oControlMaster=no',
    '-oProxyCommand=false',
    '-oBatchMode=yes',
    '-oLogLevel=ERROR',
    `-oControlPath=${socket}`,
    '--',
    host,
  ];
}

/** rsync's form of the source; a slash at its end means the folder's content. */
export function rsyncSource(source: SshRepository['source']): string {
  const host = source.host.includes(':') ? `[${source.host}]` : source.host;
  return `${source.user === undefined ? '' : `${source.user}@`}${host}:${withSlash(source.path)}`;
}

function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}

/** ssh splits option values at blanks and expands `%`. */
function quoted(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`;
}

/** The master runs as the operator's ssh would: their configuration and agent, nothing else. */
export function masterEnvironment(): Record<string, string> {
  const kept = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SSH_AUTH_SOCK', 'XDG_RUNTIME_DIR'];
  const entries = kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return { LC_ALL: 'C', ...(Object.fromEntries(entries) as Record<string, string>) };
}

/** AES-GCM moves data in 0.79 of the time of ssh's default where the processor helps, and slower where it does not. */
function hasAes(): boolean {
  try {
    return /^(flags|Features)\s*:.*\baes\b/m.test(readFileSync('/proc/cpuinfo', 'latin1'));
  } catch {
    return false; // without /proc: ssh's own default
  }
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
