/** B1 to B10 of DESIGN section 12. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { program } from '../support/cli.ts';
import { openRepository, type ResticRepository } from '../support/restic.ts';
import { judgeBench } from './judge.ts';
import { measure, spreadOf, type Environment, type Measured, type Spread } from './measure.ts';
import { bareCopy, bareScan, rcloneSync, resticCopy, twoScans } from './peers.ts';
import { addPacks, makeRepository, ours, run, say, type Bench, type Place } from './places.ts';

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

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
const seconds = (value: number): string => `${value.toFixed(2)} s`;
const placeOf = ({ bench }: Wish, size: number): Place => bench.inStep(`n${size}`, size);

interface Pair {
  readonly ours: Measured;
  readonly peer: Measured;
}

/** Ours and the peer in turn; `prepare` comes before each pair. */
async function pairs(runs: number, our: () => Promise<Measured>, peer: () => Promise<Measured>, prepare: () => void = () => undefined): Promise<Pair[]> {
  const done: Pair[] = [];
  while (done.length < runs) {
    prepare();
    done.push({ ours: await our(), peer: await peer() });
  }
  return done;
}

function wall(name: string, what: string, goal: string, measured: readonly Pair[]): Figure {
  const [mine, theirs] = [spreadOf(measured.map(({ ours: { wall: time } }) => time)), spreadOf(measured.map(({ peer }) => peer.wall))];
  const peak = Math.max(...measured.map(({ ours: { ownPeak } }) => ownPeak));
  const tree = Math.max(...measured.map(({ ours: { treePeak } }) => treePeak));
  const notes = `${seconds(mine.median)} / ${seconds(theirs.median)}; memory ${mebibytes(peak)}, whole tree ${mebibytes(tree)}`;
  return { name, what, spread: spreadOf(measured.map(({ ours: one, peer }) => one.wall / peer.wall)), goal, notes };
}

const n = (size: number): string => size.toLocaleString('en');

async function* nothingNew(wish: Wish): AsyncGenerator<Figure> {
  for (const size of wish.sizes) {
    const place = placeOf(wish, size);
    const measured = await pairs(wish.runs, () => measure(ours(place, 'sync')), () => measure(bareScan(place.account, place.replica)));
    yield wall('B1', `night, nothing new / bare scan, ${n(size)} files`, size >= 1e6 ? '1.3' : '1.6', measured);
  }
}

async function* newPacks(wish: Wish): AsyncGenerator<Figure> {
  for (const size of wish.sizes) {
    const place = placeOf(wish, size);
    const copy = copyOf(place, 'script-replica');
    const measured = await pairs(wish.runs, () => measure(ours(place, 'sync')), () => measure(twoScans(place.account, copy)), () => { addPacks(place.source, 100, 1000); });
    yield wall('B2', `night, 100 new packs / two-scan script, ${n(size)} files`, size >= 1e6 ? '0.8' : '0.9', measured);
  }
}

async function* againstRclone(wish: Wish): AsyncGenerator<Figure> {
  if (spawnSync('rclone', ['version']).status !== 0) {
    say('  B3 left out: rclone is not installed');
    return;
  }
  for (const size of wish.sizes.filter((each) => each <= 100_000)) {
    const place = placeOf(wish, size);
    const copy = copyOf(place, 'rclone-replica');
    const peer = () => measure(rcloneSync(wish.bench.sftp, place.source, copy));
    await peer();
    const measured = await pairs(wish.runs, () => measure(ours(place, 'sync')), peer, () => { addPacks(place.source, 100, 1000); });
    yield wall('B3', `night, 100 new packs / rclone sync --immutable, ${n(size)} files`, '0.75', measured);
    const cpu = spreadOf(measured.map(({ ours: mine, peer: theirs }) => mine.cpu / theirs.cpu));
    yield { name: 'B3', what: `same, processor time on serverB`, spread: cpu, goal: '0.6', notes: '' };
  }
}

