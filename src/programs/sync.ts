/** Durability for many files at once. */
import { closeSync, fsync, openSync } from 'node:fs';
import { Failure } from '../errors.ts';
import { briefly } from './briefly.ts';

/** A slow disk may have much to write; one that hangs must not keep the night, in milliseconds. */
const patience = 3_600_000;

/**
 * Up to so many files and folders are flushed by themselves. syncfs(2) waits for everything else that is dirty on the file
 * system: beside a neighbour who writes it took 0.8 to 1.2 s where these took 0.01 s (1 of them) to 0.2 s (300).
 */
const few = 256;

/** What has been changed on one file system and need not be durable yet. */
export class Unsynced {
  readonly #folder: string;
  readonly #paths = new Set<string>();

  /** `folder`: any of that file system. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** A file whose content, or a folder whose names, have changed. */
  add(path: string): void {
    if (!this.isMany) this.#paths.add(path);
  }

  /** So many that the whole file system is flushed, and none of them is kept. */
  get isMany(): boolean {
    return this.#paths.size > few;
  }

  /** Makes all of it durable. Throws Failure when the disk reports an error. */
  async sync(): Promise<void> {
    const paths = this.isMany ? undefined : [...this.#paths];
    this.#paths.clear();
    return paths === undefined ? syncFileSystem(this.#folder) : syncEach(this.#folder, paths);
  }
}

/**
 * Makes everything on the file system of `folder` durable, data and entries (sync(1) `-f`, syncfs(2)). One call for a
 * night instead of an fsync for each of a million files. Throws Failure when the disk reports an error.
 */
export async function syncFileSystem(folder: string): Promise<void> {
  const { code, stderr } = await briefly('sync', ['-f', folder], patience);
  if (code !== 0) throw notSynced(folder, stderr || 'sync ended by a signal');
}

/** All at once, so that the file system writes its journal for many of them together. */
async function syncEach(folder: string, paths: readonly string[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const givenUp = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(notSynced(folder, `fsync was not done within ${patience / 1000} s`));
    }, patience);
  });
  try {
    await Promise.race([Promise.all(paths.map(syncOne)), givenUp]);
  } catch (error) {
    throw error instanceof Failure ? error : notSynced(folder, (error as Error).message);
  } finally {
    clearTimeout(timer);
  }
}

async function syncOne(path: string): Promise<void> {
  const file = openSync(path, 'r');
  try {
    await new Promise<void>((resolve, reject) => {
      fsync(file, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  } finally {
    closeSync(file);
  }
}

function notSynced(folder: string, why: string): Failure {
  return new Failure(
    `the file system of ${folder} could not be synced: ${why}`,
    'look at `dmesg` and at the disk; nothing that was not safe on disk is in the replica',
  );
}
