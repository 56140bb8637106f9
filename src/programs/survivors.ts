/** Who a program has become: itself and all that it has started, as /proc tells. */
import { readdirSync, readFileSync } from 'node:fs';

/** A process and everything below it. */
export function familyOf(pid: number): number[] {
  const parents = new Map(processes().map((one) => [one, Number(statOf(one)[1])]));
  const family = [pid];
  for (const above of family) for (const [one, parent] of parents) if (parent === above) family.push(one);
  return family;
}

/** Those that have not ended, with their names. `waits`: inside the kernel, where no signal reaches it. */
export function survivorsOf(
  family: readonly number[],
): { readonly pid: number; readonly name: string; readonly waits: boolean }[] {
  return family.flatMap((pid) => {
    const [state] = statOf(pid);
    return state === undefined || state === 'Z' || state === 'X'
      ? []
      : [{ pid, name: read(pid, 'comm').trim(), waits: state === 'D' }];
  });
}

/** How often we look who is left after KILL, in milliseconds, and how often at most. */
const interval = 3000;
const mostLooks = 20;

/**
 * Calls `giveUp` when KILL has not ended a family and will not: at two looks in a row one of them waits inside the kernel, or
 * all are gone and only a pipe is held by a stranger. A busy machine merely takes its time, but not more than a minute.
 */
export function watchTheEnd(family: readonly number[], giveUp: () => void): void {
  let wasStuck = false;
  let looks = 0;
  const timer = setInterval(() => {
    const left = survivorsOf(family);
    const isStuck = left.length === 0 || left.some(({ waits }) => waits);
    looks++;
    if (!(isStuck && wasStuck) && looks < mostLooks) {
      wasStuck = isStuck;
      return;
    }
    clearInterval(timer);
    giveUp();
  }, interval).unref();
}

function processes(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** The fields behind the name, which may hold anything: state, parent, … (proc_pid_stat(5)); none when it has ended. */
function statOf(pid: number): string[] {
  const stat = read(pid, 'stat');
  return stat === '' ? [] : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function read(pid: number, what: string): string {
  try {
    return readFileSync(`/proc/${pid}/${what}`, 'latin1');
  } catch {
    return ''; // it has ended meanwhile
  }
}
