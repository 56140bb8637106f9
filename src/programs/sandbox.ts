/**
 * A view of the repository for restic, in mount, pid and network namespaces of its own: read-only replica and
 * candidates as one repository, nothing of this machine but programs, the password file and a private tmpfs.
 */
import { existsSync, lstatSync, mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { briefly } from './briefly.ts';
import { writeNames } from '../state/files.ts';
import { keptTogether, type Command } from './process.ts';
import { script, scriptArguments, type Ask, type Part } from './sandbox-script.ts';
import { parts, standIns, type View } from './sandbox-view.ts';

/**
 * A command for restic, without the options that name the repository; `cat index` for each index that is there by then;
 * or the name of a file that restic may not read, if there is one.
 */
export type Step = readonly string[] | 'each index' | 'unreadable file';

/** restic, the repository, and what it must never do in a view: lock, cache. */
export const restic = ['/restic', '-r', '/repo', '--password-file', '/password', '--no-lock', '--no-cache'];

function asked(step: Step): Ask {
  if (step === 'each index') return ['each index', ...restic, 'cat', 'index'];
  if (step === 'unreadable file')
    return ['once', '/usr/bin/find', '/repo', '-type', 'f', '!', '-readable', '-print', '-quit'];
  return ['once', ...restic, ...step];
}

/** Namespaces; an ordinary user needs one for users too, in which they look like root. */
export function namespaces(): string[] {
  const isRoot = process.getuid?.() === 0;
  return [
    '--mount',
    '--net',
    '--pid',
    '--ipc',
    '--uts',
    '--fork',
    '--kill-child',
    ...(isRoot ? [] : ['--user', '--map-root-user']),
  ];
}

/** A kernel that refuses says so at once, in milliseconds. */
const probePatience = 10_000;

/** Whether this kernel lets us have namespaces at all. */
export async function canIsolate(): Promise<boolean> {
  return (await briefly('unshare', [...namespaces(), 'true'], probePatience)).code === 0;
}

/**
 * The command that asks restic all steps about a view, one after another. `scratch` is a private folder. `links`: the
 * hard-link copy that is shown instead of overlays, where the kernel refuses those. `nonce` marks the end of each step.
 */
export function isolatedCommand(
  view: View,
  scratch: string,
  links: string | undefined,
  steps: readonly Step[],
  nonce: string,
): Command {
  mkdirSync(scratch, { recursive: true, mode: 0o700 });
  const repository = links === undefined ? layered(view, scratch) : linked(links, view.mayWrite);
  return inSandbox(view, scratch, [...surroundings(view), ...repository], steps.map(asked), nonce);
}

/** The command that asks all of this in a sandbox that is made of these parts; `mapping`: more options for unshare(1). */
export function inSandbox(
  { memory }: Pick<View, 'memory'>,
  scratch: string,
  parts: readonly Part[],
  asks: readonly Ask[],
  nonce: string,
  mapping: readonly string[] = [],
): Command {
  const root = join(scratch, 'root');
  mkdirSync(root, { recursive: true, mode: 0o700 });
  return {
    file: 'unshare',
    args: [
      ...namespaces(),
      ...mapping,
      '--',
      'perl',
      '-e',
      script,
      ...scriptArguments(root, nonce, mostMemory(memory), parts, asks),
    ],
    env: {
      LC_ALL: 'C',
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/tmp',
      TMPDIR: '/tmp',
      GOMEMLIMIT: String(memory),
    },
  };
}

/** All that is there besides the repository. */
export function surroundings({
  replica,
  candidate,
  passwordFile,
  program,
}: Pick<View, 'replica' | 'candidate' | 'passwordFile' | 'program'>): Part[] {
  const folders = ['lower', 'repo', 'repo/locks', 'tmp', 'upper', 'work', 'dev'];
  const programs = ['usr', 'bin', 'sbin', 'lib', 'lib64'].filter((name) => existsSync(`/${name}`));
  return [
    ...folders.map((name): Part => ['folder', '', name]),
    ['show', replica, 'lower/replica'],
    ...(candidate === undefined ? [] : [['show', candidate, 'lower/candidate'] as const]),
    ...programs.map((name): Part =>
      lstatSync(`/${name}`).isSymbolicLink()
        ? ['link', readlinkSync(`/${name}`), name]
        : ['show-programs', `/${name}`, name],
    ),
    ['password', passwordFile, 'password'],
    ['show-programs', program, 'restic'],
    ['show-device', '/dev/null', 'dev/null'],
  ];
}

/** One overlay for each folder of the layout. */
function layered(view: View, scratch: string): Part[] {
  const [without, absent] = [join(scratch, 'without'), join(scratch, 'absent')];
  const isHiding = writeNames(without, view.without) > 0;
  writeFileSync(
    absent,
    standIns(view)
      .map(([path, bytes]) => `${bytes} ${path}\n`)
      .join(''),
    { mode: 0o600 },
  );
  const isWritable = isHiding || view.mayWrite || view.standIns.size > 0;
  return [
    ['copy', view.config ?? join(view.replica, 'config'), 'repo/config'],
    ...parts.flatMap((part) =>
      part === 'data' && view.shows.packFolders !== undefined
        ? packs(view, view.shows.packFolders)
        : overlay(view, part, isWritable),
    ),
    ...(isHiding ? [['hide', without, ''] as const] : []),
    ...(view.standIns.size > 0 ? [['stand-ins', absent, ''] as const] : []),
  ];
}

function packs({ replica }: View, folders: readonly string[]): Part[] {
  const there = folders.filter((folder) => existsSync(join(replica, 'data', folder)));
  return [
    ['folder', '', 'repo/data'],
    ...there.map((folder): Part => ['show', join(replica, 'data', folder), `repo/data/${folder}`]),
  ];
}

function overlay({ shows, candidate }: View, part: (typeof parts)[number], isWritable: boolean): Part[] {
  const layers = shows[part];
  const lower = [
    ...(layers.includes('c') && candidate !== undefined && existsSync(join(candidate, part))
      ? [`lower/candidate/${part}`]
      : []),
    ...(layers.includes('r') ? [`lower/replica/${part}`] : []),
  ];
  if (lower.length === 0) return [['folder', '', `repo/${part}`]];
  if (isWritable) return [['overlay-writable', lower.join(':'), part]];
  // One folder alone is no overlay without an upper layer: an empty second one makes it one.
  return [['overlay', [...lower, ...(lower.length === 1 ? [`upper/${part}`] : [])].join(':'), part]];
}

/** The copy of hard links; what restic may write is a copy in memory, because restic 0.14 changes the modes of indexes. */
function linked(links: string, mayWrite: boolean): Part[] {
  if (!mayWrite) return [['show', links, 'repo']];
  const copies = parts
    .filter((part) => part !== 'data')
    .flatMap((part): Part[] => [
      ['folder', '', `repo/${part}`],
      ['copy-all', join(links, part), `repo/${part}`],
    ]);
  return [['copy', join(links, 'config'), 'repo/config'], ...copies, ['show', join(links, 'data'), 'repo/data']];
}

/**
 * What GOMEMLIMIT only asks for, the kernel keeps, a quarter above: an index of 120 KB can say that it is 16 GB long. Counted is
 * what restic has asked for to write to (tried: it starts with 256 MiB); of address space alone it wants 2 GiB to start.
 */
function mostMemory(memory: number): number {
  return Math.ceil(memory * 1.25);
}

/** One command without any isolation, on a hard-link copy; only for `prove: unisolated`. */
export function unisolatedCommand(view: View, scratch: string, links: string, args: readonly string[]): Command {
  return keptTogether({
    file: 'nice', // as the sandbox does by itself; `-t`: the kernel may know no such class
    args: [
      '-n',
      '10',
      'ionice',
      '-t',
      '-c',
      '3',
      'prlimit',
      `--data=${mostMemory(view.memory)}`,
      '--',
      view.program,
      '-r',
      links,
      '--password-file',
      view.passwordFile,
      '--no-lock',
      '--no-cache',
      ...args,
    ],
    env: {
      LC_ALL: 'C',
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: scratch,
      TMPDIR: scratch,
      GOMEMLIMIT: String(view.memory),
    },
  });
}
