/** What `init` asks of serverA before it trusts anything there. */
import { Failure } from '../errors.ts';
import type { Change } from '../audit/itemize.ts';
import { layoutFolders } from '../layout.ts';

/** Throws Failure when a folder of the layout is something else on serverA: moved to another disk and linked, say. */
export function requireFolder(change: Change): void {
  if (!layoutFolders.includes(change.path) || change.kind === 'deletion') return;
  if (change.kind === 'item' && change.fileType === 'd') return;
  const what = change.kind === 'item' ? 'a file' : 'a symlink (or a device, fifo or socket)';
  throw new Failure(
    `"${change.path}" is no folder on serverA but ${what}, and rsync follows none`,
    `if it was moved to another disk, mount that disk (or bind it) at its place on serverA; or give the folder that it leads to as source. Nothing was made`,
  );
}

