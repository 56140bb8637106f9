/** `init`: makes or adopts a replica, trusts `config` and `keys/` on first use, and pins them (P6). */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Books, type Amount } from '../audit/books.ts';
import { Findings } from '../audit/findings.ts';
import { walkReplica } from '../audit/walk.ts';
import { Failure } from '../errors.ts';
import { Restic } from '../programs/restic.ts';
import { proves } from '../proof/open-identity.ts';
import { UnreadFile } from '../proof/unread-file.ts';
import { nothingUnread, unreadToJson } from '../state/unread.ts';
import { ownPaths } from '../replica-path.ts';
import { version } from '../version.ts';
import { verifyExisting } from './adoption.ts';
import { Incoming } from './arrival/incoming.ts';
import { Quarantine } from './arrival/quarantine.ts';
import type { RunOptions } from './holdings.ts';
import {
  fetchConfig,
  fetchIdentity,
  keysIn,
  linkIdentity,
  listIdentity,
  pin,
  replaceConfig,
  requireOpensSo,
} from './identity.ts';
import { requireOneMount } from './probe.ts';
import type { Pins } from './replica.ts';
import { ReplicaPlace } from './replica-place.ts';
import { Session } from './session.ts';
import { State } from './state.ts';
import { markerOf } from './whose-state.ts';

/** What `init` holds while it lasts. */
export type Beginning = Readonly<ReturnType<typeof begin>>;

/** Nothing is made yet, and nothing locked; no key is wanted. */
function begin({ config, repository, interrupt }: RunOptions) {
  const paths = ownPaths(repository.replica);
  const session = new Session(repository, interrupt);
  const findings = new Findings();
  return {
    repository,
    paths,
    session,
    findings,
    state: new State(config.state ?? '', repository.name),
    place: new ReplicaPlace(paths),
    restic: () => new Restic(repository, () => session.password(), session.path('restic'), interrupt),
    incoming: new Incoming(paths, new Books(), findings, new Quarantine(paths.quarantine)),
  };
}

/** What `init` came to. */
export type Initialised =
  | { readonly did: 'nothing' | 'locked' }
  /** `keys`: IDs that an existing copy and serverA do not both have. `earlier`: since when the books know a replica that is not this new one. */
  | {
      readonly did: 'made' | 'adopted';
      readonly verified: Amount | undefined;
      readonly keys: KeyDifferences;
      readonly earlier?: string;
    };

/** Who adopts a copy, after a lost state too, sees which keys have come or gone since. */
export interface KeyDifferences {
  readonly onlyOnServerA: readonly string[];
  readonly onlyHere: readonly string[];
}

/** Makes or adopts the replica. A second time it changes nothing. Throws Failure with a hint; then there is no marker. `trustExisting` skips hashing what is already there. */
export async function initialise(
  options: RunOptions,
  { trustExisting }: { readonly trustExisting: boolean },
): Promise<{ result: Initialised; pins: Pins | undefined }> {
  const pinned = (): Pins | undefined => markerOf(options.config, options.repository)?.pins;
  const before = pinned();
  if (before !== undefined) return { result: { did: 'nothing' }, pins: before };
  const beginning = begin(options);
  try {
    beginning.place.make();
    if (!(await beginning.session.lock())) return { result: { did: 'locked' }, pins: undefined };
    const meanwhile = pinned(); // by another init, which has just let the lock go
    if (meanwhile !== undefined) return { result: { did: 'nothing' }, pins: meanwhile };
    return await makeOrAdopt(beginning, trustExisting);
  } catch (error) {
    beginning.place.leave();
    throw error;
  } finally {
    await beginning.session.close();
  }
}

async function makeOrAdopt(beginning: Beginning, trustExisting: boolean): Promise<{ result: Initialised; pins: Pins }> {
  const { state, session, paths, repository } = beginning;
  const isExisting = existsSync(join(paths.replica, 'config'));
  const earlier = isExisting ? null : state.memory().initialisedAt;
  requireOneMount(repository.replica);
  const verified = await verifyExisting(paths, repository.ignore, !trustExisting, session.interrupt);
  await session.connect();
  const own = keysIn(paths.replica);
  const listed = await listIdentity(beginning);
  await fetchIdentity(beginning);
  const pins = await linkIdentity(beginning);
  const did = isExisting ? 'adopted' : 'made';
  // Before the marker: a kill in between must not leave a replica whose books say that restic has read it, or know nothing of it.
  const begun = new UnreadFile(state.folder).begin(walkReplica(paths.replica, repository.ignore).books);
  const unread = unreadToJson(proves(repository) ? begun : nothingUnread);
  const marker = randomUUID();
  await state.append(new Date(), { event: 'initialised', version, did, marker, ...pins, unread });
  pin(beginning, marker, pins);
  const keys = isExisting ? differences(own, listed) : { onlyOnServerA: [], onlyHere: [] };
  return { result: { did, verified, keys, ...(earlier === null ? {} : { earlier }) }, pins };
}

function differences(own: readonly string[], listed: readonly string[]): KeyDifferences {
  const without = (some: readonly string[], others: readonly string[]): string[] =>
    some.filter((path) => !others.includes(path)).map((path) => path.slice('keys/'.length));
  const keys = listed.filter((path) => path !== 'config');
  return { onlyOnServerA: without(keys, own), onlyHere: without(own, keys) };
}

/** What `init --repin` came to; fingerprints are SHA-256. */
type Repinned =
  | { readonly did: 'locked' }
  | { readonly did: 'nothing' | 'refused' | 'repinned'; readonly before: string; readonly after: string };

/**
 * Accepts a changed `config`, after `restic migrate` on serverA, say. `ask` shows both fingerprints and says whether to
 * go on. Throws Failure when restic cannot open the repository with the new one; then nothing was changed.
 */
export async function repin(
  options: RunOptions,
  ask: (before: string, after: string) => Promise<boolean>,
): Promise<Repinned> {
  const before = markerOf(options.config, options.repository)?.pins.config;
  if (before === undefined)
    throw new Failure('the replica is not initialised', 'run init without --repin first; nothing was changed');
  const beginning = begin(options);
  try {
    beginning.place.make();
    if (!(await beginning.session.lock())) return { did: 'locked' };
    await beginning.session.connect();
    const after = await fetchConfig(beginning);
    if (after === before) return { did: 'nothing', before, after };
    if (!(await ask(before, after))) return { did: 'refused', before, after };
    await requireOpensSo(beginning);
    await replaceConfig(beginning);
    await beginning.state.append(new Date(), { event: 'repinned', before, after });
    return { did: 'repinned', before, after };
  } finally {
    await beginning.session.close();
  }
}
