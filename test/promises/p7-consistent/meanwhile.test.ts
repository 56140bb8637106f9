/** What happens while a run is at work: backups, uploads, a second run. The replica is consistent at every instant. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addPack, filesBelow, hashOf, judged, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { openRepository } from '../../support/restic.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

/** How many files of each kind the replica has, without the program's own. */
function kinds(night: Night): Record<string, number> {
  const counts: Record<string, number> = { data: 0, index: 0, snapshots: 0 };
  for (const path of filesBelow(night.replica)) {
    const [kind = ''] = path.split('/', 1);
    if (kind in counts) counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

function grown(before: Record<string, number>, by: readonly [data: number, index: number, snapshots: number]): Record<string, number> {
  return { data: (before['data'] ?? 0) + by[0], index: (before['index'] ?? 0) + by[1], snapshots: (before['snapshots'] ?? 0) + by[2] };
}

/** The call that a whole backup comes just before, and what of that backup may come in tonight: packs, indexes, snapshots. */
const moments = [
  [1, 'before the run lists anything', [2, 1, 1]],
  [2, 'between the first and the second dry run', [2, 1, 0]],
  [3, 'between the second and the third dry run', [2, 0, 0]],
  [4, 'between the dry runs and the fetch', [0, 0, 0]],
] as const;

for (const [call, when, backup] of moments) {
  test(`a backup ${when} brings no snapshot before its index, and no index before its packs`, async (t) => {
    const night = await serverA.night(t, { account: 'scripted' });
    addPack(night.repository.path); // Something to fetch in any case.
    const before = grown(kinds(night), [1, 0, 0]);
    serverA.script({ [call]: 'wait_at here; serve' });
    const gate = serverA.gate('here');
    const running = night.start(['--json', 'sync']);
    await gate.reached;
    const snapshot = await night.repository.backup({ 'a file': when });
    await gate.open();
    const tonight = await judged(running);
    assert.deepEqual([tonight.code, tonight.run.outcome, tonight.run.findings], [0, 'synced', []]);
    assert.deepEqual(kinds(night), grown(before, backup));
    await openRepository(night.replica).check();
    assert.equal((await night.sync()).code, 0);
    assert.deepEqual(kinds(night), grown(before, [2, 1, 1]));
    await openRepository(night.replica).restore(snapshot, join(night.folder, 'restored'));
    assert.equal(readFileSync(join(night.folder, 'restored/a file'), 'utf8'), when);
  });
}

test('a hundred uploads that are renamed in the middle of a dry run are no failure, and the next night has them all', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  const { path } = night.repository;
  // So many that the list of them does not fit into the pipes: serverA cannot have read all folders when we hold it.
  for (let n = 0; n < 4000; n += 1) addPack(path, randomBytes(8));
  execFileSync('cp', ['-a', '--no-clobber', join(path, 'data'), night.replica]);
  const uploads = Array.from({ length: 100 }, (_, n) => uploadInto(path, Math.floor((n * 255) / 99)));
  serverA.script({ 3: 'hold_after 3000 scan' });
  const gate = serverA.gate('scan');
  const running = night.start(['--json', 'sync']);
  await gate.reached;
  for (const { temporary, final } of uploads) renameSync(join(path, temporary), join(path, final));
  await gate.open();
  const tonight = await judged(running);
  assert.deepEqual([tonight.code, tonight.run.outcome, tonight.run.findings], [0, 'synced', []]);
  assert.equal(serverA.calls(), 4, 'no dry run was repeated');
  const first = tonight.run.admitted.files;
  assert.ok(first > 0 && first < 100, `${first} of 100 were seen`);
  const next = await night.sync();
  assert.deepEqual([next.code, next.run.admitted.files], [0, 100 - first]);
  for (const { final } of uploads) assert.deepEqual(readFileSync(join(night.replica, final)), readFileSync(join(path, final)));
});

/** An upload in progress in the folder `data/NN`, and the name that it will have. */
function uploadInto(repository: string, folder: number): { temporary: string; final: string } {
  const prefix = folder.toString(16).padStart(2, '0');
  for (;;) {
    const content = randomBytes(100);
    const name = hashOf(content);
    if (!name.startsWith(prefix)) continue;
    const final = `data/${prefix}/${name}`;
    const temporary = `${final}-restic-temp-${randomBytes(4).toString('hex')}`;
    writeFileSync(join(repository, temporary), content);
    return { temporary, final };
  }
}

test('a second run does nothing while the first is at work, exit 75, and the first goes on', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  addPack(night.repository.path);
  serverA.script({ 2: 'wait_at audit; serve' });
  const gate = serverA.gate('audit');
  const running = night.start(['--json', 'sync']);
  await gate.reached;
  const [before, temporary] = [night.replicaNow(), readdirSync(night.temporary)];
  const second = await night.sync();
  assert.deepEqual([second.code, second.run.outcome, second.run.exitCode], [75, 'locked', 75]);
  const inWords = await night.run(['sync']);
  assert.deepEqual([inWords.code, inWords.stdout, inWords.stderr], [75, 'nightly: another run is at work; nothing was done\n', '']);
  assert.equal((await night.run(['audit'])).code, 75);
  assert.deepEqual([night.replicaNow(), readdirSync(night.temporary), night.config.mails()], [before, temporary, []]);
  await gate.open();
  const first = await judged(running);
  assert.deepEqual([first.code, first.run.outcome, first.run.admitted.files], [0, 'synced', 1]);
  assert.equal((await night.sync()).code, 0);
});

test('what somebody puts into the replica during a run is not overwritten, and the run fails', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  const [pack, other] = [addPack(night.repository.path), addPack(night.repository.path)];
  serverA.script({ 4: 'wait_at fetch; serve' });
  const gate = serverA.gate('fetch');
  const running = night.start(['--json', 'sync']);
  await gate.reached;
  writeFileSync(join(night.replica, pack), 'mine');
  const before = night.replicaNow();
  await gate.open();
  const { code, run } = await judged(running);
  assert.deepEqual([code, run.outcome], [1, 'failed']);
  assert.match(run.error.message, new RegExp(`^${pack} has appeared in the replica meanwhile`));
  const now = night.replicaNow().filter((line) => !line.includes(' folder ') && !line.startsWith(other));
  assert.deepEqual(now, before.filter((line) => !line.includes(' folder ')));
  assert.equal((await night.sync()).code, 3);
  assert.equal(readFileSync(join(night.replica, pack), 'utf8'), 'mine');
});

test('what vanishes from the replica during the dry runs stops the run', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  addPack(night.repository.path);
  serverA.script({ 3: 'wait_at data; serve' });
  const gate = serverA.gate('data');
  const running = night.start(['--json', 'sync']);
  await gate.reached;
  const [victim = ''] = filesBelow(join(night.replica, 'data'));
  renameSync(join(night.replica, 'data', victim), join(night.folder, 'aside'));
  await gate.open();
  const { code, run } = await judged(running);
  assert.deepEqual([code, run.outcome, run.admitted.files], [3, 'alarm', 0]);
  assert.deepEqual([...new Set(run.findings.map((finding: { path: string }) => finding.path))], [`data/${victim}`]);
});
