/** Deleting what another program has left behind. */
import { rmSync } from 'node:fs';
import { Failure } from '../errors.ts';
import { escapeText } from '../printable.ts';
import { atOnce } from './at-once.ts';

/** A million files take minutes; in milliseconds. */
const patience = 3_600_000;

/**
 * Deletes a folder that something else has written: also one without rights, or with paths longer than a system call
 * takes, which rm(1) goes through step by step. Throws Failure when it stays.
 */
export function removeTree(folder: string): void {
  try {
    return rmSync(folder, { recursive: true, force: true });
  } catch {
    atOnce('chmod', ['-R', 'u+rwX', '--', folder], patience);
  }
  const { code, stderr } = atOnce('rm', ['-rf', '--', folder], patience);
  if (code !== 0)
    throw new Failure(`${folder} cannot be deleted: ${escapeText(stderr)}`, 'delete it by hand, and look at the disk');
}
