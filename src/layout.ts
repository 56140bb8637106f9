/**
 * What a path is in a restic repository (restic's design document, "Repository Layout").
 * Only these names are ever fetched or admitted; everything else is only shown.
 */
import type { IgnoredNames } from './ignored.ts';

/** The kinds of file that a repository holds. All but `config` are named by the SHA-256 of their content. */
export type FileType = 'config' | 'key' | 'index' | 'snapshot' | 'pack';

/** The files whose name is their hash. */
export type HashedType = Exclude<FileType, 'config'>;

/** What a path is: a file of the layout, a folder of it, or nothing we know. */
export type Place =
  | { readonly of: HashedType; readonly id: string }
  | { readonly of: 'config' }
  | { readonly of: 'folder' }
  | { readonly of: 'outside' };

/** What has to be there before what points at it: a snapshot needs its index, that its packs, all a key. */
export const admissionOrder: readonly HashedType[] = ['key', 'pack', 'index', 'snapshot'];

/** The three audits, in this order: what is listed first can only point at what is listed later. */
export type Pass = 1 | 2 | 3;
export const passes: readonly Pass[] = [1, 2, 3];

const outside: Place = { of: 'outside' };
const folder: Place = { of: 'folder' };
const config: Place = { of: 'config' };
const topFolders = new Set(['.', '', 'keys', 'index', 'snapshots', 'data']);
const typeOfTopFolder = new Map<string, HashedType>([
  ['keys', 'key'],
  ['index', 'index'],
  ['snapshots', 'snapshot'],
]);
const topFolderOfType = { key: 'keys', index: 'index', snapshot: 'snapshots', pack: 'data' } as const;

/** What `path` (relative to the repository, no slash at its end) is. */
export function placeOf(path: string): Place {
  const slash = path.indexOf('/');
  if (slash < 0) return path === 'config' ? config : topFolders.has(path) ? folder : outside;
  const top = path.slice(0, slash);
  if (top === 'data') return placeInData(path);
  const type = typeOfTopFolder.get(top);
  return type !== undefined && isHex(path, slash + 1, path.length, 64)
    ? { of: type, id: path.slice(slash + 1) }
    : outside;
}

function placeInData(path: string): Place {
  if (!isHex(path, 5, Math.min(7, path.length), 2)) return outside;
  if (path.length === 7) return folder;
  const named = path[7] === '/' && isHex(path, 8, path.length, 64) && path.startsWith(path.slice(5, 7), 8);
  return named ? { of: 'pack', id: path.slice(8) } : outside;
}

function isHex(text: string, from: number, to: number, length: number): boolean {
  if (to - from !== length) return false;
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i);
    if (!((c >= 48 && c <= 57) || (c >= 97 && c <= 102))) return false;
  }
  return true;
}

/** The one path at which a hash-named file lives. */
export function repositoryPath(type: HashedType, id: string): string {
  return type === 'pack' ? `data/${id.slice(0, 2)}/${id}` : `${topFolderOfType[type]}/${id}`;
}

/** The folders that hold hash-named files of a type: one, or 256 for packs. */
export function foldersOf(type: HashedType): string[] {
  if (type !== 'pack') return [topFolderOfType[type]];
  return Array.from({ length: 256 }, (_, i) => `data/${i.toString(16).padStart(2, '0')}`);
}

/** The folders directly in a repository. */
export const layoutFolders: readonly string[] = ['data', 'index', 'keys', 'snapshots'];

/** Which of the three audits reports a path. `.` is reported by all of them. */
export function passOf(path: string): Pass {
  if (path === 'snapshots' || path.startsWith('snapshots/')) return 1;
  return path === 'data' || path.startsWith('data/') ? 3 : 2;
}

/** Folders directly in the repository that no audit looks into: restic's locks, and what belongs to this machine. */
export const excludedFolders: readonly string[] = ['.rsync-ratchet', 'locks', 'lost+found', 'tmp'];

/** Names of uploads in progress, as rsync's patterns: restic over sftp, restic on a local folder, rest-server, rclone and others. */
export const uploadNames: readonly string[] = ['*-restic-temp-*', '*-tmp-*', '*.rest-server-temp*', '*.partial'];
const uploadName = /-restic-temp-|-tmp-|\.rest-server-temp|\.partial$/;

/** Whether rsync's filters leave this path out on both sides (section 5, rule 2); the walk of the replica must agree with them. */
export function isExcluded(path: string, isFolder: boolean, ignore: IgnoredNames): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (isFolder && excludedFolders.includes(path)) return true;
  return ignore.has(name) || (uploadName.test(name) && !asLongAsPack.test(path));
}

/** A pack's path by its lengths alone; a file that is still being uploaded has a longer name. */
const asLongAsPack = /^data\/[0-9a-f]{2}\/[^/]{64}$/s;
