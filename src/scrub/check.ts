/**
 * restic's own look at the whole replica, a share of all data each time: step 9 of a night, and the command `check`. It
 * never touches the replica.
 */
import type { Repository } from '../config/config.ts';
import { Failure } from '../errors.ts';
import { checkShare } from '../proof/check-share.ts';
import { Missing } from '../proof/missing-packs.ts';
import { proves } from '../proof/open-identity.ts';
import type { CheckResult } from '../proof/proof.ts';
import { requireFit, resticOf } from '../proof/restic-of.ts';
import { UnreadFile } from '../proof/unread-file.ts';
import { journal, type Holdings, type RunOptions } from '../ratchet/holdings.ts';
import type { Memory } from '../state/memory.ts';
import { notInitialised } from '../ratchet/replica.ts';
import type { Night } from '../ratchet/night.ts';
import { Session } from '../ratchet/session.ts';
import { State } from '../ratchet/state.ts';
import { markerOf } from '../ratchet/whose-state.ts';
import type { JournalEvent } from '../state/chain.ts';
import { sinceThen } from '../state/clock.ts';
import { noteCheck, noteUnread } from '../words/asides.ts';

/** Step 9: when it is due, restic checks the replica and reads a share of all data. Tells what is unread after that. */
export async function checkDue(held: Holdings, { run, unreadBefore }: Night): Promise<void> {
  const { restic, timeouts } = held.repository;
  try {
    for (const share of sharesDue(held.state.memory().checks, restic.check, run.startedAt)) {
      const result = await held.prover.check(share);
      noteCheck(run, result);
      await journal(held, { ...checkedEvent(result), runId: run.runId });
    }
  } finally {
    run.unread = held.prover.unreadStill();
  }
  noteUnread(run, unreadBefore, timeouts.prove);
}

/**
 * The command `check`: one that failed once more, else the next share, whether it is due or not; undefined while another
 * run is at work. Throws Failure without a password or a replica.
 */
export async function checkNow(options: RunOptions): Promise<CheckResult | undefined> {
  const { config, repository, interrupt } = options;
  const { hasPassword, check } = repository.restic;
  if (markerOf(config, repository) === undefined) throw notInitialised(repository.replica);
  if (!hasPassword || check === undefined) {
    throw new Failure(
      `${repository.name} has no restic.passwordFile and no passwordCommand`,
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
    until: Date.now() + repository.timeouts.check,
    missing: new Missing(state.folder, () => true).admitted,
  };
  const result = await console.withProgress(`${repository.name}: check`, (progress) =>
    checkShare(question, unread, failed[0]?.share ?? nextShare(turn ?? undefined, total), progress),
  );
  await state.append(new Date(), { ...checkedEvent(result), ...(isKnown ? { unread: unread.amount() } : {}) });
  return result;
}

/** What the journal has of a check. */
function checkedEvent({ share, passed, words, missing = [] }: CheckResult): JournalEvent {
  return { event: 'checked', share, passed, words, ...(missing.length === 0 ? {} : { missing: missing.length }) };
}

/** The share that follows `last` (`n/t`), so that `total` checks read everything. */
export function nextShare(last: string | undefined, total: number): string {
  const [number = 0] = (last ?? '').split('/').map(Number);
  return `${((Number.isInteger(number) ? number : 0) % total) + 1}/${total}`;
}

type Check = Repository['restic']['check'];

/**
 * The shares to check in a night that begins at `now`: every night the one of those that failed that was tried longest ago,
 * until it passes; and the next one when it is due (`every` in milliseconds), so that a failure does not keep the turn waiting.
 */
function sharesDue({ failed, turn, turnAt }: Memory['checks'], check: Check, now: Date): string[] {
  if (check === undefined) return [];
  const again = failed[0]?.share;
  const isDue = sinceThen(turnAt ?? undefined, now) >= check.every;
  const next = isDue ? nextShare(turn ?? undefined, check.readDataSubset) : undefined;
  return [...new Set([again, next])].filter((share) => share !== undefined);
}
