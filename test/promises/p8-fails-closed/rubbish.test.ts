/** Rubbish in place of what we keep: nothing is let through, nothing leaves, nobody waits, and the message names the file. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { stage, type Stage } from '../../support/stage.ts';

/** What is read in every night: in the state, and in our folder of the replica. */
const inState = ['journal.jsonl', 'journal.head', 'prune-window.json', 'alarm.json', 'memory.json', 'tombstones.jsonl', 'snapshots'];
const inReplica = ['replica.json', 'lock'];

type Make = (path: string) => void;

const pipe: Make = (path) => { execFileSync('mkfifo', [path]); };
const folder: Make = (path) => { mkdirSync(path); };
const wrong: Make = (path) => { writeFileSync(path, '{"version":1,"event":"kept","sequence":"many","command":{"maxDeletions":"many"}}\n'); };
/** Besides a pipe, which each of them is tried with; what else a schema refuses has tables in test/state and test/ratchet. */
const more: Readonly<Record<string, readonly [string, Make]>> = {
  'memory.json': ['a folder', folder], lock: ['a folder', folder], 'alarm.json': ['rubbish', wrong], 'prune-window.json': ['rubbish', wrong], snapshots: ['rubbish', wrong],
};

/** A night would accept a deletion (a window is open) and let another file leave (its grace is over): two things that rubbish must not bring about. */
async function eventful(t: TestContext): Promise<Stage> {
  const one = await stage(t);
  one.configure({ deletionGrace: '1s' });
  const open = async (): Promise<void> => { assert.equal((await one.run(['prune-window', 'open', 'nightly', '--max-deletions', '2'])).code, 0); };
  await open();
  remove(one, 'data');
  const { code, stdout } = await one.run(['--json', 'sync']);
  assert.deepEqual([code, JSON.parse(stdout).runs[0].tombstones.pending], [0, 1], stdout);
  remove(one, 'index');
  return one;
}

/** Takes a file of that folder from serverA. */
function remove({ source }: Stage, kind: string): void {
  const [path = ''] = readdirSync(join(source, kind), { recursive: true, encoding: 'utf8' }).filter((name) => /[0-9a-f]{64}$/.test(name)).sort();
  rmSync(join(source, kind, path));
}

/** Puts something in a file's place while `work` lasts, and everything back as it was. */
async function instead(one: Stage, path: string, make: Make, work: () => Promise<void>): Promise<void> {
  const saved = join(one.folder, 'saved');
  cpSync(join(one.folder, 'state'), saved, { recursive: true, preserveTimestamps: true });
  const [before, aside] = [existsSync(path), `${path}.aside`];
  if (before) renameSync(path, aside);
  try {
    make(path);
    await work();
  } finally {
    rmSync(path, { recursive: true, force: true });
    if (before && existsSync(aside)) renameSync(aside, path);
    rmSync(join(one.folder, 'state'), { recursive: true });
    renameSync(saved, join(one.folder, 'state'));
  }
}

test('a pipe, a folder or rubbish in place of a file of state or replica: the night ends, lets nothing through and names the file', async (t) => {
  const one = await eventful(t);
  const before = one.replicaNow();
  const files = [...inState.map((name) => join(one.folder, 'state/nightly', name)), ...inReplica.map((name) => join(one.replica, '.rsync-ratchet', name))];
  for (const path of files) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    for (const [kind, make] of [['a pipe', pipe] as const, ...(more[name] === undefined ? [] : [more[name]])]) {
      await instead(one, path, make, async () => {
        const { code, stderr } = await one.run(['sync'], { timeout: 60_000 });
        assert.deepEqual([code, stderr.includes(`/${name}`), one.replicaNow()], [1, true, before], `${kind} in place of ${name}: ${stderr}`);
        assert.doesNotMatch(stderr, /please report/, `${kind} in place of ${name}`);
        if (kind !== 'rubbish') assert.doesNotMatch(stderr, /damaged/, `${kind} in place of ${name}`);
      });
    }
  }
  const told = one.config().mails().map(({ subject }) => subject);
  for (const path of files) assert.ok(told.some((subject) => subject.includes(path)), `a mail names ${path}`);
  const mended = JSON.parse((await one.run(['--json', 'sync'])).stdout).runs[0];
  assert.deepEqual([mended.outcome, mended.tombstones.added, mended.tombstones.expired], ['unchanged', 1, 1], 'the night is eventful indeed');
});

