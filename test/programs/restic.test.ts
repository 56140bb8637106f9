/** restic asked about views of a replica: by overlays, by hard links, without isolation; as root and as an ordinary user. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Question, Reply } from '../support/askRestic.ts';
import { allow, askAs, askCommand, deny, give, prefixOf, runAs, type User } from '../support/asked.ts';
import { anyOf } from '../support/night.ts';
import { damage } from '../support/proof.ts';
import { preparedRepository } from '../support/restic.ts';
import { type Ending, temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';

interface Place {
  readonly folder: string;
  readonly replica: string;
  /** Holds the newest backup, which the replica has not: the paths. */
  readonly candidate: string;
  readonly added: readonly string[];
  readonly old: string;
  readonly fresh: string;
  readonly passwordFile: string;
  readonly scratch: string;
}

/** A replica, and a candidate with a backup that was made later; made once, and copied. */
async function placeFor(t: Ending, user: User): Promise<Place> {
  const { old, fresh, added, folder: made } = await (template ??= makeTemplate());
  const folder = temporaryFolder(t);
  execFileSync('cp', ['-a', 'replica', 'replica.password', 'candidate', 'scratch', folder], { cwd: made });
  give(user, folder);
  const [replica, candidate, scratch] = ['replica', 'candidate', 'scratch'].map((name) => join(folder, name)) as [string, string, string];
  return { folder, replica, candidate, added, old, fresh, passwordFile: `${replica}.password`, scratch };
}

let template: Promise<Pick<Place, 'old' | 'fresh' | 'added' | 'folder'>> | undefined;

async function makeTemplate(): Promise<Pick<Place, 'old' | 'fresh' | 'added' | 'folder'>> {
  const folder = temporaryFolder();
  const [replica, candidate] = [join(folder, 'replica'), join(folder, 'candidate')];
  const repository = await preparedRepository(replica);
  const files = (): string[] => readdirSync(replica, { recursive: true, encoding: 'utf8' }).filter((path) => /^(data|index|snapshots).*[0-9a-f]{64}$/.test(path));
  const [before, old] = [new Set(files()), (await repository.snapshots()).at(-1)?.id ?? ''];
  const fresh = await repository.backup({ 'a file': 'content' });
  const added = files().filter((path) => !before.has(path));
  for (const path of added) {
    mkdirSync(dirname(join(candidate, path)), { recursive: true, mode: 0o700 });
    renameSync(join(replica, path), join(candidate, path));
  }
  for (const path of [join(folder, 'scratch'), join(replica, '.rsync-ratchet')]) mkdirSync(path, { mode: 0o700 });
  return { folder, old, fresh, added };
}

const whole = (place: Place): string[] => digest(place.folder, { inode: true, mtime: false, without: ['scratch'] });

function wordsOf(reply: Reply): string {
  assert.ok('words' in reply, JSON.stringify(reply));
  assert.equal(reply.isGood, false, reply.stdout);
  return reply.words;
}

function assertGood(reply: Reply): void {
  assert.ok('words' in reply && reply.isGood, JSON.stringify(reply));
}

for (const user of ['runner', 'ordinary'] as const) {
  for (const road of ['overlay', 'links', 'unisolated'] as const) {
    test(`restic sees replica and candidates as one repository, and nothing is changed (${user} user, ${road})`, async (t) => {
      const place = await placeFor(t, user);
      const { old, fresh, candidate, added } = place;
      const before = whole(place);
      const ask = (question: Partial<Question>): Promise<Reply> => askAs(user, { ...place, road, ask: 'opens', ...question });
      assertGood(await ask({ snapshots: [old] }));
      wordsOf(await ask({ snapshots: [fresh] }));
      assertGood(await ask({ snapshots: [old, fresh], shown: { candidate } }));
      assertGood(await ask({ ask: 'isComplete', shown: { candidate } }));
      const pack = added.find((path) => path.startsWith('data/')) ?? assert.fail();
      assert.match(wordsOf(await ask({ ask: 'isComplete', shown: { candidate, without: [pack] } })), new RegExp(pack.slice(-64).slice(0, 8)));
      const own = anyOf(place.replica, 'data');
      assert.match(wordsOf(await ask({ ask: 'isComplete', shown: { without: [own] } })), new RegExp(own.slice(-64).slice(0, 8)));
      assert.deepEqual(whole(place), before);
    });
  }
}

