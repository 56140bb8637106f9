/** Our own folder in a replica, excluded from every dry run. */

import { join } from 'node:path';

export const ownFolder = '.rsync-ratchet';

/** The folders and files under `.rsync-ratchet/`. */
export function ownPaths(replica: string) {
  const own = join(replica, ownFolder);
  return {
    own,
    marker: join(own, 'replica.json'),
    lock: join(own, 'lock'),
    /** Held by those who read beside the nights, and by a night while files leave. */
    readers: join(own, 'readers'),
    incoming: join(own, 'incoming'),
    candidate: join(own, 'candidate'),
    quarantine: join(own, 'quarantine'),
    expired: join(own, 'expired'),
  };
}

/** A path below `root` whose part from outside is bytes, one per character. */
export function bytePath(root: string, path: string): string | Buffer {
  if (/^[\x00-\x7f]*$/.test(path)) return `${root}/${path}`;
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')]);
}
