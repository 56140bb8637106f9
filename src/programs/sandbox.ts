/**
 * A view of the repository for restic, in mount, pid and network namespaces of its own: read-only replica and
 * candidates as one repository, nothing of this machine but programs, the password file and a private tmpfs.
 */
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { pathOf } from '../layout.ts';
import { Failure } from '../errors.ts';
import { briefly } from './briefly.ts';
import { writeNames } from '../state/files.ts';
import { keptTogether, type Command } from './process.ts';
import { script, scriptArguments, type Ask, type Part } from './sandbox-script.ts';

/** A part of the repository, and which of the two folders show it; a candidate goes before the replica's own file. */
export type Layers = '' | 'c' | 'r' | 'cr';

/** What is seen of each folder of the layout: files of the candidate (`c`), of the replica (`r`), of both, or none. */
export interface Shows {
  readonly data: Layers;
  readonly index: Layers;
  readonly keys: Layers;
  readonly snapshots: Layers;
  /** Only these folders of packs (`00` to `ff`), as the replica has them; all when it is absent. */
  readonly packFolders?: readonly string[];
}

/** What restic is shown. */
export interface View {
  readonly replica: string;
  /** Verified files in repository layout. */
  readonly candidate: string | undefined;
  readonly shows: Shows;
  /** The config that is shown instead of the replica's own. */
  readonly config: string | undefined;
  /** Paths that are hidden, as if they had left. */
  readonly without: readonly string[];
  /** Packs that are not there and are shown as empty files of so many bytes. */
  readonly standIns: ReadonlyMap<string, number>;
  /** Whether restic may write indexes, in memory alone. */
  readonly mayWrite: boolean;
  readonly passwordFile: string;
  /** The restic program, absolute. */
  readonly program: string;
  /** Bytes that restic's memory is to stay below. */
  readonly memory: number;
}

/**
 * A command for restic, without the options that name the repository; `cat index` for each index that is there by then;
 * or the name of a file that restic may not read, if there is one.
 */
export type Step = readonly string[] | 'each index' | 'unreadable file';

/** restic, the repository, and what it must never do in a view: lock, cache. */
const restic = ['/restic', '-r', '/repo', '--password-file', '/password', '--no-lock', '--no-cache'];

function asked(step: Step): Ask {
  if (step === 'each index') return ['each index', ...restic, 'cat', 'index'];
  if (step === 'unreadable file')
    return ['once', '/usr/bin/find', '/repo', '-type', 'f', '!', '-readable', '-print', '-quit'];
  return ['once', ...restic, ...step];
}

/** Namespaces; an ordinary user needs one for users too, in which they look like root. */
function namespaces(): string[] {
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
  const root = join(scratch, 'root');
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const parts = [
    ...surroundings(view),
    ...(links === undefined ? layered(view, scratch) : linked(links, view.mayWrite)),
  ];
  return {
    file: 'prlimit',
    args: [
      ...bounded(view),
      'unshare',
      ...namespaces(),
      '--',
      'perl',
      '-e',
      script,
      ...scriptArguments(root, nonce, parts, steps.map(asked)),
    ],
    env: {
      LC_ALL: 'C',
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/tmp',
      TMPDIR: '/tmp',
      GOMEMLIMIT: String(view.memory),
    },
  };
}

/** All that is there besides the repository. */
function surroundings({ replica, candidate, passwordFile, program }: View): Part[] {
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
function bounded({ memory }: View): string[] {
  return [`--data=${Math.ceil(memory * 1.25)}`, '--'];
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
      ...bounded(view),
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

/** Makes the view as a copy of hard links in `folder`, which is on the replica's file system. Slow, but works everywhere; to be done by `until`. */
export async function linkView(view: View, folder: string, until: number): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  for (const part of parts) mkdirSync(join(folder, part), { recursive: true, mode: 0o700 });
  copyFileSync(view.config ?? join(view.replica, 'config'), join(folder, 'config'));
  for (const part of parts) {
    for (const [layer, root] of [
      ['r', view.replica],
      ['c', view.candidate],
    ] as const) {
      if (root === undefined || !view.shows[part].includes(layer)) continue;
      const below =
        part === 'data' && view.shows.packFolders !== undefined
          ? view.shows.packFolders.map((name) => `data/${name}`)
          : [part];
      const there = below.map((path) => join(root, path)).filter((path) => existsSync(path));
      if (there.length > 0)
        await linkAll(there, below[0] === part ? folder : join(folder, part), Math.max(until - Date.now(), 0));
    }
  }
  for (const path of view.without) rmSync(join(folder, path), { force: true });
  for (const [path, bytes] of standIns(view)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, path), '', { mode: 0o400, flag: 'wx' });
    truncateSync(join(folder, path), bytes);
  }
}

/** Paths and bytes. */
function standIns({ standIns: packs }: View): [string, number][] {
  return [...packs].map(([pack, bytes]) => [pathOf('pack', pack), bytes]);
}

const parts = ['data', 'index', 'keys', 'snapshots'] as const;

async function linkAll(sources: readonly string[], folder: string, patience: number): Promise<void> {
  const copied = await briefly('cp', ['-rl', '--no-dereference', '--', ...sources, folder], patience);
  if (copied.code !== 0)
    throw new Failure(
      `no view for restic could be made: ${copied.stderr}`,
      'the replica must be on a file system with hard links; nothing was admitted',
    );
}