test('what looks at the state ends as well, and doctor finds what is damaged; a journal without an end is read in no time', async (t) => {
  const one = await stage(t);
  const state = join(one.folder, 'state/nightly');
  for (const [name, make, commands] of [
    ['prune-window.json', pipe, [['status', 1], ['doctor', 1], ['history', 0]]],
    ['snapshots', wrong, [['status', 0], ['doctor', 1]]],
    ['journal.jsonl', pipe, [['history', 1], ['tombstones list', 1]]],
    ['journal.jsonl', (path: string) => { writeFileSync(path, ''); truncateSync(path, 100_000_000); }, [['history --verify nightly', 1]]],
  ] as const) {
    await instead(one, join(state, name), make, async () => {
      for (const [command, expected] of commands) {
        const { code, stdout, stderr } = await one.run(command.split(' '), { timeout: 60_000 });
        assert.equal(code, expected, `${command} with ${name}: ${stderr}`);
        assert.doesNotMatch(stdout + stderr, /please report|no answer within/, command);
        if (expected === 1) assert.match(stdout + stderr, new RegExp(name.replace('.', '\\.')), command);
      }
    });
  }
});

test('a window that could not be journalled was not opened: what the command says is true', async (t) => {
  const one = await stage(t);
  const windows = join(one.folder, 'state/nightly/prune-window.json');
  await instead(one, join(one.folder, 'state/nightly/journal.head'), wrong, async () => {
    assert.equal((await one.run(['prune-window', 'open', 'nightly'])).code, 1);
    assert.equal(existsSync(windows) && JSON.parse(readFileSync(windows, 'utf8')).command !== null, false, 'a window is open although the command failed');
  });
});

test('a prune-window.json that is lost opens nothing that was closed: the night fails and names it, and closing once more makes it anew', async (t) => {
  const one = await stage(t);
  const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
  const [from = '', to = ''] = [-1800_000, 1800_000].map((ms) => new Date(Date.now() + ms).toISOString().slice(11, 16));
  one.configure({ pruneWindows: [{ days, from, to, timezone: 'UTC', maxDeletions: 9 }] });
  assert.match((await one.run(['prune-window', 'close', 'nightly'])).stdout, /is closed/);
  remove(one, 'data');
  const before = one.replicaNow();
  rmSync(join(one.folder, 'state/nightly/prune-window.json'));
  const lost = await one.run(['--json', 'sync']);
  assert.deepEqual([lost.code, one.replicaNow(), lost.json().runs[0].tombstones.added], [1, before, 0], 'a window that was closed let a deletion through');
  assert.match(lost.stderr, /prune-window\.json is missing/);
  assert.match((await one.run(['prune-window', 'close', 'nightly'])).stdout, /is closed/);
  assert.equal((await one.run(['sync'])).code, 3, 'the deletion is none that a window lets through');
});

test('what a run or a doctor that was killed left beside the replica is cleared by the next night, also by one that reads nothing', async (t) => {
  const one = await stage(t);
  const own = join(one.replica, '.rsync-ratchet');
  const before = one.ownFiles();
  for (const name of ['reading', 'view', 'doctor-x1y2z3']) {
    mkdirSync(join(own, name));
    linkSync(join(one.replica, 'config'), join(own, name, 'config'));
  }
  writeFileSync(join(own, 'mtime'), '');
  assert.equal((await one.run(['sync'])).code, 0);
  assert.deepEqual(one.ownFiles(), before);
});
