/** One night for one repository, top to bottom, steps 1 to 8 of DESIGN section 4. Check and telling come after it (nightly.ts). */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Books } from '../audit/books.ts';
import { pending, present, unconfirmed } from '../audit/questions.ts';
import { asFailure } from '../errors.ts';
import { escapeText } from '../printable.ts';
import { nothingUnread } from '../state/unread.ts';
import { isBelieved, jumpAt, type Clock } from '../state/clock.ts';
import { noteSnapshots } from '../state/snapshots-seen.ts';
import { version } from '../version.ts';
import { admit, fetch, judgeKeys, prove, readUnread } from './arrival/arrival.ts';
import { audit, type Audited, type AuditWish } from './audit.ts';
import { alarmWith, type Alarm } from './declared/alarm.ts';
import { decideWindow } from './declared/window.ts';
import { bury, dropTombstones, expire, moveDueDates, proveDeletions } from './departure/departure.ts';
import { hasCompletedOnce, journal, recordCompletion, takeReplica, type Holdings } from './holdings.ts';
import { messageIdOf, newRun, runIdOf, secondsBetween, type Run, type Stage } from './run.ts';
import { reminderIn, sizeIn } from './stock.ts';
import { examine } from './suspects.ts';

export interface NightOptions extends AuditWish {
  /** `audit` asks only: steps 1 to 3, nothing is fetched. */
  readonly command: 'sync' | 'audit';
}

/** What a night came to. */
export interface Night {
  readonly run: Run;
  /** Whether it did all that it had to: no violation, no alarm, nothing failed. */
  isThrough: boolean;
  /** Bytes of the replica that restic had not read when it began. */
  unreadBefore: number;
}

/** The night. Always returns what it came to; never throws. The lock is held still, for what only looks and for telling. */
export async function night(held: Holdings, options: NightOptions): Promise<Night> {
  const startedAt = new Date();
  const runId = runIdOf(startedAt, randomBytes(2).toString('hex'));
  const tonight = {
    run: newRun(held.repository.name, runId, options.command, startedAt),
    isThrough: false,
    unreadBefore: 0,
  };
  await guarded(held, tonight, async () => {
    tonight.run.isLocked = !(await takeReplica(held));
    if (!tonight.run.isLocked) await steps(held, tonight, options);
  });
  return tonight;
}

/** One stage more, if the night is through so far. What goes wrong in it is the run's failure, and not thrown. */
export async function afterwards(
  held: Holdings,
  tonight: Night,
  stage: Stage,
  work: (held: Holdings, tonight: Night) => Promise<void>,
): Promise<void> {
  if (!tonight.isThrough) return;
  await guarded(held, tonight, () => timed(held, tonight.run, stage, () => work(held, tonight)));
}

async function guarded(held: Holdings, tonight: Night, work: () => Promise<void>): Promise<void> {
  const { run } = tonight;
  try {
    await work();
  } catch (error) {
    tonight.isThrough = false;
    run.failure = asFailure(error);
    await raiseAfterFailure(held, run);
  }
}

/** What was found before the run failed stays raised, whatever it was that failed: it must not be gone by the next night. */
async function raiseAfterFailure(held: Holdings, run: Run): Promise<void> {
  const words = run.failure?.message ?? '';
  if (run.findings.rules('violation').length > 0) run.findings.add('warning', 'unfinished', '', escapeText(words));
  if (run.command !== 'sync' || run.isLocked) return;
  try {
    await alarmStands(held, run);
  } catch (error) {
    const both = `${words}; and the alarm could not be raised: ${asFailure(error).message}`;
    run.failure = asFailure(new AggregateError([run.failure, error], both));
  }
}

async function steps(held: Holdings, tonight: Night, options: NightOptions): Promise<void> {
  const { run } = tonight;
  held.session.beginToConnect();
  await begin(held, run);
  let books: Books | undefined;
  try {
    const audited = await timed(held, run, 'audit', () => audit(held, run, options));
    books = audited.books;
    if (run.command === 'sync') tonight.isThrough = await act(held, tonight, audited);
  } finally {
    if (books === undefined) remind(held, run, held.state.tombstones.ownBooks());
    else takeStock(held, run, books);
  }
}

