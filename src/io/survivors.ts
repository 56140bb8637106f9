/** Who a program has become: itself and all that it has started, as /proc tells. */
import { readdirSync, readFileSync } from 'node:fs';

/** A process and everything below it. */
export function familyOf(pid: number): number[] {
  const parents = new Map(processes().map((one) => [one, Number(statOf(one)[1])]));
  const family = [pid];
  for (const above of family) for (const [one, parent] of parents) if (parent === above) family.push(one);
  return family;
}

/** Those that have not ended, with their names. */
export function survivorsOf(family: readonly number[]): { readonly pid: number; readonly name: string }[] {
  return family.flatMap((pid) => {
    const [state] = statOf(pid);
    return state === undefined || state === 'Z' || state === 'X' ? [] : [{ pid, name: read(pid, 'comm').trim() }];
  });
}

function processes(): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);
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