for (const user of ['runner', 'ordinary'] as const) {
  for (const road of ['overlay', 'links', 'unisolated'] as const) {
    test(`a password that a program prints opens the repository, question after question, and is no file (${user} user, ${road})`, async (t) => {
      const place = await placeFor(t, user);
      const nightly = { restic: { path: 'restic', prove: road === 'unisolated' ? 'unisolated' : true, passwordCommand: ['cat', place.passwordFile] } };
      const before = whole(place);
      const reply = await askAs(user, { ...place, passwordFile: '/nowhere', road, nightly, ask: 'isComplete' });
      assertGood(reply);
      assert.match(wordsOf(await askAs(user, { ...place, road, nightly: { restic: { ...nightly.restic, passwordCommand: ['echo', 'another'] } }, ask: 'unlocks' })), /wrong password|no key/);
      assert.deepEqual(whole(place), before);
      assert.ok(!readdirSync(place.scratch).includes('password'));
    });
  }
}

for (const road of ['overlay', 'links', 'unisolated'] as const) {
  test(`another config can be shown instead of the replica's own (${road})`, async (t) => {
    const place = await placeFor(t, 'runner');
    const config = join(place.folder, 'config');
    copyFileSync(join(place.replica, 'config'), config);
    const ask = (): Promise<Reply> => askAs('runner', { ...place, road, ask: 'unlocks', shown: { config } });
    const before = whole(place);
    assertGood(await ask());
    assert.deepEqual(whole(place), before);
    damage(config);
    const damaged = whole(place);
    assert.match(wordsOf(await ask()), /config/);
    assert.deepEqual(whole(place), damaged);
  });
}

test('without a road given, overlays are taken; no hard links are made', async (t) => {
  const place = await placeFor(t, 'runner');
  const probe = join(place.folder, 'restic');
  writeFileSync(probe, '#!/bin/sh\ntest -d /upper && test -d /lower/replica && ls -A /lower/replica/.rsync-ratchet\n', { mode: 0o755 });
  const reply = await askAs('runner', { ...place, ask: 'unlocks', nightly: { restic: { path: probe } } });
  assertGood(reply);
  assert.equal((reply as { stdout: string }).stdout, '');
});

test('where the kernel refuses overlays, a copy of hard links takes their place, and is gone afterwards', async (t) => {
  const place = await placeFor(t, 'ordinary');
  const base = join(place.folder, 'base');
  mkdirSync(base);
  renameSync(place.candidate, join(place.replica, '.rsync-ratchet/candidate')); // Where the program has it: on one file system.
  give('ordinary', place.folder);
  // The kernel stacks two overlays and no third one.
  const stacked = `set -e
    mount -t tmpfs tmpfs "$1"; cd "$1"; mkdir u1 w1 m1 u2 w2 m2
    mount -t overlay overlay -o "lowerdir=$2,upperdir=u1,workdir=w1,userxattr" m1
    mount -t overlay overlay -o "lowerdir=m1,upperdir=u2,workdir=w2,userxattr" m2
    shift 2; "$@"; test ! -e m2/.rsync-ratchet/view`;
  const replica = join(base, 'm2');
  const question: Question = { ...place, replica, ask: 'opens', snapshots: [place.old, place.fresh], shown: { candidate: join(replica, '.rsync-ratchet/candidate') } };
  const unshare = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', stacked, 'sh', base, place.replica];
  const reply = JSON.parse(await runAs('ordinary', [...unshare, ...askCommand(question)])) as Reply;
  assertGood(reply);
});

