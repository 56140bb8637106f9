/** Nights on which all is well. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addPack, anyOf, filesBelow, hashOf, overwrite, pathsOf, type ServerA, startServerA } from '../support/night.ts';
import { openRepository } from '../support/restic.ts';
import { digest } from '../support/tree.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA('rrsync'); });
after(() => serverA.stop());

test('a night with nothing new changes nothing, says one line, and mails nobody', async (t) => {
  const night = await serverA.night(t);
  const [before, connections] = [digest(night.replica, { inode: true, without: ['lock'], folders: false }), serverA.sshd.connections()];
  const { code, stdout, stderr } = await night.run(['sync']);
  assert.deepEqual([code, stdout, stderr], [0, 'nightly: nothing new\n', '']);
  assert.deepEqual(digest(night.replica, { inode: true, without: ['lock'], folders: false }), before);
  assert.equal(serverA.sshd.connections() - connections, 1, 'one ssh connection');
  assert.deepEqual([night.config.mails(), readdirSync(night.temporary)], [[], []]);
});

test('with --quiet a good night prints nothing, whether something is new or not', async (t) => {
  const night = await serverA.night(t);
  for (const expected of [0, 1]) {
    const files = filesBelow(night.replica).length;
    const { code, stdout, stderr } = await night.run(['--quiet', 'sync']);
    assert.deepEqual([code, stdout, stderr], [0, '', '']);
    assert.equal(filesBelow(night.replica).length - files, expected);
    addPack(night.repository.path);
  }
});

test('a night with a new backup copies just its files, and restic restores it from the replica', async (t) => {
  const night = await serverA.night(t);
  const before = night.replicaNow().filter((line) => line.includes(' file '));
  const connections = serverA.sshd.connections();
  const snapshot = await night.repository.backup({ 'a file': 'what was backed up' });
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.outcome, run.findings], [0, 'synced', []]);
  assert.deepEqual([run.audit.new, run.fetched.files, run.admitted.files], [4, 4, 4]);
  assert.deepEqual([run.fetched.bytes, run.admitted.bytes], [run.audit.newBytes, run.audit.newBytes]);
  assert.equal(serverA.sshd.connections() - connections, 1, 'one ssh connection');
  const now = new Set(night.replicaNow());
  for (const line of before) assert.ok(now.has(line), `still there: ${line}`);
  const content = { folders: false, mode: false, mtime: false, without: ['.rsync-ratchet', 'locks'] };
  assert.deepEqual(digest(night.replica, content), digest(night.repository.path, content));
  const copy = openRepository(night.replica);
  await copy.check(true);
  const target = join(night.folder, 'restored');
  await copy.restore(snapshot, target);
  assert.equal(readFileSync(join(target, 'a file'), 'utf8'), 'what was backed up');
  assert.equal((await night.sync()).run.outcome, 'unchanged');
});

test('new files are admitted read-only, in folders of their owner alone, also into a folder that was not there', async (t) => {
  const night = await serverA.night(t);
  const pack = addPack(night.repository.path);
  for (const name of readdirSync(join(night.replica, 'data'))) {
    if (readdirSync(join(night.replica, 'data', name)).length === 0) rmdirSync(join(night.replica, 'data', name));
  }
  assert.equal((await night.sync()).code, 0);
  const mode = (path: string): string => (statSync(join(night.replica, path)).mode & 0o7777).toString(8);
  assert.deepEqual([mode(pack), mode(pack.slice(0, 'data/00'.length)), mode('.rsync-ratchet')], ['400', '700', '700']);
});

test('locks, restic\'s tmp folder and uploads in progress are neither copied nor told', async (t) => {
  const night = await serverA.night(t);
  const { path } = night.repository;
  const id = hashOf(Buffer.from('any'));
  mkdirSync(join(path, 'tmp'), { recursive: true });
  const passing = [
    `locks/${id}`, 'tmp/half', `data/${id.slice(0, 2)}/${id}-restic-temp-3f9c`, `snapshots/${id}-tmp-123456`,
    `index/${id}.rest-server-temp123`, `keys/${id}-restic-temp-1`, `${id}-tmp-5`,
  ];
  for (const name of passing) writeFileSync(join(path, name), 'not a file of the repository yet');
  const before = night.replicaNow();
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.outcome, run.findings], [0, 'unchanged', []]);
  assert.deepEqual(night.replicaNow(), before);
});

test('names that the configuration ignores are neither copied nor told, whichever side has them', async (t) => {
  const night = await serverA.night(t, { changes: { repositories: { nightly: { ignore: ['.DS_Store', 'notes'] } } } });
  writeFileSync(join(night.repository.path, 'data/.DS_Store'), 'x');
  mkdirSync(join(night.repository.path, 'notes'));
  writeFileSync(join(night.repository.path, 'notes/today'), 'x');
  writeFileSync(join(night.replica, '.DS_Store'), 'x');
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.outcome, run.findings], [0, 'unchanged', []]);
  assert.ok(!filesBelow(night.replica).some((name) => name.includes('notes')));
});

test('audit tells what sync would fetch, and fetches, changes and mails nothing', async (t) => {
  const night = await serverA.night(t);
  addPack(night.repository.path);
  const before = night.replicaNow();
  const { code, stdout } = await night.run(['audit']);
  assert.equal(code, 0);
  assert.match(stdout, /^nightly: 1 new file \(1000 B\) would be fetched\n$/);
  overwrite(join(night.repository.path, anyOf(night.repository.path, 'index')), 'tampered with');
  assert.equal((await night.run(['audit'])).code, 3);
  assert.deepEqual([night.replicaNow(), night.unfinished(), night.config.mails()], [before, [], []]);
});

test('several repositories are synced one after another, and the worst exit code counts', async (t) => {
  const night = await serverA.night(t);
  const config = JSON.parse(readFileSync(night.config.file, 'utf8'));
  config.repositories.other = { source: night.repository.path, replica: join(night.folder, 'other') };
  writeFileSync(night.config.file, JSON.stringify(config));
  const { code, stdout, stderr } = await night.run(['sync']);
  assert.equal(code, 1);
  assert.equal(stdout, 'nightly: nothing new\n2 repositories: 1 unchanged, 1 failed\n');
  assert.match(stderr, /error: .*other has no marker/);
  assert.equal((await night.run(['init', 'other'])).code, 0);
  const both = await night.run(['--json', 'sync']);
  assert.equal(both.code, 0);
  assert.deepEqual(both.json().runs.map((run: { repository: string; outcome: string }) => [run.repository, run.outcome]), [['nightly', 'unchanged'], ['other', 'synced']]);
  const { runs } = (await night.run(['--json', 'sync', 'other'])).json();
  assert.deepEqual(runs.map((run: { repository: string }) => run.repository), ['other']);
});

test('a night can be told as JSON, of just the shape that scripts depend on', async (t) => {
  const night = await serverA.night(t);
  const first = await night.sync();
  assert.equal(first.stderr, '');
  assert.deepEqual(shapeOf(first.json()), { version: 'number', runs: [shapeOfRun] });
  assert.match(first.run.runId, /^\d{8}T\d{6}Z-[0-9a-f]{4}$/);
  for (const time of [first.run.startedAt, first.run.finishedAt]) assert.equal(new Date(time).toISOString(), time);
  assert.ok(first.run.seconds.total >= first.run.seconds.audit && first.run.seconds.audit > 0);
  const changed = anyOf(night.replica, 'data');
  writeFileSync(join(night.replica, 'stray'), 'x');
  overwrite(join(night.repository.path, changed), 'x');
  const second = await night.sync();
  assert.deepEqual(shapeOf(second.run), { ...shapeOfRun, findings: [shapeOfFinding, shapeOfFinding], alarm: shapeOfAlarm });
  assert.deepEqual([pathsOf(second, 'modified'), pathsOf(second, 'stray')], [[changed], ['stray']]);
  assert.deepEqual(second.run.alerts, { sent: 1, spooled: 0 });
  rmSync(join(night.replica, '.rsync-ratchet/replica.json'));
  const third = await night.sync();
  assert.deepEqual(shapeOf(third.run), { ...shapeOfRun, error: { message: 'string', hint: 'string' } });
});

const files = { files: 'number', bytes: 'number' };
const shapeOfAlarm = { runId: 'string', since: 'string', rules: ['string'] };
const shapeOfFinding = { rule: 'string', severity: 'string', path: 'string', message: 'string' };
/** DESIGN section 8. A run that failed has an `error` besides. */
const shapeOfRun = {
  repository: 'string', runId: 'string', outcome: 'string', exitCode: 'number', startedAt: 'string', finishedAt: 'string',
  audit: {
    unchanged: 'number', new: 'number', newBytes: 'number', modified: 'number', deleted: 'number', known: 'number',
    ignored: 'number', foreign: 'number', suspects: 'number',
  },
  findings: [], findingsOmitted: 'number',
  fetched: files, admitted: files, quarantined: files,
  tombstones: { added: 'number', unconfirmed: 'number', dropped: 'number', expired: 'number', pending: 'number' },
  window: 'null', alarm: 'null', proof: 'string', check: 'null', drill: 'null', unread: { packs: 'number', indexes: 'number', bytes: 'number' },
  alerts: { sent: 'number', spooled: 'number' },
  seconds: { audit: 'number', fetch: 'number', prove: 'number', admit: 'number', expire: 'number', check: 'number', total: 'number' },
};

/** Each value's type in its place, keys in their order. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shapeOf(each)]));
}
