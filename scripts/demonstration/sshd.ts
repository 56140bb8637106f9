/** serverA's door in the demo: a throw-away sshd on loopback where one key may run `rrsync -ro`, and nothing else. */
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { parseSource } from '../../src/config/source.ts';
import { escapeText } from '../../src/printable.ts';
import { Failure } from '../../src/errors.ts';
import { endTree, findProgram } from './processes.ts';
import { collect, run, start } from '../../src/programs/process.ts';

/** Where the sshd's files go, and what it opens. All folders exist. */
export interface SshdWish {
  /** Host key, authorized_keys and configuration. */
  readonly serverFolder: string;
  /** The client's key and known_hosts. */
  readonly clientFolder: string;
  /** What `rrsync -ro` is limited to. */
  readonly repository: string;
  readonly env: Readonly<Record<string, string>>;
  readonly interrupt: AbortSignal;
}

/** A running sshd; rsync has been through it once. */
export interface Sshd {
  readonly port: number;
  /** What the configuration takes as `source`. */
  readonly source: string;
  /** Starts the same sshd again, as a daemon that leaves its process ID in `pidFile`. */
  readonly restart: readonly string[];
  readonly pidFile: string;
  /** Ends the listener and whatever it started, each by its process ID. */
  stop(): Promise<void>;
}

/** The client's files in `clientFolder`. */
export const clientFiles = { identity: 'id_ed25519', knownHosts: 'known_hosts' } as const;

const host = '127.0.0.1';
/** How long sshd, or a single try to get through it, may take, in milliseconds. */
const patience = 15_000;

/** Starts the sshd as the current user and tries it. Throws Failure with the reason when that cannot be had here. */
export async function startSshd(wish: SshdWish): Promise<Sshd> {
  const [sshd, rrsync] = [needed('sshd'), needed('rrsync')];
  const source = `${accountName()}@${host}:/`;
  if ('wrong' in parseSource(source)) throw unavailable(`the account name ${escapeText(accountName())} is unusual`);
  const hostKey = await newKey(wish, join(wish.serverFolder, 'host_key'));
  const key = await newKey(wish, join(wish.clientFolder, clientFiles.identity));
  authorize(wish, rrsync, key);
  const { listener, port, said } = await listen(wish, sshd);
  writeFileSync(join(wish.clientFolder, clientFiles.knownHosts), `[${host}]:${port} ${hostKey}\n`);
  const stop = (): Promise<void> => end(listener);
  try {
    await tryIt(wish, port, source);
  } catch (error) {
    await stop();
    wish.interrupt.throwIfAborted();
    const why = /^User .* not allowed because .*$/m.exec(said())?.[0];
    throw why === undefined ? error : unavailable(`sshd says: ${escapeText(why, 200)}`);
  }
  return { port, source, stop, restart: [sshd, '-f', configFile(wish)], pidFile: join(wish.serverFolder, 'sshd.pid') };
}

function needed(name: string): string {
  const file = findProgram(name);
  if (file === undefined) throw unavailable(`there is no ${name} on this machine`);
  return file;
}

function unavailable(why: string): Failure {
  return new Failure(
    why,
    'npm run demo installs what is missing; or: apt-get install openssh-server openssh-client rsync',
  );
}

function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    throw unavailable('the current user has no name, and ssh needs one');
  }
}

/** Makes a key pair without a passphrase; its public line. */
async function newKey(wish: SshdWish, file: string): Promise<string> {
  await quietly(wish, 'ssh-keygen failed', [
    'ssh-keygen',
    '-q',
    '-t',
    'ed25519',
    '-N',
    '',
    '-C',
    'rsync-ratchet-demo',
    '-f',
    file,
  ]);
  return readFileSync(`${file}.pub`, 'utf8').trim();
}

/** The line that the README asks for on a real serverA. */
function authorize({ serverFolder, repository }: SshdWish, rrsync: string, key: string): void {
  const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
  const command = `${quoted(rrsync)} -ro ${quoted(repository)}`.replaceAll('"', '\\"');
  writeFileSync(join(serverFolder, 'authorized_keys'), `restrict,command="${command}" ${key}\n`, { mode: 0o600 });
}

