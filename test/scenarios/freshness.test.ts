/** A serverA that stands still. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localNight } from '../support/localNight.ts';
import { clockAhead } from '../support/night.ts';

const day = 24 * 3600 * 1000;

test('a serverA that stands still is a warning once alerts.freshness has passed, and a new snapshot ends it', async (t) => {
  const night = await localNight(t);
  night.configure({ alerts: { freshness: '48h' } });
  assert.deepEqual((await night.run(['--json', 'sync'])).json().runs[0].findings, []);
  assert.equal((await night.run(['sync'], { env: clockAhead(day) })).code, 0);
  const stale = await night.run(['--json', 'sync'], { env: clockAhead(3 * day) });
  const [run] = stale.json().runs;
  assert.deepEqual([stale.code, run.outcome, run.findings.map((finding: { rule: string }) => finding.rule)], [4, 'warned', ['stale']]);
  const mails = night.config.mails();
  assert.match(mails.at(-1)?.subject ?? '', /^\[WARNING\] nightly on \S+: nothing new; 1 stale$/);
  assert.equal((await night.run(['sync'], { env: clockAhead(3.5 * day) })).code, 4);
  assert.equal(night.config.mails().length, mails.length, 'the same warning is mailed once a week');
  await night.repository.backup({ 'a file': 'new' });
  assert.equal((await night.run(['sync'], { env: clockAhead(4 * day) })).code, 0);
  assert.equal((await night.run(['sync'], { env: clockAhead(5 * day) })).code, 0);
});
