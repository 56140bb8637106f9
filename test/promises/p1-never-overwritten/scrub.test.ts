/** Bit rot on serverB: found by hashing, named, and repaired from serverA with nothing but right content. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Finished, program } from '../../support/cli.ts';
import { addPack, anyOf, clockAhead, filesBelow, hashOf, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { isReleaseCheck } from '../../support/release.ts';
import { digest } from '../../support/tree.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

/** A finished `scrub --json`, its one scrub. */
async function scrubbed(night: Night, ...args: string[]): Promise<Finished & { readonly scrub: ReturnType<Finished['json']> }> {
  const finished = await night.run(['--json', 'scrub', ...args]);
  return { ...finished, scrub: finished.json().scrubs[0] };
}

/** Changes a file of the replica as a failing disk does: neither its size nor its times tell. */
function rot(night: Night, path: string, change: (content: Buffer) => Buffer): void {
  const file = join(night.replica, path);
  const { atime, mtime, mode } = statSync(file);
  chmodSync(file, 0o600);
  writeFileSync(file, change(readFileSync(file)));
  chmodSync(file, mode);
  utimesSync(file, atime, mtime);
}

function flipped(content: Buffer): Buffer {
  const changed = Buffer.from(content);
  changed[changed.length >> 1] = (changed[changed.length >> 1] ?? 0) ^ 1;
  return changed;
}

const quarantineOf = (night: Night): string => join(night.replica, '.rsync-ratchet/quarantine/replaced');
const pathsIn = (night: Night): string[] => filesBelow(night.replica).filter((path) => !path.startsWith('.rsync-ratchet/'));

/** The replica's files with their modes and times, but without inode numbers: a repaired file is another one. */
const contentNow = (night: Night): string[] => digest(night.replica, { without: ['.rsync-ratchet'], folders: false });

/** The lines of `now` that `then` has not, by path. */
function changedPaths(then: readonly string[], now: readonly string[]): string[] {
  return now.filter((line) => !then.includes(line)).map((line) => line.split(' ', 1)[0] ?? '').filter((path) => /[0-9a-f]{64}$|^config$/.test(path));
}

