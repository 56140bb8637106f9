/** A replica made by hand, for what needs no serverA. */
import { inReplica } from '../../src/audit/questions.ts';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { repositoryPath, type HashedType } from '../../src/layout.ts';
import { loadConfig } from '../../src/config/file.ts';
import { Console } from '../../src/telling/console.ts';
import { Replica } from '../../src/replica-path.ts';
import { writeMarker } from '../../src/ratchet/replica-place.ts';
import type { RunOptions } from '../../src/ratchet/holdings.ts';
import type { Catalogue } from '../../src/audit/facts.ts';
import { type Value, writeConfig, type WrittenConfig } from './config.ts';
import { writeJournal } from './journals.ts';
import { type Ending, temporaryFolder } from './temporary.ts';

export interface HandMade {
  readonly folder: string;
  readonly config: WrittenConfig;
  readonly replica: string;
  /** `config` and all hash-named files, in no order. */
  readonly paths: readonly string[];
  /** What the program's edges are made of. */
  options(interrupt?: AbortSignal): RunOptions;
}

const hash = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

/** Makes a replica with its marker, and the journal that belongs to it: 1 key, 5 indexes, 4 snapshots, 40 packs of some bytes, all whole. `changes` as in `writeConfig`. */
export function handMadeReplica(t: Ending, changes: Readonly<Record<string, Value>> = {}): HandMade {
  const folder = temporaryFolder(t);
  const config = writeConfig(folder, join(folder, 'source'), changes);
  const { replica } = config;
  const write = (path: string, content: Buffer): string => {
    mkdirSync(dirname(join(replica, path)), { recursive: true, mode: 0o700 });
    writeFileSync(join(replica, path), content, { mode: 0o400 });
    return path;
  };
  const some = (type: HashedType, count: number): string[] => Array.from({ length: count }, () => {
    const content = randomBytes(10 + Math.floor(Math.random() * 5000));
    return write(repositoryPath(type, hash(content)), content);
  });
  const identity = randomBytes(155);
  const keys = some('key', 1);
  const paths = [write('config', identity), ...keys, ...some('index', 5), ...some('snapshot', 4), ...some('pack', 40)];
  mkdirSync(join(replica, '.rsync-ratchet'), { mode: 0o700 });
  const pins = { config: hash(identity), keys: keys.map((path) => path.slice('keys/'.length)) };
  writeMarker(new Replica('nightly', replica), { version: 1, id: 'hand-made', repository: 'nightly', createdAt: '2026-11-23T01:27:44.012Z', pins, firstRunCompleted: true });
  writeJournal(config.state, 1, new Date('2026-11-23T01:27:44.012Z'));
  return { folder, config, replica, paths, options: (interrupt = new AbortController().signal) => optionsOf(config.file, interrupt) };
}

/** What the program's edges are made of for the first repository of a configuration file. */
export function optionsOf(file: string, interrupt: AbortSignal): RunOptions {
  const config = loadConfig(file);
  const [repository] = config.repositories;
  if (repository === undefined) throw new Error('no repository');
  return { config, repository, interrupt, console: new Console({ json: false, quiet: false, verbose: false, color: false }) };
}

/** All that a catalogue holds, sorted; sizes and times of files only. */
export function contentOf({ books, others }: Catalogue): string[] {
  const lines = [...others].map(([path, { type, size, mtime, named }]) => `${path} ${type}${type === 'file' ? ` ${size} ${mtime}` : ''} ${named}`);
  for (const entry of books.select([inReplica, 0])) lines.push(`${books.path(entry)} in the books ${books.size(entry)} ${books.mtime(entry)}`);
  return lines.sort();
}
