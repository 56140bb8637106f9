/** `audit --report`: a kept report is judged again, by the replica of now; serverA is not asked, and nothing is written. */
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, readdirSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { folderOnDisk } from '../support/diskFolder.ts';
import { localNight, type LocalNight } from '../support/localNight.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';

let night: LocalNight;
let kept = '';
const state = (): string => join(kept, '../..');

const ending = { after: (work: () => void): void => { process.once('exit', work); } };

before(async () => {
  const disk = folderOnDisk(ending);
  if (disk === undefined) return;
  night = await localNight(ending, { state: join(disk, 'state') });
  assert.equal((await night.run(['sync'])).code, 0);
  const quiet = await night.run(['sync', '--json']); // what the first one called new is there now
  assert.equal(quiet.code, 0, quiet.stderr);
  kept = join(disk, 'state/nightly/runs', String(quiet.json().runs[0].runId));
  renameSync(night.repository.path, `${night.repository.path}-away`); // nobody can ask it
});

/** A copy of the kept reports, changed as given. */
function changed(changes: Readonly<Record<string, (text: string) => string>>): string {
  const folder = join(temporaryFolder(), 'run');
  mkdirSync(folder);
  for (const name of ['report-1', 'report-2', 'report-3']) {
    copyFileSync(join(kept, name), join(folder, name));
    const text = readFileSync(join(folder, name), 'latin1');
    writeFileSync(join(folder, name), changes[name]?.(text) ?? text, 'latin1');
  }
  return folder;
}

/** A terabyte of nothing behind the kept lines: no line, and no memory could hold it. */
function endless(): string {
  const folder = changed({});
  truncateSync(join(folder, 'report-3'), 2 ** 40);
  return folder;
}

const packLine = (text: string): string => /^.*\|data\/..\/.{64}\n/m.exec(text)?.[0] ?? '';
const all = (): string => kept;
const cases: readonly (readonly [name: string, report: () => string, code: number, words: RegExp])[] = [
  ['a whole run', all, 0, /^nightly: nothing new$/m],
  ['one of its passes', () => join(kept, 'report-2'), 0, /nothing new/],
  ['the pass of the snapshots', () => join(kept, 'report-1'), 0, /nothing new/],
  ['a name that is missing', () => changed({ 'report-3': (text) => text.replace(packLine(text), '') }), 3, /1 unaccounted/],
  ['a name that is there twice', () => changed({ 'report-3': (text) => text + packLine(text) }), 3, /1 unaccounted/],
  ['another size', () => changed({ 'report-3': (text) => text.replace(packLine(text), packLine(text).replace(/\|\d+\|/, '|1|')) }), 3, /1 modified/],
  ['what is no file, named before all else, as rsync often does', () => changed({ 'report-2': (text) => `skipping non-regular file "link"\n${text}` }), 4, /link/],
  ['a deletion', () => changed({ 'report-1': (text) => text.replace(/^(\S+) .{11}\|\d+\|(.*\|snapshots\/.+)$/m, '$1 *deleting  |0|$2') }), 3, /1 deleted/],
  ['what is cut', () => changed({ 'report-3': (text) => text.slice(0, -1) }), 1, /cannot be understood \(last line is cut short: /],
  ['a line without an end', endless, 1, /cannot be understood \(line too long/],
  ['an empty one', () => changed({ 'report-2': () => '' }), 1, /it is empty/],
  ['lines of another run', () => changed({ 'report-1': (text) => `${text}${'0'.repeat(24)} .d         |0|2026/01/01-00:00:00|./\n` }), 1, /not one of our lines/],
  ['a line of ours without a prefix, before the first that has one', () => changed({ 'report-2': (text) => ` .d         |0|2026/01/01-00:00:00|keys/\n${text}` }), 1, /not one of our lines/],
  ['an empty line before all else', () => changed({ 'report-2': (text) => `\n${text}` }), 1, /cannot be understood/],
  ['any text', () => changed({ 'report-1': () => 'hello\n' }), 1, /not one of our lines: "hello"/],
  ['a pass that could not read all', () => changed({ 'report-1': (text) => `${text}IO error encountered -- skipping file deletion\n` }), 1, /is the report of a pass that failed/],
  ['no report', () => join(kept, 'report-4'), 1, /is no report: its name must be report-1, report-2 or report-3/],
  ['a folder without any', () => temporaryFolder(), 1, /the folder holds no report-1/],
  ['nothing there', () => '/nonexistent/report-1', 1, /is no report/],
];

describe('it judges', () => {
  for (const [name, report, code, words] of cases) {
    test(name, async (t) => {
      if (kept === '') return t.diagnostic('no disk here');
      const seen = (): unknown[] => [digest(night.config.replica, { without: ['.rsync-ratchet/lock', '.rsync-ratchet'] }), digest(state(), { without: ['state.lock'] })];
      const was = seen();
      const done = await night.run(['audit', 'nightly', '--report', report()]);
      assert.equal(done.code, code, done.stdout + done.stderr);
      assert.match(done.stdout, /^nightly: judged by \/.*, which was kept; serverA is not asked\n/);
      assert.match(done.stdout + done.stderr, words);
      assert.deepEqual(seen(), was);
    });
  }

  test('the replica of now: what was taken away since is not there', async (t) => {
    if (kept === '') return t.diagnostic('no disk here');
    const [snapshot = ''] = readdirSync(join(night.config.replica, 'snapshots'));
    const [from, to] = [join(night.config.replica, 'snapshots', snapshot), join(night.folder, 'aside')];
    chmodSync(join(night.config.replica, 'snapshots'), 0o700);
    renameSync(from, to);
    const done = await night.run(['audit', 'nightly', '--json', '--report', kept]);
    renameSync(to, from);
    assert.equal(done.code, 3);
    assert.deepEqual(done.json().runs[0].findings.map(({ rule }: { rule: string }) => rule), ['inconsistent']);
  });

  test('one repository, not two', async () => {
    for (const names of [[], ['nightly', 'other']]) {
      const { code, stderr } = await night.run(['audit', ...names, '--report', kept]);
      assert.equal(code, 2, stderr);
    }
  });
});
