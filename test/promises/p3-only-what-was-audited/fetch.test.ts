/** The second run, which brings the files: another tree than the audited one, other content, what nobody asked for. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { suiteOf, withstand } from '../../support/hostile/attack.ts';
import { fresh, freshPaths, old } from '../../support/hostile/repository.ts';
import { startStage, type Stage } from '../../support/hostile/stage.ts';
import type { Alone, Attack, Data, Entry, Lie } from '../../support/hostile/words.ts';

let stage: Stage;
before(async () => { stage = await startStage(); });
after(() => stage.stop());

const [big, middle, small] = fresh.packs as [string, string, string];
const without = (...paths: string[]): string[] => freshPaths.filter((path) => !paths.includes(path));
const list = (changes: Record<string, Entry | null>): Lie => ({ list: changes });
const data = (how: Record<string, Data>): Lie => ({ data: how });
const quarantined = (path: string) => ({ exits: [4], finds: [`quarantined ${path}`], admits: without(path) });
const notDelivered = (...paths: string[]) => ({ exits: [4], finds: paths.map((path) => `not-delivered ${path}`), admits: without(...paths) });

/** Our rsync itself sees that this was not asked for, or that it leads outside. */
const refused = /^the fetch failed: rsync exit code [24]\b/;

const trees: readonly Attack[] = [
  { name: 'modified', fetch: { list: { [small]: { size: 3004 } }, data: { [small]: { more: 'evil' } } }, ...quarantined(small) },
  { name: 'with a file that was not asked for', fetch: list({ [old.packs[2]!]: { size: 5 } }), exits: [1], says: refused },
  { name: 'with a stranger', rare: true, fetch: list({ 'data/evil': { size: 5 } }), exits: [1], says: refused },
  { name: 'without a pack', fetch: list({ [small]: null }), ...notDelivered(small) },
  { name: 'without anything', rare: true, fetch: list({ ...Object.fromEntries(freshPaths.map((path) => [path, null])) }), ...notDelivered(...freshPaths) },
  { name: 'with swapped contents', rare: true, fetch: { list: { [small]: { size: 5000 }, [middle]: { size: 3000 } }, data: { [small]: { of: middle }, [middle]: { of: small } } },
    exits: [4], finds: [`quarantined ${small}`, `quarantined ${middle}`], admits: without(small, middle) },
  { name: 'with swapped contents of the announced sizes', fetch: data({ [small]: { of: middle }, [middle]: { of: small } }), exits: [4], finds: [`quarantined ${small}`, `quarantined ${middle}`], admits: without(small, middle) },
  { name: 'with a folder for a file', rare: true, fetch: list({ [small]: { type: 'folder' } }), ...quarantined(small) },
  { name: 'with a folder for a file, and a child in it', fetch: list({ [small]: { type: 'folder' }, [`${small}/child`]: { size: 5 } }), exits: [1], says: refused },
  ...(['symlink', 'fifo', 'socket', 'block'] as const).map((type): Attack =>
    ({ name: `with a ${type} for a file`, rare: !['symlink', 'fifo'].includes(type), fetch: list({ [small]: { type } }), ...notDelivered(small) })),
  ...['../evil', '/tmp/evil', 'data/../../evil', '../../../keys/evil', 'index/../../../../config'].map((path): Attack =>
    ({ name: `with the name ${path}`, rare: !['../evil', 'data/../../evil'].includes(path), fetch: list({ [path]: { size: 5 } }), exits: [1], says: refused })),
  { name: 'with a symlink for a folder', rare: true, fetch: list({ [small.slice(0, 7)]: { type: 'symlink' } }), exits: [1], says: refused },
  { name: 'with a file for a folder', fetch: list({ data: { type: 'file' } }), exits: [1], says: refused },
];

suiteOf('another tree in the second run', () => stage, trees);

const contents: readonly Attack[] = [
  { name: 'flipped, with the right MD5', fetch: data({ [small]: { flipped: true } }), ...quarantined(small) },
  { name: 'with a wrong MD5, each time', fetch: data({ [small]: { wrongSum: true } }), ...notDelivered(small) },
  { name: 'short', rare: true, fetch: data({ [small]: { cut: 100 } }), ...quarantined(small) },
  { name: 'empty', fetch: data({ [small]: { cut: 3000 } }), ...quarantined(small) },
  { name: 'long', rare: true, fetch: data({ [small]: { more: 'x'.repeat(50) } }), ...quarantined(small) },
  { name: 'without end, in the largest file', fetch: data({ [big]: { chunks: 1e9 } }), exits: [1], takes: 64 << 20 },
  { name: 'without end, in the smallest file', rare: true, fetch: data({ [small]: { chunks: 1e9 } }), exits: [1], takes: 64 << 20 },
  { name: 'without end, inside a room', fetch: data({ [big]: { chunks: 1e9 } }), exits: [1], sandbox: 'auto', takes: 64 << 20, heals: true },
  { name: 'as large as the largest, for small files', fetch: { data: { [middle]: { chunks: 2 }, [small]: { chunks: 2 } }, acts: { [`asked ${fresh.snapshot}`]: [{ hang: true }] } },
    stall: '20s', exits: [1], says: /more than serverA had listed/ },
  { name: 'twice as large as the largest, for every file', rare: true, fetch: data(Object.fromEntries(freshPaths.map((path) => [path, { chunks: 7 }]))), exits: [1] },
];

