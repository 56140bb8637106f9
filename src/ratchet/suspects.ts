/**
 * What is looked at twice on serverA's side: suspects and spot checks (step 3). `suspects.jsonl` in the state folder has the
 * suspects of the alarm `mtimes`, so that an operator settles these and no others.
 */
import { randomInt } from 'node:crypto';
import { lstatSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { Books, Entry } from '../audit/books.ts';
import { suspect, suspects, unsuspected } from '../audit/questions.ts';
import type { Run } from './run.ts';
import type { Audited } from './audit.ts';
import { fetchAndHash, type Examined } from './examination.ts';
import { journal, type Holdings } from './holdings.ts';
import { freeSpace } from '../programs/disk.ts';
import { sampleOf } from './stock.ts';
import { replaceLines } from '../state/files.ts';
import { parseJson } from '../state/json-file.ts';
import { eachLine } from '../state/lines.ts';
import { whole } from '../state/schema.ts';

/**
 * Fetches suspects and a few unchanged files, and hashes them: a suspect that is right gets its new time in the
 * replica; one that is wrong is `modified`, a spot check that is wrong `spot-check`. Not after a violation or beside an alarm.
 */
export async function examine(held: Holdings, run: Run, audited: Audited): Promise<void> {
  if (run.alarm !== undefined || run.findings.rules('violation').length > 0) return;
  clearUnheld(held, audited.books);
  const times = suspectsOf(held, run, audited);
  const spots = new Set(spotsOf(held, run, audited.books));
  const paths = [...times.paths, ...spots];
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

/**
 * Beyond `limits.suspects` a sample is hashed, and the rest is the operator's to settle: those that he was told of, and no
 * others. `paths` to hash tonight; `settled`: paths and times to take over if nothing is wrong; `isAccepted`: an operator
 * has settled those of an alarm, whether they are still there or not.
 */
function suspectsOf(held: Holdings, run: Run, { books, configMtime }: Audited) {
  const limit = held.repository.limits.suspects;
  const count = books.amount(suspects).files;
  const accepted = acceptedIn(held, books);
  const known = new Set(accepted);
  const rest = [...books.select(suspects)].filter((entry) => !known.has(entry));
  const isSettled = rest.length <= limit;
  const sampled = isSettled ? [...rest, ...sample(known, limit - rest.length)] : sample(books.select(suspects), limit);
  if (!isSettled) {
    const words = `${count} files have another modification time, limits.suspects is ${limit}`;
    run.findings.add('violation', 'mtimes', '', `${words}; ${limit} at random were hashed`);
    writeSuspects(held.state.folder, run.runId, books);
  }
  const settled = new Map<string, number>(configMtime === undefined ? [] : [['config', configMtime]]);
  const paths = [...settled.keys(), ...sampled.map((entry) => books.path(entry))];
  if (isSettled) for (const entry of books.select(suspects)) settled.set(books.path(entry), books.stamp(entry));
  return { paths, settled, isAccepted: accepted !== undefined };
}

/** A few of the files that serverA lists as unchanged, as far as there is room: a full disk must come as far as its expiry. */
function spotsOf(held: Holdings, run: Run, books: Books): string[] {
  const chosen: Entry[] = sample(books.select(unsuspected), held.repository.spotCheck);
  let room = freeSpace(held.repository.replica).free - spareRoom;
  const fitting = chosen.filter((entry) => (room -= books.size(entry)) >= 0);
  const words = `${chosen.length - fitting.length} of ${chosen.length} spot checks were left out, for lack of room`;
  if (fitting.length < chosen.length) run.findings.add('warning', 'unchecked', '', words);
  return fitting.map((entry) => books.path(entry));
}

/** What the spot check leaves free on the disk of the replica, in bytes. */
const spareRoom = 2 ** 20;

function judge(run: Run, path: string, found: Examined, isSpot: boolean): void {
  if (found === 'right') return;
  if (found === 'missing' && isSpot) {
    run.spotsMissed = (run.spotsMissed ?? 0) + 1;
    run.findings.add('warning', 'not-delivered', path, 'asked for to check its content, but not delivered');
  } else if (found === 'missing') {
    const words = 'its time is another one, and serverA does not deliver it: nobody can say that it is unchanged';
    run.findings.add('violation', 'modified', path, words);
  } else run.findings.add('violation', isSpot ? 'spot-check' : 'modified', path, found.wrong);
}

/** Once a file may be unreadable for a reason; what does not come two nights running is withheld. */
function judgeMissed(held: Holdings, run: Run): void {
  run.spotsMissed ??= 0;
  if (run.spotsMissed === 0 || !(Number(held.state.memory().lastRun?.['spotsMissed'] ?? 0) > 0)) return;
  const words = `serverA did not deliver ${run.spotsMissed} files that it lists, and some the night before`;
  run.findings.add('violation', 'spot-check', '', `${words}: their content cannot be checked`);
}

const head = v.object({ version: v.literal(1), run: v.string() });
const line = v.object({ path: v.string(), size: whole, mtime: v.number() });

/** Notes the suspects of a run: path, size, and the time (seconds) that serverA lists. */
function writeSuspects(state: string, run: string, books: Books): void {
  replaceLines(fileIn(state), (writer) => {
    writer.line(JSON.stringify({ version: 1, run }));
    for (const entry of books.select(suspects)) {
      writer.line(JSON.stringify({ path: books.path(entry), size: books.size(entry), mtime: books.stamp(entry) }));
    }
  });
}

/** Tonight's suspects that were those of that run, with the same size and the same time; none when they were not noted. */
function readSuspects(state: string, run: string, books: Books): Entry[] {
  const path = fileIn(state);
  const found: Entry[] = [];
  let isOfRun = false;
  eachLine(path, (bytes, number) => {
    const text = bytes.toString('utf8');
    if (number === 1) isOfRun = parseJson(text, path, head).run === run;
    else if (isOfRun) {
      const { path: name, size, mtime } = parseJson(text, path, line);
      const entry = books.at(name);
      if (entry >= 0 && books.has(entry, suspect) && books.size(entry) === size && books.stamp(entry) === mtime)
        found.push(entry);
    }
  });
  return found;
}

function fileIn(state: string): string {
  return join(state, 'suspects.jsonl');
}

// A file system may not hold every time: before 1970, after 2038, beyond its own last year.

/** Sets a time in seconds since 1970; a Date, because Node takes a negative number for now. */
function setMtime(path: string, mtime: number): void {
  const time = new Date(mtime * 1000);
  utimesSync(path, time, time);
}

/** What the file system makes of a time (both in seconds), tried with a file at `probe`, which is deleted again. */
function keptMtime(probe: string, mtime: number): number {
  writeFileSync(probe, '', { mode: 0o600 });
  try {
    setMtime(probe, mtime);
    return Math.floor(Number(lstatSync(probe, { bigint: true }).mtimeNs) / 1e9);
  } finally {
    rmSync(probe, { force: true });
  }
}