/** Acts on the verdict: a violation stops the run, before anything is fetched into the replica or removed from it. Returns whether none did. */
async function act(held: Holdings, tonight: Night, audited: Audited): Promise<boolean> {
  const { run } = tonight;
  const { books } = audited;
  run.unread = held.prover.unread(books);
  tonight.unreadBefore = run.unread.bytes;
  await dropTombstones(held, run, books);
  await timed(held, run, 'audit', () => examine(held, run, audited));
  if (await alarmStands(held, run)) return false;
  await held.prover.requireFit();
  if (!run.awaitsNews) await bury(held, run, books);
  if (await alarmStands(held, run)) return false;
  const expiresAgain = held.repository.deletionGrace === 0;
  await timed(held, run, 'expire', () => expire(held, run, books, run.startedAt, !expiresAgain));
  const isComplete = await timed(held, run, 'fetch', () => fetch(held, run, books));
  await timed(held, run, 'prove', () => prove(held, run, books, isComplete));
  judgeKeys(held, run, books);
  if (await alarmStands(held, run)) return false;
  await timed(held, run, 'admit', () => admit(held, run, books));
  if (run.awaitsNews) await timed(held, run, 'prove', () => buryAfterNews(held, run, books));
  await timed(held, run, 'prove', () => readUnread(held, run, books));
  if (await alarmStands(held, run)) return false;
  if (expiresAgain) await timed(held, run, 'expire', () => expire(held, run, books, new Date(), true));
  if (!hasCompletedOnce(held) && isComplete) recordCompletion(held);
  return true;
}

/** What replaces every snapshot, or every key, is judged when it has been admitted: by what the replica holds then. */
async function buryAfterNews(held: Holdings, run: Run, books: Books): Promise<void> {
  await bury(held, run, books);
  if (run.findings.rules('violation').length === 0) await proveDeletions(held, run, books);
}

/** Raises the alarm if the run has found a violation; whether an alarm stands (P9). */
async function alarmStands(held: Holdings, run: Run): Promise<boolean> {
  if (run.findings.rules('violation').length > 0) run.alarm = await raise(held, run);
  return run.alarm !== undefined;
}

/** Raises it with this run's violations, or adds them to the one that stands. */
function raise({ state }: Holdings, run: Run): Promise<Alarm> {
  return state.locked(() => {
    const standing = state.alarm();
    const alarm = alarmWith(standing, run, messageIdOf(run, hostname()), sinceOf(run, state.memory().clock));
    state.setAlarm(alarm);
    const { rules, since, messageId } = alarm;
    if (standing === undefined) {
      state.note(new Date(), { event: 'alarm-raised', runId: run.runId, rules, since, messageId });
    }
    return alarm;
  });
}

/** Since when an alarm stands, by a clock that is believed: due dates move by the time that has gone by since. */
function sinceOf({ isClockDoubted, startedAt }: Run, { believed }: Clock): string {
  return isClockDoubted && believed !== null ? believed : startedAt.toISOString();
}

/** What is decided once for the whole run: the alarm, the window, whether the clock can be believed. */
async function begin(held: Holdings, run: Run): Promise<void> {
  const { open, refused } = decideWindow(run.startedAt, held.state.windows(), held.repository.pruneWindows);
  const { clock, unread } = held.state.memory();
  run.unread = unread ?? nothingUnread;
  const moved = jumpAt(clock, run.startedAt) ?? 0;
  run.isClockDoubted = !isBelieved(clock, run.startedAt);
  run.alarm = held.state.alarm();
  run.window = open;
  if (refused !== undefined) run.findings.add('warning', 'clock', '', `${refused}; no window is open`);
  if (run.isClockDoubted) {
    const right = clock.believed ?? '';
    const words = `the clock is more than seven days from the last run whose clock was right (${right})`;
    run.findings.add('warning', 'clock', '', `${words}; nothing is accepted, confirmed or expires`);
  }
  if (run.command !== 'sync') return;
  // In an order that a power cut in between can only lengthen a grace.
  if (moved > 0) await moveDueDates(held, moved);
  await journal(held, { event: 'started', runId: run.runId, version });
  if (moved < 0) await moveDueDates(held, moved);
}

/** What the replica holds after the run, and which of it will leave. */
function takeStock(held: Holdings, run: Run, books: Books): void {
  run.tombstones.pending = books.amount(pending).files;
  run.tombstones.unconfirmed = books.amount(unconfirmed).files;
  run.replica = sizeIn(books);
  run.unread = held.prover.unread(books);
  remind(held, run, books);
  if (run.command !== 'sync') return;
  const snapshots = [...books.select(present, 'snapshot')].map((entry) => books.path(entry).slice(-64));
  run.snapshotsAdmitted = noteSnapshots(held.state.folder, snapshots) ?? run.snapshotsAdmitted;
}

/** What will leave soon is told also by nights whose audit fails: serverA could make all of them fail until it has left. */
function remind({ repository }: Holdings, run: Run, books: Books): void {
  if (!run.isClockDoubted && repository.deletionGrace !== 'forever') run.reminder = reminderIn(books, run.startedAt);
}

/** Keeps a stage's time, says it to who looks on, and notes it for who waits for the lock. */
async function timed<T>(held: Holdings, run: Run, stage: Stage, work: () => Promise<T>): Promise<T> {
  const from = new Date();
  held.options.console.detail(`${held.repository.name}: ${stage}`);
  held.session.phase(stage);
  try {
    return await work();
  } finally {
    run.seconds[stage] = Math.round((run.seconds[stage] + secondsBetween(from, new Date())) * 1000) / 1000;
  }
}
