/** Real restic repositories, made and used by the real restic. */
import { execFile, execFileSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { resticInit } from './resticInit.ts';
import { removeTree, temporaryFolder } from './temporary.ts';

const execute = promisify(execFile);

/** One line of `restic snapshots --json`. */
export interface Snapshot {
  readonly id: string;
  readonly time: string;
  readonly hostname: string;
  readonly paths: readonly string[];
}

/** A repository, and restic at work on it. Every method rejects, with what restic said, when restic fails. */
export interface ResticRepository {
  readonly path: string;
  readonly password: string;
  readonly passwordFile: string;
  /** Backs up a folder, or the files named in a record (`{ 'a/b': 'content' }`); returns the snapshot's whole ID. */
  backup(source: string | Readonly<Record<string, string | Buffer>>, args?: readonly string[]): Promise<string>;
  /** Oldest first. */
  snapshots(): Promise<Snapshot[]>;
  forget(ids: readonly string[], options?: { readonly prune?: boolean }): Promise<void>;
  /** `restic check`, with `readData` all packs too. */
  check(readData?: boolean): Promise<void>;
  restore(id: string, target: string): Promise<void>;
  /** `restic ARGS…`; returns its stdout. */
  run(args: readonly string[], cwd?: string): Promise<string>;
}

/** A new empty repository in `path`, which must not exist, by default of format 2; its password (0600) lies beside it in `PATH.password`. */
export function resticRepository(path: string, format: 1 | 2 = 2, program?: string): ResticRepository {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  resticInit(path, PASSWORD, format);
  return openRepository(path, program);
}

const PASSWORD = 'open sesame';

/** A repository that is there already (a replica, a copy), with the password that all repositories of the tests have. `program`: a restic that is not the one in PATH. */
export function openRepository(path: string, program = 'restic'): ResticRepository {
  const passwordFile = `${path}.password`;
  writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  const run = async (args: readonly string[], cwd?: string): Promise<string> => {
    const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: dirname(path), TZ: 'UTC', RESTIC_PASSWORD_FILE: passwordFile };
    const argv = ['--no-cache', '--repo', path, ...args];
    return (await execute(program, argv, { env, cwd, maxBuffer: 1 << 28 })).stdout;
  };
  const snapshots = async (): Promise<Snapshot[]> => {
    const list = JSON.parse(await run(['snapshots', '--no-lock', '--json'])) as Snapshot[] | null;
    return (list ?? []).sort((a, b) => (a.time < b.time ? -1 : 1));
  };
  return {
    path,
    password: PASSWORD,
    passwordFile,
    run,
    snapshots,
    backup: (source, args = []) => backup(run, source, args),
    async forget(ids, { prune = false } = {}) {
      await run(['forget', ...(prune ? ['--prune', ...(await mergingSmallOnes(run))] : []), ...ids]);
    },
    async check(readData = false) {
      await run(['check', '--no-lock', ...(readData ? ['--read-data'] : [])]);
    },
    async restore(id, target) {
      await run(['restore', '--no-lock', id, '--target', target]);
    },
  };
}

type Run = ResticRepository['run'];

/** With the smallest pack size prune merges packs below 168 kB; from 0.19 on it would merge larger ones too, and has an option that says so. */
async function mergingSmallOnes(run: Run): Promise<string[]> {
  const limit = '--repack-smaller-than';
  return ['--pack-size=4', ...((await run(['forget', '--help'])).includes(limit) ? [`${limit}=168k`] : [])];
}

async function backup(run: Run, source: Parameters<ResticRepository['backup']>[0], args: readonly string[]): Promise<string> {
  const folder = typeof source === 'string' ? source : temporaryFolder();
  if (typeof source !== 'string') writeFiles(folder, source);
  const printed = await run(['backup', '--host', 'client', '--json', ...args, '.'], folder);
  if (typeof source !== 'string') removeTree(folder);
  const { snapshot_id: short } = JSON.parse(printed.trimEnd().split('\n').at(-1) ?? '') as { snapshot_id: string };
  if (short.length === 64) return short;
  return (await run(['list', 'snapshots', '--no-lock'])).split('\n').find((id) => id.startsWith(short)) ?? short;
}

/** Writes files, and the folders that they need, below a folder. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Buffer>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/**
 * A copy, in `target` (must not exist), of a repository with two snapshots that share nothing and need all of its
 * 33 packs: 3 of data and a shared one the older, 29 and the shared one the newer; 3 indexes, about 6 MB. After
 * `forget([older], { prune: true })` 5 packs and the 3 indexes are gone, and 1 pack and 1 index are new. Built once per
 * machine and user (10 s), so its times may be days old; all copies have one repository ID and the same key.
 */
export async function preparedRepository(target: string): Promise<ResticRepository> {
  const base = join(cacheFolder(), `${execFileSync('restic', ['version'], { encoding: 'utf8' }).split(' ')[1] ?? ''}-${FORMAT}`);
  if (!existsSync(base)) await build(base);
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  execFileSync('cp', ['-a', '--', base, target]);
  return openRepository(target);
}

/** To be counted up when `build` changes. */
const FORMAT = 2;

function cacheFolder(): string {
  const folder = join(process.env['RATCHET_TESTS_CACHE'] ?? tmpdir(), `rsync-ratchet-tests-${userInfo().uid}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== userInfo().uid) throw new Error(`not a folder of ours: ${folder}`);
  return folder;
}

/** Whoever is first to rename a finished repository onto `base` wins; who builds at the same time drops his own. */
async function build(base: string): Promise<void> {
  const workshop = mkdtempSync(join(cacheFolder(), 'build-'));
  const repository = resticRepository(join(workshop, 'repository'));
  await grow(repository, workshop);
  try {
    renameSync(repository.path, base);
  } catch (error) {
    if (!existsSync(base)) throw error;
  }
  removeTree(workshop);
}

async function grow(repository: ResticRepository, workshop: string): Promise<void> {
  const [older, newer] = [join(workshop, 'older'), join(workshop, 'newer')];
  const files = [...numbered(join(older, 'part'), 3), ...numbered(join(newer, 'part'), 25)];
  const parts: string[] = [];
  for (const [n, file] of files.entries()) {
    writeFiles(dirname(file), { content: noise(n) });
    parts.push(await repository.backup(dirname(file))); // One data pack. (All at once, restics trip over each other's locks.)
  }
  await repository.backup(older);
  const first = await repository.backup(newer);
  await repository.forget(parts, { prune: true });
  writeFiles(newer, { 'later 1/content': noise(100) });
  const second = await repository.backup(newer);
  writeFiles(newer, { 'later 2/content': noise(101) });
  await repository.backup(newer);
  await repository.forget([first, second]);
}

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => join(`${prefix} ${n + 1}`, 'content'));
}

/** 180 kB that do not compress: restic's prune would merge packs below 168 kB. */
function noise(seed: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(180_000));
}
