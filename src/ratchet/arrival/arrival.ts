/** How files come in: fetched, verified, proven by restic, admitted (steps 5 to 8). */
import type { Amount, Books, Entry } from '../../audit/books.ts';
import { admissible, candidates, present, toFetch, unverified, waiting } from '../../audit/questions.ts';
import { reservedBytes } from '../../config/units.ts';
import type { Doubt } from '../../proof/proof.ts';
import { formatBytes, formatCount } from '../../figures.ts';
import type { Run } from '../run.ts';
import { isUnread } from '../../state/unread.ts';
import { decideWindow } from '../declared/window.ts';
import { proveDeletions } from '../departure/departure.ts';
import { asFailure, Failure } from '../../errors.ts';
import { admissionOrder, type HashedType } from '../../layout.ts';
import { join } from 'node:path';
import { deadlineOf, journal, pinKeys, requireIncoming, requireReplica, type Holdings } from '../holdings.ts';
import { freeInodes, freeSpace } from '../../programs/disk.ts';
import { writeNames } from '../../state/files.ts';
import { refusalOf } from '../../state/unguarded.ts';
import { admit as linkCandidates } from './admit.ts';
import { runFetch, type FetchEnd } from './fetch.ts';
import { askedIn, fetchBounds, manifestOf } from './growth.ts';
import { Incoming } from './incoming.ts';

/** Steps 5 and 6. Returns whether all has come that will come tonight; false when the time was over. */
export async function fetch(held: Holdings, run: Run, books: Books): Promise<boolean> {
  takeLeftovers(held, run, books);
  const missing = books.amount(toFetch);
  if (missing.files === 0) return true;
  requireSpace(held, missing);
  const fetched = await fetchManifest(held, run);
  run.fetched = fetched.delivered;
  run.quarantined = fetched.quarantined;
  if (run.quarantined.files > 0) await journal(held, { event: 'quarantined', runId: run.runId, ...run.quarantined });
  if (fetched.end instanceof Failure) throw fetched.end;
  if (fetched.end === 'complete') reportMissing(run, books);
  else letMetadataWait(run, books, missing.files - run.fetched.files);
  return fetched.end === 'complete';
}

/** Verifies what an earlier run left behind into `candidate/`, and deletes the rest; rejects what is not to be tried tonight. */
function takeLeftovers(held: Holdings, run: Run, books: Books): void {
  held.incoming = new Incoming(held.paths, books, run.findings, held.quarantine);
  held.incoming.takeLeftovers();
  held.quarantine.settle(books);
  held.prover.poison.holdOff(books, run.findings);
}

/** How a fetch ended. What was delivered has been verified in any case. */
interface Fetched {
  readonly end: FetchEnd;
  readonly delivered: Amount;
  readonly quarantined: Amount;
}

/** Fetches what is wanted and not there yet, verifying each file while the transfer runs. */
async function fetchManifest(held: Holdings, run: Run): Promise<Fetched> {
  const incoming = requireIncoming(held);
  const { books } = incoming;
  const manifest = join(held.state.runFolder(run.runId), 'manifest');
  writeNames(manifest, manifestOf(books));
  const folder = incoming.freshFolder(run.runId);
  const clocks = held.session.bounds(deadlineOf(held, run.startedAt));
  const bounds = fetchBounds(clocks, folder, askedIn(books), () => incoming.arrived.bytes);
  const total = books.amount(toFetch);
  let before: string | undefined;
  const end = await held.options.console.withProgress(`${held.repository.name}: fetch`, (progress) => {
    progress?.(incoming.arrived, total);
    return runFetch(held.session.rsync, manifest, folder, bounds, (path) => {
      if (before !== undefined) incoming.verify(folder, before);
      before = path;
      progress?.(incoming.arrived, total);
    });
  });
  const refusal = refusalOf(held.paths.incoming);
  incoming.sweep(folder);
  const isOurs = refusal !== undefined && end === 'complete' && books.amount(toFetch).files > 0;
  return { end: isOurs ? asFailure(refusal) : end, ...incoming.tally };
}

/** Throws Failure when the disk would be fuller than `limits.minFree` allows, in bytes or, where it is a share, in files. */
function requireSpace(held: Holdings, missing: Amount): void {
  const { free, total } = freeSpace(held.repository.replica);
  const reserved = reservedBytes(held.repository.limits.minFree, total);
  if (free - missing.bytes >= reserved) return requireInodes(held, missing.files);
  throw new Failure(
    `not enough room: ${formatBytes(missing.bytes)} to fetch, ${formatBytes(free)} free, limits.minFree keeps ${formatBytes(reserved)}`,
    `make room on the replica's disk${missing.bytes > free ? '' : ' or lower limits.minFree'}; nothing was fetched`,
  );
}

function requireInodes(held: Holdings, files: number): void {
  const { minFree } = held.repository.limits;
  const inodes = freeInodes(held.repository.replica);
  if (inodes === undefined) return;
  const reserved = 'percent' in minFree ? Math.floor((inodes.total * minFree.percent) / 100) : 0;
  if (inodes.free - files >= reserved) return;
  throw new Failure(
    `not enough inodes: ${formatCount(files)} files to fetch, ${formatCount(inodes.free)} inodes free, limits.minFree keeps ${formatCount(reserved)}`,
    `remove many small files from the replica's disk (df -i ${held.paths.replica})${files > inodes.free ? '' : ', or lower limits.minFree'}; nothing was fetched`,
  );
}