function journal(night: Night): { event: string }[] {
  return readFileSync(join(night.config.state, 'nightly/journal.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
}

test('a whole replica is hashed in full, says so in one line, and under --quiet in none; nothing is changed', async (t) => {
  const night = await serverA.night(t);
  const [then, connections] = [night.replicaNow(), serverA.sshd.connections()];
  const { code, stdout, stderr } = await night.run(['scrub']);
  const paths = pathsIn(night);
  assert.equal(code, 0, stderr);
  assert.match(stdout, new RegExp(`^nightly: every file is what its name says; ${paths.length} files \\([\\d.]+ MiB\\) hashed\\n$`));
  assert.deepEqual(await night.run(['--quiet', 'scrub']).then(({ code, stdout, stderr }) => [code, stdout, stderr]), [0, '', '']);
  const { scrub } = await scrubbed(night, 'nightly', '--repair');
  const bytes = paths.reduce((sum, path) => sum + statSync(join(night.replica, path)).size, 0);
  assert.deepEqual([scrub.outcome, scrub.exitCode, scrub.hashed, scrub.damaged, scrub.complete, scrub.resumed, scrub.share],
    ['whole', 0, { files: paths.length, bytes }, [], true, false, null]);
  assert.deepEqual(night.replicaNow(), then);
  assert.equal(serverA.sshd.connections(), connections);
  const verbose = await night.run(['--verbose', 'scrub']);
  assert.equal(verbose.stderr.match(/^nightly: scrub \S+$/gm)?.length, 260);
  assert.deepEqual(journal(night).slice(-1).map((line) => ({ ...line, runId: '', sequence: 0, time: '', previous: '', seconds: 0 })), [{
    sequence: 0, time: '', repository: 'nightly', event: 'scrubbed', runId: '', share: null, complete: true, resumed: false, files: paths.length, bytes,
    damaged: 0, paths: [], seconds: 0, previous: '',
  }]);
});

test('a flipped byte, a cut file, one of another type: each is named, and repaired to what it was', async (t) => {
  const night = await serverA.night(t);
  const then = contentNow(night);
  const inodes = night.replicaNow();
  const [pack = '', other = ''] = pathsIn(night).filter((path) => path.startsWith('data/'));
  const [index, snapshot] = [anyOf(night.replica, 'index'), anyOf(night.replica, 'snapshots')];
  rot(night, pack, flipped);
  rot(night, index, (content) => content.subarray(0, content.length - 1));
  rot(night, snapshot, () => Buffer.alloc(0));
  rmSync(join(night.replica, other));
  symlinkSync('/etc/passwd', join(night.replica, other));
  const damaged = new Map([pack, index, snapshot].map((path) => [path, readFileSync(join(night.replica, path))]));
  const rotten = night.replicaNow();

  const found = await night.run(['scrub']);
  assert.equal(found.code, 4, found.stderr);
  assert.match(found.stdout, /^nightly: 4 files damaged; /);
  for (const path of damaged.keys()) assert.match(found.stdout, new RegExp(`\n  ${path}: its content has the SHA-256 ${hashOf(damaged.get(path) ?? Buffer.alloc(0))}\n`));
  assert.match(found.stdout, new RegExp(`\n  ${other}: not a regular file\n`));
  assert.match(found.stdout, /rsync-ratchet scrub --repair nightly\n/);
  assert.deepEqual(night.replicaNow(), rotten);
  assert.match((await night.run(['status'])).stdout, /last scrub +\S+ \S+ UTC: 4 files damaged; see rsync-ratchet scrub --repair nightly\n/);

  const { code, scrub } = await scrubbed(night, '--repair');
  assert.deepEqual([code, scrub.outcome, scrub.repaired, scrub.left, scrub.damaged.length], [0, 'repaired', 4, 0, 4]);
  assert.deepEqual(contentNow(night), then);
  assert.deepEqual(changedPaths(inodes, night.replicaNow()).sort(), [pack, other, index, snapshot].sort());
  assert.deepEqual(filesBelow(quarantineOf(night)).sort(), [pack, other, index, snapshot].sort());
  for (const [path, content] of damaged) assert.deepEqual(readFileSync(join(quarantineOf(night), path)), content);
  assert.deepEqual([night.unfinished(), readdirSync(night.temporary)], [[], []]);
  const events = journal(night).slice(-2).map((line) => ({ ...line, runId: '', sequence: 0, time: '', previous: '', seconds: 0 }));
  const [repaired, last] = events as unknown as { event: string; files: number; paths: string[]; left: number; damaged: number }[];
  assert.deepEqual([repaired?.event, repaired?.files, repaired?.left, repaired?.paths.length, last?.event, last?.damaged], ['repaired', 4, 0, 4, 'scrubbed', 0]);

  assert.equal((await night.run(['scrub'])).code, 0);
  assert.match((await night.run(['status'])).stdout, /quarantine +4 files, .*\n.*last scrub +\S+ \S+ UTC: \d+ files hashed, no damage\n/);
  assert.equal((await night.sync()).run.outcome, 'unchanged');
  await night.repository.check();
});

test('a damaged, or missing, config and key stop the night, and are repaired to what was pinned', async (t) => {
  const night = await serverA.night(t);
  const then = contentNow(night);
  const key = anyOf(night.replica, 'keys');
  rmSync(join(night.replica, key));
  rot(night, 'config', flipped);
  const failed = await night.sync();
  assert.equal(failed.code, 1);
  assert.match(failed.run.error.hint, /rsync-ratchet scrub --repair nightly/);
  const found = await scrubbed(night);
  assert.deepEqual([found.code, found.scrub.damaged.map(({ path, message }: { path: string; message: string }) => `${path}: ${message.slice(0, 15)}`)],
    [4, ['config: its content has', `${key}: is missing, and`]]);
  const { code, scrub } = await scrubbed(night, '--repair');
  assert.deepEqual([code, scrub.outcome, scrub.repaired], [0, 'repaired', 2]);
  assert.deepEqual(contentNow(night), then);
  assert.deepEqual(filesBelow(quarantineOf(night)), ['config']);
  rmSync(join(night.replica, 'config'));
  assert.equal((await scrubbed(night, '--repair')).scrub.outcome, 'repaired');
  assert.equal((await night.sync()).run.outcome, 'unchanged');
});

test('when serverA delivers wrong content, something else, or nothing, everything stays as it was and is named', async (t) => {
  const night = await serverA.night(t, { account: 'powerless' });
  const [wrong = '', secret = '', gone = '', link = '', good = ''] = pathsIn(night).filter((path) => path.startsWith('data/'));
  for (const path of [wrong, secret, gone, link]) rot(night, path, flipped);
  const at = (path: string): string => join(night.repository.path, path);
  for (const path of [wrong, secret, gone, link]) chmodSync(at(path), 0o600);
  const { size } = statSync(at(wrong));
  writeFileSync(at(wrong), randomBytes(size));
  chmodSync(at(secret), 0);
  rmSync(at(gone));
  rmSync(at(link));
  symlinkSync(at(good), at(link));
  const then = night.replicaNow();
  const { code, scrub } = await scrubbed(night, '--repair');
  assert.deepEqual([code, scrub.outcome, scrub.left, scrub.repaired], [4, 'damaged', 4, 0]);
  const reasons = new Map<string, string>(scrub.damaged.map(({ path, notRepaired }: { path: string; notRepaired: string }) => [path, notRepaired]));
  assert.match(reasons.get(wrong) ?? '', /what serverA delivers is no better: its content has the SHA-256/);
  for (const path of [secret, gone, link]) assert.equal(reasons.get(path), 'serverA did not deliver it');
  assert.deepEqual(night.replicaNow(), then);
  assert.deepEqual([filesBelow(quarantineOf(night)), night.unfinished(), readdirSync(night.temporary)], [[], [], []]);

  rot(night, good, flipped);
  const { scrub: next } = await scrubbed(night, '--repair');
  assert.deepEqual([next.exitCode, next.left, next.repaired], [4, 4, 1]);
  assert.deepEqual(changedPaths(then, night.replicaNow()), [good]);
  const words = await night.run(['scrub', '--repair']);
  assert.match(words.stdout, new RegExp(`\n  ${gone}: its content has the SHA-256 [0-9a-f]{64}; not repaired: serverA did not deliver it\n`));
  assert.match(words.stdout, /another copy of these files may be right/);
});

test('without serverA the repair fails with a hint, the replica stays as it was, and the damage is remembered', async (t) => {
  const night = await serverA.night(t, { changes: { repositories: { nightly: { ssh: { port: 1 } } } } });
  const pack = anyOf(night.replica, 'data');
  rot(night, pack, flipped);
  const then = night.replicaNow();
  const { code, scrub } = await scrubbed(night, '--repair');
  assert.deepEqual([code, scrub.outcome, scrub.left], [1, 'failed', 1]);
  assert.match(scrub.error.hint, /nothing listens there/);
  assert.deepEqual(night.replicaNow(), then);
  assert.deepEqual(JSON.parse(readFileSync(join(night.config.state, 'nightly/scrub.json'), 'utf8')).damages.map(({ path }: { path: string }) => path), [pack]);
});

test('beside a running sync a scrub hashes, the repair waits, and goes on afterwards with what was found', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  serverA.script({ 4: 'wait_at fetch; serve' });
  const added = addPack(night.repository.path);
  const gate = serverA.gate('fetch');
  const running = night.start(['--json', 'sync']);
  await gate.reached;
  assert.equal((await night.run(['scrub'])).code, 0);
  const pack = anyOf(night.replica, 'data');
  rot(night, pack, flipped);
  const then = night.replicaNow();
  const blocked = await scrubbed(night, '--repair');
  assert.deepEqual([blocked.code, blocked.scrub.outcome, blocked.scrub.left], [75, 'locked', 1]);
  assert.deepEqual(night.replicaNow(), then);
  const said = await night.run(['scrub', '--repair']);
  assert.equal(said.code, 75);
  assert.match(said.stdout, /^nightly: 1 file damaged; not repaired, because another run is at work; /);
  await gate.open();
  const synced = (await running.finished).json().runs[0];
  assert.deepEqual([synced.exitCode, synced.admitted.files], [0, 1]);
  assert.ok(existsSync(join(night.replica, added)));
  assert.equal((await scrubbed(night, '--repair')).scrub.outcome, 'repaired');
});

test('a second scrub of the same replica has nothing to do there: exit 75', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  rot(night, anyOf(night.replica, 'data'), flipped);
  serverA.script({ 1: 'wait_at repair; serve' });
  const gate = serverA.gate('repair');
  const running = night.start(['scrub', '--repair']);
  await gate.reached;
  const { code, stdout } = await night.run(['scrub']);
  assert.deepEqual([code, stdout], [75, 'nightly: another scrub is at work; nothing was done\n']);
  assert.equal((await night.sync()).code, 75);
  await gate.open();
  assert.equal((await running.finished).code, 0);
});

