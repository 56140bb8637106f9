/** How the bench takes turns and counts; that each of its parts runs is a release check (test/release/bench.test.ts). */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../support/temporary.ts';
import { inTurn, lacks, pairs } from './figures.ts';
import type { Measured } from './measure.ts';
import { rclones } from './rclones.ts';
import { lessFive } from './small.ts';
import { startedIn } from './started.ts';

const took = (wall: number): Measured => ({ wall, cpu: 0, ownPeak: 0, treePeak: 0, stdout: '' });

test('each round begins with the next of the runs, and says what they took in the order in which they were given', async () => {
  const said: string[] = [];
  const runs = [1, 2, 3].map((n) => async () => { said.push(String(n)); return took(n); });
  const measured = await inTurn(4, runs, () => { said.push('|'); }, () => { said.push('.'); });
  assert.equal(said.join(''), '|.1.2.3|.2.3.1|.3.1.2|.1.2.3');
  assert.deepEqual(measured.map((round) => round.map(({ wall }) => wall)), Array(4).fill([1, 2, 3]));
});

test('of a pair ours is ours, whoever was first', async () => {
  const said: string[] = [];
  const one = (name: string, wall: number) => async () => { said.push(name); return took(wall); };
  const measured = await pairs(2, one('ours', 1), one('peer', 2));
  assert.deepEqual(said, ['ours', 'peer', 'peer', 'ours']);
  assert.deepEqual(measured.map(({ ours, peer }) => [ours.wall, peer.wall]), [[1, 2], [1, 2]]);
});

test('what a night takes beyond five starts of restic is told in scans, round by round', () => {
  const rounds = [[3, 0.2, 2], [4, 0.5, 3], [9, 0.25, 8]].map((round) => round.map((wall) => ({ wall })));
  const { spread, goal } = lessFive(rounds);
  assert.deepEqual([spread, goal], [{ min: 2, median: 4, max: 5 }, '2.5']);
});

test('programs are counted by name, also those that strace tells of in halves', () => {
  const log = [
    '10 execve("/usr/bin/rsync", ["rsync"], 0x1 /* 2 vars */) = 0',
    '11 execve("/usr/bin/rsync", ["rsync"], 0x1 /* 2 vars */ <unfinished ...>',
    '12 execve("/usr/local/bin/ssh", ["ssh"], 0x1 /* 2 vars */) = -1 ENOENT (No such file or directory)',
    '11 <... execve resumed>) = 0',
    '12 execve("/usr/bin/ssh", ["ssh"], 0x1 /* 2 vars */) = 0',
  ];
  assert.deepEqual(startedIn(`${log.join('\n')}\n`), { counts: { rsync: 2, ssh: 1 }, programs: 3, restic: 0, names: 'rsync 2, ssh 1' });
});

test('a program that is not here is said, and no reason to end', () => {
  assert.equal(lacks('B0', 'sh'), false);
  assert.equal(lacks('B0', 'sh', 'no-such-program'), true);
});

test('a night is measured beside one rclone of each version; a path that is none is refused', (t) => {
  const folder = temporaryFolder(t);
  const fake = (name: string, says: string): string => {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'rclone'), `#!/bin/sh\necho "${says}"\n`, { mode: 0o755 });
    return join(folder, name, 'rclone');
  };
  const [old, same, today, none] = [fake('old', 'rclone v0.60.1-DEV'), fake('same', 'rclone v0.60.1-DEV'), fake('today', 'rclone v0.75.2'), fake('none', 'hello')];
  const named = rclones([old, same, today].join(delimiter)).filter(({ program }) => program !== 'rclone');
  assert.deepEqual(named, [{ program: old, version: '0.60.1-DEV' }, { program: today, version: '0.75.2' }]);
  for (const wrong of [none, join(folder, 'nowhere')]) assert.throws(() => rclones(wrong), { message: `RATCHET_RCLONE names no rclone: ${wrong}` });
});
