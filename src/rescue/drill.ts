/**
 * A drill: files of the newest snapshot and of an older one, chosen at random, are restored in the box, into its memory,
 * and compared with what `ls` and `dump` say. Clear text never reaches a disk, but where a target asks for it.
 */
import { createHash, type Hash } from 'node:crypto';
import type { Repository } from '../config/config.ts';
import { escapePath, escapeText } from '../printable.ts';
import { targetInside, type Boxed } from '../programs/restic-box.ts';
import { OutOfTime } from '../programs/restic-failures.ts';
import { forOneBox } from '../programs/restic-password.ts';
import { tryInBox, type TrialStep } from '../programs/restic-trial.ts';
import type { Holdings } from '../ratchet/holdings.ts';
import type { Memory } from '../ratchet/memory.ts';
import type { Night } from '../ratchet/night.ts';
import type { DrillResult } from '../ratchet/run.ts';
import { pathOf } from '../replica-path.ts';
import { sinceThen } from '../state/clock.ts';
import { noteDrill } from '../words/asides.ts';
import { Choice, patternOf, snapshotsToTry, type Chosen } from './choice.ts';

/** What a drill needs. */
export interface Drill {
  readonly repository: Repository;
  readonly boxed: Omit<Boxed, 'args'>;
  /** At most so many files, and bytes. */
  readonly files: number;
  readonly bytes: number;
  /** When all must be over, in milliseconds since 1970. */
  readonly until: number;
  readonly chance: () => number;
  readonly interrupt: AbortSignal;
}

/** In a night, when it is due: every `restic.drill.every`, the first so long after `init`, and every night once one has failed. */
export async function drillDue(held: Holdings, { run }: Night): Promise<void> {
  const { restic, timeouts, replica } = held.repository;
  const { drill } = restic;
  if (drill === undefined) return;
  if (!isDue(held.state.memory(), drill.every, run.startedAt)) return;
  const password = forOneBox(await held.session.password());
  const boxed = { replica: pathOf(replica), restic, password, scratch: held.session.path('drill') };
  const result = await runDrill({
    ...{ repository: held.repository, boxed, files: drill.files, bytes: drill.bytes },
    ...{ until: Date.now() + timeouts.check, chance: Math.random, interrupt: held.session.interrupt },
  });
  if (result === undefined) return;
  noteDrill(run, result);
  await held.state.append(new Date(), { event: 'drilled', ...result, runId: run.runId });
}

function isDue({ drill, initialisedAt }: Memory, every: number | 'off', now: Date): boolean {
  if (every === 'off') return false;
  return drill?.passed === false || sinceThen(drill?.time ?? initialisedAt ?? undefined, now) >= every;
}

/** What the drill came to; undefined where there is no snapshot yet. Throws Failure where there is no box. */
export async function runDrill(drill: Drill): Promise<DrillResult | undefined> {
  try {
    return await tried(drill);
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    return failed('not done within timeouts.check');
  }
}

const failed = (words: string, files = 0, bytes = 0, snapshots = 0): DrillResult => ({
  ...{ files, bytes, snapshots, passed: false },
  words: escapeText(words, 500),
});

async function tried(drill: Drill): Promise<DrillResult | undefined> {
  let printed = '';
  const listed = await ask(drill, [{ of: 'restic', words: ['snapshots', '--json'] }], (_, chunk) => {
    printed += chunk.toString('utf8');
  });
  if (listed.passed < 1) return failed(`restic snapshots: ${listed.words}`);
  const snapshots = snapshotsToTry(printed, drill.chance);
  if (snapshots.length === 0) return undefined;
  const choices = snapshots.map((_, at) => choiceOf(drill, snapshots.length, at));
  const steps = snapshots.map((id): TrialStep => ({ of: 'restic', words: ['ls', '--json', id] }));
  const told = await ask(drill, steps, (step, chunk) => choices[step]?.read(chunk));
  if (told.passed < steps.length) return failed(`restic ls: ${told.words}`);
  return restored(drill, snapshots.map((id, at) => ({ id, files: choices[at]?.chosen() ?? [] }))); // prettier-ignore
}

/** The newest snapshot gives one more where they do not divide. */
function choiceOf({ files, bytes, chance }: Drill, parts: number, at: number): Choice {
  return new Choice(at === 0 ? Math.ceil(files / parts) : Math.floor(files / parts), Math.floor(bytes / parts), chance);
}

interface Part {
  readonly id: string;
  readonly files: readonly Chosen[];
}

/** Where a snapshot is restored to. */
type FolderOf = (id: string) => string;

/** Folders of this drill alone: a target may hold those of an earlier one. */
function foldersOf({ boxed, chance }: Drill): FolderOf {
  const tag = Math.floor(chance() * 0x10000)
    .toString(16)
    .padStart(4, '0');
  return (id) => `${boxed.target === undefined ? '/tmp/drill' : targetInside}/${id.slice(0, 8)}-${tag}`;
}

