/** What restic is shown of the repository; and that view as a copy of hard links, where no sandbox can be had. */
import { copyFileSync, existsSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Failure } from '../errors.ts';
import { repositoryPath } from '../layout.ts';
import { briefly } from './briefly.ts';

/** A part of the repository, and which of the two folders show it; a candidate goes before the replica's own file. */
type Layers = '' | 'c' | 'r' | 'cr';

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
export function standIns({ standIns: packs }: View): [string, number][] {
  return [...packs].map(([pack, bytes]) => [repositoryPath('pack', pack), bytes]);
}
export const parts = ['data', 'index', 'keys', 'snapshots'] as const;
async function linkAll(sources: readonly string[], folder: string, patience: number): Promise<void> {
  const copied = await briefly('cp', ['-rl', '--no-dereference', '--', ...sources, folder], patience);
  if (copied.code !== 0)
    throw new Failure(
      `no view for restic could be made: ${copied.stderr}`,
      'the replica must be on a file system with hard links; nothing was admitted',
    );
}
