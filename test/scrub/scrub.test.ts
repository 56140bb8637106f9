/** Scrubs of a replica made by hand: shares, interruptions, what cannot be read, and what leaves meanwhile. */
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { leftIn, mostDamages, scrubExitCode, scrubOutcome, type Scrub } from '../../src/scrub/share.ts';
import { Interrupted } from '../../src/errors.ts';
import { Replica } from '../../src/replica-path.ts';
import { readMarker } from '../../src/ratchet/replica.ts';
import { writeMarker } from '../../src/ratchet/replica-place.ts';
import { readScrubMemory } from '../../src/scrub/memory.ts';
import { Rehash } from '../../src/scrub/rehash.ts';
import { scrub, type ScrubOptions } from '../../src/scrub/scrub.ts';
import { program, spawnRatchet } from '../support/cli.ts';
import { type HandMade, handMadeReplica } from '../support/replica.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';

const all: ScrubOptions = { share: undefined, repair: false, rememberEvery: 5000 };

function run(made: HandMade, options: Partial<ScrubOptions> = {}, interrupt?: AbortSignal): Promise<Scrub> {
  return scrub(made.options(interrupt), { ...all, ...options });
}

/** What a scrub hashes, in its order. */
async function visited(made: HandMade, share?: { n: number; t: number }, after = ''): Promise<string[]> {
  const rehash = new Rehash(new Replica('nightly', made.replica), new AbortController().signal);
  rehash.requireReplica();
  const paths: string[] = [];
  for await (const { path } of rehash.hash(share, after, () => undefined)) paths.push(path);
  return paths;
}

const memory = (made: HandMade) => readScrubMemory(join(made.config.state, 'nightly'));
const damagedIn = (done: Scrub): string[] => leftIn(done).map(({ path }) => path);

function damage(made: HandMade, path: string): void {
  chmodSync(join(made.replica, path), 0o600);
  writeFileSync(join(made.replica, path), 'damaged');
}

/** Reads every file once, calling `at` after the nth. */
const after = (n: number, at: () => void): Pick<ScrubOptions, 'onProgress'> => ({ onProgress: ({ files }) => { if (files === n) at(); } });

test('a scrub reads every file once, and the shares of a replica are all of it and overlap nowhere', async (t) => {
  const made = handMadeReplica(t);
  writeFileSync(join(made.replica, 'data/stray'), 'no business of a scrub');
  assert.deepEqual((await visited(made)).sort(), [...made.paths].sort());
  for (const t of [1, 2, 3, 7, 30, 1000]) {
    const shares = await Promise.all(Array.from({ length: Math.min(t, 30) }, (_, i) => visited(made, { n: i + 1, t })));
    const paths = shares.flat();
    assert.equal(new Set(paths).size, paths.length, `no file twice in ${t} shares`);
    if (t <= 30) assert.deepEqual(paths.sort(), [...made.paths].sort(), `${t} shares`);
  }
});

test('progress is told after each file, and ends at the totals', async (t) => {
  const made = handMadeReplica(t);
  const told: number[][] = [];
  const done = await run(made, { onProgress: (done, total) => told.push([done.files, done.bytes, total.files, total.bytes]) });
  const bytes = made.paths.reduce((sum, path) => sum + readFileSync(join(made.replica, path)).length, 0);
  assert.equal(told.length, made.paths.length);
  assert.deepEqual(told.at(-1), [made.paths.length, bytes, made.paths.length, bytes]);
  assert.deepEqual(done.hashed, { files: made.paths.length, bytes });
});

