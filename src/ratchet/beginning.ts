/** What `init` holds while it lasts: one plain object that its steps, which are functions, hand on. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Findings } from '../audit/findings.ts';
import { Books } from '../audit/books.ts';
import type { Repository } from '../config/config.ts';
import { Restic } from '../programs/restic.ts';
import type { Bounds } from '../programs/watchdog.ts';
import { ownPaths, type OwnPaths } from '../replica-path.ts';
import { namesIn } from '../state/files.ts';
import { Incoming } from './arrival/incoming.ts';
import { Quarantine } from './arrival/quarantine.ts';
import type { RunOptions } from './holdings.ts';
import { ReplicaPlace } from './replica-place.ts';
import { Session } from './session.ts';
import { State } from './state.ts';

/** What was pinned: SHA-256 of `config`, and the IDs of the keys. */
export interface Pins {
  readonly config: string;
  readonly keys: readonly string[];
}

/** What `init` holds while it lasts. */
export interface Beginning {
  readonly repository: Repository;
  readonly paths: OwnPaths;
  readonly state: State;
  readonly session: Session;
  readonly place: ReplicaPlace;
  readonly quarantine: Quarantine;
  readonly findings: Findings;
  readonly restic: () => Restic;
  incoming: Incoming;
}

/** Nothing is made yet, and nothing locked. */
export function begin({ config, repository, interrupt }: RunOptions): Beginning {
  const paths = ownPaths(repository.replica);
  const session = new Session(repository, interrupt);
  const [quarantine, findings] = [new Quarantine(paths.quarantine), new Findings()];
  const restic = (): Restic => new Restic(repository, () => session.password(), session.path('restic'), interrupt);
  return {
    repository,
    paths,
    state: new State(config.state ?? '', repository.name),
    session,
    place: new ReplicaPlace(paths),
    quarantine,
    findings,
    restic,
    incoming: new Incoming(paths, new Books(), findings, quarantine),
  };
}

/** Whether the folder already holds a `config`. */
export function hasConfig({ paths }: Beginning): boolean {
  return existsSync(join(paths.replica, 'config'));
}

/** The paths of the keys that are here already. */
export function ownKeys({ paths }: Beginning): string[] {
  return namesIn(join(paths.replica, 'keys')).map((name) => `keys/${name}`);
}
export function boundsOf({ session, repository }: Beginning): Bounds {
  return session.bounds(new Date(Date.now() + repository.timeouts.run));
}
