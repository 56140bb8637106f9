/** What every call of rsync has, and how its end is judged. The dry run is in audit/dry-run.ts, the fetch in ratchet/arrival/fetch.ts (DESIGN section 5). */
import type { Repository } from '../config/config.ts';
import { asFailure, type Failure } from '../errors.ts';
import { anotherFolder, otherThanHeld } from './held-folder.ts';
import type { Ended, Limits } from './process.ts';
import type { RsyncContext } from './rsync-call.ts';
import { rsyncFailure } from './rsync-words.ts';
import type { Connection } from './ssh.ts';
import type { Bounds } from './watchdog.ts';

/** The options that every call has: bounds on time and memory, and the way to serverA. */
export function commonOptions(repository: Repository, connection: Connection): string[] {
  const { rsync, timeouts } = repository;
  return [
    `--timeout=${Math.ceil(timeouts.stall / 1000)}`,
    '--max-alloc=1G',
    ...(connection.channels === undefined ? [] : [`--rsync-path=${rsync.remotePath}`]),
  ];
}

/** Our rsync may take so much memory, in bytes; a fetch, which holds its whole list, so much more for each file. */
export const [mostMemory, memoryForFile] = [2 ** 29, 512];
/** A dry run writes nothing at all; this is for what rsync, ssh and bubblewrap may do at their start. */
export const dryRunLimits: Limits = { memory: mostMemory, fileSize: 2 ** 20 };

/** Why what rsync read is not what the run began with. Where we ended rsync ourselves the mount went first, and nothing was read since. */
export async function fallenIn(context: RsyncContext, { stderr, stopped }: Ended): Promise<Failure | undefined> {
  if (stopped !== undefined) return undefined;
  const other = otherThanHeld(context.held, stderr);
  return (await context.fallen()) ?? (other && anotherFolder(other.path));
}

/** How a run of rsync failed: told to stop, or by its own end. */
export function failureOf(what: string, ended: Ended, connection: Connection, bounds: Bounds): Failure {
  return ended.stopped === 'interrupt' ? asFailure(bounds.interrupt.reason) : rsyncFailure(what, ended, connection);
}
