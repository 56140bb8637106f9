/** Starting a program as somebody else, by setpriv(1). */
import type { Owner } from '../state/become.ts';

/**
 * What makes root's program another user's from its start, for good: with the groups that the machine's data base knows of
 * him, and none but his own where it does not know him. Nothing where we are not root, or there is no such wish. For what has
 * a session of its own.
 */
export function asUser(owner: Pick<Owner, 'name' | 'uid' | 'gid'> | undefined): string[] {
  if (owner === undefined || owner.uid === 0 || process.geteuid?.() !== 0) return [];
  const groups = owner.name === String(owner.uid) ? '--clear-groups' : '--init-groups';
  return ['setpriv', `--reuid=${owner.uid}`, `--regid=${owner.gid}`, groups, '--'];
}

/**
 * The same for a program that would be started in our own session, where /dev/tty is root's terminal: whoever it belongs to
 * could put into that what root seems to have typed. It is still the process that was started.
 */
export function asUserApart(owner: Parameters<typeof asUser>[0]): string[] {
  const words = asUser(owner);
  return words.length === 0 ? [] : ['setsid', ...words];
}