/** A replica of the peer's own, in step now. */
function copyOf(place: Place, name: string): string {
  const copy = join(place.folder, name);
  rmSync(copy, { recursive: true, force: true });
  execFileSync('cp', ['-al', place.source, copy]);
  return copy;
}

async function* bulk(wish: Wish): AsyncGenerator<Figure> {
  const place = wish.bench.place('bulk', { limits: { newBytes: '1000GB' } });
  makeRepository(place.source, 300);
  for (const name of ['replica', 'state', 'peer']) rmSync(join(place.folder, name), { recursive: true, force: true });
  run(place, ['init', 'nightly']);
  run(place, ['sync']);
  let paths: string[] = [];
  const [list, target] = [join(place.folder, 'list'), join(place.folder, 'peer')];
  const prepare = (): void => {
    for (const path of paths) for (const side of [place.source, place.replica]) rmSync(join(side, path), { force: true });
    rmSync(target, { recursive: true, force: true });
    paths = addPacks(place.source, Math.ceil(wish.megabytes / 16), 16 * 2 ** 20);
    writeFileSync(list, paths.map((path) => `${path}\0`).join(''));
    mkdirSync(target);
    execFileSync('sync');
  };
  const measured = await pairs(wish.runs, () => measure(ours(place, 'sync')), () => measure(bareCopy(place.account, target, ['--from0', `--files-from=${list}`])), prepare);
  yield wall('B4', `${wish.megabytes} MiB of new packs, verified and admitted / bare rsync of the same`, '1.05', measured);
  rmSync(place.folder, { recursive: true, force: true });
}

async function* memory(wish: Wish): AsyncGenerator<Figure> {
  const peaks: { size: number; peak: number }[] = [];
  for (const size of wish.sizes) {
    const { ownPeak } = await measure(ours(placeOf(wish, size), 'sync'));
    peaks.push({ size, peak: ownPeak });
    yield { name: 'B5', what: `peak memory in MiB, night, ${n(size)} files`, spread: spreadOf([ownPeak / 2 ** 20]), goal: size >= 1e6 ? '160' : '', notes: '' };
  }
  const [first, last] = [peaks[0], peaks.at(-1)];
  if (first === undefined || last === undefined || first === last) return;
  const growth = (last.peak - first.peak) / (last.size - first.size);
  yield { name: 'B5', what: `growth from ${n(first.size)} to ${n(last.size)} files, bytes a file`, spread: spreadOf([growth]), goal: '80', notes: '' };
}

async function* judging(wish: Wish): AsyncGenerator<Figure> {
  const measured = await judgeBench(wish.bench.folder, 1_000_000, wish.runs);
  const notes = `${seconds(spreadOf(measured.map(({ ours: mine }) => mine)).median)} / ${seconds(spreadOf(measured.map(({ grep }) => grep)).median)}`;
  yield { name: 'B6', what: 'parse and judge 1,000,000 lines / grep -cvE', spread: spreadOf(measured.map(({ ours: mine, grep }) => mine / grep)), goal: '2', notes };
}

async function* firstCopy(wish: Wish): AsyncGenerator<Figure> {
  const size = Math.max(...wish.sizes);
  const source = placeOf(wish, size).source;
  const place = wish.bench.place('first');
  rmSync(place.source, { recursive: true, force: true });
  execFileSync('cp', ['-al', source, place.source]);
  const target = join(place.folder, 'peer');
  const old = mkdtempSync(join(place.folder, 'old-'));
  // Moved away, not deleted: for some seconds after many deletions ext4 makes new files several times as slowly, ours before the peer's.
  const prepare = (): void => {
    const aside = mkdtempSync(join(old, 'run-'));
    for (const name of ['replica', 'state', 'peer']) if (existsSync(join(place.folder, name))) renameSync(join(place.folder, name), join(aside, name));
    run(place, ['init', 'nightly']);
  };
  const measured = await pairs(Math.min(wish.runs, 2), () => measure(ours(place, 'sync')), () => measure(bareCopy(place.account, target)), prepare);
  yield wall('B7', `first copy of ${n(size)} tiny files / bare rsync -rt`, '2', measured);
  rmSync(place.folder, { recursive: true, force: true });
}

