/** How files leave: an accepted deletion becomes a tombstone, restic confirms it, its grace passes, it goes (steps 3, 4, 7). */
import type { Books } from './core/books.ts';
import { confirmed, gone, inReplica, kept, tombstoned, waiting } from './core/flags.ts';
import type { Run } from './core/run.ts';
import { buriedIn } from './core/stock.ts';
import { isDue } from './core/tombstones.ts';
import type { Edges } from './edges.ts';

/** Accepted deletions become tombstones before the fetch, so that a failed fetch does not forget them. */
export async function bury(edges: Edges, run: Run, books: Books): Promise<void> {
  await edges.forgetStale(books);
  const added = books.amount(gone, tombstoned);
  const dropped = books.amount(tombstoned, gone);
  run.tombstones.added = added.files;
  run.tombstones.dropped = dropped.files;
  if (added.files > 0) run.buried = buriedIn(books);
  if (added.files + dropped.files > 0) {
    // The journal first: it reminds the next run to tell of deletions when this one is killed before its mail.
    await edges.journal({ event: 'tombstones', runId: run.runId, added: added.files, dropped: dropped.files, window: run.window?.source });
    await edges.bury(run, books);
  }
}

/**
 * Gives unconfirmed tombstones their due date, once restic finds complete what would remain without all tombstones;
 * without a password at once. Only after the fetch: what serverA deleted may live on in files that have yet to come.
 */
export async function proveDeletions(edges: Edges, run: Run, books: Books): Promise<void> {
  if (books.amount(unconfirmed.flags, unconfirmed.without).files === 0) return;
  if (!edges.restic.canProve) return confirm(edges, run, books);
  const missing = await edges.restic.whatIsMissing(leavingOrWaiting(books), true);
  if (missing === undefined) return confirm(edges, run, books);
  run.findings.add('warning', 'unconfirmed', '', `without the deleted files restic would miss: ${missing}`);
}

const unconfirmed = { flags: inReplica | tombstoned, without: confirmed | kept };

function* leavingOrWaiting(books: Books): Generator<string> {
  for (const entry of books.select(inReplica | tombstoned, kept)) yield books.path(entry);
  for (const entry of books.select(waiting, 0)) yield books.path(entry);
}

async function confirm(edges: Edges, run: Run, books: Books): Promise<void> {
  const files = books.amount(unconfirmed.flags, unconfirmed.without).files;
  if (files === 0) return;
  run.tombstonesDue = await edges.confirm(books);
  run.hasConfirmed = true;
  await edges.journal({ event: 'tombstones-confirmed', runId: run.runId, files });
}

/**
 * Step 4. What was due at `when` leaves, if restic finds complete what would remain. Without a password nothing leaves
 * while anything is in doubt. Before the fetch `when` is the start of the run: what tonight's deletions leave behind may
 * need files that are still to come. `isLast`: nothing expires in this run after that, so what stays is said.
 */
export async function expire(edges: Edges, run: Run, books: Books, when: Date, isLast: boolean): Promise<void> {
  const due = [...books.select(inReplica | tombstoned, kept)].filter((entry) => isDue(books, entry, when));
  if (due.length === 0) return;
  const doubt = await doubtAbout(edges, run, due.map((entry) => books.path(entry)));
  if (doubt !== undefined) {
    if (isLast) run.findings.add('warning', 'postponed', '', `${due.length} files are due and stay for now: ${doubt}`);
    return;
  }
  const expired = await edges.expire(run, books, due);
  run.tombstones.expired += expired.files;
  await edges.journal({ event: 'expired', runId: run.runId, ...expired });
}

async function doubtAbout(edges: Edges, run: Run, due: readonly string[]): Promise<string | undefined> {
  if (edges.restic.canProve) return edges.restic.whatIsMissing(due, false);
  const isInDoubt = edges.hasLooseEnds() || run.findings.count('not-delivered') > 0;
  return isInDoubt ? 'without a restic password nothing leaves while files are quarantined, held back or undelivered' : undefined;
}
