/** rsync's reports of a night: where they lie, how long they stay, how much room they take; and the walk that they are judged by. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, type Stats, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { bytesFor } from '../../src/programs/reports.ts';
import { folderOnDisk } from '../support/diskFolder.ts';
import { localNight, type LocalNight } from '../support/localNight.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';

const mebibyte = 2 ** 20;

describe('the room of a report', () => {
  const cases: readonly (readonly [name: string, room: Parameters<typeof bytesFor>[0], free: number, bytes: number | undefined])[] = [
    ['what the replica has and may get, and some', { files: 1000, newFiles: 200_000 }, 0, 256 * 201_000 + 64 * mebibyte],
    ['half of what is free without a limit', { files: 1000, newFiles: undefined }, 1000 * mebibyte, 500 * mebibyte],
    ['half of what is free before the first night', { files: undefined, newFiles: 200_000 }, 1001, undefined],
    ['none where half is too little for what is known', { files: 1_000_000, newFiles: undefined }, 500 * mebibyte, undefined],
    ['64 GiB of a large disk', { files: undefined, newFiles: 200_000 }, 2 ** 44, 2 ** 36],
    ['none where that is too little for what is known', { files: 2 ** 28, newFiles: undefined }, 2 ** 44, undefined],
    ['half where it is enough for that', { files: 1_000_000, newFiles: undefined }, 800 * mebibyte, 400 * mebibyte],
  ];
  for (const [name, room, free, bytes] of cases) test(name, () => { assert.equal(bytesFor(room, free), bytes); });
});

/** A night whose state lies on a disk. */
async function nightOnDisk(t: TestContext, more: Parameters<typeof localNight>[1] = {}): Promise<{ night: LocalNight; runs: string } | undefined> {
  const disk = folderOnDisk(t);
  if (disk === undefined) { t.diagnostic('no disk here'); return undefined; }
  const state = join(disk, 'state');
  return { night: await localNight(t, { state, ...more }), runs: join(state, 'nightly/runs') };
}

function reportsIn(runs: string): string[] {
  return readdirSync(runs, { recursive: true, encoding: 'utf8' }).filter((path) => path.includes('/report-')).sort();
}

test('the last run\'s reports are kept, each as long as what rsync wrote; those before are gone', async (t) => {
  const it = await nightOnDisk(t);
  if (it === undefined) return;
  const ids: string[] = [];
  for (const command of ['sync', 'audit', 'sync']) {
    const done = await it.night.run([command, '--json']);
    assert.equal(done.code, 0, done.stderr);
    const id = String(done.json().runs[0].runId);
    ids.push(id);
    assert.deepEqual(reportsIn(it.runs), [1, 2, 3].map((pass) => `${id}/report-${pass}`));
    for (const path of reportsIn(it.runs)) {
      const stats: Stats = statSync(join(it.runs, path));
      assert.ok(stats.size > 0 && stats.blocks * 512 < mebibyte, path);
      assert.equal(stats.mode & 0o777, 0o600);
      assert.match(readFileSync(join(it.runs, path), 'latin1'), /^([0-9a-f]{24} [^\n]{11}\|\d+\|[^\n]+\n)+$/);
    }
  }
  assert.deepEqual(readdirSync(it.runs).filter((name) => name === ids[1]), [], 'a folder that held nothing else');
});

test('a run that was killed has left its room: the next one takes it back', async (t) => {
  const it = await nightOnDisk(t);
  if (it === undefined) return;
  const left = join(it.runs, '20260101T000000Z-dead');
  mkdirSync(left, { recursive: true });
  writeFileSync(join(left, 'report-3'), Buffer.alloc(mebibyte));
  assert.equal((await it.night.run(['sync'])).code, 0);
  assert.equal(existsSync(left), false);
});

test('where no room can be had the reports go through a pipe, said once and to who asks', async (t) => {
  const night = await localNight(t, { repositories: { nightly: { limits: { newFiles: 1e12 } } } });
  assert.equal((await night.run(['sync'])).code, 0);
  const { code, stdout, stderr } = await night.run(['--verbose', 'sync']);
  assert.deepEqual([code, stdout], [0, 'nightly: nothing new\n']);
  assert.equal(stderr.match(/rsync's report goes through a pipe, which is slower: /g)?.length, 1, stderr);
  assert.deepEqual(reportsIn(join(night.state, 'nightly/runs')), []);
});

/** PATH with a `find` of this script before all others. */
function pathWith(t: TestContext, script: string): string {
  const bin = temporaryFolder(t);
  writeFileSync(join(bin, 'find'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, 'find'), 0o755);
  return `${bin}:${process.env['PATH'] ?? ''}`;
}

describe('the walk of data', () => {
  test('goes on beside the first pass, not before it', async (t) => {
    const it = await nightOnDisk(t);
    if (it === undefined) return;
    const started = join(it.night.folder, 'started');
    const rsync = join(it.night.folder, 'rsync');
    writeFileSync(rsync, `#!/bin/sh\n: >'${started}'\nexec /usr/bin/rsync "$@"\n`);
    chmodSync(rsync, 0o755);
    it.night.configure({ state: join(it.runs, '../..'), repositories: { nightly: { rsync: { path: rsync, sandbox: 'off' } } } });
    const env = { PATH: pathWith(t, `case "$*" in *"%T@"*) until [ -e '${started}' ]; do sleep 0.01; done;; esac; exec /usr/bin/find "$@"`) };
    const { code, stderr } = await it.night.run(['sync'], { env });
    assert.equal(code, 0, stderr);
  });

  test('that fails, fails the run; nothing was fetched, and what was seen before it stays seen', async (t) => {
    for (const isOnDisk of [true, false]) {
      const night = isOnDisk ? (await nightOnDisk(t))?.night : await localNight(t);
      if (night === undefined) continue;
      assert.equal((await night.run(['sync'])).code, 0);
      await night.repository.backup({ file: 'more' });
      const { replica } = night.config;
      const before = digest(replica, { without: ['.rsync-ratchet'] });
      const env = { PATH: pathWith(t, '/usr/bin/find "$@" | head -c 300; echo "find: /x: Permission denied" >&2; exit 1') };
      const failed = await night.run(['sync'], { env });
      assert.equal(failed.code, 1, failed.stdout);
      assert.match(failed.stderr, /the replica could not be looked at \(find: exit code 1: find: \/x: Permission denied\)\nhint: see whether/);
      assert.deepEqual(digest(replica, { without: ['.rsync-ratchet'] }), before);
      const [snapshot = ''] = readdirSync(join(replica, 'snapshots'));
      chmodSync(join(night.repository.path, 'snapshots', snapshot), 0o600);
      writeFileSync(join(night.repository.path, 'snapshots', snapshot), 'changed');
      const raised = await night.run(['sync', '--json'], { env });
      assert.equal(raised.code, 3);
      assert.deepEqual(raised.json().runs[0].findings.map(({ rule }: { rule: string }) => rule).sort(), ['modified', 'unfinished']);
      assert.deepEqual(digest(replica, { without: ['.rsync-ratchet'] }), before);
    }
  });
});
