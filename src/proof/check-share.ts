/** A check of the whole replica that reads a share of its data, and what it tells of what was unread. */
import { repositoryPath } from '../layout.ts';
import type { Progress } from '../programs/progress.ts';
import { OutOfTime } from '../programs/restic-failures.ts';
import type { Restic } from '../programs/restic.ts';
import { bare } from './asking.ts';
import { lacksOnlyKnown, type Question } from './complete.ts';
import { IndexReader } from './index-json.ts';
import type { CheckResult } from './proof.ts';
import type { UnreadFile } from './unread-file.ts';

/** Checks the replica as it is and reads a share (`n/t`) of all data; what that has read of `unread`, where that is open, counts. */
export async function checkShare(
  question: Question,
  unread: UnreadFile,
  share: string,
  progress: Progress | undefined,
): Promise<CheckResult> {
  try {
    const result = await judge(question, share, progress);
    if (result.passed && unread.isOpen && unread.ids('pack').length > 0)
      await countShare(question.restic, unread, share, question.until);
    return result;
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    return { share, passed: false, words: 'not done within timeouts.check' };
  }
}

async function judge(question: Question, share: string, progress: Progress | undefined): Promise<CheckResult> {
  const { restic, until, missing } = question;
  const { isGood, words } = await restic.isComplete({}, until, share, progress);
  if (isGood) return { share, passed: true, words: '' };
  const isKnown = (await lacksOnlyKnown(question, {})) && (await isShareGood(question, share));
  return isKnown
    ? { share, passed: true, words: '', missing: [...missing.keys()].map((pack) => repositoryPath('pack', pack)) }
    : { share, passed: false, words };
}

/** Whether the data of a share, besides these packs, is what the indexes say. */
async function isShareGood({ restic, until }: Question, share: string): Promise<boolean> {
  return restic.passes(
    { shows: { data: 'r', index: 'r', keys: 'r', snapshots: '' }, mayWrite: true },
    [await restic.rebuildIndex(), ['check', `--read-data-subset=${share}`]],
    until,
  );
}

/**
 * After a check of a share, which goes by the indexes: the packs that they name were read whole, each held against its
 * header. Without isolation, where no pack can be read by its header, all of them count.
 */
async function countShare(restic: Restic, unread: UnreadFile, share: string, until: number): Promise<void> {
  const goesByIndexes = await restic.mayWrite();
  if (goesByIndexes)
    await tellNames(restic, until, (pack) => {
      unread.isNamedBy(pack);
    });
  unread.hasReadShare(share, goesByIndexes);
  unread.save();
}

/** The packs that the replica's indexes name; what is no index as restic writes it names none. */
async function tellNames(restic: Restic, until: number, tell: (pack: string) => void): Promise<void> {
  const reader = new IndexReader(({ pack }) => {
    tell(pack);
  });
  await restic.ask(bare({ index: 'r' }), ['each index'], {
    until,
    onOutput: (_, chunk) => {
      reader.read(chunk);
    },
    onEnd: () => {
      reader.end();
    },
  });
}
