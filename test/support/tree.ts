/** A tree of files as text, so that "byte for byte as before" is one assert.deepEqual. */
import { createHash } from 'node:crypto';
import { type BigIntStats, closeSync, lstatSync, openSync, readSync, readdirSync, readlinkSync } from 'node:fs';
import { joinBytes } from './temporary.ts';

/** What of a tree is compared; by default everything. */
export interface DigestOptions {
  /** Names left out wherever they stand, with all that is below them: `['.rsync-ratchet', 'locks']`. */
  readonly without?: readonly string[];
  /** false: folders themselves are not listed, only what is in them. */
  readonly folders?: boolean;
  /** false: permissions are not compared. */
  readonly mode?: boolean;
  /** false: times of change are not compared. */
  readonly mtime?: boolean;
  /** true: inode numbers too, so that a file replaced by an equal one is noticed. */
  readonly inode?: boolean;
}

/**
 * Describes every entry of the tree in one line, sorted by path bytes: path (`.` is the folder itself; bytes other
 * than visible ASCII, and the backslash, as `\xHH`), type, mode, size, mtime in ns, SHA-256 or link target.
 * `assert.deepEqual(digest(a), digest(b))` then shows the entries that differ.
 */
export function digest(folder: string, options: DigestOptions = {}): string[] {
  const lines: [Buffer, string][] = [];
  const without = new Set(options.without);
  const visit = (path: Buffer, relative: Buffer): void => {
    const found = lstatSync(path, { bigint: true });
    if (!found.isDirectory() || options.folders !== false) lines.push([relative, describe(path, found, options)]);
    if (!found.isDirectory()) return;
    for (const name of namesIn(path)) {
      if (without.has(name.toString('latin1'))) continue;
      visit(joinBytes(path, name), relative.length === 0 ? name : joinBytes(relative, name));
    }
  };
  visit(Buffer.from(folder), Buffer.alloc(0));
  lines.sort(([a], [b]) => Buffer.compare(a, b));
  return lines.map(([relative, line]) => `${visible(relative) || '.'} ${line}`);
}

function namesIn(folder: Buffer): Buffer[] {
  try {
    return readdirSync(folder, { encoding: 'buffer' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return []; // Its mode, in its own line, says so.
    throw error;
  }
}

function describe(path: Buffer, found: BigIntStats, options: DigestOptions): string {
  const parts = [typeOf(found)];
  if (options.mode !== false) parts.push((found.mode & 0o7777n).toString(8).padStart(4, '0'));
  if (options.mtime !== false) parts.push(`mtime=${String(found.mtimeNs)}`);
  if (options.inode === true) parts.push(`inode=${String(found.ino)}`);
  if (found.isFile()) parts.push(`size=${String(found.size)}`, `sha256=${sha256(path)}`);
  if (found.isSymbolicLink()) parts.push(`-> ${visible(readlinkSync(path, { encoding: 'buffer' }))}`);
  return parts.join(' ');
}

function typeOf(found: BigIntStats): string {
  if (found.isFile()) return 'file';
  if (found.isDirectory()) return 'folder';
  if (found.isSymbolicLink()) return 'symlink';
  if (found.isFIFO()) return 'fifo';
  if (found.isSocket()) return 'socket';
  return `device ${String(found.rdev)}`;
}

/** The SHA-256 of a file's bytes, in lower-case hex; `unreadable: CODE` where it cannot be opened. */
export function sha256(path: string | Buffer): string {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    return `unreadable: ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
  }
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(65_536);
  for (let n = readSync(descriptor, buffer); n > 0; n = readSync(descriptor, buffer)) hash.update(buffer.subarray(0, n));
  closeSync(descriptor);
  return hash.digest('hex');
}

function visible(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[^!-[\]-~]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
