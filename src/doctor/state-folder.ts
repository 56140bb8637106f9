/** What `doctor` looks at in the state folder: whose it is, who can read it, its disk, and whether its files are whole. */
import { existsSync, lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Repository } from '../config/types.ts';
import { formatBytes } from '../figures.ts';
import { freeInodes, freeSpace } from '../programs/disk.ts';
import { snapshotsSeen } from '../state/snapshots-seen.ts';
import { State } from '../ratchet/state.ts';
import { readScrubMemory } from '../scrub/memory.ts';
import { isWritable } from '../state/files.ts';
import { stateFiles, strangersIn } from '../state/owner.ts';
import { type Verdict, bad, good, warning } from './checkup.ts';

/** What journal, memory and lists of a night may need. */
const leastState = { bytes: 1024 * 1024, files: 16 };
export function stateFolder(folder: string, repositories: readonly Repository[]): Verdict {
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  if (stats === undefined) {
    return canMake(folder)
      ? good(`${folder} (will be made)`)
      : bad(`${folder} cannot be made`, `install -d -m 700 -o "$(id -un)" ${folder}`);
  }
  if (!stats.isDirectory()) return bad(`${folder} is no folder`, 'move it away, or name another folder with state');
  if (stats.uid !== process.getuid?.())
    return bad(`${folder} belongs to another user`, `run as its owner, or: chown -R "$(id -un)" ${folder}`);
  if (!isWritable(folder)) return bad(`${folder} is not writable`, `chmod u+rwx ${folder}`);
  const [stranger] = strangersIn(
    repositories.flatMap(({ name }) => stateFiles(folder, name)),
    process.getuid(),
  );
  if (stranger !== undefined)
    return bad(
      `${stranger} belongs to another user, and a night must write there`,
      `as root: chown -R "$(id -un)" ${folder}`,
    );
  const open = repositories
    .map(({ name }) => join(folder, name, 'state.lock'))
    .find((lock) => ((lstatSync(lock, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0);
  if (open !== undefined)
    return warning(
      `${open} is open to others: who can read it can hold it, and nothing can be written`,
      `chmod 600 ${open}`,
    );
  const full = fullness(folder);
  if (full !== undefined) return full;
  for (const { name } of repositories) requireReadable(folder, name);
  // The group may read: that is how a monitoring user sees `status`.
  return (stats.mode & 0o027) === 0 ? good(folder) : warning(`${folder} is open to others`, `chmod g-w,o= ${folder}`);
}

/** The state may lie on another disk than the replica, and a night that cannot write its journal does nothing. */
function fullness(folder: string): Verdict | undefined {
  const [{ free }, inodes] = [freeSpace(folder), freeInodes(folder)];
  if (free >= leastState.bytes && (inodes === undefined || inodes.free >= leastState.files)) return undefined;
  const files = inodes === undefined ? '' : ` and ${inodes.free} inodes`;
  return bad(
    `the disk of ${folder} has ${formatBytes(free)}${files} free: a night can hardly write its journal there`,
    `make room on that disk (df ${folder}; df -i ${folder})`,
  );
}

/** Throws Failure for a file of the state that is damaged: each night would end with it. */
function requireReadable(folder: string, name: string): void {
  const state = new State(folder, name);
  state.journal.verify(); // what it comes to is told by `history --verify`
  state.memory();
  state.alarm();
  state.windows();
  state.tombstones.ownBooks();
  snapshotsSeen(state.folder);
  readScrubMemory(state.folder);
}

/** Whether a folder is writable, or could be made. */
function canMake(folder: string): boolean {
  return existsSync(folder) || dirname(folder) === folder ? isWritable(folder) : canMake(dirname(folder));
}
