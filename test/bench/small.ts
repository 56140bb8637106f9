/** A small repository that restic itself made, with a password: B9, B13, B14, and the night beside `restic copy`. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataBlob, Forge, idOf, treeBlob } from '../support/forge.ts';
import { openRepository, type ResticRepository } from '../support/restic.ts';
import { type Benches, type Figure, inTurn, lacks, medianOf, type Pair, pairs, plain, seconds, wall, type Wish } from './figures.ts';
import { floorOf } from './floor.ts';
import { measure, type Environment, type Measured } from './measure.ts';
import { bareScan, fiveStarts, resticCopy } from './peers.ts';
import { ours, type Place, run, say } from './places.ts';
import { programsStarted, type Started } from './started.ts';

export interface Real {
  readonly place: Place;
  readonly repository: ResticRepository;
  /** Ten new files: six packs, two indexes, two snapshots. */
  readonly addTen: () => void;
}

/** 1,000 files whose key costs what restic lets a key cost, all read by restic, and their replica in step; kept from run to run. */
export async function smallRepository({ bench }: Wish): Promise<Real> {
  const [source, complete] = ['source', 'complete'].map((name) => join(bench.folder, 'small', name)) as [string, string];
  const isThere = existsSync(complete);
  if (!isThere) rmSync(join(bench.folder, 'small'), { recursive: true, force: true });
  mkdirSync(source, { recursive: true });
  const repository = openRepository(source);
  const place = bench.place('small', { restic: { passwordFile: repository.passwordFile } });
  if (!isThere) await repository.run(['init']);
  const forge = await Forge.of(repository);
  const addTen = (): void => { for (let k = 0; k < 2; k++) addBackup(forge); };
  if (isThere) return { place, repository, addTen };
  say('making small: 1000 files');
  for (let k = 0; k < 200; k++) addBackup(forge);
  for (const args of [['init', 'nightly'], ['sync'], ['check'], ['sync']]) run(place, args);
  writeFileSync(complete, '');
  return { place, repository, addTen };
}

/** Five new files, as a backup makes them: two packs of data, one of trees, an index, a snapshot. */
function addBackup(forge: Forge): void {
  const blobs = [dataBlob(randomBytes(2000)), dataBlob(randomBytes(2000))];
  const tree = treeBlob({ file: blobs });
  forge.index({ packs: [...blobs, tree].map((blob) => forge.pack([blob])) });
  forge.snapshot(idOf(tree));
}

async function* smallNight(wish: Wish): AsyncGenerator<Figure> {
  if (lacks('B14', 'restic')) return;
  const { place, repository, addTen } = await smallRepository(wish);
  const [night, scan] = [() => measure(ours(place, 'sync')), () => measure(bareScan(place.account, place.replica))];
  run(place, ['sync']);
  yield wall('B14', 'night, nothing new / bare scan, 1,000 files', '1.6', await pairs(wish.runs, night, scan));
  const five = () => measure(fiveStarts(place.replica, repository.passwordFile));
  const rounds = await inTurn(wish.runs, [night, scan, five], addTen);
  yield wall('B14', 'night, 10 new files and a password / bare scan, 1,000 files', '', rounds.map(([ours, peer]) => ({ ours: ours!, peer: peer! })));
  yield lessFive(rounds);
  const floor = floorOf(place);
  await measure(floor);
  yield wall('B15', 'night, nothing new / the floor, 1,000 files', '1.15', await pairs(wish.runs, night, () => measure(floor)));
  addTen();
  for (const warm of [night, () => measure(floor)]) await warm();
  yield wall('B15', 'night, 10 new files and a password / the floor, 1,000 files', '1.15', await pairs(wish.runs, night, () => measure(floor), addTen));
}

/** The goal is 2.5 scans and five starts of restic: what is left of a night without the five, in scans. */
export function lessFive(rounds: readonly (readonly Pick<Measured, 'wall'>[])[]): Figure {
  const walls = rounds.map((round) => round.map(({ wall: time }) => time) as [ours: number, scan: number, five: number]);
  const [ours, scan, five] = [0, 1, 2].map((n) => seconds(medianOf(walls.map((round) => round[n]!))));
  const what = 'night, 10 new files and a password, less five bare starts of restic (cat config) / bare scan, 1,000 files';
  return plain('B14', what, '2.5', walls.map(([mine, one, starts]) => (mine - starts) / one), `wall (${ours} - ${five}) / ${scan}`);
}

/** What two nights of the small repository start, counted by strace. */
export interface Nights {
  readonly quiet: Started;
  readonly busy: Started;
}

/** `execve` counted, so the same on each machine. */
export function startedInNights({ place, addTen }: Real): Nights {
  const night = (): Started => programsStarted(ours(place, 'sync'), join(place.folder, 'trace'));
  night();
  const quiet = night();
  addTen();
  return { quiet, busy: night() };
}

async function* starts(wish: Wish): AsyncGenerator<Figure> {
  if (lacks('B13', 'strace', 'restic')) return;
  const { quiet, busy } = startedInNights(await smallRepository(wish));
  yield plain('B13', 'programs started, nothing new', '26', [quiet.programs], quiet.names);
  yield plain('B13', 'programs started, 10 new files and a password', '60', [busy.programs], busy.names);
  yield plain('B9', 'starts of restic in that night', '6', [busy.restic]);
}

/** A real repository and its replica in step, with proof by restic, and a check `every` so often. */
export async function checkedRepository({ bench }: Wish, every: string): Promise<Omit<Real, 'addTen'>> {
  const source = join(bench.folder, 'restic', 'source');
  rmSync(join(bench.folder, 'restic'), { recursive: true, force: true });
  mkdirSync(source, { recursive: true });
  const repository = openRepository(source);
  const place = bench.place('restic', { restic: { passwordFile: repository.passwordFile, check: { every } } });
  await repository.run(['init']);
  await repository.backup({ file: 'first' });
  for (const args of [['init', 'nightly'], ['sync'], ['check'], ['sync']]) run(place, args);
  return { place, repository };
}

/** A night with a new backup and a due check, its prove and check stages, against restic check alone. */
async function* proving(wish: Wish): AsyncGenerator<Figure> {
  if (lacks('B9', 'restic')) return;
  const { place, repository } = await checkedRepository(wish, '1s');
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
  yield plain('B9', 'prove + check of a small repository / restic check alone', '', ratios, last);
}

/** Not in DESIGN's table: the whole night, proof and check included, beside what restic has for the purpose. */
async function* againstResticCopy(wish: Wish): AsyncGenerator<Figure> {
  if (lacks('copy', 'restic')) return;
  const { place, repository } = await checkedRepository(wish, '1s');
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

export const small: Benches = { B9: proving, B13: starts, B14: smallNight, copy: againstResticCopy };