test('an interrupted scrub goes on where it stopped, wherever that was, and forgets no damage', async (t) => {
  const made = handMadeReplica(t);
  const order = await visited(made);
  const [first = '', last = ''] = [order[1], order.at(-1)];
  damage(made, first);
  damage(made, last);
  for (const stop of [1, 2, 3, 10, 11, 30, order.length - 1]) {
    rmSync(join(made.config.state, 'nightly/scrub.json'), { force: true });
    const control = new AbortController();
    const broken = await run(made, after(stop, () => { control.abort(new Interrupted('SIGTERM')); }), control.signal);
    assert.deepEqual([scrubOutcome(broken), scrubExitCode(broken), broken.hashed.files], ['interrupted', 143, stop]);
    assert.deepEqual(await visited(made, undefined, memory(made)?.after ?? ''), order.slice(stop));
    const next = await run(made);
    assert.deepEqual([next.isResumed, next.isComplete, next.hashed.files], [true, true, order.length], `stopped after ${stop}`);
    assert.deepEqual(damagedIn(next), [first, last]);
    assert.equal((await run(made)).isResumed, false);
  }
});

test('a scrub that is killed goes on from what it remembered', async (t) => {
  const made = handMadeReplica(t);
  const order = await visited(made);
  const [first = ''] = order.slice(1);
  damage(made, first);
  for (const stop of [1, 7, 20]) {
    rmSync(join(made.config.state, 'nightly/scrub.json'), { force: true });
    const script = fileURLToPath(new URL('../support/scrubKilled.ts', import.meta.url));
    const killed = spawnSync(process.execPath, ['--import', 'tsx', script, made.config.file, String(stop)], { encoding: 'utf8' });
    assert.equal(killed.signal, 'SIGKILL', killed.stderr);
    assert.equal(memory(made)?.after ?? '', order[stop - 2] ?? '');
    const next = await run(made);
    assert.deepEqual([next.isResumed, next.hashed.files, damagedIn(next)], [stop > 1, order.length, [first]]);
  }
});

test('another share, or a scrub of long ago, is begun anew; where the memory is damaged nothing is begun', async (t) => {
  const made = handMadeReplica(t);
  const control = new AbortController();
  await run(made, after(5, () => { control.abort(new Interrupted('SIGINT')); }), control.signal);
  const left = memory(made);
  assert.ok(left?.after);
  assert.equal((await run(made, { share: { n: 1, t: 2 } })).isResumed, false);
  const file = join(made.config.state, 'nightly/scrub.json');
  writeFileSync(file, JSON.stringify({ ...left, savedAt: '2020-01-01T00:00:00.000Z' }));
  const next = await run(made);
  assert.deepEqual([next.isResumed, next.isComplete, next.hashed.files], [false, true, made.paths.length]);
  for (const text of ['{"version":1,', 'null', '']) {
    writeFileSync(file, text);
    const { failure, hashed } = await run(made);
    assert.match(failure?.hint ?? '', /which files are damaged/, text);
    assert.deepEqual([hashed.files, readFileSync(file, 'utf8')], [0, text], 'what may have said which files are damaged stays');
  }
});

test('files and keys that leave while a scrub reads are no damage', async (t) => {
  const made = handMadeReplica(t);
  const order = await visited(made);
  const [index = ''] = order.filter((path) => path.startsWith('index/')).slice(-1);
  const leave = (): void => { rmSync(join(made.replica, index)); };
  const firstIndex = order.findIndex((path) => path.startsWith('index/')) + 1;
  const done = await run(made, after(firstIndex, leave));
  assert.deepEqual([scrubOutcome(done), done.hashed.files], ['whole', order.length - 1]);

  const replica = new Replica('nightly', made.replica);
  const marker = readMarker(replica);
  assert.ok(marker !== undefined);
  const [key = ''] = order.filter((path) => path.startsWith('keys/'));
  const letGo = (): void => {
    rmSync(join(made.replica, key));
    writeMarker(replica, { ...marker, pins: { ...marker.pins, keys: [] } });
  };
  assert.equal(scrubOutcome(await run(made, after(1, letGo))), 'whole');
  writeMarker(replica, marker);
  assert.deepEqual(damagedIn(await run(made)), [key]);
});

