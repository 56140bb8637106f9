/** give-back into a folder of this machine, which may be hostile, and where root may be the one who types. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, utimesSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { program } from '../support/cli.ts';
import { type LocalNight, localNight } from '../support/localNight.ts';
import { anyOf, filesBelow, overwrite } from '../support/night.ts';
import { openRepository } from '../support/restic.ts';
import type { Ending } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';
import { pollFor } from '../support/watch.ts';

const isRoot = process.getuid?.() === 0;
const nobody = 65534;

interface Given extends LocalNight {
  readonly replica: string;
  /** An empty folder. */
  readonly to: string;
  give(...args: readonly string[]): ReturnType<LocalNight['run']>;
}

/** A replica that has everything, and an empty folder. */
async function stage(t: Ending, changes = {}): Promise<Given> {
  const night = await localNight(t, changes);
  const { code, stderr } = await night.run(['sync']);
  assert.equal(code, 0, stderr);
  const to = join(night.folder, 'to');
  mkdirSync(to, { mode: 0o700 });
  const { replica } = night.config;
  return { ...night, replica, to, give: (...args) => night.run(['give-back', 'nightly', ...args]) };
}

const content = (folder: string): string[] => digest(folder, { mode: false, folders: false, without: ['.rsync-ratchet'] });
const replicaNow = (replica: string): string[] => digest(replica, { inode: true, without: ['.rsync-ratchet'] });

/** The folders for what was set aside, beside the destination. */
const asides = (night: Given): string[] => readdirSync(night.folder).filter((name) => name.startsWith('rsync-ratchet-aside-'));

test('an empty folder is filled with everything, times included; restic restores from it; the second time there is nothing to do', async (t) => {
  const night = await stage(t);
  const before = replicaNow(night.replica);
  const given = await night.give('--to', night.to, '--all', '--yes');
  assert.equal(given.code, 0, given.stdout + given.stderr);
  assert.match(given.stdout, /missing there: +40 files .*\nnightly: 40 files \(5\.17 MiB\) sent to .*; the destination has every file as it is here\n$/s);
  assert.deepEqual(content(night.to), content(night.replica));
  assert.deepEqual([replicaNow(night.replica), asides(night)], [before, []]);
  const restored = openRepository(night.to);
  const [snapshot] = await restored.snapshots();
  await restored.restore(snapshot?.id ?? '', join(night.folder, 'restored'));
  const again = await night.give('--to', night.to, '--all', '--yes');
  assert.deepEqual([again.code, again.stdout], [0, 'nightly: nothing was sent; the destination has every file as it is here\n']);
});

test('without an alarm and without --all it is said what to say; nothing happens without --yes', async (t) => {
  const night = await stage(t);
  const refused = await night.give('--to', night.to, '--yes');
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /no alarm stands for nightly.*say --all/s);
  const asked = await night.give('--to', night.to, '--all');
  assert.equal(asked.code, 4);
  assert.match(asked.stdout, /missing there: +40 files.*nothing was sent: say --yes\nnightly: nothing was sent; left there: 40 missing/s);
  assert.deepEqual(readdirSync(night.to), []);
});

test('Ctrl-C at the question interrupts, Ctrl-D is a no; with --json nobody is asked', async (t) => {
  const night = await stage(t);
  for (const [key, json, said] of [['\x03', '', /interrupted by SIGINT.*\nended with 130\r?\n$/s], ['\x04', '', /nothing was sent; left there: 40 missing.*\nended with 4\r?\n$/s], ['', '--json', /^\{.*"sent": null.*\nended with 4\r?\n$/s]] as const) {
    const command = `'${process.execPath}' '${program}' --config '${night.config.file}' ${json} give-back nightly --to '${night.to}' --all`;
    const typed = spawn('script', ['-qec', `trap : INT; ${command}; echo "ended with $?"`, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, TMPDIR: night.folder } });
    let all = '';
    let isAsked = false;
    typed.stdout.on('data', (chunk: Buffer) => {
      all += chunk.toString();
      if (isAsked || !all.includes('Send it? [y/N]')) return;
      isAsked = true;
      typed.stdin.write(key);
    });
    await new Promise((resolve) => typed.once('close', resolve));
    assert.match(all, said);
  }
  assert.deepEqual([readdirSync(night.to), readdirSync(night.folder).filter((name) => name.startsWith('rsync-ratchet-'))], [[], []]);
});

