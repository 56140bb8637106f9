/** Counts how often restic is started in the box, whatever the box lets out: through a FIFO beside the replica's files, which a read-only mount lets write. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, copyFileSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ending } from './temporary.ts';

/** A restic that counts its starts. */
export interface Counted {
  /** For `restic.path`. */
  readonly path: string;
  /** The starts since it was asked last. */
  starts(): number;
}

/** Makes the counting restic for a replica; `folder` is where its program is put. */
export function countedRestic(t: Ending, folder: string, replica: string): Counted {
  const [own, path, real] = ['.rsync-ratchet', 'restic', 'real-restic'];
  const fifo = join(replica, own, 'starts');
  execFileSync('mkfifo', [fifo]);
  const found = execFileSync('sh', ['-c', 'realpath "$(command -v restic)"'], { encoding: 'utf8' }).trim();
  copyFileSync(found, join(replica, own, real));
  const inside = `/lower/replica/${own}`;
  const script = `#!/bin/sh\n[ ! -p ${inside}/starts ] || { echo . > ${inside}/starts; exec ${inside}/${real} "$@"; }\nexec ${found} "$@"\n`;
  writeFileSync(join(folder, path), script, { mode: 0o755 });
  const descriptor = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  t.after(() => { closeSync(descriptor); });
  return { path: join(folder, path), starts: () => waiting(descriptor) };
}

/** Lines of two bytes that wait in a FIFO. */
function waiting(descriptor: number): number {
  const buffer = Buffer.alloc(65_536);
  try {
    return readSync(descriptor, buffer) / 2;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
    throw error;
  }
}
