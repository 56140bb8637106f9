/** A report through a file: its room is there before it is needed, every line is read once, and what may have been cut is seen. */
import assert from 'node:assert/strict';
import { appendFileSync, closeSync, existsSync, openSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { Locks } from '../../src/programs/lock.ts';
import { run } from '../../src/programs/process.ts';
import { keepsRoom, ReportFile, type Reserve } from '../../src/programs/report-file.ts';
import { folderOnDisk, mounted, smallDisk } from '../support/diskFolder.ts';
import { boundsOf } from '../support/rsyncContext.ts';
import { temporaryFolder } from '../support/temporary.ts';

/** Why there is none. */
async function refusal(...args: Parameters<typeof ReportFile.reserve>): Promise<string> {
  const refused = await ReportFile.reserve(...args);
  assert.ok(typeof refused === 'string');
  return refused;
}

/** The kernel's own. */
async function reserveOf(t: TestContext): Promise<Reserve> {
  const lock = join(temporaryFolder(t), 'lock');
  const locks = new Locks(lock);
  (await locks.take(lock))?.release();
  t.after(() => locks.close());
  return locks.reserve;
}

async function opened(t: TestContext, bytes: number): Promise<{ file: ReportFile; path: string } | undefined> {
  const folder = folderOnDisk(t);
  if (folder === undefined) { t.diagnostic('no disk here'); return undefined; }
  const path = join(folder, 'report-1');
  const file = await ReportFile.reserve(path, bytes, await reserveOf(t));
  assert.ok(file instanceof ReportFile);
  return { file, path };
}

const shell = (script: string, file: ReportFile, ready: Promise<unknown> = Promise.resolve(), fileSize?: number) => ({
  file: 'sh', args: ['-c', script], env: { PATH: '/usr/bin:/bin' }, stdout: { file, ready }, ...(fileSize === undefined ? {} : { limits: { memory: 2 ** 32, fileSize } }),
});

describe('what is reserved', () => {
  test('is on the disk beyond the length, and given back at the end', async (t) => {
    const it = await opened(t, 2 ** 20);
    if (it === undefined) return;
    const { size, blocks } = statSync(it.path);
    assert.deepEqual([size, blocks * 512 >= 2 ** 20, it.file.isFull], [0, true, false]);
    writeSync(it.file.descriptor, 'line\n');
    it.file.close();
    assert.equal(readFileSync(it.path, 'utf8'), 'line\n');
    assert.ok(statSync(it.path).blocks * 512 < 2 ** 17);
  });

  test('is there when the disk is full afterwards, and none is left when it was full before', async (t) => {
    const disk = smallDisk(t, 24);
    if (disk === undefined) return t.diagnostic('no disk of our own here');
    const reserve = await reserveOf(t);
    const file = await ReportFile.reserve(join(disk, 'report-1'), 8 * 2 ** 20, reserve);
    assert.ok(file instanceof ReportFile);
    const filler = openSync(join(disk, 'filler'), 'w');
    try {
      for (;;) writeSync(filler, Buffer.alloc(2 ** 16));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    } finally {
      closeSync(filler);
    }
    assert.match(await refusal(join(disk, 'report-2'), 2 ** 20, reserve), /errno 28/);
    assert.equal(existsSync(join(disk, 'report-2')), false);
    let lines = 0;
    const { code } = await run(shell('i=0; while [ $i -lt 5000 ]; do printf "%01000d\\n" 7; i=$((i + 1)); done', file), boundsOf(), (chunk) => { lines += chunk.toString('latin1').split('\n').length - 1; });
    assert.deepEqual([code, lines, file.isFull], [0, 5000, false]);
    file.close();
  });

  test('what the file system does not know is said, and nothing is left', async (t) => {
    const folder = folderOnDisk(t);
    if (folder === undefined) return t.diagnostic('no disk here');
    assert.match(await refusal(join(folder, 'report-1'), 2 ** 20, () => Promise.resolve(95)), /errno 95/);
    assert.equal(existsSync(join(folder, 'report-1')), false);
  });

  for (const type of ['tmpfs', 'ramfs'])
    test(`room in memory is none: ${type}`, async (t) => {
      const disk = mounted(t, '-t', type, 'none');
      if (disk === undefined) return t.diagnostic('no mounts here');
      assert.equal(await ReportFile.reserve(join(disk, 'report-1'), 1000, await reserveOf(t)), 'the disk of the state is neither ext4 nor xfs');
      assert.equal(existsSync(join(disk, 'report-1')), false);
    });

  const types: readonly (readonly [name: string, type: number, keeps: boolean])[] = [
    ['ext4', 0xef53, true], ['xfs', 0x58465342, true],
    ['btrfs', 0x9123683e, false], ['bcachefs', 0xca451a4e, false], ['zfs', 0x2fc12fc1, false], ['tmpfs', 0x01021994, false],
    ['overlayfs, on whatever', 0x794c7630, false], ['FUSE', 0x65735546, false], ['NFS', 0x6969, false],
  ];
  for (const [name, type, keeps] of types) test(`${name} ${keeps ? 'keeps it when the disk is full' : 'is not believed'}`, () => { assert.equal(keepsRoom(type), keeps); });

  test('a file system that says yes and reserves nothing is not believed', async (t) => {
    const folder = folderOnDisk(t);
    if (folder === undefined) return t.diagnostic('no disk here');
    assert.equal(await ReportFile.reserve(join(folder, 'report-1'), 2 ** 20, () => Promise.resolve(0)), 'it keeps no room');
    assert.equal(await ReportFile.reserve(join(folder, 'report-1'), 2 ** 20, () => Promise.resolve(undefined)), 'fallocate(2) says errno nothing');
    assert.match(await refusal(join(folder, 'none', 'report-1'), 2 ** 20, () => Promise.resolve(0)), /ENOENT/);
    assert.equal(existsSync(join(folder, 'report-1')), false);
  });

  test('an older file makes way; a path of any letters', async (t) => {
    const folder = folderOnDisk(t);
    if (folder === undefined) return t.diagnostic('no disk here');
    const path = join(folder, 'ä b\n$x');
    writeFileSync(path, 'old');
    const file = await ReportFile.reserve(path, 4096, await reserveOf(t));
    assert.ok(file instanceof ReportFile);
    assert.equal(statSync(path).size, 0);
    file.close();
  });
});

describe('what is read', () => {
  const whole = (length: number): string => Array.from({ length }, (_, n) => `line ${n} ${'x'.repeat(n % 90)}\n`).join('');

  test('every byte once, whole lines at a time, the last one with what stands behind it', async (t) => {
    const it = await opened(t, 2 ** 24);
    if (it === undefined) return;
    const [text, chunks] = [whole(30_000), [] as string[]];
    const source = join(temporaryFolder(t), 'text');
    writeFileSync(source, `${text}the rest`);
    const { code } = await run(shell(`head -c 1000000 '${source}'; tail -c +1000001 '${source}'`, it.file), boundsOf(), (chunk) => { chunks.push(chunk.toString('latin1')); });
    assert.equal(code, 0);
    assert.equal(chunks.join(''), `${text}the rest`);
    assert.ok(chunks.slice(0, -1).every((chunk) => chunk.endsWith('\n')));
    it.file.close();
    assert.equal(readFileSync(it.path, 'latin1'), `${text}the rest`);
  });

  test('while it grows: a program that waits for its reader goes on', async (t) => {
    const it = await opened(t, 2 ** 20);
    if (it === undefined) return;
    const seen = join(temporaryFolder(t), 'seen');
    const { code } = await run(shell(`echo one; until [ -e '${seen}' ]; do sleep 0.01; done; echo two`, it.file), boundsOf(), (chunk) => { if (chunk.includes('one')) appendFileSync(seen, ''); });
    assert.equal(code, 0);
    it.file.close();
  });

  test('not before it can be judged; its growth is told meanwhile', async (t) => {
    const it = await opened(t, 2 ** 20);
    if (it === undefined) return;
    let [text, makeReady, hasGrown] = ['', (): void => undefined, (): void => undefined];
    const ready = new Promise<void>((resolve) => { makeReady = resolve; });
    const following = it.file.follow((chunk) => { text += chunk.toString(); }, () => { hasGrown(); }, ready);
    for (const line of ['one\n', 'two\n']) {
      const growth = new Promise<void>((resolve) => { hasGrown = resolve; });
      writeSync(it.file.descriptor, line);
      await growth;
    }
    assert.equal(text, '');
    makeReady();
    await following.end();
    assert.equal(text, 'one\ntwo\n');
    it.file.close();
  });

  test('nothing of it once it is closed: its descriptor may be another file\'s by then', async (t) => {
    const it = await opened(t, 2 ** 20);
    if (it === undefined) return;
    let [text, grown] = ['', 0];
    it.file.follow((chunk) => { text += chunk.toString(); }, () => { grown++; }, Promise.resolve());
    const before = readdirSync('/proc/self/fd').map(Number);
    it.file.close(); // a program that does not end was given up
    const after = readdirSync('/proc/self/fd').map(Number);
    const another = join(temporaryFolder(t), 'another');
    writeFileSync(another, 'text\n');
    const files = before.filter((descriptor) => !after.includes(descriptor)).map(() => openSync(another, 'r'));
    const later = await opened(t, 2 ** 20);
    assert.ok(later);
    const isLater = new Promise<void>((resolve) => { later.file.follow(() => undefined, resolve, Promise.resolve()); });
    writeSync(later.file.descriptor, 'one\n');
    await isLater;
    later.file.close();
    for (const file of files) closeSync(file);
    assert.deepEqual([text, grown], ['', 0]);
  });

  test('a program that writes nothing more stalls', async (t) => {
    const it = await opened(t, 2 ** 20);
    if (it === undefined) return;
    const { stopped } = await run(shell('echo one; exec tail -f /dev/null', it.file), boundsOf({ stall: 100 }), () => undefined);
    assert.equal(stopped, 'stall');
    it.file.close();
  });

  test('what the reader throws stops the program and comes through, also at the very end', async (t) => {
    for (const script of ['echo one; exec tail -f /dev/null', 'echo one']) {
      const it = await opened(t, 2 ** 20);
      if (it === undefined) return;
      await assert.rejects(run(shell(script, it.file), boundsOf(), () => { throw new Error('refused here'); }), /refused here/);
      it.file.close();
    }
  });
});

test('what reaches its bound is seen, at a line\'s end too', async (t) => {
  const it = await opened(t, 4096);
  if (it === undefined) return;
  let text = '';
  await run(shell('i=0; while [ $i -lt 200 ]; do printf "%063d\\n" 7 || true; i=$((i + 1)); done', it.file, Promise.resolve(), it.file.bound), boundsOf(), (chunk) => { text += chunk.toString(); });
  assert.deepEqual([text.length, text.endsWith('7\n'), it.file.isFull], [4096, true, true]);
  it.file.close();
});
