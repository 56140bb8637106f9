/** rsync in a room of its own (bwrap(1)): it sees programs, what it must read, and what it may write. */
import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { Failure } from '../errors.ts';
import { briefly } from './briefly.ts';
import { asWord, requireHeld, type HeldFolder } from './held-folder.ts';
import { asUserApart } from './as-user.ts';
import { findPerl, type Command } from './process.ts';
import type { Owner } from '../state/become.ts';

/** What a program in the room may touch; everything else of this machine is not there. */
export interface Room {
  readonly readable: readonly string[];
  readonly writable: readonly string[];
  /** Which of them are held outside: the same folders must be there inside, or the program does not start. With an `-e` of ours that is what looks. */
  readonly held?: readonly HeldFolder[];
}

/** Perl, because it is on every Debian (perl-base) and one program to start. Arguments: what is held; `--`; the command. */
const firstStep = `${requireHeld}
while ((my $held = shift) ne "--") { require_held($held) }
exec { $ARGV[0] } @ARGV or exit 127`;

/** Programs and what they need to know who they are; no home, no secret, no device but the harmless ones. */
function base(): string[] {
  const programs = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'].filter((path) => existsSync(path));
  const names = ['/etc/passwd', '/etc/group', '/etc/nsswitch.conf', '/etc/ld.so.cache', '/etc/alternatives'].filter(
    (path) => existsSync(path),
  );
  return [
    '--unshare-all',
    '--die-with-parent',
    '--new-session',
    '--cap-drop',
    'ALL',
    '--clearenv',
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    '--remount-ro',
    '/dev',
    '--dir',
    '/tmp',
    ...programs.flatMap((path) =>
      lstatSync(path).isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path],
    ),
    ...names.flatMap((path) => ['--ro-bind', path, path]),
  ];
}

/** What bubblewrap made to hang the paths in is memory; nothing may be written there either. */
const sealed = ['--remount-ro', '/'];

/** The command in its room, without a network. Paths keep their names inside. */
export function inRoom(command: Command, room: Room): Command {
  const env = Object.entries(command.env).flatMap(([name, value]) => ['--setenv', name, value]);
  const paths = [
    ...room.readable.flatMap((path) => ['--ro-bind', path, path]),
    ...room.writable.flatMap((path) => ['--bind', path, path]),
  ];
  const { held = [] } = room;
  const first = held.length === 0 ? [] : [findPerl(), '-e', firstStep, ...held.map(asWord), '--'];
  return {
    ...command,
    atOurEnd: 'itself',
    file: 'bwrap',
    args: [...base(), ...env, ...paths, ...sealed, '--chdir', '/', '--', ...first, command.file, ...command.args],
  };
}

/** A kernel that refuses says so at once, in milliseconds. */
const probePatience = 10_000;

/** Whether rsync runs in a room: as `rsync.sandbox` says. Throws Failure when it is required and cannot be had. `as`: whose room it will be, where root makes it. */
export async function wantsRoom(
  setting: 'auto' | 'require' | 'off',
  interrupt?: AbortSignal,
  as?: Owner,
): Promise<boolean> {
  if (setting === 'off') return false;
  const [file, ...args] = [...asUserApart(as), 'bwrap', ...base(), ...sealed, '--', 'true'];
  const probe = await briefly(file, args, probePatience, interrupt);
  if (probe.code === 0 || setting === 'auto') return probe.code === 0;
  throw new Failure(
    `rsync.sandbox is "require", but bubblewrap does not work here: ${probe.stderr}`,
    'apt-get install bubblewrap, allow user namespaces, or say rsync.sandbox: auto. Nothing was fetched',
  );
}

/** Keeps where a room was had last. */
export interface RoomMemory {
  /** What `roomDependsOn` said then. */
  recall(): string | null;
  keep(dependsOn: string): Promise<void>;
}
