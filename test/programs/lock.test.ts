import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { Locks, takeLock } from '../../src/programs/lock.ts';
import { hasEnded } from '../support/processes.ts';
import { onUnknownProcessor } from '../support/processor.ts';
import { descendants } from '../support/sshd.ts';
import { temporaryFolder } from '../support/temporary.ts';

const lockModule = JSON.stringify(new URL('../../src/programs/lock.ts', import.meta.url).href);
const fileIn = (t: TestContext): string => join(temporaryFolder(t), 'lock');

/** Another process that takes the lock, writes a note, starts a child of its own, and waits to be killed. */
async function holder(t: TestContext, path: string): Promise<{ process: ChildProcess; child: number }> {
  const script = `
    import { spawn } from 'node:child_process';
    import { takeLock } from ${lockModule};
    const lock = await takeLock(${JSON.stringify(path)});
    lock.write('/tmp/rsync-ratchet-left');
    const child = spawn('sleep', ['600'], { stdio: ['ignore', 'inherit', 'inherit'], detached: true });
    child.once('spawn', () => process.stdout.write(String(child.pid) + '\\n'));
    setInterval(() => undefined, 1000);
  `;
  const started = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [printed] = (await once(started.stdout, 'data')) as [Buffer];
  const child = Number(printed.toString());
  t.after(() => {
    started.kill('SIGKILL');
    if (!hasEnded(child)) process.kill(child, 'SIGKILL');
  });
  return { process: started, child };
}

describe('the lock', () => {
  test('is had once, and again after its release', async (t) => {
    const path = fileIn(t);
    const lock = await takeLock(path);
    assert.ok(lock);
    assert.equal(await takeLock(path), undefined);
    lock.release();
    const again = await takeLock(path);
    assert.ok(again);
    again.release();
    assert.equal(lstatSync(path).mode & 0o777, 0o600);
  });

  test('another process holds it', async (t) => {
    const path = fileIn(t);
    await holder(t, path);
    assert.equal(await takeLock(path), undefined);
    assert.equal(readFileSync(path, 'utf8'), '/tmp/rsync-ratchet-left', 'who does not get it changes nothing');
  });

  test('it dies with its holder by kill -9, although a child of the holder lives on; the note stays', async (t) => {
    const path = fileIn(t);
    const { process: held, child } = await holder(t, path);
    held.kill('SIGKILL');
    await once(held, 'exit');
    const lock = await takeLock(path);
    assert.equal(hasEnded(child), false);
    assert.equal(lock?.note, '/tmp/rsync-ratchet-left');
    lock.release();
    assert.equal((await takeLock(path))?.note, '', 'who releases it tidies up');
  });

  test('whoever waits gets it when it is released', async (t) => {
    const path = fileIn(t);
    const lock = await takeLock(path);
    const waiting = takeLock(path, 30);
    lock?.release();
    const got = await waiting;
    assert.ok(got);
    got.release();
  });

  test('whoever waits in vain is told', async (t) => {
    const path = fileIn(t);
    const lock = await takeLock(path);
    assert.equal(await takeLock(path, 1), undefined);
    lock?.release();
  });

  test('a note replaces the one before', async (t) => {
    const path = fileIn(t);
    const lock = await takeLock(path);
    lock?.write('a long note');
    lock?.write('short');
    assert.equal(readFileSync(path, 'utf8'), 'short');
    lock?.release();
    assert.equal(readFileSync(path, 'utf8'), '');
  });

  test('a file that cannot be opened is an error, not a lock', async (t) => {
    const path = fileIn(t);
    mkdirSync(path);
    await assert.rejects(takeLock(path), /is no file, but a folder/);
    await assert.rejects(takeLock(join(path, 'none/lock')), { code: 'ENOENT' });
    writeFileSync(join(path, 'file'), '');
    await assert.rejects(takeLock(join(path, 'file/lock')), { code: 'ENOTDIR' });
  });
});

/** Two locks of one run, and the process that tries them. */
function locksOf(t: TestContext): { paths: readonly [string, string]; locks: Locks } {
  const folder = temporaryFolder(t);
  const paths = [join(folder, 'one'), join(folder, 'two')] as const;
  const locks = new Locks(...paths);
  t.after(() => locks.close());
  return { paths, locks };
}

describe('the locks of a run', () => {
  test('are had, each by itself, and again after its release, by others too', async (t) => {
    const { paths: [one, two], locks } = locksOf(t);
    const lock = await locks.take(one);
    assert.ok(lock);
    const second = await locks.take(two);
    assert.deepEqual([await takeLock(one), await takeLock(two)], [undefined, undefined]);
    second?.release();
    (await takeLock(two, 30))?.release();
    const again = await locks.take(two, 30);
    assert.ok(again);
    lock.write('a note');
    lock.release();
    const others = await takeLock(one, 30);
    assert.ok(others);
    assert.equal(others.note, '');
    assert.equal(await locks.take(one), undefined, 'another process holds it');
    others.release();
  });

  test('are had on a processor whose system calls have numbers that nobody wrote down', async (t) => {
    onUnknownProcessor(t);
    const { paths: [one], locks } = locksOf(t);
    const lock = await locks.take(one);
    assert.ok(lock);
    assert.equal(await takeLock(one), undefined);
    lock.release();
  });

  test('keep out one another here, too: whoever waits gets it when it is released', async (t) => {
    const { paths: [one], locks } = locksOf(t);
    const lock = await locks.take(one);
    assert.equal(await locks.take(one), undefined);
    const waiting = locks.take(one, 30);
    lock?.release();
    assert.ok(await waiting);
  });

  test('are free when they are closed, and not before', async (t) => {
    const { paths: [one, two], locks } = locksOf(t);
    await Promise.all([locks.take(one), locks.take(two)]);
    assert.equal(await takeLock(one), undefined);
    await locks.close();
    for (const path of [one, two]) (await takeLock(path) ?? assert.fail(path)).release();
  });

  test('stay with their holder when the process that tries them is killed; no more are had', async (t) => {
    const { paths: [one, two], locks } = locksOf(t);
    await locks.take(one);
    for (const pid of descendants(process.pid)) if (readFileSync(`/proc/${pid}/comm`, 'utf8') === 'perl\n') process.kill(pid, 'SIGKILL');
    await assert.rejects(locks.take(two), /cannot lock .*two: the process that tries it has ended/);
    assert.equal(await takeLock(one), undefined);
  });

  test('die with their holder by kill -9', async (t) => {
    const path = fileIn(t);
    const script = `
      import { Locks } from ${lockModule};
      const lock = await new Locks(${JSON.stringify(path)}).take(${JSON.stringify(path)});
      process.stdout.write('held');
      setInterval(() => lock, 1000);
    `;
    const held = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(held.stdout, 'data');
    assert.equal(await takeLock(path), undefined);
    held.kill('SIGKILL');
    (await takeLock(path, 30) ?? assert.fail('it is held still')).release();
  });
});
