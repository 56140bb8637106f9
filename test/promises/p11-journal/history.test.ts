/** `history`: for people, for programs, and as proof. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { localNight } from '../../support/localNight.ts';
import { clockAhead } from '../../support/night.ts';

test('history tells what happened and who said so, and proves that it is whole', async (t) => {
  const night = await localNight(t);
  await night.run(['sync']);
  await night.run(['prune-window', 'open', 'nightly', '--for', '1h', '--reason', 'B\u00fcro \x1b[31m prune'], { env: { SUDO_USER: 'alice' } });
  await night.run(['prune-window', 'close', 'nightly'], { env: { SUDO_USER: 'bob' } });
  const { code, stdout, stderr } = await night.run(['history', 'nightly']);
  assert.deepEqual([code, stderr], [0, '']);
  const said = stdout.split('\n');
  const order = ['initialised', 'started', 'room', 'verdict', 'admitted', 'finished', 'window-opened', 'window-closed'];
  assert.deepEqual(said.slice(1, -1).map((line) => line.slice(23).split(' ')[0]), order);
  assert.match(said[7] ?? '', /by alice: B\\#303\\#274ro \\#033\[31m prune$/);
  assert.match(said[8] ?? '', /0 deletions used, by bob$/);
  const json = (await night.run(['--json', 'history', '--limit', '2'])).json();
  assert.deepEqual(json.repositories[0].events.map((each: { event: string }) => each.event), ['window-opened', 'window-closed']);
  const verified = await night.run(['history', '--verify']);
  assert.deepEqual([verified.code, verified.stderr], [0, '']);
  assert.match(verified.stdout, /^nightly: 8 lines, the chain is whole; head [0-9a-f]{64}$/m);
  assert.equal((await night.run(['history', '--verify', '--head', 'ab'.repeat(32)])).code, 1);
});

test('a journal that was changed is broken at its first bad line, for people and for programs', async (t) => {
  const night = await localNight(t);
  await night.run(['sync']);
  const path = join(night.state, 'nightly/journal.jsonl');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"modified":0', '"modified":1'));
  const { code, stdout } = await night.run(['history', '--verify']);
  assert.equal(code, 1);
  assert.match(stdout, /^nightly: BROKEN at journal\.jsonl, line 4: it was changed: the chain of hashes breaks here\n {2}the 4 lines before it/);
  const json = await night.run(['--json', 'history', 'nightly', '--verify']);
  assert.equal(json.code, 1);
  const [found] = json.json().repositories;
  assert.deepEqual([found.repository, found.valid, found.bad.file, found.bad.line], ['nightly', false, 'journal.jsonl', 4]);
});

test('a line that a crash cut short is said by the next run, which goes on', async (t) => {
  const night = await localNight(t);
  writeFileSync(join(night.state, 'nightly/journal.jsonl'), '{"sequence":2,"ti', { flag: 'a' });
  const { code, stderr } = await night.run(['sync']);
  assert.equal(code, 0);
  assert.match(stderr, /^warning: the last line of .*journal\.jsonl was cut short by a crash; 17 bytes were dropped\n$/);
  assert.equal((await night.run(['history', '--verify'])).code, 0);
  assert.match((await night.run(['history'])).stdout, /journal-repaired +17 bytes/);
});

test('in a new year the journal goes on in a new file, and what was remembered still counts', async (t) => {
  const night = await localNight(t);
  await night.run(['sync']);
  const year = new Date().getUTCFullYear();
  const untilNext = Date.UTC(year + 1, 0, 1, 0, 30) - Date.now();
  const { code } = await night.run(['sync'], { env: clockAhead(untilNext) });
  assert.ok(code === 0 || code === 4, 'a jump of the clock is a warning');
  assert.match(readFileSync(join(night.state, `nightly/journal-${year}.jsonl`), 'utf8'), /"initialised"/);
  assert.equal((await night.run(['history', '--verify'])).code, 0);
  assert.match((await night.run(['status'])).stdout, /last success +\d/);
  const events = (await night.run(['--json', 'history'])).json().repositories[0].events.map((each: { event: string }) => each.event);
  assert.equal(events[0], 'initialised');
});

test('wrong use is said', async (t) => {
  const night = await localNight(t);
  for (const args of [['history', '--limit', '0'], ['history', '--limit', 'x'], ['history', '--verify', '--head', 'xyz'], ['history', 'nobody']]) {
    assert.equal((await night.run(args)).code, 2, args.join(' '));
  }
  assert.match((await night.run(['history', '--limit', '10000000'])).stderr, /--limit 10000000 must be a whole number from 1 to 9999999/);
});

test('a state folder that was lost stops every night, not only the first, until init is run again', async (t) => {
  const night = await localNight(t);
  assert.equal((await night.run(['sync'])).code, 0);
  rmSync(join(night.state, 'nightly'), { recursive: true });
  for (let n = 0; n < 2; n++) {
    const { code, stderr } = await night.run(['sync']);
    assert.equal(code, 1);
    assert.match(stderr, /knows nothing of this replica: its journal is missing/);
  }
  const { replica } = night.config;
  rmSync(join(replica, '.rsync-ratchet/replica.json'));
  assert.equal((await night.run(['init', 'nightly', '--trust-existing'])).code, 0);
  assert.equal((await night.run(['sync'])).code, 0);
});
