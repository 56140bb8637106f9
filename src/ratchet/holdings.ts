/** What a run holds while it lasts: one plain object that its steps, which are functions, hand on. */
import { linkSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Books, Entry } from '../audit/books.ts';
import type { PacksWalk } from '../audit/find-packs.ts';
import type { ReplicaWalk } from '../audit/walk.ts';
import type { Config, Repository } from '../config/config.ts';
import { Locks } from '../programs/lock.ts';
import type { Reserve } from '../programs/report-file.ts';
import type { RoomMemory } from '../programs/room.ts';
import { Prover } from '../proof/prover.ts';
import { ownPaths, type OwnPaths } from '../replica-path.ts';
import type { JournalEvent } from '../state/chain.ts';
import { snapshotsSeen } from '../state/snapshots-seen.ts';
import type { Console } from '../telling/console.ts';
import { makeFolder } from '../state/unguarded.ts';
import type { Incoming } from './arrival/incoming.ts';
import { Quarantine } from './arrival/quarantine.ts';
import { emptyExpired } from './departure/expire.ts';
import { checkPins, notInitialised, readMarker, withKeys, type Marker } from './replica.ts';
import { writeMarker } from './replica-place.ts';
import { Session } from './session.ts';
import { State, stateLock } from './state.ts';
import { requireState } from './whose-state.ts';

/** What a run is given. */
export interface RunOptions {
  readonly config: Config;
  readonly repository: Repository;
  readonly interrupt: AbortSignal;
  readonly console: Console;
  /** How a command begins that finds the same configuration, for mails. */
  readonly program?: string;
  /** Called when the run has begun in earnest: it has the lock. */
  readonly onStart?: () => void;
}

/** Everything that the steps of a run share. What is undefined comes with the step that it says. */
export interface Holdings {
  readonly options: RunOptions;
  readonly repository: Repository;
  readonly paths: OwnPaths;
  readonly state: State;
  readonly session: Session;
  /** Asks the kernel for room on the disk. */
  readonly reserve: Reserve;
  readonly quarantine: Quarantine;
  readonly prover: Prover;
  /** `replica.json`, since `takeReplica`. */
  marker: Marker | undefined;
  /** Our own look at the replica, since the audit. */
  walk: ReplicaWalk | undefined;
  /** The part of it that goes on by itself, since the audit. */
  packsWalk: PacksWalk | undefined;
  /** What came, since `takeLeftovers`. */
  incoming: Incoming | undefined;
}

/** Nothing is opened yet, and nothing locked. */
export function hold(options: RunOptions): Holdings {
  const { config, repository, interrupt, console } = options;
  const paths = ownPaths(repository.replica);
  const folder = join(config.state ?? '', repository.name);
  const locks = new Locks(paths.lock, stateLock(folder));
  const state = new State(config.state ?? '', repository.name, (words) => { console.warn(words); }, locks.take); // prettier-ignore
  const session = new Session(repository, interrupt, learnedCalls(state), locks, roomsIn(state));
  const held: Holdings = {
    options,
    repository,
    paths,
    state,
    session,
    reserve: locks.reserve,
    quarantine: new Quarantine(paths.quarantine),
    prover: new Prover({
      repository,
      session,
      state,
      console,
      incoming: () => requireIncoming(held),
      hasCompletedOnce: () => hasCompletedOnce(held),
      showAlone: (files) => giveSecondNames(paths, files),
    }),
    marker: undefined,
    walk: undefined,
    packsWalk: undefined,
    incoming: undefined,
  };
  return held;
}

/**
 * Second names for files of the replica, in our own folder there: restic is shown these as if they were candidates, and no
 * others. Without any, the folder is deleted; a run that was killed leaves it to the next.
 */
function giveSecondNames({ own, replica }: Pick<OwnPaths, 'own' | 'replica'>, paths: readonly string[]): string {
  const folder = join(own, 'reading');
  rmSync(folder, { recursive: true, force: true });
  for (const path of paths) {
    const name = join(folder, path);
    makeFolder(dirname(name));
    linkSync(join(replica, path), name);
  }
  return folder;
}

/** What rsync would ask serverA for, as earlier runs have learned it. */
function learnedCalls(state: State) {
  return {
    recall: (call: string) => state.memory().calls.find((each) => each.call === call)?.asks,
    keep: async (call: string, asks: readonly string[]) => {
      await state.append(new Date(), { event: 'rsync-call', call, asks });
    },
  };
}

/** Where rsync had a room of its own in the last night that did not fail. */
function roomsIn(state: State): RoomMemory {
  return {
    recall: () => state.memory().room,
    keep: async (room) => {
      await state.append(new Date(), { event: 'room', room });
    },
  };
}

/**
 * Takes the lock of an initialised replica; false when another run holds it. Throws Failure where there is no marker, where
 * the state is not this replica's, and where `config` or a key are not the pinned ones.
 */
export async function takeReplica(held: Holdings): Promise<boolean> {
  const { name, replica } = held.repository;
  held.marker = readMarker(replica);
  if (held.marker === undefined) throw notInitialised(replica);
  requireState(held.options.config, name, held.marker);
  if (!(await held.session.lock())) return false;
  if (held.marker.repository !== name) {
    await journal(held, { event: 'marker-renamed' }); // the state came along; the journal says so first
    mark(held, { ...held.marker, repository: name });
  }
  snapshotsSeen(held.state.folder); // read again at the end: what is damaged stops the night before it has changed anything
  held.options.onStart?.();
  emptyExpired(held.paths.expired);
  checkPins(replica, held.marker);
  return true;
}

/** Ends everything that was opened, lock included. */
export async function release(held: Holdings): Promise<void> {
  await held.packsWalk?.stop();
  await held.session.close();
}

/** Appends to the journal, durable when this returns. */
export async function journal({ state }: Holdings, event: JournalEvent): Promise<void> {
  await state.append(new Date(), event);
}

/** When the run's time is over. */
export function deadlineOf({ repository }: Holdings, startedAt: Date): Date {
  return new Date(startedAt.getTime() + repository.timeouts.run);
}

/** Whether a run has completed before; `limits` do not apply to the first copy. */
export function hasCompletedOnce({ marker }: Holdings): boolean {
  return marker?.firstRunCompleted === true;
}

export function recordCompletion(held: Holdings): void {
  mark(held, { ...requireMarker(held), firstRunCompleted: true });
}

/** The replica's keys, but for `without`, are the pinned ones; they change only in a window that says so. */
export function pinKeys(held: Holdings, books: Books, without: readonly Entry[] = []): void {
  const marker = withKeys(requireMarker(held), books, without);
  if (marker !== held.marker) mark(held, marker);
}

function mark(held: Holdings, marker: Marker): void {
  writeMarker(held.repository.replica, marker);
  held.marker = marker;
}

/** Throws Failure when source or replica is not the one that we began with: what serverA does not show any more may not count as deleted. */
export async function requireStanding(held: Holdings): Promise<void> {
  const fallen = await held.session.fallen();
  if (fallen !== undefined) throw fallen;
  requireReplica(held);
}

/** Throws Failure when the replica is not the one that we began with: unmounted, say. */
export function requireReplica(held: Holdings): void {
  const { replica } = held.repository;
  if (readMarker(replica)?.id !== requireMarker(held).id) throw notInitialised(replica);
}

export function requireMarker({ marker }: Holdings): Marker {
  if (marker === undefined) throw new Error('takeReplica comes first');
  return marker;
}

export function requireIncoming({ incoming }: Holdings): Incoming {
  if (incoming === undefined) throw new Error('takeLeftovers comes first');
  return incoming;
}