test('a repair goes on while an alarm stands: it lets in nothing but what was there before', async (t) => {
  const night = await serverA.night(t);
  const [first = '', second = ''] = pathsIn(night).filter((path) => path.startsWith('data/'));
  rmSync(join(night.repository.path, first));
  assert.equal((await night.sync()).code, 3);
  rot(night, second, flipped);
  assert.equal((await scrubbed(night, '--repair')).code, 0);
  assert.equal((await night.run(['status'])).code, 3);
});

test('a replica that is not there is a failure, not a whole one', async (t) => {
  const night = await serverA.night(t);
  renameSync(night.replica, `${night.replica}.away`);
  mkdirSync(night.replica);
  const { code, scrub } = await scrubbed(night);
  assert.deepEqual([code, scrub.outcome, scrub.hashed.files], [1, 'failed', 0]);
  assert.match(scrub.error.message, /not initialised, or not mounted/);
  assert.deepEqual(readdirSync(night.replica), []);
});

test('a share that is none is refused before anything is read', async (t) => {
  const night = await serverA.night(t);
  for (const share of ['0/3', '4/3', '3', '1/0', '1/99999', '01/3', '-1/3', '1/3/5', 'a/b', '']) {
    const { code, stderr } = await night.run(['scrub', '--share', share]);
    assert.equal(code, 2, share);
    assert.match(stderr, /must be n\/t/);
  }
});

