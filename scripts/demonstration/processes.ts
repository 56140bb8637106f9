/** Finding programs, and ending a process with all that it started. */
import { accessSync, constants, readdirSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** PATH, and where sshd usually is: a user's PATH often lacks that. */
export function searchPath(): string {
  return [process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin', '/usr/local/sbin', '/usr/sbin', '/sbin'].join(
    delimiter,
  );
}

/** Where a program is, undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = searchPath()
    .split(delimiter)
    .filter((folder) => folder.startsWith('/'));
  return folders
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return statSync(file).isFile();
      } catch {
        return false;
      }
    });
}

/** Ends a process and all below it, each by its process ID; when this returns they are gone. */
export async function endTree(root: number): Promise<void> {
  const pids = [root, ...descendants(root)];
  for (const pid of pids) signal(pid, 'SIGTERM');
  const deadline = performance.now() + 3000;
  while (pids.some(isAlive) && performance.now() < deadline) await sleep(20);
  for (const pid of pids.filter(isAlive)) signal(pid, 'SIGKILL');
}

function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}

/** The processes below one process, nearest first: each session of sshd is a process group of its own. */
function descendants(pid: number): number[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  const all = pids.map((one) => ({ pid: one, parent: Number(statOf(one)[1]) }));
  const found = [pid];
  for (const above of found) found.push(...all.filter(({ parent }) => parent === above).map((one) => one.pid));
  return found.slice(1);
}

function isAlive(pid: number): boolean {
  const [state = 'Z'] = statOf(pid);
  return state !== 'Z';
}

/** State, parent and so on of a process (proc(5), "stat"); empty when there is none. */
function statOf(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}
