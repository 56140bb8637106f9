/**
 * The way to a destination: an rsync there, whose two pipes are all that our own rsync gets (programs/channel.ts). For another
 * machine ssh starts it; in a folder of this machine it runs as the folder's owner, in a room that shows it that folder alone,
 * so that no name in the folder, and no change of one meanwhile, leads it elsewhere.
 */
import { pathOf } from '../replica-path.ts';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Repository } from '../config/config.ts';
import { Failure } from '../errors.ts';
import { Channels, pipesFolder } from '../programs/channel.ts';
import { hold, letGo, fallenFrom } from '../programs/held-folder.ts';
import { asUserApart } from '../programs/as-user.ts';
import { bareEnvironment, findProgram } from '../programs/process.ts';
import { inRoom, wantsRoom } from '../programs/room.ts';
import { callsOfOneRun, type RsyncContext } from '../programs/rsync-call.ts';
import { makeOpenRunFolder, removeRunFolder, secondPipes } from '../programs/run-folder.ts';
import { portOf } from '../programs/ssh-command.ts';
import { connect, type Connection } from '../programs/ssh.ts';
import { makeAside, removeIfEmpty } from './aside.ts';
import type { Owner } from '../state/become.ts';
import type { Destination } from './destination.ts';

/** An open way. */
export interface Away {
  readonly destination: Destination;
  /** Private, but that others may pass through it to what they are to read. */
  readonly folder: string;
  /** For looking: in a folder of this machine nothing can be written. */
  readonly looking: RsyncContext;
  /** For sending; makes the folder for what is set aside, where that is ours to make and something is replaced. */
  readonly sending: (replaces: boolean) => RsyncContext;
  close(): Promise<void>;
}

/** Opens the way. `owner`: whose the replica is, where root does not become him. Throws Failure with a hint when it does not come up. */
export async function openWay(
  repository: Repository,
  destination: Destination,
  owner: Owner | undefined,
  interrupt: AbortSignal,
): Promise<Away> {
  const folder = makeOpenRunFolder();
  const replica = hold(pathOf(repository.replica));
  let way: Way | undefined;
  const close = async (): Promise<void> => {
    await way?.looking.close();
    way?.close();
    letGo(replica);
    removeRunFolder(folder);
  };
  try {
    way = await wayTo(repository, destination, folder, interrupt);
    const { sending: open, looking: connection } = way;
    const looking: RsyncContext = {
      repository: way.repository,
      connection,
      runFolder: folder,
      hasRoom: await wantsRoom(repository.rsync.sandbox, interrupt, owner),
      nonce: randomBytes(12).toString('hex'),
      calls: callsOfOneRun(),
      held: [replica],
      as: owner,
      fallen: async () => fallenFrom(replica),
    };
    const sending = (replaces: boolean): RsyncContext => ({ ...looking, connection: open(replaces) });
    return { destination, folder, looking, sending, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Two connections to one destination, and the repository as if it came from there. */
interface Way {
  readonly repository: Repository;
  readonly looking: Connection;
  readonly sending: (replaces: boolean) => Connection;
  close(): void;
}

function wayTo(repository: Repository, destination: Destination, folder: string, interrupt: AbortSignal): Promise<Way> {
  return destination.kind === 'ssh'
    ? overSsh(repository, destination, folder, interrupt)
    : here(repository, destination, folder, interrupt);
}

/** The operator's own ssh: no key, no file of the configuration; of serverA itself the port. */
async function overSsh(
  repository: Repository,
  { user, host, path }: Extract<Destination, { kind: 'ssh' }>,
  folder: string,
  interrupt: AbortSignal,
): Promise<Way> {
  const { source } = repository;
  const port = source.kind !== 'local' && source.host === host ? portOf({ ...repository, source }) : undefined;
  const to: Repository = {
    ...repository,
    source: { kind: 'ssh', host, path, ...(user !== undefined && { user }) },
    ssh: { options: [], ...(port !== undefined && { port }) },
  };
  try {
    const connection = await connect(to, folder, interrupt);
    return { repository: to, looking: connection, sending: () => connection, close: () => undefined };
  } catch (error) {
    if (interrupt.aborted || !(error instanceof Failure)) throw error;
    const account = `${user === undefined ? '' : `${user}@`}${host}`;
    throw new Failure(
      error.message,
      `give-back takes your own ssh, by a key or an agent, and asks nothing: this must work first: ssh -oBatchMode=yes ${port === undefined ? '' : `-p ${port} `}${account} true; nothing was sent`,
      { cause: error },
    );
  }
}

/** Goes to the folder and does there what rsync asks for, as a login shell would. */
const there = 'cd -- "$0" && eval "exec $1"';

/** A folder of this machine as if it were another's. */
async function here(
  repository: Repository,
  { folder: place, aside, owner }: Extract<Destination, { kind: 'local' }>,
  folder: string,
  interrupt: AbortSignal,
): Promise<Way> {
  const program = findProgram(repository.rsync.path, 'rsync');
  const hasRoom = await wantsRoom(repository.rsync.sandbox, interrupt, owner);
  const held = [hold(place)];
  const way = (readable: readonly string[], writable: readonly string[], pipes: string): Connection => {
    const bare = { file: 'sh', args: ['-c', there, place], env: bareEnvironment('/') };
    const { file, args } = hasRoom ? inRoom(bare, { readable: [program, ...readable], writable, held }) : bare;
    // Left alone it ends like an rsync on another machine, when its pipe does, and takes its half-written file with it.
    const command = [...asUserApart(owner), file, ...args.filter((arg) => arg !== '--die-with-parent')];
    const channels = new Channels(command, bare.env, join(folder, pipes));
    return {
      source: 'here:./',
      channels,
      readable: [],
      held: [],
      stderr: () => '',
      close: async () => channels.oneAtATime(),
    };
  };
  return {
    repository: {
      ...repository,
      source: { kind: 'ssh', host: 'here', path: './' },
      rsync: { ...repository.rsync, remotePath: program },
    },
    looking: way([place], [], pipesFolder),
    sending: (replaces) => {
      if (replaces) held.push(makeAside(aside, owner));
      return way([], replaces ? [place, aside] : [place], secondPipes);
    },
    close: () => {
      held.forEach(letGo);
      removeIfEmpty(aside);
    },
  };
}
