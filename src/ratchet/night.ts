/** One night for one repository, top to bottom, as DESIGN section 4 tells it. */
import type { Books } from '../audit/books.ts';
import { isBelieved, jumpAt } from '../state/clock.ts';
import { escapeText } from '../printable.ts';
import { newRun, runIdOf, type Run } from './run.ts';
import { countsIn, reminderIn, sizeIn } from './stock.ts';
import { version } from '../version.ts';
import { nothingUnread } from '../proof/unread.ts';
import { admit, fetch, prove, readUnread, tellUnread } from './arrival/arrival.ts';
import { audit } from './audit.ts';
import { bury, expire, proveDeletions } from './departure/departure.ts';
import type { Edges } from './edges.ts';
import { asFailure } from '../errors.ts';
import { check, examine, type Audited } from './suspects.ts';
import { alarmStands, timed } from './stage.ts';
import { tell } from '../telling/tell.ts';

export interface NightOptions {
  /** `audit` asks only: steps 1 to 3, nothing is fetched, nobody is mailed. */
  readonly command: 'sync' | 'audit';
  /** The one-off override of `limits.newFiles` and `limits.newBytes`. */
  readonly noLimits: boolean;
}

/** The night. Always returns what it came to; never throws. */
export async function nightlyRun(edges: Edges, options: NightOptions): Promise<Run> {
  const startedAt = edges.now();
  const run = newRun(edges.repository.name, runIdOf(startedAt, edges.random()), options.command, startedAt);
  try {
    run.isLocked = !(await edges.lock());
    if (!run.isLocked) await night(edges, run, options);
  } catch (error) {
    run.failure = asFailure(error);
    await raiseAfterFailure(edges, run);
  }
  await tell(edges, run);
  await edges.close();
  return run;
}

/** What was found before the run failed stays raised, whatever it was that failed: it must not be gone by the next night. */
async function raiseAfterFailure(edges: Edges, run: Run): Promise<void> {
  if (run.failure !== undefined && run.findings.rules('violation').length > 0) run.findings.add('warning', 'unfinished', '', escapeText(run.failure.message));
  if (run.command !== 'sync' || run.isLocked) return;
  try {
    await alarmStands(edges, run);
  } catch (error) {
    run.failure = asFailure(new AggregateError([run.failure, error], `${run.failure?.message ?? ''}; and the alarm could not be raised: ${asFailure(error).message}`));
  }
}

async function night(edges: Edges, run: Run, options: NightOptions): Promise<void> {
  await begin(edges, run);
  const audited = await timed(edges, run, 'audit', () => audit(edges, run, options.noLimits));
  try {
    if (run.command === 'sync') await act(edges, run, audited);
  } finally {
    takeStock(edges, run, audited.books);
  }
}

/** Acts on the verdict: a violation stops the run, before anything is fetched into the replica or removed from it. */
async function act(edges: Edges, run: Run, audited: Audited): Promise<void> {
  const { books } = audited;
  run.unread = edges.restic.unread(books);
  const unreadBefore = run.unread.bytes;
  await timed(edges, run, 'audit', () => examine(edges, run, audited));
  if (await alarmStands(edges, run)) return;
  await edges.restic.requireFit();
  if (!run.awaitsNews) await bury(edges, run, books);
  if (await alarmStands(edges, run)) return;
  const expiresAgain = edges.repository.deletionGrace === 0;
  await timed(edges, run, 'expire', () => expire(edges, run, books, run.startedAt, !expiresAgain));
  const isComplete = await timed(edges, run, 'fetch', () => fetch(edges, run, books));
  await timed(edges, run, 'prove', () => prove(edges, run, books, isComplete));
  if (await alarmStands(edges, run)) return;
  await timed(edges, run, 'admit', () => admit(edges, run, books));
  if (run.awaitsNews) await timed(edges, run, 'prove', () => buryAfterNews(edges, run, books));
  await timed(edges, run, 'prove', () => readUnread(edges, run, books));
  if (await alarmStands(edges, run)) return;
  if (expiresAgain) await timed(edges, run, 'expire', () => expire(edges, run, books, edges.now(), true));
  if (!edges.hasCompletedOnce() && isComplete) edges.recordCompletion();
  await timed(edges, run, 'check', () => check(edges, run));
  tellUnread(edges, run, books, unreadBefore);
}

/** What replaces every snapshot, or every key, is judged when it has been admitted: by what the replica holds then. */
async function buryAfterNews(edges: Edges, run: Run, books: Books): Promise<void> {
  await bury(edges, run, books);
  if (run.findings.rules('violation').length === 0) await proveDeletions(edges, run, books);
}

/** What is decided once for the whole run: the alarm, the window, whether the clock can be believed. */
async function begin(edges: Edges, run: Run): Promise<void> {
  const { open, refused } = edges.window(run.startedAt);
  const { clock, unread } = edges.memory();
  run.unread = unread ?? nothingUnread;
  const moved = jumpAt(clock, run.startedAt) ?? 0;
  run.isClockDoubted = !isBelieved(clock, run.startedAt);
  run.alarm = edges.alarm();
  run.window = open;
  if (refused !== undefined) run.findings.add('warning', 'clock', '', `${refused}; no window is open`);
  if (run.isClockDoubted) run.findings.add('warning', 'clock', '', `the clock is more than seven days from the last run whose clock was right (${clock.believed ?? ''}); nothing is accepted, confirmed or expires`);
  if (run.command !== 'sync') return;
  // In an order that a power cut in between can only lengthen a grace.
  if (moved > 0) await edges.moveDueDates(moved);
  await edges.journal({ event: 'started', runId: run.runId, version });
  if (moved < 0) await edges.moveDueDates(moved);
}

/** What the replica holds after the run, and which of it will leave. */
function takeStock(edges: Edges, run: Run, books: Books): void {
  const { pending, unconfirmed } = countsIn(books);
  run.tombstones.pending = pending;
  run.tombstones.unconfirmed = unconfirmed;
  run.replica = sizeIn(books);
  run.unread = edges.restic.unread(books);
  run.reminder = run.isClockDoubted ? undefined : reminderIn(books, run.startedAt);
  if (run.command === 'sync') run.snapshotsAdmitted = edges.newSnapshots(books) ?? run.snapshotsAdmitted;
}
