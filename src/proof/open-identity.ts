/** Before anything is pinned: the keys are keys by their structure, and restic, where there is a password, opens config and keys. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Books } from '../audit/books.ts';
import { candidates } from '../audit/questions.ts';
import type { Repository } from '../config/config.ts';
import { keyFault } from './structure.ts';
import { Failure } from '../errors.ts';
import type { Restic } from '../programs/restic.ts';

/** Throws Failure when a key among the candidates is none. */
export function requireKeys(candidate: string, books: Books): void {
  for (const entry of books.select(candidates, 'key')) {
    const fault = keyFault(readFileSync(join(candidate, books.path(entry)), 'utf8'));
    if (fault !== undefined)
      throw new Failure(
        `${books.path(entry)} on serverA is no key: ${fault}`,
        'look who wrote it, and remove it there if it is not yours; the replica has no marker yet, so run init again',
      );
  }
}

/** Throws Failure when restic cannot open the repository with the config and the keys that were fetched, beside those that are there. */
export async function requireOpens(restic: Restic, candidate: string, { timeouts }: Repository): Promise<void> {
  const answer = await restic.unlocks({ candidate, config: join(candidate, 'config') }, Date.now() + timeouts.prove);
  if (answer.isGood) return;
  throw new Failure(
    `restic cannot open the repository with the config and the keys of serverA: ${answer.words}`,
    'is the password of restic.passwordFile or passwordCommand that of this repository? If so, look at config and keys on serverA. The replica has no marker yet, so run init again',
  );
}

/** Whether restic is asked at all. */
export function proves({ restic: { hasPassword, prove } }: Repository): boolean {
  return hasPassword && prove !== false;
}
