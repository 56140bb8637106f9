/** The bench itself: every part of it runs, on the smallest repositories; its figures are worth nothing here. And the floor is one. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { benches } from '../bench/benches.ts';
import type { Figure } from '../bench/figures.ts';
import { floorOf } from '../bench/floor.ts';
import { Bench, ours, type Place } from '../bench/places.ts';
import { smallRepository } from '../bench/small.ts';
import { programsStarted } from '../bench/started.ts';
import { temporaryFolder } from '../support/temporary.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** `npm run bench -- ARGUMENTS --json` without what it sets up. */
function bench(args: readonly string[], env: Readonly<Record<string, string>> = {}): { status: number | null; stderr: string; figures: Figure[] } {
  const argv = ['--import', 'tsx', 'test/bench/main.ts', ...args, '--sizes', '20', '--runs', '1', '--megabytes', '16', '--json'];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { cwd: root, encoding: 'utf8', env: { ...process.env, ...env }, maxBuffer: 1 << 26 });
  return { status, stderr, figures: stdout === '' ? [] : (JSON.parse(stdout) as { figures: Figure[] }).figures };
}

test('each bench comes to figures, or says which program it lacks', () => {
  const { status, stderr, figures } = bench([]);
  assert.equal(status, 0, stderr);
  for (const name of Object.keys(benches)) assert.ok(figures.some((figure) => figure.name === name) || stderr.includes(`  ${name} left out: `), `${name}\n${stderr}`);
  for (const { what, spread } of figures) assert.ok(Object.values(spread).every((value: unknown) => typeof value === 'number'), what);
});

test('a bench that breaks off is said, and the next one comes all the same; the end is no success', () => {
  const { status, stderr, figures } = bench(['B10', 'B6'], { RATCHET_PROGRAM: '/bin/false' });
  assert.deepEqual([status, figures.map(({ name }) => name)], [1, ['B6']], stderr);
  assert.match(stderr, /^ {2}B10 broke off: /m);
});

test('the floor starts the programs that a night starts, and asks restic for the same', async (t) => {
  const benched = await Bench.begin(temporaryFolder(t), ['small']);
  t.after(() => benched.stop());
  const { place, addTen } = await smallRepository({ bench: benched, sizes: [], runs: 1, megabytes: 1 });
  const [night, floor] = [ours(place, 'sync'), floorOf(place)];
  for (const command of [night, floor]) startedBy(place, command);
  assert.deepEqual(startedBy(place, floor), startedBy(place, night));
  addTen();
  for (const command of [night, floor]) startedBy(place, command);
  addTen();
  const [bare, whole] = [startedBy(place, floor), startedBy(place, night)];
  assert.deepEqual(bare, whole);
  assert.equal(whole.asked.length, 5);
});

/** How often each program, and what restic was asked, without IDs and what the log cuts off. */
function startedBy(place: Place, command: readonly string[]): { names: string; asked: string[] } {
  const log = join(place.folder, 'trace');
  const { names } = programsStarted(command, log);
  const asked = readFileSync(log, 'latin1').match(/(?<=execve\("\/restic", ).*?\](?=, )/g) ?? [];
  return { names, asked: asked.map((words) => words.replace(/[0-9a-f]{20,}/g, 'ID')) };
}
