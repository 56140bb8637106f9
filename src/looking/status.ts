/** Gathers what `status` tells; reads small files only, changes nothing, and takes no lock: any user may, whom the modes let. */
import { statSync } from 'node:fs';
import type { Config, Repository } from '../config/config.ts';
import { waitingIn } from '../telling/spooled.ts';
import type { Memory } from '../ratchet/memory.ts';
import type { Status } from './standing.ts';
import { decideWindow } from '../ratchet/declared/window.ts';
import { Failure } from '../errors.ts';
import { quarantined } from '../ratchet/arrival/quarantine.ts';
import { freeSpace } from '../ratchet/replica.ts';
import { ownPaths } from '../replica-path.ts';
import { readScrubMemory } from '../scrub/memory.ts';
import { Spool } from '../telling/spool.ts';
import { State } from '../ratchet/state.ts';
import { markerOf } from '../ratchet/whose-state.ts';

/** How a repository stands now. Throws Failure when a state file is damaged, closed to this user, or not that of the replica. */
export function statusOf(config: Config, repository: Repository, now: Date): Status {
  const state = new State(config.state ?? '', repository.name);
  const isInitialised = unlessClosed(() => markerOf(config, repository) !== undefined);
  const checks = repository.restic.check !== undefined;
  const {
    initialisedAt,
    lastRun,
    lastSuccess,
    quiet,
    unread,
    checks: { last, failed },
  } = state.memory();
  return {
    repository: repository.name,
    isInitialised,
    initialisedAt: initialisedAt ?? undefined,
    alarm: state.alarm(),
    window: decideWindow(now, state.windows(), repository.pruneWindows),
    lastRun: lastRun ?? undefined,
    lastSuccess: lastSuccess ?? undefined,
    snapshotAdmittedAt: quiet?.admittedAt ?? undefined,
    tombstones: pendingIn(state),
    quarantine: unlessClosed(() => quarantined(ownPaths(repository.replica).quarantine)),
    scrub: readScrubMemory(state.folder),
    unread,
    checks,
    lastCheck: checks ? standing(last, failed) : undefined,
    disk: isInitialised === false ? undefined : unlessClosed(() => freeSpace(repository.replica)),
    spool: unlessClosed(() => waitingIn(new Spool(config.state ?? '').names(), repository.name)),
    tells: {
      mail: config.alerts.email !== undefined,
      ping: config.monitoring.ping !== undefined,
      metrics: config.monitoring.metricsFile !== undefined,
    },
    proves: repository.restic.prove !== false && repository.restic.passwordFile !== undefined,
  };
}

/** A failed check stands until its own share passes, whatever passed since. */
function standing(last: Memory['checks']['last'], [failed]: Memory['checks']['failed']): Status['lastCheck'] {
  if (last === null || failed === undefined) return last ?? undefined;
  return { ...last, share: failed.share, time: failed.since, words: failed.words, passed: false };
}

/** Whether there is a state folder of that repository at all. Throws Failure when this user may not look. */
export function hasState(config: Config, repository: Repository): boolean {
  const { folder } = new State(config.state ?? '', repository.name);
  try {
    return statSync(folder).isDirectory();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    throw new Failure(
      `${folder} cannot be read (${code ?? 'unknown error'})`,
      'let this user read it, see "A monitoring user" in src/manual/monitoring.md',
      { cause: error },
    );
  }
}

/** What `look` finds; undefined where this user may not look. */
function unlessClosed<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const cause = (error instanceof Failure ? error.cause : error) as NodeJS.ErrnoException | undefined;
    if (cause?.code === 'EACCES' || cause?.code === 'EPERM') return undefined;
    throw error;
  }
}

function pendingIn(state: State): Status['tombstones'] {
  const pending = { pending: 0, bytes: 0, nextDue: null as string | null };
  state.tombstones.eachCurrent(state.tombstones.ownBooks(), ({ state: standing, size, due }) => {
    if (standing === 'kept' || standing === 'came-back') return;
    pending.pending++;
    pending.bytes += size;
    if (due !== null && (pending.nextDue === null || due < pending.nextDue)) pending.nextDue = due;
  });
  return pending;
}