test('an old copy in quarantine does not stand in the way of a repair', async (t) => {
  const night = await serverA.night(t);
  const pack = anyOf(night.replica, 'data');
  const copy = join(quarantineOf(night), pack);
  mkdirSync(join(copy, '..'), { recursive: true });
  copyFileSync(join(night.replica, pack), copy);
  truncateSync(copy, 3);
  rot(night, pack, flipped);
  const damaged = readFileSync(join(night.replica, pack));
  assert.equal((await scrubbed(night, '--repair')).code, 0);
  assert.deepEqual(readFileSync(copy), damaged);
});

test('a repair that is killed at any point leaves each file damaged or right, and the next one goes on', async (t) => {
  const night = await serverA.night(t);
  const then = contentNow(night);
  const bad = pathsIn(night).filter((path) => path.startsWith('data/')).slice(0, 3);
  for (const path of bad) rot(night, path, flipped);
  const damaged = new Map(bad.map((path) => [path, readFileSync(join(night.replica, path))]));
  const rotten = contentNow(night);
  assert.equal((await night.run(['scrub'])).code, 4);
  const killer = fileURLToPath(new URL('../../support/killer.mjs', import.meta.url));
  const states = new Set<number>();
  for (let n = 1, killed = true; killed; n += isReleaseCheck ? 1 : 2) {
    const env = { NODE_OPTIONS: `--import ${killer}`, KILL_BEFORE: String(n), KILL_BELOW: night.replica };
    const { code, signal, stderr } = await night.run(['scrub', '--repair'], { env });
    const now = contentNow(night);
    assert.equal(now.length, then.length);
    for (const line of now) assert.ok(then.includes(line) || rotten.includes(line), line);
    states.add(now.filter((line) => !then.includes(line)).length);
    killed = signal === 'SIGKILL';
    if (!killed) assert.equal(code, 0, stderr);
  }
  assert.ok(states.size >= 3, `killed with ${[...states].join(', ')} files left to repair`);
  assert.deepEqual(contentNow(night), then);
  assert.deepEqual(filesBelow(quarantineOf(night)).sort(), bad);
  for (const [path, content] of damaged) assert.deepEqual(readFileSync(join(quarantineOf(night), path)), content);
  assert.deepEqual([night.unfinished(), readdirSync(night.temporary)], [[], []]);
  assert.equal((await night.sync()).run.outcome, 'unchanged');
});

