/** State that 0.3.0 left (fixtures/state/0.3.0.tar.gz, made by its program): tombstones, a standing alarm, a full spool, an old journal. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { ratchet } from '../support/cli.ts';
import { writeConfig } from '../support/config.ts';
import { clockAhead } from '../support/night.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';

const archive = fileURLToPath(new URL('../../fixtures/state/0.3.0.tar.gz', import.meta.url));

test('the state of 0.3.0 is opened as it is: nothing that stood is lowered, lost, forgotten or let through', async (t) => {
  const folder = temporaryFolder(t);
  execFileSync('tar', ['xzf', archive, '-C', folder, '--no-same-owner']);
  const written = writeConfig(folder, join(folder, 'source'));
  const { file, replica, state } = written;
  const journal = readFileSync(join(state, 'nightly/journal.jsonl'), 'utf8').trimEnd().split('\n');
  const last = (JSON.parse(journal.at(-1) ?? '') as { time: string }).time;
  const env = clockAhead(Date.parse(last) + 3600_000 - Date.now());
  const run = (...args: readonly string[]) => ratchet(args, { config: file, env });

  const told = await run('--json', 'status');
  const [status] = told.json().repositories;
  assert.deepEqual([told.code, status.alarm.rules, status.lastRun.outcome, status.lastRun.exitCode, status.tombstones.pending, status.spool.alerts], [3, ['deleted'], 'alarm', 3, 2, 2]);
  const listed = (await run('--json', 'tombstones', 'list', 'nightly')).json().tombstones as { state: string; due: string }[];
  assert.deepEqual(listed.map((stone) => stone.state).sort(), ['confirmed', 'confirmed', 'kept']);
  const before = digest(replica, { inode: true, without: ['.rsync-ratchet'] });

  const night = await run('--json', 'sync');
  assert.deepEqual([night.code, night.json().runs[0].alarm.rules, night.json().runs[0].tombstones.pending], [3, ['deleted'], 2]);
  assert.deepEqual([digest(replica, { inode: true, without: ['.rsync-ratchet'] }), existsSync(join(state, 'nightly/memory.json'))], [before, true]);
  assert.doesNotMatch(night.stderr, /missing/, 'a memory that never was is not lost');
  assert.equal((await run('alert', 'flush')).code, 0);
  assert.ok(written.mails().length >= 3, `${written.mails().length} mails: two had waited`);

  assert.equal((await run('acknowledge', 'nightly', '--reason', 'a test')).code, 0);
  for (const name of readdirSync(join(replica, 'index'))) cpSync(join(replica, 'index', name), join(folder, 'source/index', name), { preserveTimestamps: true });
  const next = await run('--json', 'sync');
  assert.deepEqual([next.code, next.json().runs[0].tombstones.pending], [0, 2], next.stdout);
  const moved = (await run('--json', 'tombstones', 'list', 'nightly')).json().tombstones as { due: string; state: string }[];
  assert.ok(moved.every(({ due, state: standing }, n) => standing === 'kept' || Date.parse(due) > Date.parse(listed[n]?.due ?? '')), 'due dates move on by as long as the alarm stood');
  assert.equal((await run('history', 'nightly', '--verify')).code, 0);
});
