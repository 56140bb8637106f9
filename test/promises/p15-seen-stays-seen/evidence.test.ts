/** What was seen stays seen: a pass that fails, by whatever a client or serverA does, hides no deletion that was printed. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { anyOf, type Judged, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { stage } from '../../support/stage.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

const rulesOf = ({ run }: Judged): string[] => [...new Set<string>(run.findings.filter(({ severity }: { severity: string }) => severity === 'violation').map(({ rule }: { rule: string }) => rule))];

/** A night that must raise these rules; the replica is as before. */
async function assertRaised(night: Night, rules: readonly string[]): Promise<Judged> {
  const before = night.replicaNow();
  const judged = await night.sync();
  assert.deepEqual([judged.code, rulesOf(judged)], [3, rules], JSON.stringify(judged.run.error ?? judged.run.findings));
  assert.deepEqual(judged.run.alarm?.rules, rules);
  assert.deepEqual(night.replicaNow(), before);
  return judged;
}

function remove(night: Night, kind: 'data' | 'snapshots'): string {
  const path = anyOf(night.repository.path, kind);
  rmSync(join(night.repository.path, path));
  return path;
}

test('folders with names that would make a line too long hide no deletion', async (t) => {
  const night = await serverA.night(t);
  let folder = Buffer.from(`${night.repository.path}/`);
  for (let n = 0; n < 4; n++) {
    folder = Buffer.concat([folder, Buffer.alloc(255, 1 + n), Buffer.from('/')]);
    mkdirSync(folder);
  }
  remove(night, 'data');
  await assertRaised(night, ['deleted']);
});

for (const place of ['closed', '*', 'index/closed', 'data/closed', 'data/zz']) {
  test(`a closed folder ${place} that restic does not use hides no deletion, and alone is a warning`, async (t) => {
    const night = await serverA.night(t, { account: 'powerless' });
    const folder = join(night.repository.path, place);
    mkdirSync(folder);
    chmodSync(folder, 0o000);
    const alone = await night.sync();
    assert.deepEqual([alone.code, alone.run.findings.map(({ rule, path }: { rule: string; path: string }) => `${rule} ${path}`)], [4, [`foreign ${place}`]], JSON.stringify(alone.run.error));
    for (const kind of ['data', 'snapshots'] as const) remove(night, kind);
    await assertRaised(night, ['deleted']);
  });
}

/** Closed folders that restic does not use, by their names (bytes), and what the failure says where not all of them can be passed over. */
const closedFolders: readonly (readonly [string, readonly (string | Buffer)[], RegExp | undefined])[] = [
  ['more of them than are passed over', Array.from({ length: 1001 }, (_, n) => `closed${n}`), /exit code 23.*could not be passed over: "closed\d+"/s],
  ['one with a newline in its name', ['a\nb'], /exit code 23.*could not be passed over: "a\\#012b"/s],
  ['names that mean something to rsync, or to nobody', ['*', '**', '?', '[a-z]', '!x', '- x', ' x', '#c', ';c', '\\', 'data/*', 'keys/**', Buffer.alloc(255, 1), Buffer.alloc(255, 0xff)], undefined],
];

for (const [what, names, words] of closedFolders) {
  test(`closed folders that restic does not use hide no deletion: ${what}`, async (t) => {
    const one = await stage(t);
    for (const name of names) mkdirSync(Buffer.concat([Buffer.from(`${one.source}/`), Buffer.from(name as string)]), { mode: 0o000 });
    const pack = anyOf(one.source, 'data');
    rmSync(join(one.source, pack));
    const before = one.replicaNow();
    const ended = await one.run(['--json', 'sync']);
    const [run] = ended.json().runs;
    const violations = run.findings.filter(({ severity }: { severity: string }) => severity === 'violation').map(({ path }: { path: string }) => path);
    assert.deepEqual([ended.code, violations, one.replicaNow()], [3, [pack], before]);
    if (words === undefined) assert.equal(run.error, undefined);
    else assert.match(run.error.message, words);
  });
}

test('a closed folder of packs fails the run, and what the other passes saw is raised', async (t) => {
  const night = await serverA.night(t, { account: 'powerless' });
  const folder = join(night.repository.path, anyOf(night.repository.path, 'data').slice(0, 7));
  chmodSync(folder, 0o000);
  remove(night, 'snapshots');
  const { run } = await assertRaised(night, ['deleted']);
  assert.match(run.error.message, /exit code 23/);
  assert.ok(run.findings.some(({ rule, message }: { rule: string; message: string }) => rule === 'unfinished' && message.includes('exit code 23')));
});