function configFile({ serverFolder }: SshdWish): string {
  return join(serverFolder, 'sshd_config');
}

/** Nobody but the one key gets in; only this machine can knock. StrictModes would refuse a folder below /tmp. */
function writeConfig(wish: SshdWish, port: number): void {
  const own = (name: string): string => `"${join(wish.serverFolder, name).replaceAll('%', '%%')}"`;
  const lines = [
    `ListenAddress ${host}`,
    `Port ${port}`,
    `HostKey ${own('host_key')}`,
    `AuthorizedKeysFile ${own('authorized_keys')}`,
    `PidFile ${own('sshd.pid')}`,
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'LogLevel INFO',
  ];
  writeFileSync(configFile(wish), `${lines.join('\n')}\n`);
}

type Listener = ReturnType<typeof start>;

/** A free port may be taken by somebody else a moment later; then the next one is tried. */
async function listen(wish: SshdWish, sshd: string): Promise<{ listener: Listener; port: number; said: () => string }> {
  let words = '';
  for (let tries = 0; tries < 3; tries++) {
    const port = await freePort();
    writeConfig(wish, port);
    const listener = start({ file: sshd, args: ['-D', '-e', '-f', configFile(wish)], env: wish.env });
    const said = await firstWords(listener);
    words = said();
    if (isListening(words)) return { listener, port, said };
    await end(listener);
    wish.interrupt.throwIfAborted();
  }
  throw unavailable(`sshd does not start (${firstLine(words)})`);
}

const isListening = (words: string): boolean => words.includes('Server listening on');

/** Resolves when sshd listens, or has ended; what it says, then and later. */
async function firstWords(listener: Listener): Promise<() => string> {
  listener.stdout.resume();
  return new Promise((resolve) => {
    const said = collect(listener.stderr, () => {
      setImmediate(look);
    });
    const look = (): void => {
      if (isListening(said())) resolve(said);
    };
    void listener.then(() => {
      resolve(said);
    });
    setTimeout(() => {
      resolve(said);
    }, patience).unref();
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, host, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => {
        resolve(port);
      });
    });
  });
}

/** That sshd listens does not mean that this account may log in (a locked one, one without a shell): rsync tells. */
async function tryIt(wish: SshdWish, port: number, source: string): Promise<void> {
  const own = (name: string): string => join(wish.clientFolder, name).replaceAll('%', '%%');
  // rsync takes the single quotes away, ssh the double ones.
  const ssh =
    `ssh -p ${port} -i '${own(clientFiles.identity)}' -oIdentitiesOnly=yes -oBatchMode=yes` +
    ` -oStrictHostKeyChecking=yes '-oUserKnownHostsFile="${own(clientFiles.knownHosts)}"'`;
  const command = ['rsync', '--list-only', `--timeout=${patience / 1000}`, '-e', ssh, source] as const;
  await quietly(wish, `a throw-away sshd starts, but rsync does not get through it`, command);
}

/** Runs a program whose output nobody wants to see. Throws Failure, with `what` and what it said, when it fails. */
async function quietly(wish: SshdWish, what: string, [file, ...args]: readonly [string, ...string[]]): Promise<void> {
  const bounds = { stall: patience, deadline: Date.now() + patience, interrupt: wish.interrupt };
  const ended = await run({ file, args, env: wish.env }, bounds, () => undefined);
  wish.interrupt.throwIfAborted();
  if (ended.code !== 0) throw unavailable(`${what}: ${firstLine(ended.stderr)}`);
}

function firstLine(text: string): string {
  return escapeText(text.trim().split('\n')[0] ?? '', 200).replace(/\.$/, '');
}

async function end(listener: Listener): Promise<void> {
  if (listener.pid !== undefined) await endTree(listener.pid);
  await listener;
}
