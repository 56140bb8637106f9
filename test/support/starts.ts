/** Counts how often restic is started in the box, whatever the box lets out: through a FIFO beside the replica's files, which a read-only mount lets write. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ending } from './temporary.ts';

/** A restic that counts its starts. */
export interface Counted {
  /** For `restic.path`. */
  readonly path: string;
  /** The starts since it was asked last. */
  starts(): number;
}

/**
 * Makes the counting restic for a replica; `folder` is where its program is put: one file, a script with restic behind it, because
 * the box lets nothing of the replica be started. Outside the box it counts nothing.
 */
export function countedRestic(t: Ending, folder: string, replica: string): Counted {
  const [own, path] = ['.rsync-ratchet', join(folder, 'restic')];
  const fifo = join(replica, own, 'starts');
  execFileSync('mkfifo', [fifo]);
  const found = execFileSync('sh', ['-c', 'realpath "$(command -v restic)"'], { encoding: 'utf8' }).trim();
  const inside = `/lower/replica/${own}/starts`;
  const script = `#!/bin/sh\n[ -p ${inside} ] || exec ${found} "$@"\necho . > ${inside}\n[ -x /tmp/restic ] || { tail -n +6 "$0" > /tmp/restic; chmod 700 /tmp/restic; }\nexec /tmp/restic "$@"\n`;
  writeFileSync(path, Buffer.concat([Buffer.from(script), readFileSync(found)]), { mode: 0o755 });
  const descriptor = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  t.after(() => { closeSync(descriptor); });
  return { path, starts: () => waiting(descriptor) };
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
