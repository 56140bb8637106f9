/** What `doctor` looks at on the way to serverA, and of what serverA's account may do. Writes nothing there. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import type { Repository } from '../config/config.ts';
import { bad, good, warning, type Verdict } from './checkup.ts';
import { answerOf, ask, boundsOf, type Check, type Said } from './ask.ts';
import { layoutFolders } from '../layout.ts';
import { namespaceFacts, namespaceMend } from './namespaces.ts';
import { offered, sourcesAround } from '../programs/look-around.ts';
import { wantsRoom } from '../programs/room.ts';
import { commonOptions, dryRunLimits } from '../programs/rsync.ts';
import { callsOfOneRun, sourcePath, runRsync, type RsyncContext } from '../programs/rsync-call.ts';
import { connect, type Connection } from '../programs/ssh.ts';
import { makeRunFolder, putIntoRunFolder, removeRunFolder } from '../programs/run-folder.ts';
import { loginArguments, portOf, type RemoteRepository, sshOptions } from '../programs/ssh-command.ts';

const notLooked = 'not looked at';
/** A name that no repository has. */
const nobody = 'rsync-ratchet-doctor';

/** The checks share one connection, which `close` ends. */
export class RemoteChecks {
  /** Private, for this doctor alone. */
  readonly folder = makeRunFolder();
  readonly #repository: Repository;
  #connection: Connection | undefined;

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  checks(): Check[] {
    const patience = this.#repository.timeouts.connect + 15_000;
    const remote = remoteOf(this.#repository);
    return [
      ...(remote === undefined ? [] : [{ item: 'host key', look: (signal: AbortSignal) => hostKey(remote, signal) }]),
      { item: 'connection', patience, look: (signal) => this.#connect(signal) },
      { item: 'source', look: (signal) => this.#source(signal) },
      ...(remote === undefined
        ? []
        : [{ item: 'read-only', look: (signal: AbortSignal) => this.#readOnly(remote, signal) }]),
      { item: 'bubblewrap', look: () => this.#bubblewrap() },
    ];
  }

  async close(): Promise<void> {
    await this.#connection?.close();
    removeRunFolder(this.folder);
  }

  async #connect(signal: AbortSignal): Promise<Verdict> {
    this.#connection = await connect(this.#repository, this.folder, signal);
    const { source } = this.#repository;
    return good(
      source.kind === 'local' ? `${source.path} is on this machine` : `${source.kind} to ${source.host} stands`,
    );
  }

  /** Lists `config`, which every repository has, and what stands in the places of its folders. */
  async #source(signal: AbortSignal): Promise<Verdict> {
    const context = await this.#context();
    if (context === undefined) return warning(notLooked, 'first mend the connection');
    const { source } = context.connection;
    const filters = ['config', ...layoutFolders].map((name) => `--include=/${name}`);
    const { code, stdout, stderr } = await this.#rsync(
      context,
      ['-r', '--list-only', ...filters, '--exclude=*', source],
      signal,
      '',
    );
    if (code === 0 && / config$/m.test(stdout)) return misplaced(stdout) ?? good(`${source} is a restic repository`);
    const sources = await sourcesAround(context, boundsOf(signal));
    const found = offered(sources);
    return {
      ...bad(
        `${source}config cannot be listed: ${code === 0 ? 'there is none' : stderr}`,
        `${found === undefined ? 'is rsync on serverA, and the path right?' : `${found}.`} Behind rrsync it is relative to its folder: user@host:/`,
      ),
      choices: sources,
    };
  }

  /** Asks for what must be refused: a command of our choice, then a write that would be a dry run. */
  async #readOnly(remote: RemoteRepository, signal: AbortSignal): Promise<Verdict> {
    const context = await this.#context();
    if (context === undefined) return warning(notLooked, 'first mend the connection');
    const isSftp = remote.source.kind === 'sftp';
    const mend = isSftp
      ? 'in sshd_config on serverA, for that account: ForceCommand internal-sftp -R'
      : `in authorized_keys on serverA: ${keyLine(remote)}`;
    if (await this.#hasShell(context, remote, signal))
      return bad('the account runs any command: who takes this machine over takes serverA too', mend);
    const isWritable = isSftp ? await this.#sftpWrites(remote, signal) : await this.#rsyncWrites(context, signal);
    return isWritable
      ? bad('the account lets rsync write: who takes this machine over can destroy the source', mend)
      : good('no command of ours runs there, and writing is refused');
  }

  async #hasShell({ connection }: RsyncContext, remote: RemoteRepository, signal: AbortSignal): Promise<boolean> {
    const command = 'rsync --version';
    const [ssh = 'ssh', ...args] = connection.channels?.ssh ?? ['ssh', ...loginArguments(remote)];
    const { code, stdout } = await ask(ssh, [...args, command], signal);
    return code === 0 || stdout.includes('version');
  }

  /** A dry run tells without writing: rrsync -ro refuses before it looks at anything. */
  async #rsyncWrites(context: RsyncContext, signal: AbortSignal): Promise<boolean> {
    const probe = putIntoRunFolder(this.folder, nobody, '');
    return (
      (await this.#rsync(context, ['-nt', probe, context.connection.source + nobody], signal, nobody, probe)).code === 0
    );
  }

  /** Renames what does not exist: a read-only server denies it before it looks. */
  async #sftpWrites(remote: RemoteRepository, signal: AbortSignal): Promise<boolean> {
    const batch = putIntoRunFolder(this.folder, 'batch', `rename /${nobody}-1 /${nobody}-2\n`);
    const { identityFile } = remote.ssh;
    const port = portOf(remote);
    const { source } = remote;
    const args = [
      ...sshOptions(remote).map((option) => `-o${option}`),
      ...(identityFile === undefined ? [] : ['-i', identityFile]),
      ...(port === undefined ? [] : ['-P', String(port)]),
      '-b',
      batch,
    ];
    const host = source.host.includes(':') ? `[${source.host}]` : source.host;
    const { stderr } = await ask(
      'sftp',
      [...args, `${source.user === undefined ? '' : `${source.user}@`}${host}`],
      signal,
    );
    return !/permission denied/i.test(stderr);
  }

  /** Runs rsync with `name` of the source, as what is listed, or as what it is to take the file `sent` for. */
  async #rsync(
    context: RsyncContext,
    [options = '', ...files]: readonly string[],
    signal: AbortSignal,
    name: string,
    sent?: string,
  ): Promise<Said> {
    const args = [options, ...commonOptions(this.#repository, context.connection), ...files];
    const room = { readable: sent === undefined ? [] : [sent], writable: [] };
    const wish = { path: sourcePath(context.connection.source) + name, receives: sent !== undefined };
    return answerOf(signal, (bounds, onStdout) =>
      runRsync(context, { args, room, limits: dryRunLimits, wish }, bounds, onStdout),
    );
  }

  async #context(): Promise<RsyncContext | undefined> {
    if (this.#connection === undefined) return undefined;
    const { sandbox } = this.#repository.rsync;
    return {
      repository: this.#repository,
      connection: this.#connection,
      runFolder: this.folder,
      hasRoom: await wantsRoom(sandbox),
      nonce: '',
      calls: callsOfOneRun(),
      held: this.#connection.held,
      fallen: () => Promise.resolve(undefined),
    };
  }

  async #bubblewrap(): Promise<Verdict> {
    const { sandbox } = this.#repository.rsync;
    if (sandbox === 'off') return warning('off: rsync sees this whole machine', 'say rsync.sandbox: auto');
    return (await wantsRoom(sandbox))
      ? good('rsync runs in a room of its own')
      : warning(
          'does not work here: rsync sees this whole machine',
          `apt-get install bubblewrap; where it is there, ${namespaceMend(namespaceFacts())}`,
        );
  }
}

/** rsync lists a folder with `d` first, and passes over a symlink with a word. */
function misplaced(listed: string): Verdict | undefined {
  const name = layoutFolders.find((folder) =>
    new RegExp(`^(?:[^d ]\\S+ .* |skipping non-regular file ")${folder}"?$`, 'm').test(listed),
  );
  return name === undefined
    ? undefined
    : bad(
        `"${name}" is no folder on serverA but a symlink, a file or a device, and rsync follows none`,
        `mount the disk (or bind it) at its place on serverA; or give the folder that it leads to as source`,
      );
}

function remoteOf(repository: Repository): RemoteRepository | undefined {
  const { source } = repository;
  return source.kind === 'local' ? undefined : { ...repository, source };
}

/** Whether ssh has a key for serverA in one of the files that it would look into (ssh_config(5), ssh-keygen(1) -F). */
async function hostKey(remote: RemoteRepository, signal: AbortSignal): Promise<Verdict> {
  const told = new Map(
    (await ask('ssh', ['-G', ...loginArguments(remote)], signal)).stdout.split('\n').map((line) => {
      const [name = '', ...words] = line.split(' ');
      return [name, words.join(' ')];
    }),
  );
  const own = remote.ssh.knownHostsFile;
  const files =
    own === undefined
      ? [told.get('userknownhostsfile'), told.get('globalknownhostsfile')].flatMap((list) => list?.split(' ') ?? [])
      : [own];
  const [host, port] = [told.get('hostname') ?? remote.source.host, told.get('port') ?? String(portOf(remote) ?? 22)];
  const name = told.get('hostkeyalias') ?? (port === '22' ? host : `[${host}]:${port}`);
  for (const file of files.map((one) => one.replace(/^~/, homedir())).filter((one) => existsSync(one))) {
    if ((await ask('ssh-keygen', ['-F', name, '-f', file], signal)).code === 0) return good(`${name} is in ${file}`);
  }
  const file = own ?? '~/.ssh/known_hosts';
  return bad(
    `${name} is in none of ${files.join(' ')}`,
    `ssh-keyscan -p ${port} ${host} >> ${file}; then compare what ssh-keygen -lf ${file} says with serverA: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there`,
  );
}

/** The line that lets our key read one folder, and nothing else. */
/** The line of authorized_keys that lets the account do one thing. */
export function keyLine({ ssh, source }: RemoteRepository): string {
  const folder = source.path.startsWith('/') && source.path !== '/' ? source.path : '/srv/restic';
  const command = source.kind === 'sftp' ? 'internal-sftp -R' : `rrsync -ro ${folder}`;
  return `restrict,command="${command}" ${publicKey(ssh.identityFile) ?? 'ssh-ed25519 AAAA… (the public key of this machine)'}`;
}

function publicKey(identityFile: string | undefined): string | undefined {
  try {
    return identityFile === undefined ? undefined : readFileSync(`${identityFile}.pub`, 'utf8').trim();
  } catch {
    return undefined; // it need not lie there
  }
}
