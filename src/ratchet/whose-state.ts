/** Whether the state folder of a repository knows its replica: without it there are no tombstones, no alarm, no history. */
import { pathOf } from '../replica-path.ts';
import { join } from 'node:path';
import type { Config, Repository } from '../config/config.ts';
import { namePattern } from '../config/repository-schema.ts';
import { Failure } from '../errors.ts';
import { fromBackup } from '../state/json-file.ts';
import { readMarker, type Marker } from './replica.ts';
import { isReallyWithin } from '../state/same-folder.ts';
import { State } from './state.ts';

/** The marker of a replica whose state is at hand, see requireState; undefined without a marker. */
export function markerOf(config: Config, { name, replica }: Repository): Marker | undefined {
  const marker = readMarker(replica);
  if (marker !== undefined) requireState(config, name, marker);
  return marker;
}

/**
 * Throws Failure unless `<state>/<name>` is the state of the replica with this marker. A marker has the name that the
 * repository had when its state was last seen: another one means that it was renamed, or that two were mixed up.
 */
export function requireState({ state = '', repositories }: Config, name: string, marker: Marker): void {
  const former = marker.repository;
  if (former !== name && isShared(repositories, name, former)) throw shared(name, former);
  const [journal, folder] = [new State(state, name).journal, join(state, name)];
  if (journal.isLost())
    throw former !== name && new RegExp(namePattern).test(former) && !new State(state, former).journal.isLost()
      ? renamed(state, name, former)
      : stateLost(folder, !journal.isBegun());
  const last = journal.findLast(() => true)?.repository;
  if (last === former || (last === name && journal.findLast((line) => line.repository === former) !== undefined))
    return requireOurs(new State(state, name), name, marker);
  throw new Failure(
    `the replica of ${name} was made for ${former}, and ${folder} is the state of ${last ?? 'nobody'}: they are two repositories'`,
    'are two replicas mixed up in the configuration, or two folders below `state`? Nothing was done',
  );
}

/** A copy of serverA's files may have brought a marker of its own: then the state knows nothing of what lies there, nor has restic read it. */
function requireOurs(state: State, name: string, { id }: Marker): void {
  const { markers } = state.memory();
  if (markers === null || markers.length === 0 || markers.includes(id)) return;
  throw new Failure(
    `the marker of the replica of ${name} is none that init wrote: it has come with other files, or the state is an older one`,
    `bring back the replica or ${state.folder} that belong together; or, to take what lies there for the replica, move its .rsync-ratchet/replica.json away and run init again, which reads all of it. Nothing was done`,
  );
}

/** Not so where one is a copy of the other. */
function isShared(repositories: readonly Repository[], ...names: readonly [string, string]): boolean {
  const [one, other] = names.map((name) => repositories.find((each) => each.name === name)?.replica);
  return one !== undefined && other !== undefined && isReallyWithin(pathOf(one), pathOf(other));
}

function shared(name: string, former: string): Failure {
  return new Failure(
    `the replica of ${name} is that of ${former}, which is in the configuration too: two repositories cannot share one`,
    `give ${name} a replica of its own, and run init for it; rsync-ratchet config validate shows the lines. Nothing was done`,
  );
}

function renamed(state: string, name: string, former: string): Failure {
  return new Failure(
    `the state of this replica is that of ${former}: the repository is called ${name} in the configuration now`,
    `take journal, tombstones and alarm along: mv -T --backup=numbered ${join(state, former)} ${join(state, name)} (cp -aT in place of mv where this is a copy of ${former}, which goes on); or call it ${former} again. Nothing was done`,
  );
}

/** `init` writes the first line, so a replica without it has lost its alarm, its tombstones and its windows. */
function stateLost(folder: string, isDamaged: boolean): Failure {
  if (isDamaged)
    return new Failure(`${folder}/journal.jsonl is damaged: the line that init wrote is not in it`, fromBackup);
  return new Failure(
    `${folder} knows nothing of this replica: its journal is missing`,
    'is `state` in the configuration right, is its disk mounted, is this the usual user? If it is lost for good, move .rsync-ratchet/replica.json away and run init again. Nothing was fetched',
  );
}
