/** How many programs a command starts, itself included: execve(2), counted by strace(1). */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

export interface Started {
  /** By name. */
  readonly counts: Counts;
  readonly programs: number;
  readonly restic: number;
  /** Each name with its number, the most frequent first. */
  readonly names: string;
}

export type Counts = Readonly<Partial<Record<string, number>>>;

/** Runs the command to its end; throws when it fails. `log` is where strace writes. */
export function programsStarted(command: readonly string[], log: string): Started {
  execFileSync('strace', ['-f', '-qq', '-e', 'trace=execve', '-o', log, ...command], { stdio: ['ignore', 'ignore', 'inherit'] });
  return startedIn(readFileSync(log, 'latin1'));
}

/** What a log says of calls that were not interrupted, and of those that were. */
export function startedIn(log: string): Started {
  const counts = new Map<string, number>();
  const begun = new Map<string, string>();
  for (const [, pid = '', file, end] of log.matchAll(/^(\d+) +(?:execve\("([^"]*)".*?|<\.\.\. execve resumed>.*?)(= 0|<unfinished \.\.\.>|= -1 .*)$/gm)) {
    const name = basename(file ?? begun.get(pid) ?? '?');
    if (end === '= 0') counts.set(name, (counts.get(name) ?? 0) + 1);
    else if (file !== undefined) begun.set(pid, file);
  }
  const all = [...counts].sort(([, a], [, b]) => b - a);
  return { counts: Object.fromEntries(all), programs: all.reduce((sum, [, count]) => sum + count, 0), restic: counts.get('restic') ?? 0, names: all.map(([name, count]) => `${name} ${count}`).join(', ') };
}