test('what is mounted below /usr is no hindrance for an ordinary user, and nobody can write there', async (t) => {
  for (const user of ['runner', 'ordinary'] as const) {
    const place = await placeFor(t, user);
    const probe = join(place.folder, 'restic');
    writeFileSync(probe, '#!/bin/sh\ntest -e /usr/local/src/there && ! touch /usr/local/src/new\n', { mode: 0o755 });
    give(user, place.folder);
    const mounted = 'mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs /usr/local/src; touch /usr/local/src/there; exec setpriv --ambient-caps=-all --inh-caps=-all -- "$@"';
    const as = process.getuid?.() === 0 ? [] : ['--user', '--map-current-user', '--keep-caps'];
    const argv = [...prefixOf(user), ...askCommand({ ...place, ask: 'unlocks', nightly: { restic: { path: probe } } })];
    assertGood(JSON.parse(await runAs('runner', ['unshare', ...as, '--mount', 'sh', '-c', mounted, 'sh', ...argv])) as Reply);
  }
});

/** A PATH with these programs alone. */
function pathWith(t: Ending, ...names: readonly string[]): Record<string, string> {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  for (const name of names) symlinkSync(['/usr/bin', '/bin', '/usr/sbin'].map((bin) => join(bin, name)).find(existsSync) ?? assert.fail(name), join(folder, name));
  return { PATH: folder };
}

test('where no isolation can be had restic is not asked, and the failure says what to do', async (t) => {
  const place = await placeFor(t, 'ordinary');
  const refused = 'echo 0 > /proc/sys/user/max_mnt_namespaces; exec "$@"';
  const asked = askCommand({ ...place, ask: 'opens' });
  const reply = JSON.parse(await runAs('ordinary', ['unshare', '--user', '--map-root-user', 'sh', '-c', refused, 'sh', ...asked])) as Reply;
  assert.ok('hint' in reply, JSON.stringify(reply));
  assert.match(reply.message, /restic cannot be isolated/);
  assert.match(reply.hint, /restic\.prove: unisolated/);
});

test('where no isolation can be had, prove: unisolated is the operator\'s word that restic may be asked all the same', async (t) => {
  const place = await placeFor(t, 'runner');
  const before = whole(place);
  const reply = await askAs('runner', { ...place, ask: 'opens', snapshots: [place.old], nightly: { restic: { prove: 'unisolated' } } }, pathWith(t, 'restic', 'cp', 'setpriv'));
  assertGood(reply);
  assert.deepEqual(whole(place), before);
});

test('where restic is not installed the failure names it', async (t) => {
  const place = await placeFor(t, 'runner');
  const reply = await askAs('runner', { ...place, ask: 'opens' }, pathWith(t, 'cp', 'setpriv', 'unshare'));
  assert.ok('hint' in reply, JSON.stringify(reply));
  assert.match(reply.message, /^restic is not installed on this machine$/);
});

