/** Names for files in folders that somebody else may change at any moment. */
import { closeSync, constants, openSync } from 'node:fs';

/**
 * Reaches files below folders that rsync writes, through descriptors: no symlink can lead elsewhere. The way to the last
 * file stays open, because files come folder by folder; a folder that is replaced meanwhile loses its files for us, no more.
 */
export class RealFolders {
  #way = '';
  #open: number[] = [];

  /**
   * Calls `work` with a name for `path` below `root` that stays that file's: each folder is opened with O_NOFOLLOW, and the
   * file is named through the descriptor of the last one. Does nothing where a part of the way is no real folder, or the
   * file is not there.
   */
  visit(root: string, path: string, work: (name: string) => void): void {
    const slash = path.lastIndexOf('/');
    try {
      this.#enter(root, path.slice(0, Math.max(0, slash)));
      work(`/proc/self/fd/${this.#open.at(-1)}/${path.slice(slash + 1)}`);
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }

  close(): void {
    for (const descriptor of this.#open.splice(0)) closeSync(descriptor);
    this.#way = '';
  }

  #enter(root: string, folder: string): void {
    const way = `${root}/${folder}`;
    if (way === this.#way) return;
    this.close();
    this.#step(root);
    for (const part of folder.split('/')) if (part !== '') this.#step(`/proc/self/fd/${this.#open.at(-1)}/${part}`);
    this.#way = way;
  }

  #step(folder: string): void {
    this.#open.push(openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW));
  }
}

/** One visit. */
export function inRealFolder(root: string, path: string, work: (name: string) => void): void {
  const folders = new RealFolders();
  try {
    folders.visit(root, path, work);
  } finally {
    folders.close();
  }
}
