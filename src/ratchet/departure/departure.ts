/** How files leave: an accepted deletion becomes a tombstone, restic confirms it, its grace passes, it goes (steps 3, 4, 7). */
import { join } from 'node:path';
import type { Amount, Books, Entry } from '../../audit/books.ts';
import { bornTonight, keptAndBack, pending, unconfirmed, waits } from '../../audit/questions.ts';
import type { Run } from '../run.ts';
import { buriedIn } from '../stock.ts';
import { isUnread, unreadWords } from '../../state/unread.ts';
import { hasFiles } from '../replica.ts';
import { journal, pinKeys, requireStanding, type Holdings } from '../holdings.ts';
import { saysLacking } from '../../state/memory.ts';
import { takeLock, type Lock } from '../../programs/lock.ts';
import { emptyExpired, moveOut } from './expire.ts';
import { confirmation, leaving } from './tombstones.ts';
import { bury as writeTombstones, confirm, dropReturned, isSame, listed } from './tombstone-log.ts';

/** So often restic is asked again because an operator's command has changed what may leave. */
const mostQuestions = 3;
const changedMeanwhile = 'an operator has changed what may leave while restic was asked';

/**
 * What serverA lists again has no tombstone any more, and what has left needs none: said before anything leaves or comes,
 * whatever the clock says and beside an alarm, too. It takes nothing from the replica: gone again, it needs a window again.
 */
export async function dropTombstones({ state }: Holdings, run: Run, books: Books): Promise<void> {
  reportReturned(run, books);
  run.tombstones.dropped = await state.locked(() => dropReturned(state, run, books, new Date()));
}

/**
 * Accepted deletions become tombstones: before the fetch, so that a failed fetch does not forget them; after the
 * admission where no snapshot would be left without tonight's. What speaks against it there is a violation.
 */
export async function bury(held: Holdings, run: Run, books: Books): Promise<void> {
  if (run.isClockDoubted) {
    const { files } = books.amount(bornTonight);
    const words = `${files} deletions were not accepted: they wait for a run whose clock is right`;
    if (files > 0) run.findings.add('warning', 'clock', '', words);
    return;
  }
  const { state, repository } = held;
  const added = books.amount(bornTonight).files;
  const buried = added > 0 ? buriedIn(books) : undefined;
  await requireStanding(held);
  const objections = await state.locked(() => writeTombstones(state, run, books, repository.pruneWindows, new Date()));
  for (const { rule, path, message } of objections) run.findings.add('violation', rule, path, message);
  if (run.findings.rules('violation').length > 0) return;
  run.tombstones.added = added;
  run.buried = buried;
}

/** An operator's word outlives a return: who keeps a file hears that serverA has it again. */
function reportReturned(run: Run, books: Books): void {
  const words = 'kept for good, and serverA has it again; when it is gone once more, it is still kept';
  for (const entry of listed(books, keptAndBack)) run.findings.add('warning', 'came-back', books.path(entry), words);
}

/**
 * Gives unconfirmed tombstones their due date, once restic finds complete what would remain without all tombstones;
 * without a password at once. Only after the fetch: what serverA deleted may live on in files that have yet to come.
 */
export async function proveDeletions(held: Holdings, run: Run, books: Books): Promise<void> {
  const { state, repository } = held;
  for (let question = 0; question < mostQuestions; question++) {
    const { files } = books.amount(unconfirmed);
    if (files === 0) return;
    const asked = [...books.select(pending)];
    const without = (): string[] => [...asked, ...books.select(waits)].map((entry) => books.path(entry));
    const missing = held.prover.canProve ? await held.prover.whatIsMissing(without(), true) : undefined;
    if (missing !== undefined) {
      run.findings.add('warning', 'unconfirmed', '', `without the deleted files restic would miss: ${missing}`);
      return;
    }
    if (run.isClockDoubted) return; // restic may be asked, but no due date is given
    // A clock that goes back while the run is at work shortens no grace.
    const given = confirmation(new Date(Math.max(Date.now(), run.startedAt.getTime())), repository.deletionGrace);
    if (!(await state.locked(() => confirm(state, books, asked, given)))) continue;
    run.tombstonesDue = given.due === null ? undefined : new Date(given.due);
    run.hasConfirmed = true;
    await journal(held, { event: 'tombstones-confirmed', runId: run.runId, files });
    return;
  }
  run.findings.add('warning', 'unconfirmed', '', `${changedMeanwhile}, ${mostQuestions} times`);
}