/** Asks a program in restic's place. */
async function askProgram(t: Ending, lines: string, nightly: Question['nightly'] = {}): Promise<Reply> {
  const place = await placeFor(t, 'runner');
  const path = join(place.folder, 'restic');
  writeFileSync(path, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  return askAs('runner', { ...place, ask: 'unlocks', nightly: { ...nightly, restic: { path } } });
}

test('restic\'s words are escaped, without Go\'s stack, and not more than twenty lines of two hundred characters', async (t) => {
  const words = wordsOf(await askProgram(t, `
    printf 'Fatal: \\033[31mred\\n\\tmain.go:12\\ngithub.com/restic/restic.x\\n' >&2
    i=0; while [ $i -lt 100 ]; do printf 'line %s %0500d\\n' $i 0 >&2; i=$((i+1)); done; exit 1`));
  assert.match(words, /^Fatal: \\#033\[31mred; line 0 0+/);
  assert.doesNotMatch(words, /main\.go|github\.com|\x1b|line 19 /);
  assert.ok(words.length < 20 * 210, String(words.length));
});

test('a restic that retries what it cannot read is ended at once', async (t) => {
  const words = wordsOf(await askProgram(t, 'echo "Load(<data/7a8bb311e3>, 0, 0) returned error, retrying after 552.330144ms: no such file" >&2; tail -f /dev/null'));
  assert.match(words, /returned error, retrying/);
});

test('a restic that does not end is ended with timeouts.prove, and that is no answer', async (t) => {
  const reply = await askProgram(t, 'tail -f /dev/null', { timeouts: { prove: '2s' } });
  assert.ok('hint' in reply, JSON.stringify(reply));
  assert.equal(reply.message, 'restic was not done within timeouts.prove');
});

for (const [how, line, said] of [
  ['a signal', 'kill -KILL $$', /signal 9/], ['a crash of Go', 'echo "fatal error: out of memory" >&2; exit 2', /ended with 2, .*out of memory/], ['a code that restic does not have', 'exit 77', /ended with 77/],
] as const) {
  test(`${how} is no answer of restic's, but our own trouble`, async (t) => {
    const reply = await askProgram(t, line);
    assert.ok('hint' in reply, JSON.stringify(reply));
    assert.match(reply.message, said);
    assert.match(reply.hint, /restic\.memory is 4\.00 GiB/);
  });
}

test('a view that cannot be made is our own failure, with the kernel\'s words', async (t) => {
  const place = await placeFor(t, 'runner');
  const reply = await askAs('runner', { ...place, shown: { config: join(place.folder, 'gone') }, ask: 'opens' });
  assert.ok('hint' in reply, JSON.stringify(reply));
  assert.match(reply.message, /the view of the repository for restic could not be made: .*gone/);
});

test('a password that cannot be read is our own failure, and the hint names its file', async (t) => {
  const place = await placeFor(t, 'runner');
  const passwordFile = join(place.folder, 'gone');
  for (const road of ['overlay', 'links'] as const) {
    const reply = await askAs('runner', { ...place, passwordFile, road, ask: 'isComplete' });
    assert.ok('hint' in reply, JSON.stringify(reply));
    assert.match(reply.message, /^restic\.passwordFile cannot be read: .*gone: No such file/);
    assert.ok(reply.hint.includes(`chmod 600 ${passwordFile}`), reply.hint);
  }
});

test('what another user owns: root reads the password all the same, and files of the replica that restic may not read are no damage', async (t) => {
  const place = await placeFor(t, 'runner');
  const key = join(place.replica, anyOf(place.replica, 'keys'));
  give('ordinary', place.passwordFile);
  for (const road of ['overlay', 'links'] as const) assertGood(await askAs('runner', { ...place, road, ask: 'isComplete' }));
  for (const [path, ask] of [[key, 'unlocks'], [join(place.replica, anyOf(place.replica, 'snapshots')), 'isComplete']] as const) {
    deny(path);
    for (const road of ['overlay', 'links'] as const) {
      const reply = await askAs('runner', { ...place, road, ask });
      assert.ok('hint' in reply, JSON.stringify(reply));
      assert.match(reply.message, /^restic may not read the replica: .*: permission denied/);
      assert.ok(reply.hint.includes(`chown -R "$(id -un)" ${place.replica}`), reply.hint);
    }
    allow(path);
  }
});

test('without isolation, too, an unreadable password is a failure that names its file', async (t) => {
  const place = await placeFor(t, 'ordinary');
  chmodSync(place.passwordFile, 0);
  const reply = await askAs('ordinary', { ...place, road: 'unisolated', ask: 'unlocks' });
  assert.ok('hint' in reply, JSON.stringify(reply));
  assert.match(reply.message, /^restic\.passwordFile cannot be read: .*permission denied/);
});
