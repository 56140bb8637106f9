/** `init`: makes or adopts a replica, trusts `config` and `keys/` on first use, and pins them. */
import type { Amount } from '../audit/books.ts';
import type { JournalEvent } from '../state/chain.ts';
import { version } from '../version.ts';
import { unreadToJson, type Unread } from '../proof/unread.ts';
import { Failure } from '../errors.ts';

/** What was pinned: SHA-256 of `config`, and the IDs of the keys. */
export interface Pins {
  readonly config: string;
  readonly keys: readonly string[];
}

/** Everything outside that `init` needs. */
export interface InitialiseEdges {
  /** The pins of a replica that is initialised already. Throws Failure when its state is not that of this repository. */
  pins(): Pins | undefined;
  /** Makes the replica's folders where they are missing, and takes the lock; false when a run holds it. */
  prepare(): Promise<boolean>;
  /** Hashes every hash-named file that is already there; the paths of those that are not what they are called. */
  verifyExisting(): Promise<{ readonly amount: Amount; readonly damaged: readonly string[] }>;
  /** Takes away the folders that `prepare` made, as far as nothing lies in them. */
  undo(): void;
  /** Whether the folder already holds a `config`. */
  hasConfig(): boolean;
  /** When a replica of this name was made or adopted before, ISO 8601; undefined when never. */
  earlier(): string | undefined;
  /** The paths of the keys that are here already. */
  ownKeys(): readonly string[];
  connect(): Promise<void>;
  /** The paths of `config` and the keys that serverA lists. */
  listIdentity(): Promise<readonly string[]>;
  /** Which repositories lie at the source or near it, as a hint. */
  whatLiesThere(): Promise<string | undefined>;
  /**
   * Fetches them, verifies each key; throws Failure when one does not come or is no key, when `config` differs from what is
   * there, or when restic, which is asked where there is a password, cannot open them.
   */
  fetchIdentity(): Promise<void>;
  /** Links them into the replica and writes the marker. */
  pin(): Promise<Pins>;
  /** Notes that restic has read nothing of what is there already; how much that is. */
  noteUnread(): Unread;
  /** Fetches serverA's `config` alone; its SHA-256. */
  fetchConfig(): Promise<string>;
  /** What restic says against the repository with the fetched `config`; undefined when it opens, or cannot be asked. */
  objection(): Promise<string | undefined>;
  /** Puts the fetched `config` into the replica, the old one into quarantine, and pins it. */
  replaceConfig(): Promise<void>;
  journal(event: JournalEvent): Promise<string>;
  close(): Promise<void>;
}

export interface InitialiseOptions {
  /** Skips hashing what is already there. */
  readonly trustExisting: boolean;
}

/** What `init` came to. */
export type Initialised =
  | { readonly did: 'nothing' | 'locked' }
  /** `keys`: IDs that an existing copy and serverA do not both have. `earlier`: since when the books know a replica that is not this new one. */
  | { readonly did: 'made' | 'adopted'; readonly verified: Amount | undefined; readonly keys: KeyDifferences; readonly earlier?: string };

/** Who adopts a copy, after a lost state too, sees which keys have come or gone since. */
export interface KeyDifferences {
  readonly onlyOnServerA: readonly string[];
  readonly onlyHere: readonly string[];
}

/** Makes or adopts the replica. A second time it changes nothing. Throws Failure with a hint; then there is no marker. */
export async function initialise(edges: InitialiseEdges, options: InitialiseOptions): Promise<{ result: Initialised; pins: Pins | undefined }> {
  const pinned = edges.pins();
  if (pinned !== undefined) return { result: { did: 'nothing' }, pins: pinned };
  try {
    if (!(await edges.prepare())) return { result: { did: 'locked' }, pins: undefined };
    const isExisting = edges.hasConfig();
    const earlier = isExisting ? undefined : edges.earlier();
    const verified = options.trustExisting ? undefined : await verifyExisting(edges);
    await edges.connect();
    const own = edges.ownKeys();
    const listed = await edges.listIdentity();
    await requireRepository(edges, listed);
    await edges.fetchIdentity();
    const pins = await edges.pin();
    const did = isExisting ? 'adopted' : 'made';
    const unread = edges.noteUnread();
    await edges.journal({ event: 'initialised', version, did, ...pins, unread: unreadToJson(unread) });
    return { result: { did, verified, keys: isExisting ? differences(own, listed.filter(isKey)) : { onlyOnServerA: [], onlyHere: [] }, ...(earlier === undefined ? {} : { earlier }) }, pins };
  } catch (error) {
    edges.undo();
    throw error;
  } finally {
    await edges.close();
  }
}

const isKey = (path: string): boolean => path.startsWith('keys/');

function differences(own: readonly string[], listed: readonly string[]): KeyDifferences {
  const without = (some: readonly string[], others: readonly string[]): string[] => some.filter((path) => !others.includes(path)).map((path) => path.slice('keys/'.length));
  return { onlyOnServerA: without(listed, own), onlyHere: without(own, listed) };
}

async function verifyExisting(edges: InitialiseEdges): Promise<Amount> {
  const { amount, damaged } = await edges.verifyExisting();
  if (damaged.length === 0) return amount;
  const shown = damaged.slice(0, 20).join('\n  ');
  throw new Failure(
    `${damaged.length} of ${amount.files} files in the existing copy are not what their name says:\n  ${shown}`,
    'the copy was not adopted; move these files away (the first sync fetches them again), then run init once more',
  );
}

/** A restic repository has a `config` and at least one key. */
async function requireRepository(edges: InitialiseEdges, listed: readonly string[]): Promise<void> {
  if (listed.includes('config') && listed.some(isKey)) return;
  throw new Failure(
    'the source is not a restic repository: it has no config, or no key',
    `${(await edges.whatLiesThere()) ?? "check the path in source: behind rrsync it is relative to rrsync's folder, so usually just user@host:/"}. Nothing was made`,
  );
}

/** What `init --repin` came to; fingerprints are SHA-256. */
export type Repinned =
  | { readonly did: 'locked' }
  | { readonly did: 'nothing' | 'refused' | 'repinned'; readonly before: string; readonly after: string };

/**
 * Accepts a changed `config`, after `restic migrate` on serverA, say. `ask` shows both fingerprints and says whether to
 * go on. Throws Failure when restic cannot open the repository with the new one; then nothing was changed.
 */
export async function repin(edges: InitialiseEdges, ask: (before: string, after: string) => Promise<boolean>): Promise<Repinned> {
  const before = edges.pins()?.config;
  if (before === undefined) throw new Failure('the replica is not initialised', 'run init without --repin first; nothing was changed');
  try {
    if (!(await edges.prepare())) return { did: 'locked' };
    await edges.connect();
    const after = await edges.fetchConfig();
    if (after === before) return { did: 'nothing', before, after };
    if (!(await ask(before, after))) return { did: 'refused', before, after };
    const objection = await edges.objection();
    if (objection !== undefined) throw new Failure(`restic cannot open the repository with the new config: ${objection}`, 'nothing was changed; look at the config on serverA');
    await edges.replaceConfig();
    await edges.journal({ event: 'repinned', before, after });
    return { did: 'repinned', before, after };
  } finally {
    await edges.close();
  }
}
