/** The rclones that nights are measured beside: the one in PATH, and those that RATCHET_RCLONE names (scripts/bench fetches some). */
import { spawnSync } from 'node:child_process';
import { delimiter } from 'node:path';

export interface Rclone {
  readonly program: string;
  readonly version: string;
}

/** One of each version, the oldest way to have it first. `named`: paths as in PATH. Throws when one of them is no rclone. */
export function rclones(named = process.env['RATCHET_RCLONE'] ?? ''): readonly Rclone[] {
  const found = new Map<string, Rclone>();
  for (const program of ['rclone', ...named.split(delimiter).filter(Boolean)]) {
    const version = versionOf(program);
    if (version === undefined && program !== 'rclone') throw new Error(`RATCHET_RCLONE names no rclone: ${program}`);
    if (version !== undefined && !found.has(version)) found.set(version, { program, version });
  }
  return [...found.values()];
}

/** Such as 1.60.1-DEV; undefined when it is not there (its stdout is null then), or does not say. */
function versionOf(program: string): string | undefined {
  return /^rclone v(\S+)/m.exec(spawnSync(program, ['version'], { encoding: 'utf8' }).stdout)?.[1];
}
