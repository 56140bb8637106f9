/**
 * A drill: files of the newest snapshot and of an older one, chosen at random, are restored in the box, into its memory,
 * and compared with what `ls` and `dump` say. Clear text never reaches a disk, but where a target asks for it.
 */
import type { Repository } from '../config/config.ts';
import { escapeText } from '../printable.ts';
import { targetInside, type Boxed } from '../programs/restic-box.ts';
import { OutOfTime } from '../programs/restic-failures.ts';
import { forOneBox } from '../programs/restic-password.ts';
import { tryInBox, type TrialStep } from '../programs/restic-trial.ts';
import type { Holdings } from '../ratchet/holdings.ts';
import type { Memory } from '../state/memory.ts';
import type { Night } from '../ratchet/night.ts';
import type { DrillResult } from '../ratchet/run.ts';
import { pathOf } from '../replica-path.ts';
import { sinceThen } from '../state/clock.ts';
import { noteDrill } from '../words/asides.ts';
import { Choice, patternOf, snapshotsAtRandom, type Chosen } from './choice.ts';
import { NotRight, Restored, type Wanted } from './restored.ts';

/** What a drill needs. */
interface Drill {
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

/** What the drill came to; undefined where there is no snapshot yet. Throws Failure where there is no box, or the password is wrong. */
export async function runDrill(drill: Drill): Promise<DrillResult | undefined> {
  let amount: Tried = { files: 0, bytes: 0, snapshots: 0 };
  try {
    const parts = await chosen(drill);
    if (parts.length === 0) return undefined;
    const wanted = parts.flatMap(({ id, folder, files }) =>
      files.map((file) => ({ ...file, snapshot: id, place: folder + file.path })),
    );
    const bytes = wanted.reduce((sum, { size }) => sum + size, 0);
    amount = { files: wanted.length, bytes, snapshots: parts.length };
    await restore(drill, parts, wanted);
    return { ...amount, passed: true, words: '' };
  } catch (error) {
    if (!(error instanceof NotRight || error instanceof OutOfTime)) throw error;
    const words = error instanceof NotRight ? error.message : 'not done within timeouts.check';
    return { ...amount, passed: false, words: escapeText(words, 500) };
  }
}

type Tried = Pick<DrillResult, 'files' | 'bytes' | 'snapshots'>;

/** Of the newest snapshot and of another one: the newest gives one more where they do not divide. */
async function chosen(drill: Drill): Promise<Part[]> {
  const { boxed, files, bytes, chance } = drill;
  const anyTwo = snapshotsAtRandom(boxed.replica, chance);
  const half = Math.floor(bytes / anyTwo.length);
  const parts: Part[] = [];
  for (const [at] of anyTwo.entries()) {
    const snapshot = at === 0 ? 'latest' : (anyTwo.find((id) => id !== parts[0]?.id) ?? '');
    const most = at === 0 ? Math.ceil(files / anyTwo.length) : Math.floor(files / anyTwo.length);
    parts.push(await listed(drill, snapshot, new Choice(most, half, chance)));
  }
  return parts;
}

/** What a few bytes of trees say can be listed for years: what has been named in a quarter of the time is enough to choose from. */
async function listed(drill: Drill, snapshot: string, choice: Choice): Promise<Part> {
  const now = Date.now();
  const until = now + (drill.until - now) / 4;
  const step: TrialStep = { of: 'restic', words: ['ls', '--json', snapshot] };
  try {
    const { passed, words } = await ask({ ...drill, until }, [step], (_, chunk) => {
      choice.read(chunk);
    });
    if (passed < 1) throw new NotRight(`restic ls: ${words}`);
  } catch (error) {
    if (!(error instanceof OutOfTime) || choice.chosen().length === 0) throw error;
  }
  const id = choice.snapshot ?? snapshot;
  return { id, folder: folderFor(drill, id), files: choice.chosen() };
}

/** Of a snapshot: its ID, where it is restored to, and what of it. */
interface Part {
  readonly id: string;
  readonly folder: string;
  readonly files: readonly Chosen[];
}

/** A folder of this drill alone: a target may hold those of an earlier one. */
function folderFor({ boxed, chance }: Drill, id: string): string {
  const tag = Math.floor(chance() * 0x10000)
    .toString(16)
    .padStart(4, '0');
  return `${boxed.target === undefined ? '/tmp/drill' : targetInside}/${id.slice(0, 8)}-${tag}`;
}

/** Restores and compares. Throws NotRight. */
async function restore(drill: Drill, parts: readonly Part[], wanted: readonly Wanted[]): Promise<void> {
  if (wanted.length === 0)
    throw new NotRight('no regular file of the snapshots fits into restic.drill.bytes, so nothing could be tried');
  const before = [
    ...parts.filter(({ files }) => files.length > 0).map(restoring),
    ...looking(parts.map(({ folder }) => folder)),
  ];
  const dumps = wanted.map(({ snapshot, path }): TrialStep => ({ of: 'restic', words: ['dump', snapshot, path] }));
  const restored = new Restored(wanted);
  const asked = await ask(drill, [...before, ...dumps], (step, chunk) => {
    if (step >= before.length) restored.dumped(step - before.length, chunk);
    else if (step >= before.length - 2) restored.told(step === before.length - 1 ? 'hashes' : 'sizes', chunk);
  });
  if (asked.passed < before.length) throw new NotRight(`the box: ${asked.words}`);
  restored.requireNames(asked.words);
  if (asked.passed < before.length + dumps.length) throw new NotRight(`restic dump: ${asked.words}`);
  restored.requireContent();
}

/** What restore ends with says nothing: it cannot give files their owners here. What came is looked at. */
function restoring({ id, folder, files }: Part): TrialStep {
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

function ask(
  { boxed, until, interrupt }: Drill,
  steps: readonly TrialStep[],
  onOutput: (step: number, chunk: Buffer) => void,
): ReturnType<typeof tryInBox> {
  return tryInBox(boxed, steps, { until, onOutput }, interrupt);
}