async function* short(wish: Wish): AsyncGenerator<Figure> {
  const place = placeOf(wish, Math.min(...wish.sizes));
  for (const args of [['status'], ['prune-window', 'status']]) {
    const measured = await pairs(wish.runs * 3, () => measure([program, '--config', place.configFile, ...args]), () => measure([process.execPath, '-e', '0']));
    yield wall('B8', `${args.join(' ')} / node -e 0`, '2', measured);
  }
}

interface Real {
  readonly place: Place;
  readonly repository: ResticRepository;
}

/** A real repository and its replica in step, with proof by restic. */
async function realPlace({ bench }: Wish): Promise<Real> {
  const source = join(bench.folder, 'restic', 'source');
  rmSync(join(bench.folder, 'restic'), { recursive: true, force: true });
  mkdirSync(source, { recursive: true });
  const repository = openRepository(source);
  const place = bench.place('restic', { restic: { passwordFile: repository.passwordFile, check: { every: '1s' } } });
  await repository.run(['init']);
  await repository.backup({ file: 'first' });
  run(place, ['init', 'nightly']);
  run(place, ['sync']);
  return { place, repository };
}

/** A night with a new backup and a due check, its prove and check stages, against restic check alone. */
async function* proving(wish: Wish): AsyncGenerator<Figure> {
  const { place, repository } = await realPlace(wish);
  const env: Environment = { RESTIC_PASSWORD_FILE: repository.passwordFile };
  const ratios: number[] = [];
  let last = '';
  for (let k = 0; k < wish.runs; k++) {
    await repository.backup({ file: `content ${k}` });
    const { prove, check } = JSON.parse(run(place, ['sync'])).runs[0].seconds as { prove: number; check: number };
    const alone = await measure(['restic', '-r', place.replica, 'check', '--no-lock', '--no-cache', `--read-data-subset=${(k % 30) + 1}/30`], env);
    ratios.push((prove + check) / alone.wall);
    last = `${seconds(prove)} + ${seconds(check)} / ${seconds(alone.wall)}`;
  }
  yield { name: 'B9', what: 'prove + check of a small repository / restic check alone', spread: spreadOf(ratios), goal: '1.5', notes: last };
}

/** Not in DESIGN's table: the whole night, proof and check included, beside what restic has for the purpose. */
async function* againstResticCopy(wish: Wish): AsyncGenerator<Figure> {
  const { place, repository } = await realPlace(wish);
  const target = join(place.folder, 'copy');
  execFileSync('restic', ['-q', '-r', target, '--password-file', repository.passwordFile, 'init']);
  const peer = () => measure(resticCopy(wish.bench.sftp, place.source, target, repository.passwordFile));
  await peer();
  const measured: Pair[] = [];
  while (measured.length < wish.runs) {
    await repository.backup({ file: randomBytes(4 * 2 ** 20) });
    measured.push({ ours: await measure(ours(place, 'sync')), peer: await peer() });
  }
  yield wall('copy', 'night with a new backup of 4 MiB, proven and checked / restic copy over sftp', '', measured);
}

async function* connections(wish: Wish): AsyncGenerator<Figure> {
  const place = placeOf(wish, Math.min(...wish.sizes));
  const counts: number[] = [];
  for (let k = 0; k < wish.runs; k++) {
    addPacks(place.source, 1, 1000);
    const before = wish.bench.connections();
    await measure(ours(place, 'sync'));
    counts.push(wish.bench.connections() - before);
  }
  yield { name: 'B10', what: 'ssh connections in one night', spread: spreadOf(counts), goal: '1', notes: "from sshd's log" };
}

export const benches: Readonly<Record<string, (wish: Wish) => AsyncGenerator<Figure>>> = {
  B1: nothingNew, B2: newPacks, B3: againstRclone, B4: bulk, B5: memory, B6: judging, B7: firstCopy, B8: short, B9: proving, B10: connections, copy: againstResticCopy,
};
