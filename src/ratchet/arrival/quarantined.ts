/** What lies in `quarantine/`, for who only looks. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Amount } from '../../audit/books.ts';
import { placeOf } from '../../layout.ts';
import { ownPaths, type Replica } from '../../replica-path.ts';
import { namesIn } from '../../state/files.ts';
import { weightOf, type Copy } from './quarantine-limit.ts';

/** Where the old copies of repaired files lie, which stay. */
export const replaced = 'replaced/';

/** How much is in quarantine, a replaced `config` included. */
export function quarantined(replica: Replica): Amount {
  const copies = copiesIn(ownPaths(replica).quarantine);
  return { files: copies.length, bytes: copies.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Every copy, with when it came: moving and linking set the time of change, which serverA cannot choose. */
export function copiesIn(root: string, folder = ''): (Copy & { readonly since: number })[] {
  return namesIn(join(root, folder)).flatMap((name) => {
    const path = folder === '' ? name : `${folder}/${name}`;
    const stats = lstatSync(join(root, path), { throwIfNoEntry: false });
    if (stats === undefined) return []; // it left while `status` was looking
    if (stats.isDirectory() && placeOf(withoutPrefix(`${path}/`)).of === 'folder') return copiesIn(root, path);
    return [{ path, bytes: sizeOf(join(root, path)), since: stats.ctimeMs }];
  });
}

/** Where the file of a copy belongs; also for a folder of copies, with or without a slash at its end. */
function withoutPrefix(path: string): string {
  return (path.startsWith(replaced) ? path.slice(replaced.length) : path).replace(/\/$/, '');
}

/** Bytes; of a folder, which may have come under a file's name, all that is in it. */
export function sizeOf(path: string | Buffer): number {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory() !== true) return stats?.size ?? 0;
  const below = readdirSync(path, { encoding: 'buffer' }).map((name) =>
    Buffer.concat([Buffer.from(path), Buffer.from('/'), name]),
  );
  return below.reduce((sum, each) => sum + weightOf(sizeOf(each)), 0);
}
