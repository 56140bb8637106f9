/** Gathers what `status` tells; reads small files only, so that it is quick whatever the replica holds. */
import type { Config, Repository } from '../core/config.ts';
import type { Status } from '../core/status.ts';
import { decideWindow } from '../core/window.ts';
import { quarantined } from './quarantine.ts';
import { freeSpace, ownPaths, readMarker } from './replica.ts';
import { readScrubMemory } from './scrub-memory.ts';
import { State } from './state.ts';

/** How a repository stands now. Throws Failure when a state file is damaged. */
export function statusOf(config: Config, repository: Repository, now: Date): Status {
  const state = new State(config.state ?? '', repository.name);
  const isInitialised = readMarker(repository.replica) !== undefined;
  return {
    repository: repository.name,
    isInitialised,
    alarm: state.alarm(),
    window: decideWindow(now, state.windows(), repository.pruneWindows),
    lastRun: state.findLast((line) => line.event === 'finished'),
    lastSuccess: state.findLast((line) => line.event === 'finished' && (line['exitCode'] === 0 || line['exitCode'] === 4)),
    tombstones: pendingIn(state),
    quarantine: quarantined(ownPaths(repository.replica).quarantine),
    scrub: readScrubMemory(state.folder),
    disk: isInitialised ? freeSpace(repository.replica) : undefined,
    hasMail: config.alerts.email !== undefined,
    proves: repository.restic.prove !== false && repository.restic.passwordFile !== undefined,
  };
}

function pendingIn(state: State): Status['tombstones'] {
  const pending = { pending: 0, bytes: 0, nextDue: null as string | null };
  state.tombstones.eachCurrent(state.tombstones.ownBooks(), ({ state: standing, size, due }) => {
    if (standing === 'kept') return;
    pending.pending++;
    pending.bytes += size;
    if (due !== null && (pending.nextDue === null || due < pending.nextDue)) pending.nextDue = due;
  });
  return pending;
}
