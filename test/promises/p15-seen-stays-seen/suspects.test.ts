/** Files with their old size that serverA shows with a new time, or quietly with new content: fetched and hashed. */
import assert from 'node:assert/strict';
import { chmodSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { writeConfig } from '../../support/config.ts';
import { anyOf, assertRefused, filesBelow, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { assertFindings, assertUsable, damage, junkRemover, passwordFile, provingNight } from '../../support/proof.ts';
import { digest } from '../../support/tree.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

/** All files of the repository, config and keys too, but not restic's locks. */
const filesOf = (repository: string): string[] => filesBelow(repository).filter((path) => !path.startsWith('locks/'));

/** A serverA restored from tape: every file has a new time. How many files are hash-named. */
function restoreFromTape(night: Night): number {
  const files = filesOf(night.repository.path);
  for (const path of files) utimesSync(join(night.repository.path, path), 1_700_000_000, 1_700_000_000);
  return files.length - 1;
}

/** The replica without its times: what must never change. */
const contents = (night: Night): string[] => digest(night.replica, { inode: true, mtime: false, without: ['.rsync-ratchet'] });

function assertTimesTaken(night: Night): void {
  for (const path of filesOf(night.repository.path)) {
    assert.equal(statSync(join(night.replica, path)).mtimeMs, 1_700_000_000_000, path);
  }
}

test('a serverA restored from tape within limits.suspects: all is hashed, the times are taken over, the next night is quiet', async (t) => {
  const night = await provingNight(serverA, t);
  const before = contents(night);
  const count = restoreFromTape(night);
  const judged = await night.sync();
  assertFindings(judged, 0, []);
  assert.equal(judged.run.audit.suspects, count + 1);
  assert.deepEqual(contents(night), before);
  assertTimesTaken(night);
  const next = await night.sync();
  assertFindings(next, 0, []);
  assert.deepEqual([next.run.outcome, next.run.audit.suspects], ['unchanged', 0]);
  await assertUsable(night);
});

test('beyond limits.suspects one violation says so; acknowledge --accept-mtimes settles it, once', async (t) => {
  const night = await provingNight(serverA, t, { limits: { suspects: 3 } });
  const before = contents(night);
  const removeJunk = junkRemover(night);
  const count = restoreFromTape(night);
  const mail = await assertRefused(night, ['mtimes']);
  assert.match(mail.text, new RegExp(`${count} files have another modification time, limits.suspects is 3; 3 at random were hashed`));
  assert.match(mail.text, /acknowledge nightly .*--accept-mtimes/);
  assert.equal((await night.run(['acknowledge', 'nightly', '--reason', 'not settled'])).code, 0);
  await assertRefused(night, ['mtimes']);
  assert.equal((await night.run(['acknowledge', 'nightly', '--reason', 'restored from tape', '--accept-mtimes'])).code, 0);
  removeJunk();
  const settled = await night.sync();
  assertFindings(settled, 0, []);
  const now = new Set(contents(night));
  for (const line of before.filter((one) => one.includes(' file '))) assert.ok(now.has(line), `as before: ${line}`);
  const taken = filesOf(night.repository.path).filter((path) => statSync(join(night.replica, path)).mtimeMs === 1_700_000_000_000);
  assert.equal(taken.length, count + 1);
  assert.equal((await night.sync()).run.outcome, 'unchanged');
  for (const path of filesOf(night.repository.path)) utimesSync(join(night.repository.path, path), 1_600_000_000, 1_600_000_000);
  await assertRefused(night, ['mtimes']);
  await assertUsable(night);
});

test('a wrong file among those with a new time is modified, and no time is taken over', async (t) => {
  const night = await provingNight(serverA, t);
  const pack = anyOf(night.repository.path, 'data');
  damage(join(night.repository.path, pack));
  restoreFromTape(night);
  const mail = await assertRefused(night, [`modified ${pack}`]);
  assert.match(mail.text, /serverA's content has the SHA-256 [0-9a-f]{64}/);
});

test('--accept-mtimes settles nothing that is wrong: a wrong one in the sample is modified all the same', async (t) => {
  const night = await provingNight(serverA, t, { limits: { suspects: 40 } });
  const files = filesOf(night.repository.path).filter((path) => path !== 'config');
  for (const path of files) damage(join(night.repository.path, path));
  const count = restoreFromTape(night);
  assert.ok(count <= 40);
  await assertRefused(night, files.map((path) => `modified ${path}`));
  const modified = await modifiedBeyond(night, 2);
  assert.equal(modified, 2);
});

/** With a smaller limit: acknowledged and accepted, and still an alarm; how many of the sample are wrong. */
async function modifiedBeyond(night: Night, suspects: number): Promise<number> {
  writeConfig(night.folder, serverA.sshd.accounts.backup, { repositories: { nightly: { limits: { suspects }, restic: { passwordFile: passwordFile() } } } });
  assert.equal((await night.run(['acknowledge', 'nightly', '--reason', 'test', '--accept-mtimes'])).code, 0);
  const before = night.replicaNow();
  const { code, run } = await night.sync();
  assert.equal(code, 3);
  assert.deepEqual(night.replicaNow(), before);
  return run.findings.filter(({ rule }: { rule: string }) => rule === 'modified').length;
}

test('an old pack that changed on serverA with its size and time kept is caught by spotCheck', async (t) => {
  const night = await provingNight(serverA, t, { spotCheck: 1000 });
  const pack = anyOf(night.repository.path, 'data');
  const file = join(night.repository.path, pack);
  const { atime, mtime } = statSync(file);
  damage(file);
  utimesSync(file, atime, mtime);
  const mail = await assertRefused(night, [`spot-check ${pack}`]);
  for (const words of [pack, 'The road back: spot-check', 'SHA-256']) assert.ok(mail.text.includes(words), mail.text);
  await assertUsable(night);
});

test('without spotCheck such a change is not seen, and the replica is unharmed', async (t) => {
  const night = await provingNight(serverA, t, { spotCheck: 0 });
  const file = join(night.repository.path, anyOf(night.repository.path, 'data'));
  const { atime, mtime } = statSync(file);
  damage(file);
  utimesSync(file, atime, mtime);
  const before = night.replicaNow();
  assert.equal((await night.sync()).run.outcome, 'unchanged');
  assert.deepEqual(night.replicaNow(), before);
  await assertUsable(night);
});

test('a file that serverA does not deliver for its spot check is a warning once, and a violation when that happens two nights running', async (t) => {
  const night = await provingNight(serverA, t, { spotCheck: 1000 }, { account: 'powerless' });
  const pack = anyOf(night.repository.path, 'data');
  chmodSync(join(night.repository.path, pack), 0o000);
  const before = night.replicaNow();
  assertFindings(await night.sync(), 4, [`not-delivered ${pack}`]);
  assert.deepEqual(night.replicaNow(), before);
  assert.deepEqual(night.unfinished(), []);
  const { code, run } = await night.sync();
  assert.equal(code, 3);
  assert.ok(run.findings.some(({ rule, severity }: { rule: string; severity: string }) => rule === 'spot-check' && severity === 'violation'));
  assert.deepEqual(night.replicaNow(), before);
});

test('a suspect that serverA does not deliver is modified: nobody can say that it is not', async (t) => {
  const night = await provingNight(serverA, t, {}, { account: 'powerless' });
  const pack = anyOf(night.repository.path, 'data');
  const file = join(night.repository.path, pack);
  utimesSync(file, 1_700_000_000, 1_700_000_000);
  chmodSync(file, 0o000);
  const before = night.replicaNow();
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.alarm?.rules], [3, ['modified']]);
  assert.deepEqual(night.replicaNow(), before);
});

test('a violation that was found before the run failed stays raised', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  const source = night.repository.path;
  const [wrong, right] = [anyOf(source, 'data'), anyOf(source, 'index')];
  damage(join(source, wrong));
  for (const path of [wrong, right]) utimesSync(join(source, path), 1_700_000_000, 1_700_000_000);
  serverA.script({ 4: 'serve; exit 12' }); // the suspects come; then it looks as if the connection had broken
  const before = night.replicaNow();
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.outcome, run.alarm?.rules], [3, 'alarm', ['modified']]);
  const standing = await night.sync();
  assert.deepEqual([standing.code, standing.run.alarm?.runId], [3, run.runId]);
  assert.deepEqual(night.replicaNow(), before);
});