async function restored(drill: Drill, parts: readonly Part[]): Promise<DrillResult> {
  const folderOf = foldersOf(drill);
  const wanted = parts.flatMap(({ id, files }) =>
    files.map((file) => ({ ...file, id, place: folderOf(id) + file.path })),
  );
  const amount = [wanted.length, wanted.reduce((sum, { size }) => sum + size, 0), parts.length] as const;
  if (wanted.length === 0)
    return failed(
      'no regular file of the snapshots fits into restic.drill.bytes, so nothing could be tried',
      ...amount,
    );
  const [restores, looks] = [
    parts.filter(({ files }) => files.length > 0).map((part) => restoring(folderOf(part.id), part)),
    looking(parts.map(({ id }) => folderOf(id))),
  ];
  const dumps = wanted.map(({ id, path }): TrialStep => ({ of: 'restic', words: ['dump', id, path] }));
  const said: [sizes: Buffer[], hashes: Buffer[]] = [[], []];
  const dumped: Hash[] = wanted.map(() => createHash('sha256'));
  const first = restores.length + looks.length;
  const asked = await ask(drill, [...restores, ...looks, ...dumps], (step, chunk) => {
    if (step >= first) dumped[step - first]?.update(chunk);
    else if (step >= first - 2) said[step === first - 2 ? 0 : 1].push(Buffer.from(chunk));
  });
  if (asked.passed < first) return failed(`the box: ${asked.words}`, ...amount);
  const [sizes, hashes] = said.map((chunks) => recordsIn(Buffer.concat(chunks).toString('utf8')));
  const wrong =
    wrongNames(wanted, sizes ?? new Map()) ??
    (asked.passed < first + dumps.length ? `restic dump: ${asked.words}` : undefined) ??
    wrongContent(wanted, hashes ?? new Map(), dumped);
  if (wrong !== undefined) return failed(wrong, ...amount);
  return { files: amount[0], bytes: amount[1], snapshots: amount[2], passed: true, words: '' };
}

/** What restore ends with says nothing: it cannot give files their owners here. What came is looked at. */
function restoring(folder: string, { id, files }: Part): TrialStep {
  const include = files.flatMap(({ path }) => ['--include', patternOf(path)]);
  return { of: 'restic', words: ['restore', id, '--target', folder, ...include], anyEnd: true };
}

/** Folders that nobody may enter are opened first; then sizes, then hashes, each with its name and a NUL. */
function looking(folders: readonly string[]): TrialStep[] {
  const find = (...words: readonly string[]): TrialStep => ({
    ...{ of: 'box', anyEnd: true },
    words: ['/usr/bin/find', ...folders, '-type', 'f', ...words],
  });
  return [
    { of: 'box', words: ['/bin/chmod', '-R', 'u+rwX', ...folders], anyEnd: true },
    find('-printf', '%s  %p\\0'),
    find('-exec', '/usr/bin/sha256sum', '-z', '{}', '+'),
  ];
}

/** `WORD  NAME` and a NUL, as a table by name. */
function recordsIn(text: string): Map<string, string> {
  const records = text.split('\0').map((record) => /^(\S+) [ *]([^]*)$/.exec(record));
  return new Map(records.flatMap((found) => (found === null ? [] : [[found[2] ?? '', found[1] ?? '']])));
}

interface Wanted extends Chosen {
  readonly place: string;
}

function wrongNames(wanted: readonly Wanted[], sizes: ReadonlyMap<string, string>): string | undefined {
  const missing = wanted.filter(({ place }) => !sizes.has(place));
  if (missing.length > 0) return `${missing.length} of ${wanted.length} files did not come: ${named(missing)}`;
  const short = wanted.filter(({ place, size }) => sizes.get(place) !== String(size));
  if (short.length > 0) return `${short.length} files have another size than ls says: ${named(short)}`;
  return sizes.size > wanted.length ? `${sizes.size - wanted.length} files came that were not chosen` : undefined;
}

function wrongContent(
  wanted: readonly Wanted[],
  hashes: ReadonlyMap<string, string>,
  dumped: readonly Hash[],
): string | undefined {
  const wrong = wanted.filter(({ place }, at) => hashes.get(place) !== dumped[at]?.digest('hex'));
  return wrong.length === 0 ? undefined : `${wrong.length} files are not what restic dump says: ${named(wrong)}`;
}

const named = (files: readonly Wanted[]): string =>
  escapePath(Buffer.from(files[0]?.path ?? '', 'utf8').toString('latin1'));

function ask(
  { boxed, until, interrupt }: Drill,
  steps: readonly TrialStep[],
  onOutput: (step: number, chunk: Buffer) => void,
): ReturnType<typeof tryInBox> {
  return tryInBox(boxed, steps, { until, onOutput }, interrupt);
}
