/** What is looked at twice on serverA's side: suspects and spot checks (step 3). */
import { randomInt } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Books, Entry } from '../audit/books.ts';
import { listedNew, suspect, suspects, unsuspected } from '../audit/questions.ts';
import type { Run } from './run.ts';
import { expectFetch } from './arrival/fetch.ts';
import type { Audited } from './audit.ts';
import { fetchToHash, type Examined } from './examination.ts';
import { deadlineOf, journal, requireMarker, type Holdings } from './holdings.ts';
import { keptMtime, setMtime } from './mtime.ts';
import { freeSpace } from './disk.ts';
import { sampleOf } from './stock.ts';
import { readSuspects, writeSuspects } from './suspects-file.ts';

/**
 * Fetches suspects and a few unchanged files, and hashes them: a suspect that is right gets its new time in the
 * replica; one that is wrong is `modified`, a spot check that is wrong `spot-check`. Not after a violation or beside an alarm.
 */
export async function examine(held: Holdings, run: Run, audited: Audited): Promise<void> {
  if (run.alarm !== undefined || run.findings.rules('violation').length > 0) return;
  clearUnheld(held, audited.books);
  const times = suspectsOf(held, run, audited);
  const spots = new Set(spotsOf(held, run, audited.books));
  const paths = [...times.sampled, ...spots];
  if (paths.length > 0) {
    await fetchAndHash(held, run, paths, (path, found) => {
      if (found !== 'right') times.settled.delete(path);
      judge(run, path, found, spots.has(path));
    });
    judgeMissed(held, run);
  }
  if (run.findings.rules('violation').length > 0) return;
  for (const [path, mtime] of times.settled) setMtime(join(held.paths.replica, path), mtime);
  if (times.isAccepted) await journal(held, { event: 'mtimes-accepted', runId: run.runId, files: times.settled.size });
}

/** Fetches files that the replica has, and hashes what comes; calls `told` for each. The replica is not touched. */
async function fetchAndHash(
  held: Holdings,
  run: Run,
  paths: readonly string[],
  told: (path: string, found: Examined) => void,
): Promise<void> {
  const { session, walk } = held;
  const { replica, incoming } = held.paths;
  const pinned = requireMarker(held).pins.config;
  const bounds = session.bounds(deadlineOf(held, run.startedAt));
  const isFetchDue = walk !== undefined && walk.books.amount(listedNew).files > 0;
  if (isFetchDue) await expectFetch(session.rsync, replica, bounds);
  const what = {
    paths,
    size: (path: string) => lstatSync(join(replica, path)).size,
    expected: (path: string) => (path === 'config' ? pinned : path.slice(-64)),
    folder: join(incoming, `${run.runId}-examined`),
    manifest: session.path('examined'),
  };
  await fetchToHash(session.rsync, bounds, what, told);
}

/** Tonight's suspects that an operator has settled (`acknowledge --accept-mtimes`); undefined when he has not said so. */
function acceptedIn({ state }: Holdings, books: Books): Entry[] | undefined {
  const { acceptedMtimes } = state.memory();
  return acceptedMtimes === null ? undefined : readSuspects(state.folder, acceptedMtimes.alarm, books);
}

/** `n` entries at random. */
const sample = (entries: Iterable<Entry>, n: number): Entry[] => sampleOf(entries, n, (below) => randomInt(below));

/** A time that the replica's file system cannot hold was taken over as far as it goes, and is no other time the night after. */
function clearUnheld(held: Holdings, books: Books): void {
  const kept = new Map<number, number>();
  for (const entry of books.select(suspects)) {
    const listed = books.stamp(entry);
    if (listed >= 0 && listed < everywhere) continue;
    if (!kept.has(listed)) kept.set(listed, keptMtime(join(held.paths.own, 'mtime'), listed));
    if (kept.get(listed) === books.mtime(entry)) books.clear(entry, suspect);
  }
}

/** Every file system holds the times from 1970 until here, in seconds. */
const everywhere = 2 ** 31;

interface Suspects {
  /** Paths to hash tonight. */
  readonly sampled: readonly string[];
  /** Paths and times to take over if nothing is wrong. */
  readonly settled: Map<string, number>;
  /** An operator has settled those of an alarm, whether they are still there or not. */
  readonly isAccepted: boolean;
}

/** Beyond `limits.suspects` a sample is hashed, and the rest is the operator's to settle: those that he was told of, and no others. */
function suspectsOf(held: Holdings, run: Run, { books, configMtime }: Audited): Suspects {
  const limit = held.repository.limits.suspects;
  const config: [string, number][] = configMtime === undefined ? [] : [['config', configMtime]];
  const count = books.amount(suspects).files;
  const accepted = acceptedIn(held, books);
  const known = new Set(accepted);
  const rest = [...books.select(suspects)].filter((entry) => !known.has(entry));
  const isSettled = rest.length <= limit;
  const sampled = isSettled ? [...rest, ...sample(known, limit - rest.length)] : sample(books.select(suspects), limit);
  if (!isSettled) {
    run.findings.add(
      'violation',
      'mtimes',
      '',
      `${count} files have another modification time, limits.suspects is ${limit}; ${limit} at random were hashed`,
    );
    writeSuspects(held.state.folder, run.runId, books);
  }
  const all = isSettled ? books.select(suspects) : [];
  return {
    sampled: [...config.map(([path]) => path), ...sampled.map((entry) => books.path(entry))],
    isAccepted: accepted !== undefined,
    settled: new Map([
      ...config,
      ...[...all].map((entry): [string, number] => [books.path(entry), books.stamp(entry)]),
    ]),
  };
}

/** A few of the files that serverA lists as unchanged, as far as there is room: a full disk must come as far as its expiry. */
function spotsOf(held: Holdings, run: Run, books: Books): string[] {
  const chosen: Entry[] = sample(books.select(unsuspected), held.repository.spotCheck);
  let room = freeSpace(held.repository.replica).free - spareRoom;
  const fitting = chosen.filter((entry) => (room -= books.size(entry)) >= 0);
  if (fitting.length < chosen.length)
    run.findings.add(
      'warning',
      'unchecked',
      '',
      `${chosen.length - fitting.length} of ${chosen.length} spot checks were left out, for lack of room`,
    );
  return fitting.map((entry) => books.path(entry));
}

/** What the spot check leaves free on the disk of the replica, in bytes. */
const spareRoom = 2 ** 20;

function judge(run: Run, path: string, found: Examined, isSpot: boolean): void {
  if (found === 'right') return;
  if (found === 'missing' && isSpot) {
    run.spotsMissed = (run.spotsMissed ?? 0) + 1;
    run.findings.add('warning', 'not-delivered', path, 'asked for to check its content, but not delivered');
  } else if (found === 'missing')
    run.findings.add(
      'violation',
      'modified',
      path,
      'its time is another one, and serverA does not deliver it: nobody can say that it is unchanged',
    );
  else run.findings.add('violation', isSpot ? 'spot-check' : 'modified', path, found.wrong);
}

/** Once a file may be unreadable for a reason; what does not come two nights running is withheld. */
function judgeMissed(held: Holdings, run: Run): void {
  run.spotsMissed ??= 0;
  if (run.spotsMissed === 0 || !(Number(held.state.memory().lastRun?.['spotsMissed'] ?? 0) > 0)) return;
  run.findings.add(
    'violation',
    'spot-check',
    '',
    `serverA did not deliver ${run.spotsMissed} files that it lists, and some the night before: their content cannot be checked`,
  );
}
