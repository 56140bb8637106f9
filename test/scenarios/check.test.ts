/** restic's own check of the replica: a share of the data each time, when due or when asked for. It changes nothing. */
import assert from 'node:assert/strict';
import { readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { allow, deny } from '../support/asked.ts';
import { anyOf, clockAhead, type Night, type ServerA, startServerA } from '../support/night.ts';
import { assertFindings, damage, messagesOf, provingNight } from '../support/proof.ts';
import { journal } from '../support/prune.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

const day = 24 * 3600 * 1000;

/** Bit rot: a bit of a pack in the replica flips; nothing of it can be seen but by reading. Its path. */
function rot(night: Night): string {
  const pack = anyOf(night.replica, 'data');
  const file = join(night.replica, pack);
  const { atime, mtime } = statSync(file);
  damage(file);
  utimesSync(file, atime, mtime);
  return pack;
}

test('the command check turns through all shares, says each, and leaves the replica as it is', async (t) => {
  const night = await provingNight(serverA, t, { restic: { check: { readDataSubset: 3 } } });
  const before = night.replicaNow();
  const shares: unknown[] = [];
  for (let n = 0; n < 4; n += 1) {
    const finished = await night.run(['--json', 'check']);
    assert.equal(finished.code, 0, finished.stderr);
    shares.push(finished.json().checks[0]);
  }
  assert.deepEqual(shares, ['1/3', '2/3', '3/3', '1/3'].map((share) => ({ repository: 'nightly', share, passed: true, words: '' })));
  const { code, stdout } = await night.run(['check', 'nightly']);
  assert.deepEqual([code, stdout], [0, 'nightly: restic check passed; share 2/3 of the data was read\n']);
  assert.deepEqual(night.replicaNow(), before);
  assert.deepEqual(readdirSync(night.temporary), []);
});

test('a check is due with the first night, then once a week, and each reads the next share', async (t) => {
  const night = await provingNight(serverA, t);
  const shares: unknown[] = [];
  for (const days of [0, 0, 6.9, 7.1, 7.2, 14.1]) {
    const judged = await night.sync([], { env: clockAhead(days * day) });
    assertFindings(judged, 0, []);
    shares.push(judged.run.check);
  }
  const passed = (share: string): object => ({ share, passed: true });
  assert.deepEqual(shares, [passed('1/30'), null, null, passed('2/30'), null, passed('3/30')]);
});

test('without a password there is no check by night, and the command says what is missing', async (t) => {
  const night = await serverA.night(t);
  assert.equal((await night.sync()).run.check, null);
  const { code, stderr } = await night.run(['check']);
  assert.equal(code, 1);
  assert.match(stderr, /nightly has no restic\.passwordFile/);
});

test('bit rot in the replica is found by the check: a warning, a mail, exit 4, and nothing is touched', async (t) => {
  const night = await provingNight(serverA, t, { restic: { check: { every: '1d', readDataSubset: 1 } } });
  const pack = rot(night);
  const before = night.replicaNow();
  for (const [n, days] of [0, 2].entries()) {
    const judged = await night.sync([], { env: clockAhead(days * day) });
    assertFindings(judged, 4, ['check-failed']);
    assert.deepEqual(judged.run.check, { share: '1/1', passed: false });
    assert.match(messagesOf(judged, 'check-failed'), new RegExp(`restic check --read-data-subset=1/1: .*${pack.slice(-64).slice(0, 8)}`));
    assert.equal(night.config.mails().length, n + 1, 'a mail each time');
    assert.deepEqual(night.replicaNow(), before);
  }
});

test('the command check names the damage and the way to mend it, exit 4', async (t) => {
  const night = await provingNight(serverA, t, { restic: { check: { readDataSubset: 1 } } });
  const pack = rot(night);
  const before = night.replicaNow();
  const { code, stdout } = await night.run(['check']);
  assert.equal(code, 4);
  assert.match(stdout, /^nightly: restic check failed \(share 1\/1 of the data\): /);
  assert.ok(stdout.includes(pack.slice(-64).slice(0, 8)), stdout);
  assert.match(stdout, /fetch them again: rsync-ratchet scrub --repair nightly/);
  assert.equal((await night.run(['check'])).code, 4);
  const mails = night.config.mails();
  assert.deepEqual(mails.map(({ subject }) => subject), Array(2).fill(`[WARNING] nightly on ${hostname()}: 1 check-failed`), 'a mail each time');
  assert.match(mails[0]?.text ?? '', /^The road back: check-failed$/m);
  assert.ok(mails[0]?.text.includes(`rsync-ratchet --config ${night.config.file} scrub --repair nightly\n`), mails[0]?.text);
  assert.deepEqual(night.replicaNow(), before);
});

test('status, its JSON and Nagios tell that a check failed, until one passes', async (t) => {
  const night = await provingNight(serverA, t, { restic: { check: { readDataSubset: 1 } } });
  const told = async (): Promise<unknown[]> => {
    const [words, plugin, json] = [await night.run(['status']), await night.run(['status', '--nagios']), await night.run(['--json', 'status'])];
    return [/last check +(.*)/.exec(words.stdout)?.[1]?.replace(/^.{20}, /, ''), plugin.code, json.json().repositories[0].lastCheck?.passed];
  };
  assert.deepEqual(await told(), ['never', 0, undefined]);
  const pack = anyOf(night.replica, 'data');
  renameSync(join(night.replica, pack), join(night.folder, 'away'));
  assert.equal((await night.run(['check'])).code, 4);
  assert.deepEqual(await told(), ['share 1/1: FAILED', 1, false]);
  renameSync(join(night.folder, 'away'), join(night.replica, pack));
  assert.equal((await night.run(['check'])).code, 0);
  assert.deepEqual(await told(), ['share 1/1: passed', 0, true]);
});

test('a pack that is gone from the replica is found by every check, whatever its share', async (t) => {
  const night = await provingNight(serverA, t);
  const pack = anyOf(night.replica, 'data');
  rmSync(join(night.replica, pack));
  const before = night.replicaNow();
  const finished = await night.run(['--json', 'check']);
  assert.equal(finished.code, 4);
  assert.match(finished.json().checks[0].words, new RegExp(pack.slice(-64).slice(0, 8)));
  assert.deepEqual(night.replicaNow(), before);
});

test('a replica that restic may not read is a failure of ours, exit 1: no failed check in the journal, no word of repairs', async (t) => {
  const night = await provingNight(serverA, t);
  const snapshot = join(night.replica, anyOf(night.replica, 'snapshots'));
  deny(snapshot);
  const { code, stdout, stderr } = await night.run(['check']);
  assert.deepEqual([code, stdout.includes('--repair')], [1, false], stdout);
  assert.match(stderr, /restic may not read the replica: .*permission denied.*run as the user who owns the replica/s);
  assert.deepEqual(journal(night).filter(({ event }) => event === 'checked'), []);
  allow(snapshot);
  assert.equal((await night.run(['check'])).code, 0);
});

test('a failed share stands until it has passed itself, and is read every night until then, beside the turn', async (t) => {
  const night = await provingNight(serverA, t, { restic: { check: { every: '1d', readDataSubset: 2 } } });
  rot(night);
  const shares: string[] = [];
  const standing = async (env: Record<string, string>): Promise<unknown[]> =>
    [(await night.run(['--json', 'status'], { env })).json().repositories[0].lastCheck?.passed, (await night.run(['status', '--nagios'], { env })).code];
  let failed = 0;
  for (const days of [0, 1.1, 2.2]) {
    const { run, code } = await night.sync([], { env: clockAhead(days * day) });
    shares.push(`${run.check.share} ${run.check.passed}`);
    if (code === 4) failed++;
    if (failed > 0) assert.deepEqual(await standing(clockAhead(days * day)), [false, 1], `another share cleared it: ${shares.join(', ')}`);
  }
  assert.ok(failed >= 2, shares.join(', '));
  assert.equal((await night.run(['scrub', '--repair'])).code, 0);
  const env = clockAhead(2.3 * day);
  assert.equal((await night.run(['check'], { env })).code, 0);
  assert.equal((await standing(env))[0], true);
});