test('a repair that is killed while serverA delivers leaves everything as it was, and the next one goes on', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  const then = contentNow(night);
  const pack = anyOf(night.replica, 'data');
  rot(night, pack, flipped);
  const rotten = night.replicaNow();
  serverA.script({ 1: 'wait_at repair; serve' });
  const gate = serverA.gate('repair');
  const running = night.start(['scrub', '--repair']);
  await gate.reached;
  running.kill('SIGKILL');
  assert.equal((await running.finished).signal, 'SIGKILL');
  assert.deepEqual([night.replicaNow(), filesBelow(quarantineOf(night))], [rotten, []]);
  await gate.open();
  assert.equal((await scrubbed(night, '--repair')).scrub.outcome, 'repaired');
  assert.deepEqual([contentNow(night), night.unfinished(), readdirSync(night.temporary)], [then, [], []]);
});

test('a repair that is told to stop while serverA delivers tidies up, changes nothing and says so', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  rot(night, anyOf(night.replica, 'data'), flipped);
  const rotten = night.replicaNow();
  serverA.script({ 1: 'wait_at repair; serve' });
  const gate = serverA.gate('repair');
  const running = night.start(['scrub', '--repair']);
  await gate.reached;
  running.kill('SIGTERM');
  await gate.open();
  assert.equal((await running.finished).code, 143);
  assert.deepEqual([night.replicaNow(), night.unfinished(), readdirSync(night.temporary)], [rotten, [], []]);
});

test('a file that may not be read is named with what to look at, and a repair makes it readable again', async (t) => {
  const night = await serverA.night(t);
  const then = contentNow(night);
  const pack = anyOf(night.replica, 'data');
  chmodSync(join(night.replica, pack), 0);
  const powerless = async (...args: string[]): Promise<{ code: number; stdout: string }> => {
    const [command = '', ...argv] = [
      ...(process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : []), process.execPath, program, '--config', night.config.file, ...args,
    ];
    const ended = promisify(execFile)(command, argv, { env: { ...process.env, TMPDIR: night.temporary } });
    return ended.then(({ stdout }) => ({ code: 0, stdout }), (error: unknown) => error as { code: number; stdout: string });
  };
  const found = await powerless('scrub');
  assert.equal(found.code, 4);
  assert.match(found.stdout, new RegExp(`\\n  ${pack}: cannot be read \\(EACCES\\): look at its owner and mode\\n`));
  assert.equal((await powerless('scrub', '--repair')).code, 0);
  assert.deepEqual(contentNow(night), then);
  assert.equal(statSync(join(quarantineOf(night), pack)).mode & 0o777, 0);
});

test('damage is mailed when it is found, not again for a week while it is the same, and again when there is more', async (t) => {
  const night = await serverA.night(t);
  const scrubIn = async (days: number): Promise<number> => {
    assert.equal((await night.run(['scrub'], { env: clockAhead(days * 24 * 3600 * 1000) })).code, 4);
    return night.config.mails().length;
  };
  const [pack, index] = [anyOf(night.replica, 'data'), anyOf(night.replica, 'index')];
  rot(night, pack, flipped);
  assert.deepEqual([await scrubIn(0), await scrubIn(1), await scrubIn(8)], [1, 1, 2]);
  rot(night, index, flipped);
  assert.equal(await scrubIn(8), 3);
  const [first, , third] = night.config.mails();
  assert.equal(first?.subject, `[WARNING] nightly on ${hostname()}: 1 damaged`);
  assert.ok(first.text.includes(pack) && first.text.includes(`rsync-ratchet --config ${night.config.file} scrub --repair nightly`), first.text);
  const head = /^journal: +([0-9a-f]{64})$/m.exec(third?.text ?? '')?.[1] ?? '';
  assert.equal((await night.run(['history', 'nightly', '--verify', '--head', head])).code, 0);
  assert.equal((await night.run(['scrub', '--repair'])).code, 0);
  assert.equal(night.config.mails().length, 3, 'what is whole again is no news');
});

test('before init a scrub says only what is wrong, not what it has done', async (t) => {
  const night = await serverA.night(t);
  renameSync(join(night.replica, '.rsync-ratchet'), join(night.folder, 'aside'));
  const { code, stdout, stderr } = await night.run(['scrub']);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /rsync-ratchet init nightly/);
});
