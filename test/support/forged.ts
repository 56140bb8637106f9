/** The stage for lies in packs and indexes: a small repository that the forger made honestly, and its replica in step with it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Finished, ratchet, type RatchetOptions } from './cli.ts';
import { type Value, writeConfig, type WrittenConfig } from './config.ts';
import { type Blob, dataBlob, Forge, idOf, type Pack, packPath, treeBlob } from './forge.ts';
import { filesBelow, type Judged } from './night.ts';
import { openRepository, resticRepository } from './restic.ts';
import { type Ending, temporaryFolder } from './temporary.ts';
import { digest } from './tree.ts';

type Files = Readonly<Record<string, readonly Blob[]>>;

/** A night in which serverA has the password. */
export interface ForgedNight {
  readonly folder: string;
  readonly forge: Forge;
  /** serverA's repository, as a folder. */
  readonly source: string;
  readonly replica: string;
  readonly config: WrittenConfig;
  /** What serverA and the replica hold at the beginning. */
  readonly old: Old;
  run(args: readonly string[], options?: RatchetOptions): Promise<Finished>;
  sync(options?: RatchetOptions): Promise<Judged>;
  /** Removes files of serverA. */
  remove(...paths: readonly string[]): void;
  /** Whether the replica has it. */
  has(path: string): boolean;
  /** The replica, byte for byte and inode for inode, without the program's own folder. */
  replicaNow(): string[];
}

/** The repository at the beginning: two snapshots that share a file, four packs, one index. */
export interface Old {
  readonly packs: Readonly<Record<'shared' | 'single' | 'treeOne' | 'treeTwo', Pack>>;
  readonly index: string;
  readonly snapshots: readonly { readonly id: string; readonly files: Files }[];
}

export const text = (letter: string, length = 1000): Buffer => Buffer.alloc(length, `${letter} is not ${letter.toUpperCase()}; `);

/** Two of them are of equal length, two compressed. */
export const oldBlobs = {
  a: dataBlob(text('a')), b: dataBlob(text('b')), c: dataBlob(text('c'), { compressed: true }), d: dataBlob(text('d', 1500), { compressed: true }), e: dataBlob(text('e', 500)),
} as const;
const { a, b, c, d, e } = oldBlobs;
export const [filesOne, filesTwo]: readonly [Files, Files] = [{ shared: [a, b, c, d], one: [e] }, { shared: [a, b, c, d], two: [e, a] }];
export const [treeOne, treeTwo] = [treeBlob(filesOne), treeBlob(filesTwo)] as const;

let template: Promise<{ folder: string; old: Old }> | undefined;

/** A night of which all files are read; `nightly` are keys of the repository's configuration. */
export async function forgedNight(t: Ending, nightly: Readonly<Record<string, Value>> = {}): Promise<ForgedNight> {
  template ??= makeTemplate();
  const made = await template;
  const folder = temporaryFolder(t);
  execFileSync('cp', ['-a', 'source', 'replica', 'state', folder], { cwd: made.folder });
  return nightIn(folder, await Forge.of(openRepository(join(folder, 'source'))), made.old, nightly);
}

/** Made once for a test file, and synced twice, so that the weekly check is done and nothing is unread. */
async function makeTemplate(): Promise<{ folder: string; old: Old }> {
  const folder = temporaryFolder();
  const forge = await Forge.of(resticRepository(join(folder, 'source')));
  const old = writeOld(forge);
  const night = nightIn(folder, forge, old, {});
  for (const args of [['init', 'nightly'], ['sync'], ['check'], ['sync']]) {
    const { code, stderr } = await night.run(args);
    assert.equal(code, 0, stderr);
  }
  return { folder, old };
}

/** Writes what serverA holds at the beginning. */
export function writeOld(forge: Forge): Old {
  const packs = { shared: forge.pack([a, b, c, d]), single: forge.pack([e]), treeOne: forge.pack([treeOne]), treeTwo: forge.pack([treeTwo]) };
  const index = forge.index({ packs: Object.values(packs) });
  const snapshots = [{ id: forge.snapshot(idOf(treeOne)).slice(-64), files: filesOne }, { id: forge.snapshot(idOf(treeTwo)).slice(-64), files: filesTwo }];
  return { packs, index, snapshots };
}