suiteOf('content', () => stage, contents);

const push = (path: string, times = 1, flags = 0xa000): Alone => ({ echo: { [middle]: { also: [{ path, flags, content: 'pushed', times }] } } });

const pushed: readonly Attack[] = [
  { name: 'a file before it was asked for, and not when it was', fetch: { echo: { ...push(big).echo, [big]: 'drop' } }, ...quarantined(big) },
  { name: 'a file for a second time', rare: true, fetch: { echo: { [middle]: 'twice' } }, exits: [0, 4], admits: freshPaths },
  { name: 'a file before it was asked for, again and again', fetch: push(big, 1e9), exits: [1], takes: 256 << 20 },
  { name: 'a folder as a file', rare: true, fetch: push('data'), exits: [1], says: refused },
  { name: 'an index beyond the list', rare: true, fetch: { echo: { [middle]: { also: [{ index: 77, content: 'pushed', flags: 0xa000 }] } } }, exits: [1], says: refused },
];

suiteOf('content that nobody asked for', () => stage, pushed);

const ends: readonly Attack[] = [
  { name: 'error exit with code 0, before the list', fetch: { acts: { preamble: [{ tag: 86, bytes: [0, 0, 0, 0] }] } }, ...notDelivered(...freshPaths) },
  { name: 'error exit with code 0, in a file', rare: true, fetch: { acts: { file: [{ tag: 86, bytes: [0, 0, 0, 0] }] } }, exits: [4], finds: ['not-delivered'] },
  { name: 'error exit with code 0, behind the files', fetch: { acts: { stats: [{ tag: 86, bytes: [0, 0, 0, 0] }] } }, exits: [0] },
  { name: 'lines of our own form', fetch: { acts: { listed: [{ tag: 2, text: `c0ffee0123456789c0ffee01 >f+++++++++|5|../../config\n` }] } }, exits: [0] },
  { name: 'text of 64 KiB', rare: true, fetch: { acts: { listed: [{ tag: 2, text: 'x', repeat: 65_536 }] } }, exits: [1] },
  { name: 'forged deletions', fetch: { acts: { listed: [{ tag: 101, text: old.packs[2]! }] } }, exits: [0] },
];

suiteOf('ends and messages in the second run', () => stage, ends);

const [first] = old.packs as [string];
const examined = (lie: Lie, expected: Pick<Attack, 'exits' | 'finds' | 'admits' | 'clock' | 'run' | 'says' | 'takes'>, before: Attack['calls'] = {}): Omit<Attack, 'name'> =>
  ({ crime: false, spotCheck: 100, calls: { ...before, 4: lie }, ...expected });
const silence: Lie = { acts: { file: [{ hour: true, hang: true }] } };
const outOfTime = { exits: [1], says: /^the time of timeouts\.run was over while suspects and spot checks were fetched$/, run: '90m' };

const spotChecks: readonly Attack[] = [
  { name: 'the truth', ...examined({}, { exits: [0] }) },
  { name: 'another content', ...examined({ data: { [first]: { flipped: true } } }, { exits: [3], finds: [`spot-check ${first}`] }) },
  { name: 'another size', ...examined({ data: { [first]: { more: 'x' } } }, { exits: [3], finds: [`spot-check ${first}`] }) },
  { name: 'no content', rare: true, ...examined({ list: { [first]: null } }, { exits: [4], finds: [`not-delivered ${first}`], admits: freshPaths }) },
  { name: 'a symlink', ...examined({ list: { [first]: { type: 'symlink' } } }, { exits: [4], finds: [`not-delivered ${first}`], admits: freshPaths }) },
  { name: 'a folder', rare: true, ...examined({ list: { [first]: { type: 'folder' } } }, { exits: [3], finds: [`spot-check ${first}`] }) },
  { name: 'content without end', rare: true, ...examined({ data: { [first]: { chunks: 1e9 } } }, { exits: [1], takes: 64 << 20 }) },
  { name: 'silence', ...examined(silence, { exits: [1], says: /^the fetch failed: rsync made no progress/, clock: 'stall' }) },
  { name: 'silence, with a patient stall clock', rare: true, ...examined(silence, outOfTime) },
  // Its channel, which was opened before its turn, has been closed then, and another one is opened.
  { name: 'silence, after a pass that took longer than a channel waits', ...examined(silence, outOfTime, { 3: { acts: { listed: [{ hour: true }, { tag: 42, every: 500 }] } } }) },
];

suiteOf('spot checks', () => stage, spotChecks);

test('a time that only the fetch tells does not enter: the next audit is clean', async (t) => {
  const attack: Attack = { name: '', fetch: list({ [small]: { mtime: 1_600_000_000 }, [fresh.snapshot]: { mtime: 2_000_000_000 } }), exits: [0] };
  const night = stage.night(t, attack);
  await withstand(night, attack);
  night.repent();
  const { code, run } = await night.run(['audit']);
  assert.deepEqual([code, run.findings, run.audit.unchanged], [0, [], 16]);
});