test('a closed snapshots folder hides no deleted pack', async (t) => {
  const night = await serverA.night(t, { account: 'powerless' });
  const folder = join(night.repository.path, 'snapshots');
  chmodSync(folder, 0o000);
  remove(night, 'data');
  await assertRaised(night, ['deleted']);
});

for (const code of [10, 12, 23, 24]) {
  test(`a second pass that ends with ${code} takes back nothing of what the first one saw`, async (t) => {
    const night = await serverA.night(t, { account: 'scripted' });
    remove(night, 'snapshots');
    serverA.script({ 2: `serve; exit ${code}`, 3: `serve; exit ${code}` });
    await assertRaised(night, ['deleted']);
  });
}

// 96 and 97 were once words of our own in rsync's room; 255 is ssh's.
for (const code of [12, 23, 24, 96, 97, 255]) {
  test(`a pass that ends with ${code}, each time, takes back nothing of what it said itself`, async (t) => {
    const night = await serverA.night(t, { account: 'scripted' });
    remove(night, 'snapshots');
    serverA.script({ 1: `serve; exit ${code}`, 2: `serve; exit ${code}` });
    const { run } = await assertRaised(night, ['deleted']);
    assert.match(run.error.message, new RegExp(`exit code ${code}\\b`));
  });
}

test('a second try that says nothing takes back nothing of what the first one saw', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  remove(night, 'snapshots');
  serverA.script({ 1: 'serve; exit 24', 2: 'exit 12' });
  await assertRaised(night, ['deleted']);
});

test('data that became a symlink is type-changed', async (t) => {
  const night = await serverA.night(t);
  const data = join(night.repository.path, 'data');
  renameSync(data, `${night.repository.path}.data`);
  symlinkSync(`${night.repository.path}.data`, data);
  const { run } = await assertRaised(night, ['type-changed', 'deleted']);
  assert.ok(run.findings.some(({ rule, path }: { rule: string; path: string }) => rule === 'type-changed' && path === 'data'));
});

test('init refuses a data that is a symlink, and says what it is', async (t) => {
  const night = await serverA.night(t, { fresh: true });
  const data = join(night.repository.path, 'data');
  renameSync(data, `${night.repository.path}.data`);
  symlinkSync(`${night.repository.path}.data`, data);
  const { code, stderr } = await night.run(['init', 'nightly']);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /"data" is no folder on serverA but a symlink/);
});

test('a time before 1970 is taken over once, and the night after is quiet', async (t) => {
  const night = await serverA.night(t);
  utimesSync(join(night.repository.path, anyOf(night.repository.path, 'data')), new Date(-86_400_500), new Date(-86_400_500));
  assert.equal((await night.sync()).run.audit.suspects, 1);
  const next = await night.sync();
  assert.deepEqual([next.code, next.run.outcome, next.run.audit.suspects], [0, 'unchanged', 0], JSON.stringify(next.run));
});

test('a lock that is held for longer than a night can last is a failure with a mail, and names the holder', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  serverA.script({ 1: 'wait_at first; serve' });
  const gate = serverA.gate('first');
  const holder = night.start(['sync']);
  await gate.reached;
  const lock = join(night.replica, '.rsync-ratchet/lock');
  const [folder, line] = readFileSync(lock, 'utf8').split('\n') as [string, string];
  assert.deepEqual([(JSON.parse(line) as { pid: number; phase: string }).phase], ['audit']);
  assert.equal((await night.sync()).code, 75);
  for (const hours of [-31, 90_000]) { // the clock of the one that hangs may have been ten years ahead
    writeFileSync(lock, `${folder}\n${JSON.stringify({ ...JSON.parse(line), since: new Date(Date.now() + hours * 3_600_000).toISOString() })}\n`);
    const mails = night.config.mails().length;
    const { code, run } = await night.sync();
    assert.equal(code, 1);
    assert.match(run.error.message, new RegExp(`process ${holder.pid}, at step "audit"`));
    assert.equal(night.config.mails().length, mails + 1);
  }
  await gate.open();
  assert.equal((await holder.finished).code, 0);
});
