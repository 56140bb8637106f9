/** Whole nights beside what people would run instead, and beside the floor of our own way: B1, B2, B3, B11, B12, B15. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { SshAccount } from '../support/sshd.ts';
import { forgetCaches, mayForgetCaches } from './cold.ts';
import { type Benches, type Figure, leftOut, n, type Pair, pairs, placeOf, processor, wall, type Wish } from './figures.ts';
import { floorOf } from './floor.ts';
import { startLink } from './link.ts';
import { measure, type Measured } from './measure.ts';
import { bareScan, rcloneSync, twoScans } from './peers.ts';
import { addPacks, ours, type Place } from './places.ts';
import { type Rclone, rclones } from './rclones.ts';

type Peer = (place: Place, wish: Wish) => () => Promise<Measured>;

const scan: Peer = ({ account, replica }) => () => measure(bareScan(account, replica));

const script: Peer = (place) => {
  const copy = copyOf(place, 'script-replica');
  return () => measure(twoScans(place.account, copy));
};

/** Once by itself first: it learns what rsync asks serverA for. */
async function floor(place: Place): Promise<() => Promise<Measured>> {
  const command = floorOf(place);
  await measure(command);
  return () => measure(command);
}

/** A replica of the peer's own, in step now. */
function copyOf(place: Place, name: string): string {
  const copy = join(place.folder, name);
  rmSync(copy, { recursive: true, force: true });
  execFileSync('cp', ['-al', place.source, copy]);
  return copy;
}

/** rclone, once by itself first: it makes its configuration. */
async function beside({ program, version }: Rclone, place: Place, account: SshAccount): Promise<() => Promise<Measured>> {
  const copy = copyOf(place, `rclone-${version}`);
  const peer = () => measure(rcloneSync(program, account, place.source, copy));
  await peer();
  return peer;
}

const nameOf = ({ version }: Rclone): string => `rclone ${version} sync --immutable`;

/** Said where there is none. */
function rclonesFor(name: string): readonly Rclone[] {
  const found = rclones();
  if (found.length === 0) leftOut(name, 'rclone is not installed, and RATCHET_RCLONE names none');
  return found;
}

/** Nights with so many new packs, which are new to the peer, too. */
function against(place: Place, runs: number, packs: number, peer: () => Promise<Measured>, before?: () => void): Promise<Pair[]> {
  return pairs(runs, () => measure(ours(place, 'sync')), peer, () => { addPacks(place.source, packs, 1000); }, before);
}

const news = (packs: number): string => (packs === 0 ? 'nothing new' : `${packs} new packs`);

async function* nothingNew(wish: Wish): AsyncGenerator<Figure> {
  for (const size of wish.sizes) {
    const place = placeOf(wish, size);
    yield wall('B1', `night, nothing new / bare scan, ${n(size)} files`, size >= 1e6 ? '1.4' : '1.5', await against(place, wish.runs, 0, scan(place, wish)));
  }
}

async function* newPacks(wish: Wish): AsyncGenerator<Figure> {
  for (const size of wish.sizes) {
    const place = placeOf(wish, size);
    yield wall('B2', `night, 100 new packs / two-scan script, ${n(size)} files`, '0.9', await against(place, wish.runs, 100, script(place, wish)));
  }
}

async function* againstRclone(wish: Wish): AsyncGenerator<Figure> {
  for (const rclone of rclonesFor('B3')) {
    for (const size of wish.sizes.filter((each) => each <= 100_000)) {
      const place = placeOf(wish, size);
      const peer = await beside(rclone, place, wish.bench.sftp);
      for (const packs of [0, 100]) {
        const measured = await against(place, wish.runs, packs, peer);
        const what = `night, ${news(packs)} / ${nameOf(rclone)}, ${n(size)} files`;
        yield wall('B3', what, '1.0', measured);
        yield processor('B3', what, '1.0', measured);
      }
    }
  }
}

/** Over a link whose round trip is 20 ms. */
async function* overLink(wish: Wish): AsyncGenerator<Figure> {
  const found = rclonesFor('B11');
  for (const size of wish.sizes.filter((each) => each <= 100_000)) {
    const near = placeOf(wish, size);
    const link = await startLink(near.account, 10);
    try {
      const place = near.over(link.account);
      const peers: [name: string, goal: string, peer: () => Promise<Measured>][] = [['bare scan', '', scan(place, wish)], ['two-scan script', '0.8', script(place, wish)]];
      for (const rclone of found) peers.push([nameOf(rclone), '0.8', await beside(rclone, place, link.over(wish.bench.sftp))]);
      for (const packs of [0, 100])
        for (const [name, goal, peer] of peers)
          yield wall('B11', `night, ${news(packs)}, round trip 20 ms / ${name}, ${n(size)} files`, goal, await against(place, wish.runs, packs, peer));
    } finally {
      link.stop();
    }
  }
}

async function* withColdCaches(wish: Wish): AsyncGenerator<Figure> {
  if (!mayForgetCaches()) { leftOut('B12', 'only root may empty the caches'); return; }
  for (const size of wish.sizes) {
    const place = placeOf(wish, size);
    const peer = script(place, wish);
    yield wall('B12', `night, 100 new packs, cold caches / two-scan script, ${n(size)} files`, '1.0', await against(place, wish.runs, 100, peer, forgetCaches));
  }
}

/** What the same starts, passes, walk and fetch take by themselves. */
async function* aboveTheFloor(wish: Wish): AsyncGenerator<Figure> {
  for (const size of wish.sizes) {
    const near = placeOf(wish, size);
    for (const packs of [0, 100]) yield wall('B15', `night, ${news(packs)} / the floor, ${n(size)} files`, '1.15', await against(near, wish.runs, packs, await floor(near)));
    if (size > 100_000) continue;
    const link = await startLink(near.account, 10);
    try {
      const place = near.over(link.account);
      yield wall('B15', `night, nothing new, round trip 20 ms / the floor, ${n(size)} files`, '1.15', await against(place, wish.runs, 0, await floor(place)));
    } finally {
      link.stop();
    }
  }
}

export const nights: Benches = { B1: nothingNew, B2: newPacks, B3: againstRclone, B11: overLink, B12: withColdCaches, B15: aboveTheFloor };
