/**
 * Death at every place, once (P7): a night that admits a backup and lets a prune leave is killed just before each of its
 * calls that change the disk. Whatever there was then, the replica is whole and consistent, and the next night completes it.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { program } from '../support/cli.ts';
import { type LocalNight, localNight } from '../support/localNight.ts';
import { repositoryFiles } from '../support/prune.ts';
import { openRepository } from '../support/restic.ts';
import { isSynced, tracedCalls } from '../support/traced.ts';

/** What makes, removes and renames names, and what makes them durable. Node's thread alone is followed: rsync changes what is trusted for nothing. */
const changing = ['link', 'linkat', 'unlink', 'unlinkat', 'rename', 'renameat2', 'mkdir', 'rmdir', 'fsync', 'fdatasync', 'ftruncate', 'utimensat'].join(',');

interface Prepared {
  readonly night: LocalNight;
  readonly replica: string;
  /** Puts replica and state back to how they were before the night. */
  readonly reset: () => void;
  readonly before: readonly string[];
  /** What serverA has. */
  readonly wanted: readonly string[];
}

/** serverA has a new backup, and was pruned in a window; with a grace of 0 the night admits, buries and expires. */
async function prepared(t: Parameters<typeof localNight>[0]): Promise<Prepared> {
  const night = await localNight(t, { repositories: { nightly: { deletionGrace: '0', spotCheck: 1000 } } });
  const { replica } = night.config;
  assert.equal((await night.run(['sync'])).code, 0);
  await night.repository.backup({ 'file.txt': 'another content'.repeat(5000) });
  const [oldest] = await night.repository.snapshots();
  await night.repository.forget([oldest?.id ?? ''], { prune: true });
  assert.equal((await night.run(['prune-window', 'open', 'nightly', '--max-deletions', '100'])).code, 0);
  const saved = join(night.folder, 'saved');
  execFileSync('mkdir', [saved]);
  execFileSync('cp', ['-a', replica, night.state, saved]);
  const reset = (): void => {
    execFileSync('rm', ['-rf', replica, night.state]);
    execFileSync('cp', ['-a', ...readdirSync(saved).map((name) => join(saved, name)), night.folder]);
  };
  return { night, replica, reset, before: repositoryFiles(replica), wanted: repositoryFiles(night.repository.path) };
}

/** The night under strace with these options; what ended it: a signal, or an exit code with what was said. */
function traced({ night }: Prepared, ...options: readonly string[]): string {
  const argv = ['-qq', '-e', 'signal=none', ...options, process.execPath, program, '--config', night.config.file, 'sync'];
  const env = { PATH: process.env['PATH'] ?? '', HOME: night.folder, TMPDIR: night.folder };
  const { signal, status, stdout, stderr } = spawnSync('strace', argv, { encoding: 'utf8', env });
  return signal ?? (status === 0 ? 'well' : `exit ${status}: ${stdout}${stderr}`);
}

/**
 * The names of the calls of a night, in order. rsync names a file when its transfer starts, so how often one is looked for before
 * it is there is a matter of time: of three nights the one with the fewest calls, which no night has less of.
 */
function callsOf(all: Prepared): string[] {
  const nights = [1, 2, 3].map((n) => {
    const log = join(all.night.folder, `trace-${n}`);
    all.reset();
    assert.equal(traced(all, '-e', `trace=${changing}`, '-o', log), 'well');
    return readFileSync(log, 'utf8').trimEnd().split('\n').map((line) => line.slice(0, line.indexOf('(')));
  });
  return nights.sort((one, other) => one.length - other.length)[0] ?? [];
}

test('killed before any call that changes the disk, the replica is consistent, and the next night completes it', async (t) => {
  const all = await prepared(t);
  const { night, replica, before, wanted } = all;
  const names = callsOf(all);
  // strace counts the calls of each name by itself.
  const deaths = names.map((name, n) => ({ name, nth: names.slice(0, n + 1).filter((each) => each === name).length }));
  assert.ok(deaths.length > 100, `${deaths.length} calls`);
  const seen = new Set<string>();
  let changed = 0;
  for (const { name, nth } of deaths) {
    const death = `before ${name} number ${nth}`;
    all.reset();
    assert.equal(traced(all, '-o', '/dev/null', '-e', `trace=${changing}`, '-e', `inject=${name}:signal=KILL:when=${nth}`), 'SIGKILL', death);
    const left = repositoryFiles(replica);
    assert.deepEqual(before.filter((path) => wanted.includes(path) && !left.includes(path)), [], `${death}: what serverA still has stays`);
    for (const path of left) {
      assert.equal(createHash('sha256').update(readFileSync(join(replica, path))).digest('hex'), path.slice(-64), `${death}: ${path}`);
    }
    if (left.join() !== before.join()) changed++;
    if (!seen.has(left.join())) await openRepository(replica).check();
    seen.add(left.join());
    const next = await night.run(['--json', 'sync']);
    assert.equal(next.code, 0, `after a death ${death}: ${next.stdout}${next.stderr}`);
    assert.deepEqual(repositoryFiles(replica), wanted, `after a death ${death}`);
  }
  t.diagnostic(`${deaths.length} deaths, ${changed} of them after the replica had begun to change, ${seen.size} states of it`);
  assert.ok(changed > 10 && seen.size > 5, `${changed} deaths in the middle, ${seen.size} states`);
});

test('what must be on the disk before the next step has been synced before it', async (t) => {
  const all = await prepared(t);
  const log = join(all.night.folder, 'trace');
  assert.equal(traced(all, '-f', '-y', '-e', `trace=${changing},syncfs,sync`, '-o', log), 'well');
  const found = isSynced(tracedCalls(readFileSync(log, 'utf8')), all.replica);
  assert.deepEqual(found.unsynced, []);
  assert.ok(found.links > 3 && found.moves > 3, `${found.links} links, ${found.moves} moves`);
});