/**
 * Step 4. What was due at `when` leaves, if restic finds complete what would remain, and only if it is still exactly what
 * restic was asked about. Without a password nothing leaves while anything is in doubt. Before the fetch `when` is the
 * start of the run: what tonight's deletions leave behind may need files that are still to come. `isLast`: nothing
 * expires in this run after that, so what stays is said.
 */
export async function expire(held: Holdings, run: Run, books: Books, when: Date, isLast: boolean): Promise<void> {
  if (run.isClockDoubted || held.repository.deletionGrace === 'forever') return;
  let doubt: string | undefined;
  for (let question = 0; question < mostQuestions; question++) {
    const due = leaving(books, when);
    if (due.length === 0) return;
    doubt = await doubtAbout(held, run, books, due);
    if (doubt !== undefined) break;
    const expired = await unlessRead(held, () => letGo(held, run, books, due, when));
    if (expired === isRead) {
      doubt = 'somebody reads the replica just now (restic, drill or give-back)';
      break;
    }
    if (expired === undefined) continue;
    run.tombstones.expired += expired.files;
    await journal(held, { event: 'expired', runId: run.runId, ...expired });
    return;
  }
  if (!isLast) return;
  const why = doubt ?? `${changedMeanwhile}, ${mostQuestions} times`;
  run.findings.add('warning', 'postponed', '', `${leaving(books, when).length} files are due and stay for now: ${why}`);
}

const isRead = Symbol('somebody reads the replica');

/** Does it while nobody reads the replica beside the nights (shared-lock.ts), or comes to `isRead`. */
async function unlessRead<T>({ paths }: Holdings, work: () => Promise<T>): Promise<T | typeof isRead> {
  const lock = await takeLock(paths.readers).catch(unlessFull);
  if (lock === undefined) return isRead;
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/** A disk that is so full that the lock's file cannot be made must still be able to empty itself; without it nobody reads. */
function unlessFull(error: unknown): Pick<Lock, 'release'> {
  if (!['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  return { release: () => undefined };
}

/** Moves what is due at `when` out of the replica, and deletes it; undefined, and nothing leaves, when that is not exactly `due` any more. */
async function letGo(
  held: Holdings,
  run: Run,
  books: Books,
  due: readonly Entry[],
  when: Date,
): Promise<Amount | undefined> {
  const { state, paths } = held;
  await requireStanding(held);
  const moved = await state.locked(async () => {
    state.tombstones.fold(books); // an operator may have said `keep` meanwhile
    if (!isSame(due, leaving(books, when))) return undefined;
    pinKeys(held, books, due); // before they leave: a kill in between must not leave a pin without its key
    const files = await moveOut(paths.replica, join(paths.expired, run.runId), books, due);
    state.tombstones.compact(books);
    return files;
  });
  emptyExpired(paths.expired);
  return moved;
}

/** Due dates move by so many milliseconds. */
export async function moveDueDates({ state }: Holdings, by: number): Promise<void> {
  await state.locked(() => state.tombstones.append([{ event: 'postponed', by }]));
}

async function doubtAbout(held: Holdings, run: Run, books: Books, due: readonly Entry[]): Promise<string | undefined> {
  const unread = held.prover.unread(books, due);
  if (isUnread(unread)) return `of what would remain, ${unreadWords(unread)} have not been read by restic`;
  if (held.prover.canProve) {
    const without = due.map((entry) => books.path(entry));
    return held.prover.whatIsMissing(without, false);
  }
  if (!hasLooseEnds(held, run)) return undefined;
  return 'without a restic password nothing leaves while files are quarantined, held back or undelivered';
}

/** Whether anything that the replica lacks lies in quarantine, waits as a candidate, or was not delivered, tonight or before. */
function hasLooseEnds({ state, quarantine, paths }: Holdings, { findings }: Run): boolean {
  const isMissing = saysLacking.some((rule) => findings.count(rule) > 0) || state.memory().undelivered;
  return isMissing || quarantine.hasMissing(paths.replica) || hasFiles(paths.candidate);
}
