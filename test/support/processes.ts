/** What runs on this machine. */
import { readdirSync, readFileSync } from 'node:fs';

/** The processes that have `text` in their command line or their environment, this one and zombies left out. */
export function processesOf(text: string): number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);
  return all.filter((pid) => pid !== process.pid && (['cmdline', 'environ'] as const).some((what) => ofProcess(pid, what).includes(text)));
}

/** '' where the process has ended or is not ours to read. */
function ofProcess(pid: number, what: 'cmdline' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${what}`, 'latin1').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** Whether a process has ended; one that nobody has waited for yet counts as ended. */
export function hasEnded(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return true;
  }
}

/** Resolves when all of them have ended; rejects after `timeout` ms, so that a broken test ends. */
export async function allEnded(pids: readonly number[], timeout = 120_000): Promise<void> {
  const until = performance.now() + timeout;
  while (!pids.every(hasEnded)) {
    if (performance.now() > until) throw new Error(`still running: ${pids.filter((pid) => !hasEnded(pid)).join(', ')}`);
    await new Promise((resolve) => { setTimeout(resolve, 5); }); // /proc cannot be watched
  }
}
