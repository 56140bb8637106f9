/** The restic that a repository's questions go to, as this machine's memory knows it. */
import type { Repository } from '../config/config.ts';
import { requireRestic } from '../programs/restic-version.ts';
import { Restic } from '../programs/restic.ts';
import type { Session } from '../ratchet/session.ts';
import type { State } from '../ratchet/state.ts';

/** Throws Failure when this machine's restic is too old to be believed; what is found out about it is remembered. */
export async function requireFit({ restic }: Repository, session: Session, state: State): Promise<void> {
  if (!restic.hasPassword) return;
  const before = state.memory().restic;
  const found = await requireRestic(restic.path, before, session.interrupt);
  if (found !== before) await state.append(new Date(), { event: 'restic', ...found });
}

/** There must be a password; the session has its private folder since it has the lock. */
export function resticOf(repository: Repository, session: Session, state: State): Restic {
  if (!repository.restic.hasPassword) throw new Error('restic is asked only with a password');
  const known = state.memory().restic;
  return new Restic(repository, () => session.password(), session.path('restic'), session.interrupt, undefined, known);
}
