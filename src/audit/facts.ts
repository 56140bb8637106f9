/** What a line of the report means for a path, told from what the replica has there, not from rsync's opinion. */
import type { Change, Item } from './itemize.ts';
import type { Place } from '../layout.ts';
import type { ChangeKind, Subject } from './policy.ts';

/** What `lstat` says of a path in the replica. Size in bytes, modification time in seconds. */
export interface Known {
  readonly type: 'file' | 'folder' | 'special';
  readonly size: number;
  readonly mtime: number;
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
  const isFolder = known?.type === 'folder' || (change.kind === 'item' && change.fileType === 'd');
  const isSpecial = known?.type === 'special' || change.kind === 'non-regular';
  return isSpecial || (place.of === 'folder') !== isFolder ? 'outside' : place.of;
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
