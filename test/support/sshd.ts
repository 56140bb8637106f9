/** A real sshd on a loopback port, run by whoever runs the tests, with one key per account. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { watchFor } from './watch.ts';

const SSHD = '/usr/sbin/sshd';
const HOST = '127.0.0.1';

/** A key that the server takes, and what it may do: with `command` only that, without it everything. */
export interface AccountWish<Name extends string> {
  readonly name: Name;
  readonly command?: string;
}

/** All that a client needs for one account. */
export interface SshAccount {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly identityFile: string;
  readonly knownHostsFile: string;
}

/** A running sshd. */
export interface Sshd<Name extends string> {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly knownHostsFile: string;
  readonly logFile: string;
  readonly accounts: Readonly<Record<Name, SshAccount>>;
  /** How many connections have been authenticated so far, by sshd's own log. */
  connections(): number;
  /** Ends the listener and every session of it. */
  stop(): Promise<void>;
}

/** The forced command `rrsync -ro DIR`; DIR may hold blanks and quotes. */
export function rrsyncCommand(folder: string): string {
  return `rrsync -ro ${shellQuoted(folder)}`;
}

/** The forced command that does what an honest client needs of `rrsync -ro DIR`, without a start of Python, which is a sixth of a night. */
export function plainCommand(folder: string): string {
  return `set -f; path=\${SSH_ORIGINAL_COMMAND##* } call=\${SSH_ORIGINAL_COMMAND% *}; case $call in 'rsync --server --sender '*) ;; *) exit 1 ;; esac; cd ${shellQuoted(folder)}/ && exec $call ".$path"`;
}

/** The forced command for read-only sftp, as sshfs needs it. */
export const sftpCommand = 'internal-sftp -R';

/**
 * The command, run so that permissions hold for root too: `withoutRootPowers(rrsyncCommand(dir))` cannot read a file
 * with mode 0000, whoever runs the tests.
 */
export function withoutRootPowers(command: string): string {
  return process.getuid?.() === 0 ? `setpriv --bounding-set=-dac_override,-dac_read_search ${command}` : command;
}

/** One word for a POSIX shell. */
export function shellQuoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Starts an sshd whose files lie in `folder` (made if missing); resolves when it listens. It dies with this process. */
export async function startSshd<const Name extends string>(options: {
  readonly folder: string;
  readonly accounts: readonly AccountWish<Name>[];
  /** sshd's MaxSessions. */
  readonly maxSessions?: number;
}): Promise<Sshd<Name>> {
  const { folder } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const hostKey = newKey(join(folder, 'host_key'));
  const knownHostsFile = join(folder, 'known_hosts');
  const logFile = join(folder, 'sshd.log');
  authorize(folder, options.accounts);
  const { child, port } = await listen(folder, logFile, options.maxSessions ?? 30);
  writeFileSync(knownHostsFile, `[${HOST}]:${port} ${hostKey}\n`);
  const user = userInfo().username;
  const common = { host: HOST, port, user, knownHostsFile };
  const entries = options.accounts.map(({ name }) => [name, { ...common, identityFile: join(folder, name) }]);
  return {
    ...common,
    logFile,
    accounts: Object.fromEntries(entries) as Record<Name, SshAccount>,
    connections: () => readFileSync(logFile, 'utf8').match(/^Accepted publickey /gm)?.length ?? 0,
    stop: () => stop(child, port),
  };
}

function newKey(file: string): string {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', file]);
  return readFileSync(`${file}.pub`, 'utf8').trim();
}

function authorize(folder: string, accounts: readonly AccountWish<string>[]): void {
  const lines = accounts.map(({ name, command }) => {
    const key = newKey(join(folder, name));
    return command === undefined ? key : `restrict,command="${command.replaceAll('"', '\\"')}" ${key}`;
  });
  writeFileSync(join(folder, 'authorized_keys'), `${lines.join('\n')}\n`, { mode: 0o600 });
}

/**
 * SHLVL: a bash that sshd starts would otherwise read the ~/.bashrc of whoever runs the tests. KexAlgorithms: the usual
 * key exchange costs four times as much, and tests log in hundreds of times. PATH: serverA's rsync is the one
 * of the tests, or another one (scripts/with-programs).
 */
function configuration(folder: string, port: number, maxSessions: number): string {
  const own = (name: string): string => `"${join(folder, name)}"`;
  return `ListenAddress ${HOST}
Port ${port}
HostKey ${own('host_key')}
AuthorizedKeysFile ${own('authorized_keys')}
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
LogLevel VERBOSE
KexAlgorithms curve25519-sha256
MaxSessions ${maxSessions}
MaxStartups 100
SetEnv SHLVL=1 "PATH=${process.env['RATCHET_SERVER_PATH'] ?? process.env['PATH'] ?? ''}"
Subsystem sftp internal-sftp
`;
}

/** Ports are random: where another process was quicker, the next one is tried. */
async function listen(folder: string, logFile: string, maxSessions: number): Promise<{ child: ChildProcess; port: number }> {
  const config = join(folder, 'sshd_config');
  for (let tries = 0; tries < 5; tries += 1) {
    const port = await freePort();
    writeFileSync(config, configuration(folder, port, maxSessions));
    writeFileSync(logFile, '');
    const argv = [SSHD, '-D', '-f', config, '-E', logFile, ...withoutPenalties(config)];
    const child = spawn('setpriv', ['--pdeathsig', 'TERM', ...argv], { stdio: 'ignore' });
    const ended = new Promise<false>((resolve) => {
      child.once('error', () => { resolve(false); });
      child.once('exit', () => { resolve(false); });
    });
    const listening = watchFor(logFile, () => readFileSync(logFile, 'utf8').includes('Server listening on'));
    listening.catch(() => undefined);
    if (await Promise.race([listening, ended])) return { child, port };
  }
  throw new Error(`sshd does not start: ${readFileSync(logFile, 'utf8')}`);
}

/** OpenSSH 9.8 and later would lock 127.0.0.1 out after a few refused logins; earlier ones do not know the option. */
function withoutPenalties(config: string): string[] {
  const option = ['-o', 'PerSourcePenalties=no'];
  return spawnSync(SSHD, ['-t', '-f', config, ...option]).status === 0 ? option : [];
}

/** A loopback port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, HOST, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => { resolve(port); });
    });
  });
}

async function stop(child: ChildProcess, port: number): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const sessions = new Set([...descendants(child.pid), ...commandsOf(port)]);
  child.kill('SIGTERM');
  for (const pid of sessions) {
    try {
      process.kill(pid, 'SIGTERM');
    } catch {
      // It has ended by itself.
    }
  }
  await exited;
}

/** Commands that this sshd ran, those too that outlived their connection: sshd tells them its port. */
function commandsOf(port: number): number[] {
  const told = new RegExp(`(^|\\0)SSH_CONNECTION=${HOST} \\d+ ${HOST} ${port}\\0`);
  return processes().filter((pid) => told.test(ofProcess(pid, 'environ')));
}

/** The processes below one process, nearest first. */
export function descendants(pid: number): number[] {
  const all = processes().map((one) => ({ pid: one, parent: parentOf(one) }));
  const found = [pid];
  for (const above of found) found.push(...all.filter(({ parent }) => parent === above).map((one) => one.pid));
  return found.slice(1);
}

function parentOf(pid: number): number {
  const stat = ofProcess(pid, 'stat');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

function processes(): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);
}

/** '' where the process has ended or is not ours to read. */
function ofProcess(pid: number, what: 'environ' | 'stat'): string {
  try {
    return readFileSync(`/proc/${pid}/${what}`, 'latin1');
  } catch {
    return '';
  }
}
