/** Starting a program as somebody else, by setpriv(1). */
import type { Owner } from '../state/become.ts';

/**
 * What makes root's program another user's from its start, for good: with the groups that the machine's data base knows of
 * him, and none but his own where it does not know him. Nothing where we are not root, or there is no such wish.
 */
export function asUser(owner: Pick<Owner, 'name' | 'uid' | 'gid'> | undefined): string[] {
  if (owner === undefined || owner.uid === 0 || process.geteuid?.() !== 0) return [];
  const groups = owner.name === String(owner.uid) ? '--clear-groups' : '--init-groups';
  return ['setpriv', `--reuid=${owner.uid}`, `--regid=${owner.gid}`, groups, '--'];
}