test('a terminal is asked', async (t) => {
  const night = await stage(t);
  for (const [answer, files] of [['n', 0], ['y', 40]] as const) {
    const command = `'${process.execPath}' '${program}' --config '${night.config.file}' give-back nightly --to '${night.to}' --all`;
    const typed = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
    let said = '';
    typed.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Send it? [y/N]')) typed.stdin.end(`${answer}\n`);
    });
    await new Promise((resolve) => typed.once('close', resolve));
    assert.match(said, /Send it\? \[y\/N\]/);
    assert.equal(filesBelow(night.to).length, files, said);
  }
});

const shim = { NODE_OPTIONS: `--require ${fileURLToPath(new URL('../support/sharedLibuv.cjs', import.meta.url))}` };
for (const [node, env] of [['', {}], [', with a Node that lets no process change its user', shim]] as const) test(`owner, group and modes are those of the folder, also where root gives back what another user owns${node}`, async (t) => {
  const night = await stage(t);
  chmodSync(night.folder, 0o755);
  chmodSync(night.to, 0o2750);
  if (isRoot) {
    chownSync(night.to, 1234, 4321);
    execFileSync('chown', ['-R', `${nobody}:${nobody}`, night.replica, night.config.state]);
  }
  chmodSync(night.to, 0o2750);
  const given = await night.run(['give-back', 'nightly', '--to', night.to, '--all', '--yes'], { env });
  assert.equal(given.code, 0, given.stdout + given.stderr);
  const { uid, gid } = statSync(night.to);
  for (const name of [...filesBelow(night.to), 'data', 'keys', 'snapshots']) {
    const found = lstatSync(join(night.to, name));
    assert.deepEqual([found.uid, found.gid, (found.mode & 0o7777).toString(8)], [uid, gid, found.isDirectory() ? '2750' : '640'], name);
  }
  if (!isRoot) return;
  const ours = execFileSync('find', [night.replica, night.config.state, '-not', '-uid', String(nobody)], { encoding: 'utf8' });
  assert.equal(ours, '', 'nothing in replica and state becomes root\'s');
  assert.equal((await night.run(['history', '--verify'], { env })).code, 0);
  const { repositories } = (await night.run(['--json', 'history', '--limit', '2'], { env })).json();
  assert.deepEqual(repositories[0].events.map((each: { event: string; files: number }) => [each.event, each.files]), [['give-back-begun', 40], ['gave-back', 40]]);
});

test('a destination that lists without an end is not held in memory: more names than limits.newFiles lets a night have are a failure', async (t) => {
  const night = await stage(t, { repositories: { nightly: { limits: { newFiles: 1 } } } });
  mkdirSync(join(night.to, 'snapshots'));
  for (let n = 0; n < 1003; n++) writeFileSync(join(night.to, 'snapshots', n.toString(16).padStart(64, '0')), '');
  const before = digest(night.to);
  const { code, stderr } = await night.give('--to', night.to, '--all', '--yes');
  assert.equal(code, 1, stderr);
  assert.match(stderr, /the destination lists more than 1002 names in one pass that the replica does not have\n.*nothing was sent/);
  assert.deepEqual(digest(night.to), before);
});

