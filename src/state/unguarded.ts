/** Making folders and replacing files wherever it is said, below a replica too: for the lock alone. Everybody else has files.ts. */
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** Whose a file becomes, where root replaces it. */
export type Ids = { readonly uid: number; readonly gid: number };

/** Replaces a file as a whole: temporary file, fsync, rename, fsync of the folder. Mode 0600, or what `mode` says; ours, or the `owner`'s. */
export function replaceFile(path: string, content: string | Uint8Array, mode?: number, owner?: Ids): void {
  replace(path, mode, (file) => {
    if (owner !== undefined) fchownSync(file, owner.uid, owner.gid);
    writeFileSync(file, content); // all of it, or an error: write(2) may take a part when the disk fills up
  });
}

/** The same for what `write` writes. After a power cut there is the old file or the new one. */
export function replace(path: string, mode: number | undefined, write: (file: number) => void): void {
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  const file = openSync(temporary, 'wx', 0o600);
  try {
    write(file);
    if (mode === undefined) shareWithGroup(file, dirname(path));
    else fchmodSync(file, mode);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  syncFolder(dirname(path));
}

/** Makes folders that are missing, 0700. */
export function makeFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
}

/**
 * What the disk of `folder`, which must be ours alone, says to one more folder and file; undefined when it takes them.
 * rsync's word for a full disk is exit code 23, which is serverA's word for a file that it cannot read, too.
 */
export function refusalOf(folder: string): unknown {
  const probe = join(folder, 'probe');
  try {
    mkdirSync(probe, { mode: 0o700 });
    writeFileSync(join(probe, 'file'), Buffer.alloc(64 * 1024), { flag: 'wx' });
    return undefined;
  } catch (error) {
    return error;
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
}

/**
 * Lets the group read a file of ours where the operator lets it read the folder (`chgrp nagios`, `chmod 2750`): that is
 * how an unprivileged monitoring user may see `status`. Everywhere else files are 0600.
 */
export function shareWithGroup(file: number, folder: string): void {
  if ((statSync(folder).mode & 0o040) !== 0 && (fstatSync(file).mode & 0o040) === 0) fchmodSync(file, 0o640);
}

/** Makes the entries of a folder durable. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
