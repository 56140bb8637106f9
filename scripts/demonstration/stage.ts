/** The demo's stage: a throw-away folder in which folders play machines, and which is gone when the curtain falls. */
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Failure, Interrupted } from '../../src/errors.ts';
import { findProgram, searchPath } from './processes.ts';
import { clientFiles, startSshd, type Sshd } from './sshd.ts';
import { bareEnvironment, run } from '../../src/programs/process.ts';

/** Who types a command. Each machine is a folder of the stage, and that is where its commands run. */
export type Machine = 'client' | 'serverA' | 'serverB';

/** A command of the story. `rsync-ratchet` is this very program. */
export interface Typed {
  readonly on: Machine;
  readonly argv: readonly [string, ...string[]];
}

/** How a command ended. */
export interface Ended {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  /** All that it printed: stdout, then stderr. */
  readonly printed: string;
}

/** The files of a repository: path -> SHA-256. */
export type Tree = ReadonlyMap<string, string>;

/** What there is to be seen on the stage at one moment. */
export interface World {
  readonly source: Tree;
  readonly replica: Tree;
  /** The mails sent so far, as paths, oldest first. */
  readonly mails: readonly string[];
}

/** How serverB reaches serverA: through the sshd, or by a local path because of `reason`. */
export type Door = Sshd | { readonly source: string; readonly reason: string };

/** Where things are on the stage, and what the programs of the story are given. */
export class Stage {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly door: Door;
  readonly #interrupt: AbortSignal;

  constructor(folder: string, env: Stage['env'], door: Door, interrupt: AbortSignal) {
    this.folder = folder;
    this.env = env;
    this.door = door;
    this.#interrupt = interrupt;
  }

  /** Runs a command to its end. Throws Interrupted when we are told to stop. */
  async run({ on, argv }: Typed): Promise<Ended> {
    const [name, ...args] = argv;
    const program = name === 'rsync-ratchet' ? ownProgram() : [name];
    const printed: Buffer[] = [];
    const command = { file: 'env', args: ['--chdir', join(this.folder, on), ...program, ...args], env: this.env };
    const bounds = { stall: patience, deadline: Date.now() + patience, interrupt: this.#interrupt };
    const ended = await run(command, bounds, (chunk) => {
      printed.push(chunk);
    });
    this.#interrupt.throwIfAborted();
    return { code: ended.code, printed: Buffer.concat(printed).toString('utf8') + ended.stderr };
  }

  look(): World {
    const mail = this.path('serverB/mail');
    const mails = existsSync(mail)
      ? readdirSync(mail)
          .filter((name) => name.endsWith('.eml'))
          .sort()
      : [];
    return {
      source: treeOf(this.path('serverA/restic')),
      replica: treeOf(this.path('serverB/replica')),
      mails: mails.map((name) => join(mail, name)),
    };
  }

  /** Ends the sshd and removes the folder, or keeps it. */
  async close({ keep }: { keep: boolean }): Promise<void> {
    if ('stop' in this.door) await this.door.stop();
    if (!keep) rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  path(relative: string): string {
    return join(this.folder, relative);
  }

  read(relative: string): Buffer {
    return readFileSync(this.path(relative));
  }

  write(relative: string, content: string | Buffer): void {
    mkdirSync(dirname(this.path(relative)), { recursive: true, mode: 0o700 });
    writeFileSync(this.path(relative), content, { mode: 0o600 });
  }
}

/** How long one command may take, in milliseconds. */
const patience = 120_000;

/** Sets the stage. Throws Failure when a program is missing; nothing is left behind then. */
export async function setStage(interrupt: AbortSignal): Promise<Stage> {
  for (const name of ['restic', 'rsync', 'setpriv']) requireProgram(name);
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'rsync-ratchet-demo-'));
  try {
    for (const name of rooms) mkdirSync(join(folder, name), { recursive: true, mode: 0o700 });
    const env = environment(folder);
    const stage = new Stage(folder, env, await openDoor(folder, env, interrupt), interrupt);
    stage.write('password', `${randomBytes(18).toString('base64')}\n`);
    stage.write('serverB/config.yaml', configuration(stage.door));
    return stage;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

const rooms = ['client', 'serverA/restic', 'serverA/ssh', 'serverB', 'tmp', 'home'];

function requireProgram(name: string): void {
  if (findProgram(name) !== undefined) return;
  const packages = { restic: 'restic', rsync: 'rsync', setpriv: 'util-linux' }[name] ?? name;
  throw new Failure(
    `${name} is missing: the demo needs it`,
    `npm run demo installs it; or: apt-get install ${packages}`,
  );
}

/** This very program, as it was started. */
export function ownProgram(): string[] {
  return [process.execPath, ...process.execArgv, process.argv[1] ?? ''];
}

/** Nothing of the operator's own is read or written: no configuration, no cache, no home. */
function environment(folder: string): Record<string, string> {
  return {
    ...bareEnvironment(join(folder, 'home')),
    PATH: searchPath(),
    TMPDIR: join(folder, 'tmp'),
    RSYNC_RATCHET_CONFIG: join(folder, 'serverB/config.yaml'),
    RESTIC_PASSWORD_FILE: join(folder, 'password'),
    RESTIC_CACHE_DIR: join(folder, 'cache'),
  };
}

async function openDoor(folder: string, env: Stage['env'], interrupt: AbortSignal): Promise<Door> {
  const repository = join(folder, 'serverA/restic');
  try {
    const [serverFolder, clientFolder] = [join(folder, 'serverA/ssh'), join(folder, 'serverB')];
    return await startSshd({ serverFolder, clientFolder, repository, env, interrupt });
  } catch (error) {
    if (!(error instanceof Failure) || error instanceof Interrupted) throw error;
    return { source: repository, reason: error.message };
  }
}

/** Relative paths start from the folder of the configuration. */
function configuration(door: Door): string {
  return `state: state
repositories:
  demo:
    source: ${'port' in door ? door.source : JSON.stringify(door.source)}
    replica: replica
    restic:
      passwordFile: ../password
${'port' in door ? sshConfiguration(door.port) : ''}alerts:
  email:
    from: ratchet@serverb.example
    to: [ops@example.org]
    directory: mail
`;
}

function sshConfiguration(port: number): string {
  return `    ssh:
      port: ${port}
      identityFile: ${clientFiles.identity}
      knownHostsFile: ${clientFiles.knownHosts}
`;
}

/** The files that restic's layout knows; locks come and go and are never copied. */
function treeOf(repository: string): Tree {
  const names = existsSync(repository) ? readdirSync(repository, { recursive: true }).map(String) : [];
  const files = names
    .filter((name) => /^(config$|(data|index|keys|snapshots)\/)/.test(name))
    .sort()
    .filter((name) => !lstatSync(join(repository, name)).isDirectory());
  return new Map(files.map((name) => [name, sha256(readFileSync(join(repository, name)))]));
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
