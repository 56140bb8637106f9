/** One pass of the audit, with its second tries. */
import { asFailure, Failure } from '../errors.ts';
import type { Audit } from './audit.ts';
import { hideable } from './filters.ts';
import { escapePath } from '../printable.ts';
import type { Pass } from '../layout.ts';

/** How a dry run failed. What it had said before still counts: a line that was printed is evidence, one that is missing is none. */
export interface FailedPass {
  readonly failure: Failure;
  /** rsync's exit code; undefined when it did not end by itself, or said what cannot be understood. */
  readonly code: number | undefined;
  /** Whether another pass can say something: the connection is as good as before. */
  readonly mayGoOn: boolean;
  /** What it read was no longer the source, or the replica: nothing of it counts. */
  readonly isVoid?: boolean;
  /** rsync ended by itself and had listed nothing at all. */
  readonly isSilent?: boolean;
}

/**
 * One pass. During which files vanished (24: a backup renamed them under rsync's eyes), is run once more; so is one that
 * could not read everything (23), without the foreign folders that it named: rsync opens what it lists, and what a client
 * has closed must not hide what it has deleted.
 */
export async function auditPass(
  judging: Audit,
  pass: Pass,
  dryRun: (hidden: readonly string[]) => Promise<FailedPass | undefined>,
): Promise<FailedPass | undefined> {
  const once = async (hidden: readonly string[]): Promise<FailedPass | undefined> => {
    judging.begin(pass, hidden);
    try {
      const failed = await dryRun(hidden);
      if (failed?.isVoid === true) judging.drop();
      return failed;
    } catch (error) {
      // Whatever it was: what the pass had shown by then stays seen.
      return { failure: asFailure(error), code: undefined, mayGoOn: false };
    }
  };
  let failed = await once([]);
  if (failed?.code === 24) failed = await once([]);
  const folders = failed?.code === 23 ? judging.foreignFolders : [];
  const hidden = hideable(folders);
  if (hidden.length > 0) failed = await once(hidden);
  if (failed === undefined) return undefined;
  const unhidden = folders.filter((path) => !hidden.includes(path));
  return { ...failed, failure: withUnhidden(failed.failure, unhidden) };
}

/** Folders that no rule can hide are named: one of them may be what cannot be read. */
function withUnhidden(failure: Failure, folders: readonly string[]): Failure {
  if (folders.length === 0) return failure;
  const names = folders.slice(0, namedFolders).map((path) => `"${escapePath(path)}"`);
  const more = folders.length > namedFolders ? ` and ${folders.length - namedFolders} more` : '';
  return new Failure(
    `${failure.message}; these folders, which restic does not use, could not be passed over: ${names.join(', ')}${more}`,
    'look at these folders on serverA: remove them, or let the account read them',
    { cause: failure },
  );
}

/** So many are named in a message. */
const namedFolders = 20;
