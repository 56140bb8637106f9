/** What the starts of a night cost one by one, warm and cold, and how many there are of each, in 0.3.0 and now. Not in DESIGN's table. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { aloneIn, type Start } from './alone.ts';
import { forgetCaches, mayForgetCaches } from './cold.ts';
import { type Benches, type Figure, lacks, leftOut, medianOf, plain, type Wish } from './figures.ts';
import { measure } from './measure.ts';
import { type Nights, smallRepository, startedInNights } from './small.ts';
import type { Counts } from './started.ts';

/** What 0.3.0 starts in the same two nights, counted in the same way (`RATCHET_PROGRAM=…/dist/main.js npm run bench -- B13`). */
const before: { readonly quiet: Counts; readonly busy: Counts } = {
  quiet: { flock: 6, setpriv: 5, bwrap: 5, ssh: 5, prlimit: 4, rsync: 4, 'main.js': 1, node: 1, true: 1 },
  busy: {
    mount: 16, setpriv: 8, flock: 7, ssh: 6, bwrap: 6, mkdir: 6, prlimit: 5, rsync: 5, readlink: 4, ln: 4, sync: 4, true: 2, unshare: 2,
    'main.js': 1, node: 1, sh: 1, touch: 1, cat: 1, cp: 1, chroot: 1, restic: 1,
  },
};

/** Milliseconds of each start, run by run. */
interface Timed {
  readonly start: Start;
  readonly warm: readonly number[];
  /** None where the caches cannot be emptied. */
  readonly cold: readonly number[];
}

async function* eachStart(wish: Wish): AsyncGenerator<Figure> {
  if (lacks('starts', 'restic')) return;
  const real = await smallRepository(wish);
  const nights = lacks('starts', 'strace') ? undefined : startedInNights(real);
  const mayForget = mayForgetCaches();
  if (!mayForget) leftOut('starts', 'only root may empty the caches: warm alone');
  const folder = join(wish.bench.folder, 'alone');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { replica } = real.place;
  const { starts, stop } = aloneIn({ folder, replica, passwordFile: real.repository.passwordFile, empty: wish.bench.place('empty'), nothing: wish.bench.nothing });
  const all: Timed[] = [];
  try {
    for (const start of [...starts, ...others(starts, nights)]) {
      const timed = { start, warm: await milliseconds(start, wish.runs, false), cold: mayForget ? await milliseconds(start, wish.runs, true) : [] };
      all.push(timed);
      yield* rowsOf(timed, nights);
    }
  } finally {
    stop();
  }
  if (nights !== undefined) yield* sums(all, nights);
}

/** Warm: what it needs is in memory, because it ran a moment ago. */
async function milliseconds({ command, env, codes }: Start, runs: number, isCold: boolean): Promise<number[]> {
  const all: number[] = [];
  if (!isCold) await measure(command, env, codes);
  while (all.length < runs) {
    if (isCold) forgetCaches();
    all.push((await measure(command, env, codes)).wall * 1000);
  }
  return all;
}

/** Programs of either night that have no start of their own yet: each says its version. */
function others(starts: readonly Start[], nights: Nights | undefined): Start[] {
  const started = [before.quiet, before.busy, nights?.quiet.counts ?? {}, nights?.busy.counts ?? {}];
  const isMeasured = (name: string): boolean => starts.some(({ times }) => (times?.({ [name]: 2 }) ?? 0) > 0);
  const names = [...new Set(started.flatMap(Object.keys))].filter((name) => !isMeasured(name));
  return names
    .filter((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0)
    .map((name) => ({ what: `${name} --version`, command: [name, '--version'], times: (counts) => counts[name] ?? 0 }));
}

function* rowsOf({ start: { what, times }, warm, cold }: Timed, nights: Nights | undefined): Generator<Figure> {
  const many = (counts: Counts | undefined): string => (counts === undefined ? '?' : String(times?.(counts) ?? 0));
  const now = `${many(nights?.quiet.counts)} in a night with nothing new, ${many(nights?.busy.counts)} with new files and a password`;
  const notes = times === undefined ? '' : `${now} (0.3.0: ${many(before.quiet)} and ${many(before.busy)})`;
  yield plain('starts', `${what}, warm, ms`, '', warm, notes);
  if (cold.length > 0) yield plain('starts', `${what}, cold, ms`, '', cold);
}

/** All starts of a night one after the other, which is more than a night takes: some lie side by side. */
function* sums(all: readonly Timed[], { quiet, busy }: Nights): Generator<Figure> {
  const sorts = all.some(({ cold }) => cold.length > 0) ? (['warm', 'cold'] as const) : (['warm'] as const);
  for (const [night, now, then] of [['nothing new', quiet.counts, before.quiet], ['10 new files and a password', busy.counts, before.busy]] as const)
    for (const sort of sorts) yield plain('starts', `starts of a night one after the other, ${night}, ${sort}, ms`, '', [sumOf(all, now, sort)], `0.3.0: ${sumOf(all, then, sort).toFixed(0)}`);
}

function sumOf(all: readonly Timed[], counts: Counts, sort: 'warm' | 'cold'): number {
  const bare = medianOf(all.find(({ start }) => start.what === 'true')?.[sort] ?? []);
  return all.reduce((sum, { start, ...timed }) => sum + (start.times?.(counts) ?? 0) * (medianOf(timed[sort]) - (start.isAround === true ? bare : 0)), 0);
}

export const starts: Benches = { starts: eachStart };
