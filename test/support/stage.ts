/** A repository on a local path, made without restic, and its replica: for nights in which rsync is the matter. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { admissionOrder, foldersOf, repositoryPath, type HashedType } from '../../src/layout.ts';
import { type Finished, type RatchetOptions, type Running, spawnRatchet } from './cli.ts';
import { writeConfig, type Value, type WrittenConfig } from './config.ts';
import { fixtures } from './golden.ts';
import { type Ending, temporaryFolder } from './temporary.ts';
import { digest } from './tree.ts';

export interface Stage {
  readonly folder: string;
  readonly source: string;
  readonly replica: string;
  /** The program's TMPDIR. */
  readonly temporary: string;
  config(): WrittenConfig;
  /** Writes the configuration anew; `nightly` are keys of the repository, `changes` of the whole. */
  configure(nightly: Readonly<Record<string, Value>>, changes?: Readonly<Record<string, Value>>): void;
  /** Copies a fake of `fixtures/bin` here, under another name when its name says what it does; its path. */
  fake(behaviour: string, name?: string): string;
  run(args: readonly string[], options?: RatchetOptions): Promise<Finished>;
  start(args: readonly string[], options?: RatchetOptions): Running;
  /** The replica, byte for byte and inode for inode, without the program's own folder. */
  replicaNow(): string[];
  /** What lies in the program's own folder of the replica, files only, without `names`. */
  ownFiles(without?: readonly string[]): string[];
}

/** Writes a file of the layout whose content comes from `seed`, as long as restic's envelope at least; its path. */
export function addFile(repository: string, type: HashedType, seed: string): string {
  const content = type === 'key' ? keyOf(seed) : seed.padEnd(40);
  const path = repositoryPath(type, createHash('sha256').update(content).digest('hex'));
  mkdirSync(dirname(join(repository, path)), { recursive: true });
  writeFileSync(join(repository, path), content);
  return path;
}

/** What restic would take for a key; it opens nothing. */
function keyOf(seed: string): string {
  return JSON.stringify({ created: '2026-01-01T00:00:00Z', username: 'root', hostname: 'client', kdf: 'scrypt', N: 32768, r: 8, p: 5, salt: inBase64(seed), data: inBase64(seed) });
}

const inBase64 = (seed: string): string => Buffer.alloc(64, seed).toString('base64');

let template: Promise<string> | undefined;

/** The stage; with `init` and a first `sync` done unless `fresh`. */
export async function stage(t: Ending, { fresh = false } = {}): Promise<Stage> {
  const folder = temporaryFolder(t);
  if (fresh) makeSource(folder);
  else {
    template ??= makeTemplate();
    execFileSync('cp', ['-a', 'source', 'replica', 'state', folder], { cwd: await template });
  }
  return stageIn(folder);
}

/** Made once for a test file. */
async function makeTemplate(): Promise<string> {
  const folder = temporaryFolder();
  makeSource(folder);
  const made = stageIn(folder);
  for (const args of [['init', 'nightly'], ['sync']]) {
    const { code, stderr } = await made.run(args);
    if (code !== 0) throw new Error(stderr);
  }
  return folder;
}

function makeSource(folder: string): void {
  const source = join(folder, 'source');
  for (const path of admissionOrder.flatMap(foldersOf)) mkdirSync(join(source, path), { recursive: true });
  writeFileSync(join(source, 'config'), 'the config');
  for (const type of admissionOrder) for (const n of [1, 2]) addFile(source, type, `old ${type} ${n}`);
}

function stageIn(folder: string): Stage {
  const [source, replica, temporary] = ['source', 'replica', 'tmp'].map((name) => join(folder, name)) as [string, string, string];
  mkdirSync(temporary);
  let written = writeConfig(folder, source);
  const start = (args: readonly string[], options: RatchetOptions = {}): Running =>
    spawnRatchet(args, { config: written.file, ...options, env: { TMPDIR: temporary, ...options.env } });
  return {
    folder, source, replica, temporary, start,
    run: (args, options) => start(args, options).finished,
    config: () => written,
    configure: (nightly, changes) => { written = writeConfig(folder, source, { repositories: { nightly }, ...changes }); },
    fake: (behaviour, name = behaviour) => {
      copyFileSync(join(fixtures, 'bin', behaviour), join(folder, name));
      return join(folder, name);
    },
    replicaNow: () => digest(replica, { inode: true, without: ['.rsync-ratchet'] }),
    ownFiles: (without = ['replica.json', 'lock']) =>
      digest(join(replica, '.rsync-ratchet'), { folders: false, without }).map((line) => line.split(' ', 1)[0] ?? ''),
  };
}
