/** What the replica has, and what a line of the report means for a path: told from that, not from rsync's opinion. */
import type { Books, Entry } from './books.ts';
import type { Change, Item, Standing } from './itemize.ts';
import { inReplica, kept, present, tombstoned } from './questions.ts';
import { placeOf, type Pass, type Place } from '../layout.ts';
import type { ChangeKind, Subject } from './policy.ts';

/** What `lstat` says of a path in the replica. Size in bytes, modification time in seconds. */
export interface Known {
  readonly type: 'file' | 'folder' | 'special';
  readonly size: number;
  readonly mtime: number;
}

/** What the walk found in the replica besides hash-named regular files: `config`, folders, strays. */
export interface Other extends Known {
  named: Pass | 0;
}

/** Everything that the replica has. `others` by path (bytes, one per character); `.` is the replica itself. */
export interface Catalogue {
  readonly books: Books;
  readonly others: Map<string, Other>;
}

/** A line of the report, and what it is about. */
export interface Sighting {
  readonly change: Exclude<Change, Standing>;
  readonly place: Place;
  /** -1 where the books have none. */
  readonly entry: Entry;
  readonly known: Known | undefined;
  readonly kind: ChangeKind;
}

export function sightingOf(catalogue: Catalogue, change: Sighting['change']): Sighting {
  const place = placeOf(change.path);
  const entry = 'id' in place ? catalogue.books.find(place.of, place.id) : -1;
  const known = knownAt(catalogue, change.path, entry);
  return { change, place, entry, known, kind: kindOf(change, known) };
}

/** What the replica has at a path, whose entry in the books is -1 where it has none. */
export function knownAt({ books, others }: Catalogue, path: string, entry: Entry): Known | undefined {
  if (entry < 0 || !books.has(entry, inReplica)) return others.get(path);
  return { type: 'file', size: books.size(entry), mtime: books.mtime(entry) };
}

/** What happened to the path; `known` is what the replica has there. */
export function kindOf(change: Change, known: Known | undefined): ChangeKind {
  if (change.kind === 'deletion') return 'deleted';
  const type = change.kind === 'item' ? typeOf(change) : 'special';
  if (known === undefined) return type === 'special' ? 'non-regular' : 'new';
  if (known.type !== type || change.kind !== 'item') return 'type';
  if (type === 'folder') return 'unchanged';
  if (known.size !== change.size) return 'content';
  return known.mtime === change.mtime ? 'unchanged' : 'mtime';
}

function typeOf(item: Item): Known['type'] {
  return item.fileType === 'f' ? 'file' : item.fileType === 'd' ? 'folder' : 'special';
}

/** A name of the layout counts only with the type it must have: a folder named like a pack is none. */
export function subjectOf(place: Place, kind: ChangeKind, change: Change, known: Known | undefined): Subject {
  if (kind === 'type') return place.of;
  const isOfFolder = known?.type === 'folder' || isFolder(change);
  const isSpecial = known?.type === 'special' || change.kind === 'non-regular';
  return isSpecial || (place.of === 'folder') !== isOfFolder ? 'outside' : place.of;
}

/** Whether serverA lists a folder. */
export function isFolder(change: Change): boolean {
  return change.kind === 'item' && change.fileType === 'd';
}

/** Whether the deletion of what the replica has was accepted before, or an operator said that it stays. */
export function hasTombstone(books: Books, entry: Entry): boolean {
  return entry >= 0 && books.has(entry, inReplica) && (books.has(entry, tombstoned) || books.has(entry, kept));
}

/** How rsync's own words contradict what happened; undefined where an honest one prints them. */
export function contradictionIn(kind: ChangeKind, change: Change, known: Known | undefined): string | undefined {
  if (change.kind === 'deletion' && known !== undefined && change.isFolder !== (known.type === 'folder'))
    return `rsync named ${change.isFolder ? 'a folder' : 'no folder'} as deleted, and the replica has another type there`;
  if (change.kind !== 'item' || expectedForms(kind, change, known).includes(change.itemized)) return undefined;
  return `rsync printed "${change.itemized}" for what is ${kind}`;
}

/** What an honest rsync prints as `%i` for such a change (`-rt`, no other attributes). */
export function expectedForms(kind: ChangeKind, item: Item, known: Known | undefined): string[] {
  if (item.fileType === 'd') return kind === 'unchanged' ? ['.d         ', '.d..t......'] : ['cd+++++++++'];
  if (kind === 'new' || kind === 'type') return ['>f+++++++++'];
  if (kind === 'unchanged') return ['.f         '];
  if (kind === 'mtime') return ['>f..t......'];
  return [known?.mtime === item.mtime ? '>f.s.......' : '>f.st......'];
}

/** The finding's message: what differs, and the policy's reason. */
export function describe(kind: ChangeKind, change: Change, known: Known | undefined, reason: string): string {
  if (change.kind !== 'item' || known === undefined) return reason;
  if (kind === 'content') return `size ${known.size} -> ${change.size}; ${reason}`;
  if (kind === 'mtime') return `modification time ${isoTime(known.mtime)} -> ${isoTime(change.mtime)}; ${reason}`;
  return reason;
}

function isoTime(seconds: number): string {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? String(seconds) : time.toISOString().slice(0, 19);
}

/** The paths that nobody has named. */
export function* unnamedIn({ books, others }: Catalogue): Generator<string> {
  for (const entry of books.select(present)) if (books.namedIn(entry) === 0) yield books.path(entry);
  for (const [path, other] of others) if (other.named === 0 && path !== '.') yield path;
}
