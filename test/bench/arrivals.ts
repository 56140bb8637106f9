/** What comes in large, and what comes in number: B4 and B7. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Benches, type Figure, inTurn, lacks, n, type Pair, pairs, placeOf, wall, type Wish } from './figures.ts';
import { measure } from './measure.ts';
import { bareCopy, copyAndRead, flushed } from './peers.ts';
import { addPacks, makeRepository, ours, run } from './places.ts';
import { checkedRepository } from './small.ts';

/** Nothing of the run before is left to be written when the next one begins: the bare rsync leaves all of it to the kernel. */
const flush = (): void => { execFileSync('sync'); };

async function* bulk(wish: Wish): AsyncGenerator<Figure> {
  const place = wish.bench.place('bulk', { limits: { newBytes: '1000GB' } });
  makeRepository(place.source, 300);
  const targets = ['peer', 'peer-flushed'].map((name) => join(place.folder, name)) as [string, string];
  for (const folder of [...['replica', 'state'].map((name) => join(place.folder, name)), ...targets]) rmSync(folder, { recursive: true, force: true });
  run(place, ['init', 'nightly']);
  run(place, ['sync']);
  let paths: string[] = [];
  const list = join(place.folder, 'list');
  const prepare = (): void => {
    for (const path of paths) for (const side of [place.source, place.replica]) rmSync(join(side, path), { force: true });
    for (const target of targets) rmSync(target, { recursive: true, force: true });
    paths = addPacks(place.source, Math.ceil(wish.megabytes / 16), 16 * 2 ** 20);
    writeFileSync(list, paths.map((path) => `${path}\0`).join(''));
    for (const target of targets) mkdirSync(target);
  };
  const [bare, durable] = targets.map((target) => bareCopy(place.account, target, ['--from0', `--files-from=${list}`]));
  const peers = [bare!, flushed(durable!, targets[1])];
  const measured = await inTurn(wish.runs, [() => measure(ours(place, 'sync')), ...peers.map((peer) => () => measure(peer))], prepare, flush);
  for (const [n, peer] of ['bare rsync of the same', 'the same and sync -f'].entries())
    yield wall('B4', `${wish.megabytes} MiB of new packs, verified and admitted / ${peer}`, '1.05', measured.map((round) => ({ ours: round[0]!, peer: round[n + 1]! })));
  rmSync(place.folder, { recursive: true, force: true });
}

/** The same with a password: what restic reads of it is read by the peer, too. */
async function* bulkProven(wish: Wish): AsyncGenerator<Figure> {
  if (lacks('B4', 'restic')) return;
  const { place, repository } = await checkedRepository(wish, '30d');
  const [list, target, content] = ['list', 'peer', 'content'].map((name) => join(place.folder, name)) as [string, string, string];
  const { passwordFile } = repository;
  mkdirSync(content, { recursive: true });
  const measured: Pair[] = [];
  while (measured.length < Math.min(wish.runs, 3)) {
    rmSync(target, { recursive: true, force: true });
    execFileSync('cp', ['-a', place.source, target]);
    execFileSync('sh', ['-c', 'head -c "$0"M /dev/urandom >"$1"', String(wish.megabytes), join(content, 'new')]);
    await repository.backup(content);
    writeFileSync(list, newFiles(place.source, target).map((path) => `${path}\0`).join(''));
    flush();
    const peer = await measure(copyAndRead(place.account, target, list, passwordFile));
    flush();
    measured.push({ ours: await measure(ours(place, 'sync')), peer });
  }
  yield wall('B4', `${wish.megabytes} MiB backed up by restic, with a password / bare rsync and restic check --read-data of the same`, '1.25', measured);
  rmSync(place.folder, { recursive: true, force: true });
}

/** What the source has and the copy has not. */
function newFiles(source: string, copy: string): string[] {
  const found = execFileSync('find', ['.', '-type', 'f', '-printf', '%P\\0'], { cwd: source, encoding: 'utf8', maxBuffer: 1 << 28 });
  return found.split('\0').filter((path) => path !== '' && !existsSync(join(copy, path)));
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

async function* both(wish: Wish): AsyncGenerator<Figure> {
  yield* bulk(wish);
  yield* bulkProven(wish);
}

export const arrivals: Benches = { B4: both, B7: firstCopy };