test('a hostile folder: nothing is written outside it, and what stands in the way is said and left', async (t) => {
  const night = await stage(t);
  await night.give('--to', night.to, '--all', '--yes');
  const outside = join(night.folder, 'outside');
  mkdirSync(join(outside, 'xx'), { recursive: true });
  const victim = join(outside, 'victim');
  writeFileSync(victim, 'as it was');
  const before = digest(outside);
  // One of each folder below data: a folder that is in the way hides what else belongs there.
  const packs = new Map(filesBelow(join(night.to, 'data')).map((name) => [name.slice(0, 2), `data/${name}`]));
  const [link = '', pipe = '', folder = '', gone = ''] = packs.values();
  for (const path of [link, pipe, folder]) rmSync(join(night.to, path));
  symlinkSync(victim, join(night.to, link));
  execFileSync('mkfifo', [join(night.to, pipe)]);
  mkdirSync(join(night.to, folder));
  writeFileSync(join(night.to, folder, 'full'), '');
  rmSync(join(night.to, 'index'), { recursive: true });
  symlinkSync(outside, join(night.to, 'index'));
  rmSync(join(night.to, gone.slice(0, 7)), { recursive: true });
  symlinkSync(outside, join(night.to, gone.slice(0, 7)));
  writeFileSync(join(night.to, 'a name\nwith a line end \x1b[31m'), '');
  const given = await night.give('--to', night.to, '--all', '--yes');
  assert.equal(given.code, 4, given.stdout + given.stderr);
  assert.deepEqual(digest(outside), before);
  assert.ok(lstatSync(join(night.to, link)).isFile() && lstatSync(join(night.to, pipe)).isFile());
  const [aside = ''] = asides(night);
  assert.equal(readlinkSync(join(night.folder, aside, link)), victim);
  for (const path of [folder, 'index', gone.slice(0, 7)]) assert.match(given.stdout, new RegExp(`^    ${path}$`, 'm'));
  assert.match(given.stdout, /in the way there: +3 names; move it away by hand/);
  assert.match(given.stdout, /a name\\#012with a line end \\#033\[31m/);
  assert.ok(existsSync(join(night.to, folder, 'full')) && lstatSync(join(night.to, 'index')).isSymbolicLink());
});

test('an rsync at the destination that is taken over writes nothing outside the folder, and reads nothing of this machine', async (t) => {
  const night = await stage(t);
  const [evil, secret] = ['evil', 'secret'].map((name) => join(night.folder, name)) as [string, string];
  writeFileSync(secret, '');
  const rsync = join(night.folder, 'rsync');
  const script = `case "$1" in --server) touch '${evil}' ../evil '${night.replica}/evil' /etc/evil; [ -e '${secret}' ] && exit 9 ;; esac`;
  writeFileSync(rsync, `#!/bin/sh\n${script}\nexec rsync "$@"\n`);
  chmodSync(rsync, 0o755);
  chmodSync(night.folder, 0o755);
  night.configure({ repositories: { nightly: { rsync: { path: rsync, sandbox: 'require' } } } });
  const given = await night.give('--to', night.to, '--all', '--yes');
  assert.equal(given.code, 0, given.stdout + given.stderr);
  assert.deepEqual([evil, `${night.replica}/evil`, '/etc/evil'].filter((path) => existsSync(path)), []);
});

test('what cannot be a destination is refused before anything is tried', async (t) => {
  const night = await stage(t);
  const { replica, state } = { ...night, ...night.config };
  const inLink = join(night.folder, 'link');
  symlinkSync(replica, inLink);
  const taken = join(night.folder, 'taken');
  symlinkSync('/usr', taken);
  const before = replicaNow(replica);
  const cases: readonly (readonly [RegExp, ...string[]])[] = [
    [/lie in one another/, '--to', replica],
    [/lie in one another/, '--to', inLink],
    [/lie in one another/, '--to', join(replica, 'data')],
    [/lie in one another/, '--to', state],
    [/lie in one another/, '--to', night.folder],
    [/is no folder.*install -d/s, '--to', join(night.folder, 'nowhere')],
    [/is no folder/, '--to', night.config.file],
    [/cannot lie in the destination/, '--to', night.to, '--aside', join(night.to, 'aside')],
    [/is there already/, '--to', night.to, '--aside', taken],
    [/is there already/, '--to', night.to, '--aside', night.repository.path],
    [/lie in one another/, '--to', night.to, '--aside', join(replica, 'aside')],
    [/where --aside is to lie, is no folder/, '--to', night.to, '--aside', join(night.folder, 'nowhere/aside')],
  ];
  for (const [said, ...args] of cases) {
    const done = await night.give(...args, '--all', '--yes');
    assert.equal(done.code, 2, args.join(' '));
    assert.match(done.stderr, said);
    assert.match(done.stderr, /nothing was tried/);
  }
  assert.deepEqual([replicaNow(replica), readdirSync(night.to)], [before, []]);
});

test('a file that is damaged here is not sent, which is said, and the rest goes', async (t) => {
  const night = await stage(t);
  const pack = anyOf(night.replica, 'data');
  const { size } = lstatSync(join(night.replica, pack));
  overwrite(join(night.replica, pack), Buffer.alloc(size, 'x'));
  const given = await night.give('--to', night.to, '--all', '--yes');
  assert.equal(given.code, 4);
  assert.match(given.stdout, /39 files .* sent.*left there: 1 missing/);
  assert.match(given.stdout, new RegExp(`not sent, damaged here: ${pack} \\(its content has the SHA-256 .*scrub --repair nightly`));
  assert.ok(!existsSync(join(night.to, pack)));
});

test('what is not replaced is left, and the exit code says so: damaged here, or closed to the owner of the folder', async (t) => {
  if (!isRoot) return;
  const night = await stage(t);
  chmodSync(night.folder, 0o755);
  chownSync(night.to, nobody, nobody);
  assert.equal((await night.give('--to', night.to, '--all', '--yes')).code, 0);
  const [closed = '', roots = '', damaged = '', changed = ''] = filesBelow(join(night.to, 'data')).map((name) => `data/${name}`);
  const change = (folder: string, path: string): Buffer => {
    const [before, { mtime, uid, gid }] = [readFileSync(join(folder, path)), lstatSync(join(folder, path))];
    overwrite(join(folder, path), Buffer.alloc(before.length, 'x'));
    utimesSync(join(folder, path), mtime, mtime);
    chownSync(join(folder, path), uid, gid);
    return before;
  };
  for (const path of [closed, roots, changed]) change(night.to, path);
  chmodSync(join(night.to, closed), 0);
  chownSync(join(night.to, roots), 0, 0);
  chmodSync(join(night.to, roots), 0o600);
  const right = change(night.replica, damaged);
  const given = await night.give('--to', night.to, '--all', '--yes');
  assert.equal(given.code, 4, given.stdout + given.stderr);
  assert.match(given.stdout, new RegExp(`in the way there: +2 names.*\n    ${closed}\n    ${roots}\nnightly: 1 file .* sent to .*; left there: 3 different\n.*not sent, damaged here: ${damaged} `, 's'));
  assert.deepEqual(readFileSync(join(night.to, damaged)), right);
  assert.deepEqual(filesBelow(join(night.folder, asides(night)[0] ?? '')), [changed]);
  const again = await night.run(['--json', 'give-back', 'nightly', '--to', night.to, '--all', '--yes']);
  assert.deepEqual([again.code, again.json().sent.files, again.json().aside, again.json().left.differing.files], [4, 0, null, 3]);
});

test('where nothing is replaced no folder is made beside the destination, which its owner may not be allowed to', async (t) => {
  const night = await stage(t);
  const place = join(night.folder, 'place');
  const to = join(place, 'to');
  mkdirSync(to, { recursive: true });
  const made: string[] = [];
  const watcher = watch(place, (_, name) => made.push(String(name)));
  const given = await night.give('--to', to, '--all', '--yes');
  watcher.close();
  assert.deepEqual([given.code, made], [0, []], given.stderr);
});

test('what was pruned on serverA is sent only when asked', async (t) => {
  const night = await stage(t);
  const [older = ''] = (await night.repository.snapshots()).map(({ id }) => id);
  await night.repository.forget([older], { prune: true });
  await night.run(['prune-window', 'open', 'nightly', '--max-deletions', '20']);
  assert.equal((await night.run(['sync'])).code, 0);
  const without = await night.give('--to', night.to, '--all', '--yes');
  assert.equal(without.code, 0, without.stdout);
  assert.deepEqual(content(night.to), content(night.repository.path));
  const withThem = await night.give('--to', night.to, '--all', '--yes', '--with-tombstones');
  assert.match(withThem.stdout, /9 files .* sent/);
  assert.equal((await openRepository(night.to).snapshots()).length, 2);
});

test('a full disk at the destination is said, and the same command goes on where there is room again', async (t) => {
  const night = await stage(t);
  const whole = `mount -t tmpfs -o "mode=0700,size=2m" tmpfs '${night.to}'; give() { '${process.execPath}' '${program}' --config '${night.config.file}' give-back nightly --to '${night.to}' --all --yes; }
    give; echo "first: $?"; mount -o remount,size=20m '${night.to}'; give; echo "second: $?"; rm -rf '${night.folder}/after'; cp -a '${night.to}' '${night.folder}/after'`;
  const own = isRoot ? ['--mount'] : ['--map-root-user', '--mount'];
  const said = execFileSync('unshare', [...own, 'sh', '-c', `exec 2>&1; ${whole}`], { encoding: 'utf8' });
  assert.match(said, /error: sending broke off: .*No space left.*\nhint: the disk there is full: make room; \d+ files? had been sent.*\nfirst: 1\n.*second: 0\n$/s);
  assert.deepEqual(content(join(night.folder, 'after')), content(night.replica));
});

test('a part of the replica that is mounted elsewhere is no destination', async (t) => {
  const night = await stage(t);
  const before = replicaNow(night.replica);
  const own = isRoot ? ['--mount'] : ['--map-root-user', '--mount'];
  const whole = `mount --bind '${night.replica}/data' '${night.to}'; '${process.execPath}' '${program}' --config '${night.config.file}' give-back nightly --to '${night.to}' --all --yes; echo "code: $?"`;
  const said = execFileSync('unshare', [...own, 'sh', '-c', `exec 2>&1; ${whole}`], { encoding: 'utf8' });
  assert.match(said, /lie in one another.*code: 2\n$/s);
  assert.deepEqual(replicaNow(night.replica), before);
});

test('--quick sees a config of another time', async (t) => {
  const night = await stage(t);
  assert.equal((await night.give('--to', night.to, '--all', '--yes')).code, 0);
  const before = readFileSync(join(night.to, 'config'));
  overwrite(join(night.to, 'config'), Buffer.alloc(before.length, 'x'));
  utimesSync(join(night.to, 'config'), 1e9, 1e9);
  const given = await night.give('--to', night.to, '--all', '--yes', '--quick');
  assert.match(given.stdout, /differs there: +1 file .*the destination has every file as it is here\n/s);
  assert.deepEqual(readFileSync(join(night.to, 'config')), before);
});

test('while files are given back none leaves the replica', async (t) => {
  const night = await stage(t);
  const holder = spawn('flock', ['-x', join(night.replica, '.rsync-ratchet/readers'), 'sh', '-c', 'echo holds; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => { holder.stdin.end(); });
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  const running = night.start(['give-back', 'nightly', '--to', night.to, '--all', '--yes']);
  await pollFor(() => readFileSync('/proc/locks', 'utf8').includes('-> FLOCK'));
  const told = night.start(['give-back', 'nightly', '--to', night.to, '--all', '--yes']);
  await pollFor(() => readFileSync('/proc/locks', 'utf8').split('-> FLOCK').length > 2);
  told.kill('SIGINT');
  assert.equal((await told.finished).code, 130, 'it need not wait for the lock');
  assert.deepEqual(readdirSync(night.to), []);
  holder.stdin.end();
  assert.equal((await running.finished).code, 0);
  assert.match(readFileSync(join(night.state, 'nightly/journal.jsonl'), 'utf8'), /"event":"gave-back"/);
});

test('told to stop it leaves no half file, says so, and goes on when it is called again', async (t) => {
  const night = await stage(t);
  night.configure({ repositories: { nightly: { rsync: { bandwidthLimit: '200KB' } } } }); // of 5 MiB
  const running = night.start(['give-back', 'nightly', '--to', night.to, '--all', '--yes']);
  const isAtWork = (): boolean => filesBelow(night.to).some((name) => /^data\/..\/[0-9a-f]{64}$/.test(name));
  await pollFor(isAtWork);
  running.kill('SIGINT');
  assert.equal((await running.finished).code, 130);
  const came = filesBelow(night.to);
  assert.deepEqual(came.filter((name) => /(^|\/)\./.test(name)), []);
  assert.deepEqual(content(night.to).filter((line) => !content(night.replica).includes(line)), []);
  night.configure({});
  const again = await night.give('--to', night.to, '--all', '--yes');
  assert.equal(again.code, 0, again.stdout + again.stderr);
  const events = readFileSync(join(night.state, 'nightly/journal.jsonl'), 'utf8').split('\n').filter((line) => line.includes('"gave-back"')).map((line) => JSON.parse(line) as { left: number | null });
  assert.deepEqual(events.map(({ left }) => left), [null, 0]);
});