function nightIn(folder: string, forge: Forge, old: Old, nightly: Readonly<Record<string, Value>>): ForgedNight {
  const source = forge.repository.path;
  const { restic = {}, ...others } = nightly as { restic?: Readonly<Record<string, Value>> };
  const config = writeConfig(folder, source, { repositories: { nightly: { ...others, restic: { passwordFile: forge.repository.passwordFile, ...restic } } } });
  const temporary = join(folder, 'tmp');
  mkdirSync(temporary, { recursive: true });
  const run: ForgedNight['run'] = (args, options = {}) => ratchet(args, { config: config.file, ...options, env: { TMPDIR: temporary, ...options.env } });
  return {
    folder, forge, source, config, old, run,
    replica: config.replica,
    async sync(options) {
      const finished = await run(['--json', 'sync'], options);
      return { ...finished, run: finished.json().runs[0] };
    },
    remove: (...paths) => { for (const path of paths) rmSync(join(source, path)); },
    has: (path) => existsSync(join(config.replica, path)),
    replicaNow: () => digest(config.replica, { inode: true, without: ['.rsync-ratchet'] }),
  };
}

/** A backup of one new file on serverA, of two blobs of equal length. Index and snapshot are left to the caller. */
export interface NewBackup {
  readonly files: Files;
  readonly data: Pack;
  readonly trees: Pack;
  /** Writes the snapshot; its path. */
  readonly snapshot: () => string;
}

export const newBlobs = { x: dataBlob(text('x')), y: dataBlob(text('y')) } as const;

/** Writes the packs of a new backup. */
export function newBackup({ forge }: ForgedNight, blobs: readonly Blob[] = Object.values(newBlobs)): NewBackup {
  const files = { fresh: blobs };
  const tree = treeBlob(files);
  return { files, data: forge.pack(blobs), trees: forge.pack([tree]), snapshot: () => forge.snapshot(idOf(tree)) };
}

/** What the replica could restore at the beginning it restores byte for byte. */
export async function assertRestoresOld(night: ForgedNight): Promise<void> {
  for (const { id, files } of night.old.snapshots) await assertRestores(night, id, files);
}

/** restic restores a snapshot from the replica, byte for byte. */
export async function assertRestores({ replica }: Pick<ForgedNight, 'replica'>, id: string, files: Files): Promise<void> {
  const target = temporaryFolder();
  const failure = await openRepository(replica).restore(id, target).then(() => undefined, (error: unknown) => String(error).trimEnd().split('\n').at(-1));
  for (const [name, blobs] of Object.entries(files)) {
    const restored = existsSync(join(target, name)) ? readFileSync(join(target, name)) : undefined;
    assert.ok(restored?.equals(Buffer.concat(blobs.map(({ content }) => content))), `${name} is not restored as it was: ${failure ?? 'restic ended with 0'}`);
  }
  assert.equal(failure, undefined);
}

/** The path of a pack, given by what an index says of it. */
export const pathOf = ({ id }: Pick<Pack, 'id'>): string => packPath(id);

/** The files in the program's own folder of the replica, below `name`. */
export function ownFiles({ replica }: ForgedNight, name: 'quarantine' | 'candidate'): string[] {
  return filesBelow(join(replica, '.rsync-ratchet', name));
}

/** `prune-window open nightly ARGS`. */
export async function openWindow(night: ForgedNight, ...args: readonly string[]): Promise<void> {
  const { code, stderr } = await night.run(['prune-window', 'open', 'nightly', '--reason', 'test', ...args]);
  assert.equal(code, 0, stderr);
}

export async function acknowledge(night: ForgedNight): Promise<void> {
  const { code, stderr } = await night.run(['acknowledge', 'nightly', '--reason', 'test']);
  assert.equal(code, 0, stderr);
}