test('what was damaged and has left, or is right again, is not reported any more', async (t) => {
  const made = handMadeReplica(t);
  const [one = '', other = ''] = made.paths.filter((path) => path.startsWith('data/'));
  const right = readFileSync(join(made.replica, one));
  damage(made, one);
  damage(made, other);
  assert.equal(damagedIn(await run(made)).length, 2);
  writeFileSync(join(made.replica, one), right);
  rmSync(join(made.replica, other));
  const done = await run(made);
  assert.deepEqual([scrubOutcome(done), memory(made)?.damages], ['whole', []]);
});

test('a replica that is unmounted while a scrub reads is a failure, not a whole one', async (t) => {
  const made = handMadeReplica(t);
  const away = after(3, () => {
    renameSync(made.replica, `${made.replica}.away`);
    mkdirSync(made.replica);
  });
  const done = await run(made, away);
  assert.equal(scrubOutcome(done), 'failed');
  assert.match(done.failure?.message ?? '', /not mounted/);
});

test('a disk that reports errors: the file is named, the others are read, and what cannot be replaced is left as it was', async (t) => {
  const made = handMadeReplica(t);
  const [bad = '', cut = ''] = made.paths.filter((path) => path.startsWith('data/'));
  mkdirSync(join(made.folder, 'source/data', bad.slice(5, 7)), { recursive: true });
  execFileSync('cp', ['-a', join(made.replica, bad), join(made.folder, 'source', bad)]);
  chmodSync(join(made.replica, cut), 0o600);
  truncateSync(join(made.replica, cut), 1);
  const then = digest(made.replica, { inode: true, without: ['.rsync-ratchet'] });
  const finished = await withReadErrors(made, bad, ['--json', 'scrub', '--repair']);
  const { scrubs: [done] } = JSON.parse(finished.stdout) as { scrubs: { exitCode: number; hashed: { files: number }; damaged: { path: string; message: string; notRepaired: string }[] }[] };
  assert.deepEqual([finished.code, done?.exitCode, done?.hashed.files], [4, 4, made.paths.length]);
  const found = new Map(done?.damaged.map(({ path, message, notRepaired }) => [path, `${message}; ${notRepaired}`]));
  assert.deepEqual([...found.keys()].sort(), [bad, cut].sort());
  assert.match(found.get(bad) ?? '', /^cannot be read \(EIO\): the disk or file system reports an error; it cannot be put into quarantine: EXDEV/);
  assert.match(found.get(cut) ?? '', /^its content has the SHA-256 .*; serverA did not deliver it$/);
  assert.deepEqual(digest(made.replica, { inode: true, without: ['.rsync-ratchet'] }), then);
});

