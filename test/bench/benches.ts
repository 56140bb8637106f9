/** Every bench of DESIGN section 12, B1 to B15; here are those of one process alone: B5, B6, B8, B10. */
import { program } from '../support/cli.ts';
import { arrivals } from './arrivals.ts';
import { type Benches, type Figure, leftOut, medianOf, n, pairs, placeOf, plain, seconds, wall, type Wish } from './figures.ts';
import { judgeBench } from './judge.ts';
import { measure } from './measure.ts';
import { nights } from './nights.ts';
import { addPacks, ours } from './places.ts';
import { rclones } from './rclones.ts';
import { small } from './small.ts';
import { starts } from './starts.ts';

async function* memory(wish: Wish): AsyncGenerator<Figure> {
  const peaks: { size: number; peak: number }[] = [];
  for (const size of wish.sizes) {
    const { ownPeak } = await measure(ours(placeOf(wish, size), 'sync'));
    peaks.push({ size, peak: ownPeak });
    yield plain('B5', `peak memory in MiB, night, ${n(size)} files`, size >= 1e6 ? '160' : '', [ownPeak / 2 ** 20]);
  }
  const [first, last] = [peaks[0], peaks.at(-1)];
  if (first === undefined || last === undefined || first === last) return;
  const growth = (last.peak - first.peak) / (last.size - first.size);
  yield plain('B5', `growth from ${n(first.size)} to ${n(last.size)} files, bytes a file`, '80', [growth]);
}

async function* judging(wish: Wish): AsyncGenerator<Figure> {
  const measured = await judgeBench(wish.bench.folder, 1_000_000, wish.runs);
  const notes = `${seconds(medianOf(measured.map(({ ours: mine }) => mine)))} / ${seconds(medianOf(measured.map(({ grep }) => grep)))}`;
  yield plain('B6', 'parse and judge 1,000,000 lines / grep -cvE', '2', measured.map(({ ours: mine, grep }) => mine / grep), notes);
}

async function* short(wish: Wish): AsyncGenerator<Figure> {
  const place = placeOf(wish, Math.min(...wish.sizes));
  const found = rclones();
  if (found.length === 0) leftOut('B8', 'rclone is not installed, and RATCHET_RCLONE names none: node alone');
  const versions = found.map(({ program: rclone, version }) => [[rclone, 'version'], `rclone ${version} version`, '1'] as const);
  for (const args of [['status'], ['prune-window', 'status']]) {
    for (const [peer, name, goal] of [[[process.execPath, '-e', '0'], 'node -e 0', '2'] as const, ...versions]) {
      const measured = await pairs(wish.runs * 3, () => measure([program, '--config', place.configFile, ...args]), () => measure(peer));
      yield wall('B8', `${args.join(' ')} / ${name}`, goal, measured);
    }
  }
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
  yield plain('B10', 'ssh connections in one night', '1', counts, "from sshd's log");
}

export const benches: Benches = { ...nights, ...arrivals, B5: memory, B6: judging, B8: short, ...small, B10: connections, ...starts };
