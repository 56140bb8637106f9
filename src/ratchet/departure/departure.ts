/** How files leave: an accepted deletion becomes a tombstone, restic confirms it, its grace passes, it goes (steps 3, 4, 7). */
import type { Books, Entry } from '../../audit/books.ts';
import { bornTonight } from '../../audit/deletions.ts';
import { confirmed, gone, inReplica, kept, tombstoned, waiting } from '../../audit/flags.ts';
import type { Run } from '../run.ts';
import { buriedIn } from '../stock.ts';
import { leaving } from './tombstones.ts';
import { isUnread, unreadWords } from '../../proof/unread.ts';
import type { Edges } from '../edges.ts';

/** So often restic is asked again because an operator's command has changed what may leave. */
const mostQuestions = 3;
const changedMeanwhile = 'an operator has changed what may leave while restic was asked';

/**
 * Accepted deletions become tombstones: before the fetch, so that a failed fetch does not forget them; after the
 * admission where no snapshot would be left without tonight's. What speaks against it there is a violation.
 */
export async function bury(edges: Edges, run: Run, books: Books): Promise<void> {
  if (run.isClockDoubted) { reportDoubted(run, books); return; }
  await edges.forgetStale(books);
  const added = books.amount(bornTonight.flags, bornTonight.without).files;
  const dropped = books.amount(tombstoned, gone | kept).files;
  const buried = added > 0 ? buriedIn(books) : undefined;
  reportReturned(run, books);
  for (const { rule, path, message } of await edges.bury(run, books)) run.findings.add('violation', rule, path, message);
  if (run.findings.rules('violation').length > 0) return;
  run.tombstones.added = added;
  run.tombstones.dropped = dropped;
  run.buried = buried;
}

function reportDoubted(run: Run, books: Books): void {
  const { files } = books.amount(bornTonight.flags, bornTonight.without);
  if (files > 0) run.findings.add('warning', 'clock', '', `${files} deletions were not accepted: they wait for a run whose clock is right`);
}

/** An operator's word outlives a return: who keeps a file hears that serverA has it again. */
function reportReturned(run: Run, books: Books): void {
  for (const entry of books.select(tombstoned | kept, gone)) {
    run.findings.add('warning', 'came-back', books.path(entry), 'kept for good, and serverA has it again; when it is gone once more, it is still kept');
  }
}

/**
 * Gives unconfirmed tombstones their due date, once restic finds complete what would remain without all tombstones;
 * without a password at once. Only after the fetch: what serverA deleted may live on in files that have yet to come.
 */
export async function proveDeletions(edges: Edges, run: Run, books: Books): Promise<void> {
  for (let question = 0; question < mostQuestions; question++) {
    const { files } = books.amount(inReplica | tombstoned, confirmed | kept);
    if (files === 0) return;
    const asked = [...books.select(inReplica | tombstoned, kept)];
    const missing = edges.restic.canProve ? await edges.restic.whatIsMissing([...leavingOrWaiting(books)], true) : undefined;
    if (missing !== undefined) { run.findings.add('warning', 'unconfirmed', '', `without the deleted files restic would miss: ${missing}`); return; }
    if (run.isClockDoubted) return; // restic may be asked, but no due date is given
    const given = await edges.confirm(books, asked);
    if (given === undefined) continue;
    run.tombstonesDue = given.due;
    run.hasConfirmed = true;
    await edges.journal({ event: 'tombstones-confirmed', runId: run.runId, files });
    return;
  }
  run.findings.add('warning', 'unconfirmed', '', `${changedMeanwhile}, ${mostQuestions} times`);
}

function* leavingOrWaiting(books: Books): Generator<string> {
  for (const entry of books.select(inReplica | tombstoned, kept)) yield books.path(entry);
  for (const entry of books.select(waiting, 0)) yield books.path(entry);
}

/**
 * Step 4. What was due at `when` leaves, if restic finds complete what would remain, and only if it is still exactly what
 * restic was asked about. Without a password nothing leaves while anything is in doubt. Before the fetch `when` is the
 * start of the run: what tonight's deletions leave behind may need files that are still to come. `isLast`: nothing
 * expires in this run after that, so what stays is said.
 */
export async function expire(edges: Edges, run: Run, books: Books, when: Date, isLast: boolean): Promise<void> {
  if (run.isClockDoubted) return;
  let doubt: string | undefined;
  for (let question = 0; question < mostQuestions; question++) {
    const due = leaving(books, when);
    if (due.length === 0) return;
    doubt = await doubtAbout(edges, run, books, due);
    if (doubt !== undefined) break;
    const expired = await edges.expire(run, books, due, when);
    if (expired === undefined) continue;
    run.tombstones.expired += expired.files;
    await edges.journal({ event: 'expired', runId: run.runId, ...expired });
    return;
  }
  if (isLast) run.findings.add('warning', 'postponed', '', `${leaving(books, when).length} files are due and stay for now: ${doubt ?? `${changedMeanwhile}, ${mostQuestions} times`}`);
}

async function doubtAbout(edges: Edges, run: Run, books: Books, due: readonly Entry[]): Promise<string | undefined> {
  const unread = edges.restic.unread(books, due);
  if (isUnread(unread)) return `of what would remain, ${unreadWords(unread)} have not been read by restic`;
  if (edges.restic.canProve) return edges.restic.whatIsMissing(due.map((entry) => books.path(entry)), false);
  const isInDoubt = edges.hasLooseEnds() || run.findings.count('not-delivered') > 0;
  return isInDoubt ? 'without a restic password nothing leaves while files are quarantined, held back or undelivered' : undefined;
}
