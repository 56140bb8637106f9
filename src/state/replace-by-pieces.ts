/** How a file of the state folder is replaced that is too large to be held in memory. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder, syncFolder } from './files.ts';

/** As replaceFile does it: after a power cut there is the old file or the new one. `make` writes the pieces, in order. */
export function replaceByPieces(path: string, make: (write: (piece: Uint8Array) => void) => void): void {
  const temporary = `${path}.new`;
  makeFolder(dirname(path));
  rmSync(temporary, { force: true });
  const file = openSync(temporary, 'wx', 0o600);
  try {
    make((piece) => {
      writeFileSync(file, piece); // all of it, or an error: write(2) may take a part when the disk fills up
    });
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  syncFolder(dirname(path));
}

/** Deletes a file of the state folder, if it is there. */
export function forgetFile(path: string): void {
  rmSync(path, { force: true });
}
