/** Whatever is changed or deleted on serverA: the run stops, nothing is fetched, the replica is as before. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync, copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { acknowledged, addPack, anyOf, assertRefused, hashOf, type ServerA, startServerA } from '../../support/night.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

test('a folder of the state that leads into the replica: what a night writes there is refused', async (t) => {
  const night = await serverA.night(t);
  const runs = join(night.config.state, 'nightly/runs');
  rmSync(runs, { recursive: true });
  symlinkSync(join(night.replica, 'data'), runs);
  addPack(night.repository.path);
  const before = night.replicaNow();
  const { code, run, stderr } = await night.sync();
  assert.deepEqual([code, run.outcome, run.admitted.files], [1, 'failed', 0]);
  assert.match(stderr, /nightly\/runs\/[^ ]* lies in the replica .*, where only a night may write/);
  assert.deepEqual(night.replicaNow(), before);
});

type Kind = 'data' | 'index' | 'snapshots' | 'keys' | 'config';

/** Changes a file in place, also one that is read-only, and gives it back the modification time that it had. */
function changed(file: string, change: (file: string) => void): void {
  const { mtime, atime } = statSync(file);
  execFileSync('chmod', ['u+w', file]);
  change(file);
  utimesSync(file, atime, mtime);
}

function flip(file: string): void {
  const bytes = readFileSync(file);
  bytes[10] = (bytes[10] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

/** Each: what is done to a file on serverA, of which kinds, and the rule that it breaks. */
const tamperings: readonly (readonly [what: string, kinds: readonly Kind[], rule: string, tamper: (file: string) => void])[] = [
  ['grown by a byte with its old time', ['data', 'config'], 'modified', (file) => { changed(file, (it) => { appendFileSync(it, 'x'); }); }],
  ['truncated to nothing', ['data'], 'modified', (file) => { changed(file, (it) => { truncateSync(it, 0); }); }],
  ['changed in place with its old size and a new time', ['data', 'config'], 'modified', (file) => {
    changed(file, flip);
    utimesSync(file, 1_700_000_000, 1_700_000_000);
  }],
  ['changed in place with its old size and an older time', ['index'], 'modified', (file) => {
    changed(file, flip);
    utimesSync(file, 1, 1);
  }],
  ['deleted', ['data', 'index', 'snapshots'], 'deleted', (file) => { rmSync(file); }],
  ['deleted', ['keys', 'config'], 'pinned', (file) => { rmSync(file); }],
  ['replaced by a symlink to the same content', ['data', 'keys', 'config'], 'type-changed', (file) => {
    renameSync(file, `${file}-restic-temp-aside`);
    symlinkSync(`${file}-restic-temp-aside`, file);
  }],
  ['replaced by a directory', ['data', 'config'], 'type-changed', (file) => {
    rmSync(file);
    mkdirSync(file);
  }],
  ['replaced by a fifo', ['data', 'snapshots'], 'type-changed', (file) => {
    rmSync(file);
    execFileSync('mkfifo', [file]);
  }],
];

const names: Readonly<Record<Kind, string>> = {
  data: 'a pack', index: 'an index', snapshots: 'a snapshot', keys: 'a key', config: 'config',
};

for (const [what, kinds, rule, tamper] of tamperings) {
  for (const kind of kinds) {
    test(`${names[kind]} that is ${what} on serverA stops the run and nothing is fetched`, async (t) => {
      const night = await serverA.night(t);
      const path = kind === 'config' ? kind : anyOf(night.repository.path, kind);
      tamper(join(night.repository.path, path));
      const mail = await assertRefused(night, [`${rule} ${path}`]);
      assert.match(mail.subject, new RegExp(`: 1 ${rule}$`));
      for (const words of [`- ${path}: `, `The road back: ${rule}`, 'Nothing was fetched', night.replica]) assert.ok(mail.text.includes(words), mail.text);
    });
  }
}

test('a key that is added on serverA stops the run and is not taken over', async (t) => {
  const night = await serverA.night(t);
  const key = readFileSync(join(night.repository.path, anyOf(night.repository.path, 'keys')));
  const content = Buffer.concat([key, Buffer.from(' ')]);
  const added = `keys/${hashOf(content)}`;
  writeFileSync(join(night.repository.path, added), content);
  await assertRefused(night, [`pinned ${added}`]);
});

test('a folder of packs that is replaced by a symlink to itself stops the run', async (t) => {
  const night = await serverA.night(t);
  const pack = anyOf(night.repository.path, 'data');
  const folder = pack.slice(0, 'data/00'.length);
  renameSync(join(night.repository.path, folder), join(night.repository.path, 'locks/aside'));
  symlinkSync('../locks/aside', join(night.repository.path, folder));
  // rsync says nothing about what was below such a folder; what it was taken for explains that.
  await assertRefused(night, [`type-changed ${folder}`]);
});

test('everything deleted on serverA stops the run, with each file counted', async (t) => {
  const night = await serverA.night(t);
  const files = execFileSync('find', ['data', 'index', 'snapshots', 'keys', 'config', '-type', 'f'], { cwd: night.repository.path, encoding: 'utf8' });
  const paths = files.trim().split('\n');
  for (const path of paths) rmSync(join(night.repository.path, path));
  const before = night.replicaNow();
  const { code, run } = await night.sync();
  assert.equal(code, 3);
  assert.deepEqual(night.replicaNow(), before);
  assert.equal(run.audit.deleted, paths.length);
  assert.equal(run.audit.unchanged, 0);
  assert.deepEqual(run.findings.map((finding: { path: string }) => finding.path).sort(), paths.sort());
});

test('a whole repository that vanished from serverA is a failure or an alarm, and deletes nothing', async (t) => {
  const night = await serverA.night(t);
  const before = night.replicaNow();
  renameSync(night.repository.path, `${night.repository.path}.gone`);
  assert.equal((await night.sync()).code, 1);
  mkdirSync(night.repository.path);
  assert.equal((await night.sync()).code, 3);
  assert.deepEqual(night.replicaNow(), before);
});

test('many violations in one night are all found, and the mail names each rule with its road back', async (t) => {
  const night = await serverA.night(t);
  const { path } = night.repository;
  const [pack, index, key] = [anyOf(path, 'data'), anyOf(path, 'index'), anyOf(path, 'keys')];
  changed(join(path, pack), (file) => { appendFileSync(file, 'x'); });
  rmSync(join(path, index));
  rmSync(join(path, key));
  const mail = await assertRefused(night, [`deleted ${index}`, `pinned ${key}`, `modified ${pack}`]);
  for (const rule of ['modified', 'deleted', 'pinned']) assert.ok(mail.text.includes(`The road back: ${rule}`), mail.text);
});

test('an alarm stands every night until it is acknowledged, and then the run goes on', async (t) => {
  const night = await serverA.night(t);
  const pack = anyOf(night.repository.path, 'data');
  const file = join(night.repository.path, pack);
  copyFileSync(file, join(night.folder, 'aside'));
  const { mtime } = statSync(file);
  rmSync(file);
  await assertRefused(night, [`deleted ${pack}`]);
  await assertRefused(night, [`deleted ${pack}`]);
  copyFileSync(join(night.replica, pack), file);
  utimesSync(file, mtime, mtime);
  const added = addPack(night.repository.path);
  assert.equal((await night.sync()).code, 3, 'the alarm stands although serverA is as before');
  await acknowledged(night);
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.outcome, run.admitted.files], [0, 'synced', 3]);
  assert.ok(statSync(join(night.replica, added)).isFile());
});