/** Runs the program where one file of the replica answers every read with EIO: its own memory, mounted over it. */
async function withReadErrors(made: HandMade, path: string, args: readonly string[]): Promise<{ code: number; stdout: string }> {
  const script = 'mount --bind "/proc/$$/mem" "$1" && shift && exec "$@"';
  const isolated = ['--mount', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'])];
  const argv = [...isolated, 'sh', '-c', script, 'sh', join(made.replica, path), process.execPath, program, '--config', made.config.file, ...args];
  try {
    return { code: 0, stdout: (await promisify(execFile)('unshare', argv)).stdout };
  } catch (error) {
    return error as { code: number; stdout: string };
  }
}

test('a disk that damages without end is told so after a thousand files, and the next scrub goes on', async (t) => {
  const made = handMadeReplica(t);
  for (let n = 0; n < mostDamages + 50; n++) {
    const id = createHash('sha256').update(`wrong ${n}`).digest('hex');
    mkdirSync(join(made.replica, 'data', id.slice(0, 2)), { recursive: true });
    writeFileSync(join(made.replica, 'data', id.slice(0, 2), id), '');
  }
  const done = await run(made);
  assert.deepEqual([scrubOutcome(done), done.isComplete, damagedIn(done).length], ['damaged', false, mostDamages]);
  const again = await run(made);
  assert.deepEqual([again.hashed, damagedIn(again).length], [done.hashed, mostDamages]);
  for (const path of damagedIn(done)) rmSync(join(made.replica, path));
  const next = await run(made);
  assert.deepEqual([next.isResumed, next.isComplete, damagedIn(next).length], [true, true, 50]);
});

test('SIGTERM ends a scrub in the middle of a huge file, and the next one goes on before it', async (t) => {
  const made = handMadeReplica(t);
  const huge = `data/ff/${'f'.repeat(64)}`;
  mkdirSync(join(made.replica, 'data/ff'), { recursive: true });
  writeFileSync(join(made.replica, huge), '');
  truncateSync(join(made.replica, huge), 2 ** 42);
  const running = spawnRatchet(['--verbose', '--json', 'scrub'], { config: made.config.file });
  t.after(() => { running.kill('SIGKILL'); });
  await new Promise<void>((resolve) => {
    running.child.stderr.on('data', () => { if (running.stderr().includes('scrub data/ff')) resolve(); });
  });
  running.kill();
  const finished = await running.finished;
  const [done] = finished.json().scrubs;
  assert.deepEqual([finished.code, done.outcome, done.hashed.files], [143, 'interrupted', made.paths.length]);
  rmSync(join(made.replica, huge));
  const next = await run(made);
  assert.deepEqual([scrubOutcome(next), next.isResumed, next.hashed.files], ['whole', true, made.paths.length]);
});

test('an rsync that was taken over cannot lead a repair elsewhere', async (t) => {
  const folder = temporaryFolder(t);
  const made = handMadeReplica(t, { repositories: { nightly: { rsync: { path: join(folder, 'rsync'), sandbox: 'off' } } } });
  const [bad = '', other = ''] = made.paths.filter((path) => path.startsWith('data/'));
  const right = readFileSync(join(made.replica, bad));
  damage(made, bad);
  const elsewhere = join(folder, 'elsewhere');
  mkdirSync(dirname(join(elsewhere, bad)), { recursive: true });
  writeFileSync(join(elsewhere, bad), right, { mode: 0o400 });
  mkdirSync(join(dirname(made.replica), 'source')); // Which this rsync never reads.
  const then = (): string[] => digest(folder, { inode: true, without: ['rsync'] }).concat(digest(made.replica, { inode: true, without: ['.rsync-ratchet'] }));
  const deliver: Record<string, string> = {
    'a symlink for a folder': `ln -s ${elsewhere}/data "$to/data"`,
    'a symlink to the replica': `ln -s ${made.replica}/data "$to/data"`,
    'a symlink for the file': `mkdir -p "$to/${dirname(bad)}"; ln -s ${made.replica}/${other} "$to/${bad}"`,
    'a second link to a file of the replica': `mkdir -p "$to/${dirname(bad)}"; ln ${made.replica}/${other} "$to/${bad}"`,
    'a fifo': `mkdir -p "$to/${dirname(bad)}"; mkfifo "$to/${bad}"`,
    'a folder': `mkdir -p "$to/${bad}"`,
    'folders deeper than a path can be': `perl -e 'chdir shift; for (1 .. 30) { mkdir "x" x 200; chdir "x" x 200 }' "$to"`,
    'nothing': ':',
  };
  for (const [name, script] of Object.entries(deliver)) {
    writeFileSync(join(folder, 'rsync'), `#!/bin/sh\nfor to; do :; done\n${script}\n`, { mode: 0o700 });
    const before = then();
    const { code, json } = await spawnRatchet(['--json', 'scrub', '--repair'], { config: made.config.file }).finished.then((finished) => ({ code: finished.code, json: finished.json() }));
    assert.deepEqual([code, json.scrubs[0].left, json.scrubs[0].repaired], [4, 1, 0], name);
    assert.deepEqual(then(), before, name);
    assert.deepEqual(readdirSync(join(made.replica, '.rsync-ratchet/incoming')), [], name);
  }
});
