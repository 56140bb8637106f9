/** The folder that is restored to: made where it is missing, and never one in which a replica or the state lies, or that lies there. */
import { pathOf } from '../replica-path.ts';
import { resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import { UsageError } from '../errors.ts';
import { hold, letGo } from '../programs/held-folder.ts';
import { makeFolderOrFail } from '../state/files.ts';
import { escapeText } from '../printable.ts';
import { doOverlap, mountsBelow } from '../state/same-folder.ts';

/** A folder as it was looked at. */
interface TargetFolder {
  readonly path: string;
  /** Device and inode. */
  readonly identity: string;
}

/** `path` as the caller typed it, where he is. Throws UsageError; then nothing was made. */
export function targetFolder(path: string, config: Config): TargetFolder {
  const target = resolve(path);
  requireApart(target, config);
  requireNothingMounted(target);
  const folder = made(target);
  try {
    requireApart(target, config); // once more, now that it is there
    return { path: target, identity: folder.identity };
  } finally {
    letGo(folder);
  }
}

function requireApart(target: string, { state = '', repositories }: Config): void {
  const ours = [
    ...repositories.map(({ name, replica }) => ({ folder: pathOf(replica), whose: `the replica of ${name}` })),
    { folder: state, whose: 'the state folder' },
  ];
  const wrong = ours.find(({ folder }) => doOverlap(target, folder));
  if (wrong === undefined) return;
  throw new UsageError(
    `${target} and ${wrong.whose} (${wrong.folder}) lie in one another`,
    'what is restored could come to lie among its files: name a folder elsewhere. Nothing was started',
  );
}

/** The box shows one file system: what is mounted below is not in it, and what is restored there would come to lie underneath, unseen. */
function requireNothingMounted(target: string): void {
  const [first] = mountsBelow(target);
  if (first === undefined) return;
  throw new UsageError(
    `${target} cannot be restored to: another file system is mounted below it (${escapeText(first)})`,
    'what is restored there would come to lie underneath, unseen: unmount it, or name a folder in which nothing is mounted. Nothing was started',
  );
}

function made(target: string): ReturnType<typeof hold> {
  try {
    makeFolderOrFail(target);
    return hold(target);
  } catch (error) {
    throw new UsageError(
      `${target} cannot be restored to: ${(error as Error).message}`,
      'name a folder that this user may make or write to. Nothing was started',
    );
  }
}
