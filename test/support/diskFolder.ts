/** Folders on a disk, where the tests' own are in memory. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepsRoom } from '../../src/programs/report-file.ts';
import { type Ending, removeTree, temporaryFolder } from './temporary.ts';

/** A new folder that goes with the test; undefined where this machine has memory alone for such things, or another file system than keeps room. */
export function folderOnDisk(t: Ending): string | undefined {
  const parent = realpathSync(process.env['RATCHET_TESTS_CACHE'] ?? tmpdir());
  if (!keepsRoom(statfsSync(parent).type)) return undefined;
  const folder = mkdtempSync(join(parent, 'ratchet-test-'));
  t.after(() => { removeTree(folder); });
  return folder;
}

/** A file system of its own, by mount(8)'s arguments; undefined where this machine mounts none for us. */
export function mounted(t: Ending, ...args: readonly string[]): string | undefined {
  const disk = join(temporaryFolder(), 'disk'); // the folder is removed after the disk
  mkdirSync(disk);
  if (spawnSync('mount', [...args, disk]).status !== 0) return undefined;
  t.after(() => { execFileSync('umount', [disk]); });
  return disk;
}

/** A small disk with ext4. */
export function smallDisk(t: Ending, mebibytes: number): string | undefined {
  const image = join(temporaryFolder(), 'image');
  writeFileSync(image, '');
  truncateSync(image, mebibytes * 2 ** 20);
  const made = spawnSync('mke2fs', ['-q', '-t', 'ext4', '-F', image], { env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' } });
  return made.status === 0 ? mounted(t, '-o', 'loop', image) : undefined;
}
