/** Nights without a network: the repository is a folder on this machine. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type Finished, ratchet, type RatchetOptions, type Running, spawnRatchet } from './cli.ts';
import { type Value, writeConfig, type WrittenConfig } from './config.ts';
import { preparedRepository, type ResticRepository } from './restic.ts';
import { type Ending, temporaryFolder } from './temporary.ts';

export interface LocalNight {
  readonly folder: string;
  readonly repository: ResticRepository;
  readonly config: WrittenConfig;
  /** Where the journal, the alarm and the spool lie. */
  readonly state: string;
  /** Writes the configuration anew. */
  configure(changes: Readonly<Record<string, Value>>): void;
  run(args: readonly string[], options?: RatchetOptions): Promise<Finished>;
  start(args: readonly string[], options?: RatchetOptions): Running;
}

/** A repository, and its replica after `init` (not synced yet). `changes` are merged over the configuration. */
export async function localNight(t: Ending, changes: Readonly<Record<string, Value>> = {}): Promise<LocalNight> {
  const folder = temporaryFolder(t);
  const repository = await preparedRepository(join(folder, 'source'));
  let config = writeConfig(folder, repository.path, changes);
  const night: LocalNight = {
    folder, repository, state: config.state,
    get config() { return config; },
    configure: (more) => { config = writeConfig(folder, repository.path, more); },
    run: (args, options = {}) => ratchet(args, { config: config.file, ...options }),
    start: (args, options = {}) => {
      const running = spawnRatchet(args, { config: config.file, ...options });
      t.after(() => { running.kill('SIGKILL'); });
      return running;
    },
  };
  const { code, stderr } = await night.run(['init', 'nightly']);
  assert.equal(code, 0, stderr);
  return night;
}

/** The configuration that sends by SMTP to two people. */
export function mailTo(port: number, more: Readonly<Record<string, Value>> = {}): Record<string, Value> {
  return { email: { directory: undefined, to: ['ops@example.test', 'second@example.test'], smtp: { host: '127.0.0.1', port, ...more } } };
}
