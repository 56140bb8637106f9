/** What is looked at twice: suspects and spot checks on serverA's side, a share of all data on ours (steps 3 and 9). */
import { noteCheck } from '../words/asides.ts';
import { checkedEvent } from '../proof/proof.ts';
import type { Books, Entry } from '../audit/books.ts';
import { gone, inReplica, suspect } from '../audit/flags.ts';
import type { Run } from './run.ts';
import type { Edges, Examined } from './edges.ts';
import { deadlineOf } from './stage.ts';

/** What the audit leaves to be acted on. */
export interface Audited {
  readonly books: Books;
  /** The modification time that serverA lists for `config`, when only that differs. */
  readonly configMtime: number | undefined;
}

/**
 * Fetches suspects and a few unchanged files, and hashes them: a suspect that is right gets its new time in the
 * replica; one that is wrong is `modified`, a spot check that is wrong `spot-check`. Not after a violation or beside an alarm.
 */
export async function examine(edges: Edges, run: Run, audited: Audited): Promise<void> {
  if (run.alarm !== undefined || run.findings.rules('violation').length > 0) return;
  clearUnheld(edges, audited.books);
  const times = suspectsOf(edges, run, audited);
  const spots = new Set(spotsOf(edges, run, audited.books));
  const paths = [...times.sampled, ...spots];
  if (paths.length > 0) {
    await edges.examine(run, paths, deadlineOf(edges, run), (path, found) => {
      if (found !== 'right') times.settled.delete(path);
      judge(run, path, found, spots.has(path));
    });
    judgeMissed(edges, run);
  }
  if (run.findings.rules('violation').length > 0) return;
  for (const [path, mtime] of times.settled) edges.setMtime(path, mtime);
  if (times.isAccepted) await edges.journal({ event: 'mtimes-accepted', runId: run.runId, files: times.settled.size });
}

/** A time that the replica's file system cannot hold was taken over as far as it goes, and is no other time the night after. */
function clearUnheld(edges: Edges, books: Books): void {
  const kept = new Map<number, number>();
  for (const entry of books.select(suspect, 0)) {
    const listed = books.stamp(entry);
    if (listed >= 0 && listed < everywhere) continue;
    if (!kept.has(listed)) kept.set(listed, edges.keptMtime(listed));
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
function suspectsOf(edges: Edges, run: Run, { books, configMtime }: Audited): Suspects {
  const limit = edges.repository.limits.suspects;
  const config: [string, number][] = configMtime === undefined ? [] : [['config', configMtime]];
  const count = books.amount(suspect, 0).files;
  const accepted = edges.acceptedMtimes(books);
  const known = new Set(accepted);
  const rest = [...books.select(suspect, 0)].filter((entry) => !known.has(entry));
  const isSettled = rest.length <= limit;
  const sampled = isSettled ? [...rest, ...edges.sample(known, limit - rest.length)] : edges.sample(books.select(suspect, 0), limit);
  if (!isSettled) {
    run.findings.add('violation', 'mtimes', '', `${count} files have another modification time, limits.suspects is ${limit}; ${limit} at random were hashed`);
    edges.noteSuspects(run.runId, books);
  }
  const all = isSettled ? books.select(suspect, 0) : [];
  return {
    sampled: [...config.map(([path]) => path), ...sampled.map((entry) => books.path(entry))],
    isAccepted: accepted !== undefined,
    settled: new Map([...config, ...[...all].map((entry): [string, number] => [books.path(entry), books.stamp(entry)])]),
  };
}

/** A few of the files that serverA lists as unchanged, as far as there is room: a full disk must come as far as its expiry. */
function spotsOf(edges: Edges, run: Run, books: Books): string[] {
  const chosen: Entry[] = edges.sample(books.select(inReplica, gone | suspect), edges.repository.spotCheck);
  let room = edges.freeSpace().free - spareRoom;
  const fitting = chosen.filter((entry) => (room -= books.size(entry)) >= 0);
  if (fitting.length < chosen.length) run.findings.add('warning', 'unchecked', '', `${chosen.length - fitting.length} of ${chosen.length} spot checks were left out, for lack of room`);
  return fitting.map((entry) => books.path(entry));
}

/** What the spot check leaves free on the disk of the replica, in bytes. */
const spareRoom = 2 ** 20;

function judge(run: Run, path: string, found: Examined, isSpot: boolean): void {
  if (found === 'right') return;
  if (found === 'missing' && isSpot) {
    run.spotsMissed = (run.spotsMissed ?? 0) + 1;
    run.findings.add('warning', 'not-delivered', path, 'asked for to check its content, but not delivered');
  } else if (found === 'missing') run.findings.add('violation', 'modified', path, 'its time is another one, and serverA does not deliver it: nobody can say that it is unchanged');
  else run.findings.add('violation', isSpot ? 'spot-check' : 'modified', path, found.wrong);
}

/** Once a file may be unreadable for a reason; what does not come two nights running is withheld. */
function judgeMissed(edges: Edges, run: Run): void {
  run.spotsMissed ??= 0;
  if (run.spotsMissed === 0 || !(Number(edges.memory().lastRun?.['spotsMissed'] ?? 0) > 0)) return;
  run.findings.add('violation', 'spot-check', '', `serverA did not deliver ${run.spotsMissed} files that it lists, and some the night before: their content cannot be checked`);
}

/** Step 9: when it is due, restic checks the replica and reads a share of all data. */
export async function check(edges: Edges, run: Run): Promise<void> {
  for (const share of edges.restic.dueChecks(run.startedAt)) {
    const result = await edges.restic.check(share);
    noteCheck(run, result);
    await edges.journal({ ...checkedEvent(result), runId: run.runId });
  }
}
