/** The programs of a night, each started alone, and what they are put together to: what `starts` measures. */
import { copyFileSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { helper } from '../../src/programs/channel-ends.ts';
import { locker } from '../../src/programs/lock-script.ts';
import { bareEnvironment, findProgram, type Command } from '../../src/programs/process.ts';
import { inRoom } from '../../src/programs/room.ts';
import { dryRunLimits } from '../../src/programs/rsync.ts';
import { isolatedCommand, namespaces, type Step } from '../../src/programs/sandbox.ts';
import { throughMaster } from '../../src/programs/ssh-command.ts';
import { program } from '../support/cli.ts';
import type { SshAccount } from '../support/sshd.ts';
import type { Environment } from './measure.ts';
import { remoteShell, sameCipher } from './peers.ts';
import type { Place } from './places.ts';
import type { Counts } from './started.ts';

/** One start. */
export interface Start {
  readonly what: string;
  readonly command: readonly string[];
  readonly env?: Environment;
  /** How it may end. */
  readonly codes?: readonly number[];
  /** How many of it there are in a night that starts so many of each program; without it, it is put together of others. */
  readonly times?: (started: Counts) => number;
  /** It starts `true` as well, which is no part of it. */
  readonly isAround?: true;
}

/** Where they are started. */
export interface Stand {
  readonly folder: string;
  /** A repository that a password opens. */
  readonly replica: string;
  readonly passwordFile: string;
  /** Serves a folder without a file in it. */
  readonly empty: Place;
  /** Does nothing for whoever comes in. */
  readonly nothing: SshAccount;
}

/** What is to be called when all is measured. */
export type Stop = () => void;

/** All of them, with two connections that stand until `stop`. */
export function aloneIn(stand: Stand): { starts: readonly Start[]; stop: Stop } {
  mkdirSync(stand.empty.source, { recursive: true });
  mkdirSync(join(stand.folder, 'home'), { recursive: true });
  const [nothing, empty] = [standing(stand, stand.nothing, 'to-nothing'), standing(stand, stand.empty.account, 'to-empty')];
  return {
    starts: [...small(stand), ...overSsh(stand, nothing.socket, empty.socket), ...inTheRoom(stand), ...ofRestic(stand)],
    stop: () => { for (const each of [nothing, empty]) each.stop(); },
  };
}

const of = (name: string) => (started: Counts): number => started[name] ?? 0;

/** Node and Perl are copies: what runs somewhere is in memory for as long as it does, and a bench runs both itself. */
function copyIn({ folder }: Stand, path: string, name: string): string {
  copyFileSync(realpathSync(path), join(folder, name));
  return join(folder, name);
}

function small(stand: Stand): Start[] {
  const [node, perl] = [copyIn(stand, process.execPath, 'node'), copyIn(stand, findProgram('perl', 'perl-base'), 'perl')];
  return [
    { what: 'true', command: ['true'], times: of('true') },
    { what: 'sh -c :', command: ['sh', '-c', ':'], times: of('sh') },
    { what: 'env true', command: ['env', 'true'], times: of('main.js'), isAround: true },
    { what: 'node -e 0', command: [node, '-e', '0'], times: of('node') },
    { what: 'our own --version', command: [node, program, '--version'] },
    { what: 'perl, which joins rsync to a channel', command: [perl, ...joining(perl)], codes: [1], times: of('perl') },
    { what: 'perl, which takes locks', command: [perl, '-e', locker, '--', '-1'] },
    { what: 'flock', command: ['flock', '-n', join(stand.folder, 'lock'), 'true'], times: of('flock'), isAround: true },
    { what: 'find in an empty folder', command: ['find', join(stand.folder, 'home')], times: of('find') },
    { what: 'setpriv', command: [...kept, 'true'], times: of('setpriv'), isAround: true },
    { what: 'prlimit', command: [...limited, 'true'], times: of('prlimit'), isAround: true },
    { what: 'setpriv, prlimit, true (as 0.3.0 began each rsync)', command: [...kept, ...limited, 'true'] },
  ];
}

const kept = ['setpriv', '--pdeathsig', 'TERM', '--'];
const limited = ['prlimit', '--core=0', `--as=${dryRunLimits.memory}`, `--fsize=${dryRunLimits.fileSize}`, '--'];

/** Its arguments, where nothing is learned yet: it says what it is asked for, and ends. */
function joining(perl: string): string[] {
  const [, text = '', rest = ''] = /^\S+ -e '([^']*)' (.*)$/s.exec(helper(perl)) ?? [];
  return ['-e', text, ...rest.split(' ')];
}

