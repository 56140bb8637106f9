/** What `dryRun` and `fetch` are given, with a local source. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RsyncContext } from '../../src/programs/rsync-call.ts';
import type { Bounds } from '../../src/programs/watchdog.ts';
import type { Value } from './config.ts';
import { nonce } from './itemized.ts';
import { repositoryConfig } from './repositoryConfig.ts';

/** `folder` takes the run folder; `changes` are keys of the repository's configuration. */
export function contextOf(folder: string, source: string, changes: Readonly<Record<string, Value>> = {}): RsyncContext {
  const runFolder = join(folder, 'run');
  if (!existsSync(runFolder)) mkdirSync(join(runFolder, 'home'), { recursive: true, mode: 0o700 });
  return {
    repository: repositoryConfig(changes),
    connection: { source: `${source}/`, channels: undefined, readable: [], held: [], stderr: () => '', close: () => Promise.resolve() },
    runFolder,
    hasRoom: false,
    nonce,
    calls: { recall: () => undefined, keep: () => Promise.resolve() },
    held: [],
    fallen: () => Promise.resolve(undefined),
  };
}

/** Bounds that nothing here should meet, changed as given. */
export function boundsOf(changes: Partial<Bounds> = {}): Bounds {
  return { stall: 60_000, deadline: Date.now() + 60_000, interrupt: new AbortController().signal, ...changes };
}
