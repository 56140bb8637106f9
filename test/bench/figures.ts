/** What the bench reports: one line of the table each, made of runs of ours and of a peer in turn. */
import { spawnSync } from 'node:child_process';
import { type Measured, type Spread, spreadOf } from './measure.ts';
import { type Bench, type Place, say } from './places.ts';

export interface Wish {
  readonly bench: Bench;
  readonly sizes: readonly number[];
  readonly runs: number;
  /** For B4. */
  readonly megabytes: number;
}

/** One line of the table: a ratio unless `what` says otherwise. */
export interface Figure {
  readonly name: string;
  readonly what: string;
  readonly spread: Spread;
  readonly goal: string;
  readonly notes: string;
}

/** The benches of one file, by name. */
export type Benches = Readonly<Record<string, (wish: Wish) => AsyncGenerator<Figure>>>;

export interface Pair {
  readonly ours: Measured;
  readonly peer: Measured;
}

export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
export const seconds = (value: number): string => `${value.toFixed(2)} s`;
export const n = (size: number): string => size.toLocaleString('en');
export const medianOf = (values: readonly number[]): number => spreadOf(values).median;

/** The repository of so many files, and its replica in step. */
export const placeOf = ({ bench }: Wish, size: number): Place => bench.inStep(`n${size}`, size);

/**
 * Some runs in turn, and each round begins with the next of them; what they took, round by round, in the order in which they are
 * given. `prepare` comes before each round, `before` before each run.
 */
export async function inTurn(
  rounds: number, runs: readonly (() => Promise<Measured>)[], prepare: () => void = () => undefined, before: () => void = () => undefined,
): Promise<Measured[][]> {
  const all: Measured[][] = [];
  for (let round = 0; round < rounds; round++) {
    prepare();
    const measured: Measured[] = [];
    for (const [n] of runs.entries()) {
      const mine = (round + n) % runs.length;
      before();
      measured[mine] = await runs[mine]!();
    }
    all.push(measured);
  }
  return all;
}

/** Ours and the peer in turn, and the other way round the next time. */
export async function pairs(runs: number, our: () => Promise<Measured>, peer: () => Promise<Measured>, prepare?: () => void, before?: () => void): Promise<Pair[]> {
  return (await inTurn(runs, [our, peer], prepare, before)).map(([first, second]) => ({ ours: first!, peer: second! }));
}

/** Wall time of ours by the peer's; processor time of serverB's side stands beside it. */
export function wall(name: string, what: string, goal: string, measured: readonly Pair[]): Figure {
  const median = (of: (pair: Pair) => number): string => seconds(medianOf(measured.map(of)));
  const peak = Math.max(...measured.map(({ ours: { ownPeak } }) => ownPeak));
  const tree = Math.max(...measured.map(({ ours: { treePeak } }) => treePeak));
  const times = `${median(({ ours }) => ours.wall)} / ${median(({ peer }) => peer.wall)}`;
  const cpu = `${median(({ ours }) => ours.cpu)} / ${median(({ peer }) => peer.cpu)}`;
  const notes = `wall ${times}, processor ${cpu}; memory ${mebibytes(peak)}, whole tree ${mebibytes(tree)}`;
  return { name, what, spread: spreadOf(measured.map(({ ours, peer }) => ours.wall / peer.wall)), goal, notes };
}

/** Processor time of serverB's side, ours by the peer's. */
export function processor(name: string, what: string, goal: string, measured: readonly Pair[]): Figure {
  return { name, what: `${what}, processor time on serverB`, spread: spreadOf(measured.map(({ ours, peer }) => ours.cpu / peer.cpu)), goal, notes: '' };
}

/** A number that is no ratio. */
export function plain(name: string, what: string, goal: string, values: readonly number[], notes = ''): Figure {
  return { name, what, spread: spreadOf(values), goal, notes };
}

/** Whether a program is not here, which is said: what needs it is not measured on this machine. */
export function lacks(name: string, ...programs: readonly string[]): boolean {
  const missing = programs.filter((program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).error !== undefined);
  for (const program of missing) leftOut(name, `${program} is not installed`);
  return missing.length > 0;
}

/** Says why something is not measured on this machine. */
export function leftOut(name: string, why: string): void {
  say(`  ${name} left out: ${why}`);
}
