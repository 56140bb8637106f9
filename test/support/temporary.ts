/** Folders that go away with the test that asked for them. */
import { chmodSync, lstatSync, mkdtempSync, readdirSync, realpathSync, rmdirSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What can run something at its end: node:test's TestContext, for example. */
export interface Ending {
  after(work: () => void): void;
}

/**
 * Makes a new folder (0700, absolute path, no symlinks in it). With a TestContext it is removed after that test;
 * without one when this process exits, so it can be had in `before`, in a suite or at the top of a file.
 */
export function temporaryFolder(t?: Ending, prefix = 'ratchet-test-'): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), prefix));
  if (t === undefined) forThisProcess(folder);
  else t.after(() => removeTree(folder));
  return folder;
}

const leftovers: string[] = [];

function forThisProcess(folder: string): void {
  if (leftovers.length === 0) process.once('exit', () => leftovers.forEach((one) => removeTree(one)));
  leftovers.push(folder);
}

/**
 * Removes a tree, read-only folders and names that are not UTF-8 included; nothing there is fine. Stops with an
 * error at a mount point, so that a mount left behind by a test is never emptied.
 */
export function removeTree(path: string | Buffer): void {
  const bytes = Buffer.from(path);
  const found = lstatSync(bytes, { throwIfNoEntry: false });
  if (found !== undefined) remove(bytes, found.dev);
}

function remove(path: Buffer, device: number): void {
  const found = lstatSync(path);
  if (found.dev !== device) throw new Error(`still mounted, not removed: ${path.toString()}`);
  if (!found.isDirectory()) {
    unlinkSync(path);
    return;
  }
  chmodSync(path, 0o700);
  for (const name of readdirSync(path, { encoding: 'buffer' })) remove(joinBytes(path, name), device);
  rmdirSync(path);
}

/** `folder/name`, in bytes: names on disk need not be UTF-8. */
export function joinBytes(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, Buffer.from('/'), name]);
}