/** ssh, up to a master that stands, and through it. */
function overSsh(stand: Stand, toNothing: string, toEmpty: string): Start[] {
  const { nothing, empty } = stand;
  const through = throughMaster(toEmpty, empty.account.host);
  const shell = through.slice(0, through.indexOf('--')).join(' ');
  return [
    { what: 'ssh, until its connection stands', command: master(nothing, join(stand.folder, 'alone'), '1'), times: (started) => Math.min(1, of('ssh')(started)) },
    { what: 'ssh, a channel of a connection that stands', command: [...throughMaster(toNothing, nothing.host), 'true'], times: (started) => Math.max(0, of('ssh')(started) - 1) },
    { what: 'the same, until rrsync and rsync there say a first word', command: ['bash', '-c', 'exec head -c 4 < <("$@")', 'bash', ...through, 'rsync --server --sender -nre.iLsfxCIvu . /'] },
    { what: 'rsync, which lists an empty folder over such a channel', command: ['rsync', '-rn', '-e', shell, `${empty.account.host}:/`] },
  ];
}

/** `seconds`: how long it stands when nobody uses it; `yes`: until it is told to end. */
function master(account: SshAccount, socket: string, seconds: string): string[] {
  return [...remoteShell(account, sameCipher).split(' '), '-f', '-M', '-N', '-T', '-S', socket, `-oControlPersist=${seconds}`, `${account.user}@${account.host}`];
}

function standing({ folder }: Stand, account: SshAccount, name: string): { socket: string; stop: Stop } {
  const socket = join(folder, name);
  const [ssh = '', ...args] = master(account, socket, 'yes');
  execFileSync(ssh, args, { stdio: 'ignore' });
  const [again = '', ...through] = throughMaster(socket, account.host);
  return { socket, stop: () => { execFileSync(again, ['-O', 'exit', ...through], { stdio: 'ignore' }); } };
}

function inTheRoom({ folder, replica }: Stand): Start[] {
  const home = join(folder, 'home');
  const command = (file: string, ...args: string[]): string[] => {
    const { file: bwrap, args: all } = inRoom({ file, args, env: bareEnvironment(home) }, { readable: [replica, home], writable: [] });
    return [bwrap, ...all];
  };
  const rsync = findProgram('rsync', 'rsync');
  return [
    { what: 'bwrap, the room of a night', command: command('true'), times: of('bwrap'), isAround: true },
    { what: 'rsync --version', command: [rsync, '--version'], times: of('rsync') },
    { what: 'prlimit, bwrap, rsync --version (as each rsync begins)', command: [...limited, ...command(rsync, '--version')] },
    { what: 'setpriv, prlimit, bwrap, rsync --version (as in 0.3.0)', command: [...kept, ...limited, ...command(rsync, '--version')] },
  ];
}

/** Alone, and in the box of a night. */
function ofRestic({ folder, replica, passwordFile }: Stand): Start[] {
  const restic = findProgram('restic', 'restic');
  const open = ['--no-lock', '--no-cache', 'cat', 'config'];
  const shows = { data: 'r', index: 'r', keys: 'r', snapshots: 'r' } as const;
  const view = { replica, candidate: undefined, shows, config: undefined, without: [], standIns: new Map<string, number>(), mayWrite: false, passwordFile, program: restic, memory: 2 ** 31 };
  const boxed = (...steps: readonly Step[]): Command => isolatedCommand(view, join(folder, 'box'), undefined, steps, 'end');
  const start = (what: string, { file, args, env }: Command): Start => ({ what, command: [file, ...args], env });
  return [
    { what: 'unshare with the namespaces of a night', command: ['unshare', ...namespaces(), 'true'], times: of('unshare'), isAround: true },
    { what: 'restic version', command: [restic, 'version'] },
    { what: 'restic cat config, with a password', command: [restic, '-q', '-r', replica, '--password-file', passwordFile, ...open], times: of('restic') },
    start('restic version in its box', boxed(['version'])),
    start('restic cat config in its box', boxed(['cat', 'config'])),
  ];
}
