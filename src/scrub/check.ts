/** The command `check`: restic's own look at the whole replica, a share of all data each time. It never touches the replica. */
import { Failure } from '../errors.ts';
import { checkShare } from '../proof/check-share.ts';
import { Missing } from '../proof/missing-packs.ts';
import { proves } from '../proof/open-identity.ts';
import { checkedEvent, nextShare, type CheckResult } from '../proof/proof.ts';
import { requireFit, resticOf } from '../proof/restic-of.ts';
import { UnreadFile } from '../proof/unread-file.ts';
import type { RunOptions } from '../ratchet/holdings.ts';
import { notInitialised } from '../ratchet/replica.ts';
import { Session } from '../ratchet/session.ts';
import { State } from '../ratchet/state.ts';
import { markerOf } from '../ratchet/whose-state.ts';

/**
 * The command `check`: one that failed once more, else the next share, whether it is due or not; undefined while another
 * run is at work. Throws Failure without a password or a replica.
 */
export async function checkNow(options: RunOptions): Promise<CheckResult | undefined> {
  const { config, repository, interrupt } = options;
  const { passwordFile, check } = repository.restic;
  if (markerOf(config, repository) === undefined) throw notInitialised(repository.name, repository.replica);
  if (passwordFile === undefined || check === undefined) {
    throw new Failure(
      `${repository.name} has no restic.passwordFile`,
      'restic can only check what it can open: put the password into a file (0600) and name it in the configuration',
    );
  }
  const session = new Session(repository, interrupt);
  try {
    return (await session.lock()) ? await checkLocked(options, session, check.readDataSubset) : undefined;
  } finally {
    await session.close();
  }
}

/** `total`: in so many checks everything is read. */
async function checkLocked(
  { config, repository, console }: RunOptions,
  session: Session,
  total: number,
): Promise<CheckResult> {
  const state = new State(config.state ?? '', repository.name);
  await requireFit(repository, session, state);
  const unread = new UnreadFile(state.folder);
  const isKnown = proves(repository) && unread.openAlone();
  const { failed, turn } = state.memory().checks;
  const question = {
    restic: resticOf(repository, session, state),
    replica: repository.replica,
    until: Date.now() + repository.timeouts.check,
    missing: new Missing(state.folder, () => true).admitted,
  };
  const result = await console.withProgress(`${repository.name}: check`, (progress) =>
    checkShare(question, unread, failed[0]?.share ?? nextShare(turn ?? undefined, total), progress),
  );
  await state.append(new Date(), { ...checkedEvent(result), ...(isKnown ? { unread: unread.amount() } : {}) });
  return result;
}