function reportMissing(run: Run, books: Books): void {
  for (const entry of books.select(toFetch)) {
    run.findings.add('warning', 'not-delivered', books.path(entry), 'listed by serverA, but not delivered');
  }
}

/** The time was over: packs enter; what points at packs waits for the night in which all of them have come. */
function letMetadataWait(run: Run, books: Books, stillToCome: number): void {
  run.findings.add('warning', 'unfinished', '', `${stillToCome} files are still to come; only packs were admitted`);
  for (const entry of books.select(candidates)) {
    if (books.type(entry) !== 'pack') books.set(entry, waiting);
  }
}

/** Step 7. A file that does not decrypt raises the alarm; a snapshot whose tree cannot be read waits. */
export async function prove(held: Holdings, run: Run, books: Books, isComplete: boolean): Promise<void> {
  if (!held.prover.canProve) letDependentsWait(run, books);
  const hasNews = books.amount(admissible).files > 0;
  const proof = hasNews ? await held.prover.prove(books) : undefined;
  run.proof = proof?.outcome ?? 'skipped';
  if (proof?.outcome === 'failed') {
    for (const { entry, message } of proof.junk) {
      run.findings.add('violation', 'unproven', books.path(entry), message);
    }
    held.prover.rejectAll(
      books,
      proof.junk.map(({ entry }) => entry),
    );
    if (proof.junk.length === 0) run.findings.add('violation', 'unproven', '', proof.words);
    return;
  }
  tellDoubts(run, books, proof?.doubts ?? []);
  if (proof !== undefined)
    held.prover.noteUnread(books, proof.outcome === 'skipped' ? unprovenIn(books) : proof.unread);
  if (isComplete) await proveDeletions(held, run, books);
}

/** What enters where restic is not asked. */
function unprovenIn(books: Books): Entry[] {
  return [...books.select(admissible, 'pack'), ...books.select(admissible, 'index')];
}

/** What entered before restic could read it is told first, and read in the nights after that; what is to be read again, at once. */
export async function readUnread(held: Holdings, run: Run, books: Books): Promise<void> {
  const { unread, lastRun } = held.state.memory();
  const wasTold = unread !== null && lastRun?.['unread'] !== undefined;
  if ((wasTold || held.prover.readsAgain) && isUnread(held.prover.unread(books)))
    tellDoubts(run, books, await held.prover.readUnread(books));
}

/** What waits, and what enters with a warning. Of what there was no time for the number is enough. */
function tellDoubts(run: Run, books: Books, doubts: readonly Doubt[]): void {
  const unread = doubts.filter(({ rule }) => rule === 'unfinished');
  for (const { entry } of doubts) if (entry !== undefined) books.set(entry, waiting);
  for (const { rule, path, message } of doubts)
    if (rule !== 'unfinished' && message !== '') run.findings.add('warning', rule, path, message);
  if (unread.length > 0)
    run.findings.add(
      'warning',
      'unfinished',
      '',
      `${unread.length} files wait as candidates: restic had not read them within timeouts.prove`,
    );
}

/** Without restic's word: snapshots wait while an index is missing, and everything waits while a key is. */
function letDependentsWait(run: Run, books: Books): void {
  const lacks = (type: HashedType): boolean => books.amount(unverified, type).files > 0;
  const lacksKey = lacks('key');
  if (!lacksKey && !lacks('index')) return;
  for (const entry of books.select(admissible, lacksKey ? undefined : 'snapshot')) {
    run.findings.add('warning', 'held-back', books.path(entry), 'a key or an index that it may need has not come');
    books.set(entry, waiting);
  }
}

/** A key enters only through a window that lets keys change still, when it enters: an operator may have closed it meanwhile. */
export function judgeKeys({ state, repository }: Holdings, run: Run, books: Books): void {
  const keys = [...books.select(admissible, 'key')];
  if (keys.length === 0) return;
  const { open } = decideWindow(run.startedAt, state.windows(), repository.pruneWindows, new Date());
  if (open?.allowKeys === true) return;
  const words = 'the prune window was closed to keys while the run was at work';
  for (const entry of keys) run.findings.add('violation', 'pinned', books.path(entry), words);
}

/** Step 8. */
export async function admit(held: Holdings, run: Run, books: Books): Promise<void> {
  if (books.amount(admissible).files > 0) await admitThose(held, run, books);
  tellDoubts(run, books, held.prover.settle(books));
}

async function admitThose(held: Holdings, run: Run, books: Books): Promise<void> {
  const before = snapshotsIn(books);
  run.admitted = await admitCandidates(held, books);
  run.snapshotsAdmitted = snapshotsIn(books) - before;
  if (run.admitted.files > 0)
    await journal(held, { event: 'admitted', runId: run.runId, ...run.admitted, snapshots: run.snapshotsAdmitted });
}

/** Links the candidates that do not wait into the replica. */
async function admitCandidates(held: Holdings, books: Books): Promise<Amount> {
  requireReplica(held);
  const admitted = await linkCandidates(held.paths.replica, held.paths.candidate, books, new Set(admissionOrder));
  held.quarantine.settle(books);
  pinKeys(held, books);
  return admitted;
}

function snapshotsIn(books: Books): number {
  return books.amount(present, 'snapshot').files;
}
