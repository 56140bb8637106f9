/** Operators type as root what a night's user owns: whatever they type, nothing in state and replica becomes root's. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, lchownSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { give, prefixOf } from '../support/asked.ts';
import { type Finished, program, ratchet, type RatchetOptions, spawnRatchet } from '../support/cli.ts';
import { writeConfig, type WrittenConfig } from '../support/config.ts';
import { fixtures } from '../support/golden.ts';
import { preparedRepository, type ResticRepository } from '../support/restic.ts';
import { descendants } from '../support/sshd.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { pollFor } from '../support/watch.ts';

const isRoot = process.getuid?.() === 0;

interface Stage {
  readonly folder: string;
  readonly repository: ResticRepository;
  readonly config: WrittenConfig;
  /** Typed by whoever runs the tests: by root, where root does, with root's session around it. */
  type(args: readonly string[], options?: RatchetOptions): Promise<Finished>;
  /** Everything below state, replica and mails, with its owner. */
  owners(): string[];
}

/** Folders of the ordinary user's for state and replica, and a repository that anybody may read; not initialised. */
async function stageOf(t?: Parameters<typeof temporaryFolder>[0]): Promise<Stage> {
  const folder = t === undefined ? temporaryFolder() : temporaryFolder(t);
  chmodSync(folder, 0o755);
  const repository = await preparedRepository(join(folder, 'source'));
  execFileSync('chmod', ['-R', 'a+rX', repository.path]);
  const owned = join(folder, 'owned');
  mkdirSync(owned, { mode: 0o755 });
  const password = join(owned, 'password');
  writeFileSync(password, readFileSync(repository.passwordFile), { mode: 0o600 });
  const config = writeConfig(owned, repository.path, {
    repositories: { nightly: { rsync: { sandbox: 'auto' }, restic: { passwordFile: password } } },
  });
  mkdirSync(config.state, { mode: 0o700 });
  give('ordinary', owned);
  if (isRoot) lchownSync(config.file, 0, 0); // only root may read the configuration
  const closed = join(folder, 'session');
  mkdirSync(closed, { mode: 0o700 });
  const session = { TMPDIR: closed, XDG_RUNTIME_DIR: closed, SSH_AUTH_SOCK: join(closed, 'agent'), HOME: closed };
  return {
    folder, repository, config,
    type: (args, options = {}) => ratchet(args, { config: 'config.yaml', cwd: dirname(config.file), ...options, env: { ...session, ...options.env } }),
    owners: () => [config.state, config.replica, config.mailFolder].flatMap(ownersBelow),
  };
}

function ownersBelow(folder: string): string[] {
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  const below = stats.isDirectory() ? readdirSync(folder).flatMap((name) => ownersBelow(join(folder, name))) : [];
  return [`${folder} ${stats.uid}:${stats.gid}`, ...below];
}

/** proc_pid_stat(5): behind the name in brackets come state, parent, group and session. */
const sessionOf = (pid: number): string => (readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1) ?? '').split(' ')[3] ?? '';

function assertOwned(stage: Stage): void {
  const { uid, gid } = statSync(dirname(stage.config.file));
  assert.deepEqual(stage.owners().filter((line) => !line.endsWith(` ${uid}:${gid}`)), []);
}

describe('typed as root', () => {
  let stage: Stage;
  before(async () => { stage = await stageOf(); });

  const commands: readonly (readonly [string, readonly number[]])[] = [
    ['init nightly', [0]], ['sync', [0]], ['audit', [0]], ['prune-window open nightly --reason why', [0]], ['prune-window toggle nightly', [0]],
    ['prune-window close nightly', [0]], ['prune-window status', [0]], ['tombstones list', [0]], ['tombstones keep nightly --all', [0]],
    ['acknowledge nightly --reason why', [0]], ['status', [0]], ['status --nagios', [0, 1]], ['history --verify', [0]], ['check', [0]], ['scrub', [0]],
    ['doctor', [0]], ['alert test', [0]], ['alert flush', [0]], ['config validate', [0]], ['sync nightly', [0]], ['init nightly --repin', [0]],
  ];
  for (const [words, codes] of commands) {
    test(`${words}: nothing becomes root's`, async () => {
      const { code, stdout, stderr } = await stage.type(words.split(' '));
      assert.ok(codes.includes(code ?? -1), `${code}\n${stdout}${stderr}`);
      assert.doesNotMatch(stdout + stderr, /permission denied|EACCES|EPERM/i);
      assertOwned(stage);
    });
  }

  test('it is said with --verbose, and the journal names who typed', async () => {
    const { stderr } = await stage.type(['--verbose', 'prune-window', 'open', 'nightly']);
    assert.equal(stderr.includes('root goes on as nobody'), isRoot, stderr);
    assert.match(readFileSync(join(stage.config.state, 'nightly/journal.jsonl'), 'utf8').trim().split('\n').at(-1) ?? '', /"openedBy"|"who":"/);
    assert.doesNotMatch(readFileSync(join(stage.config.state, 'nightly/journal.jsonl'), 'utf8'), /"who":"nobody"/);
    assert.equal((await stage.type(['--quiet', 'status'])).stderr, '');
  });

  test('a page is written with the caller\'s rights, where he is', async () => {
    const folder = join(stage.folder, 'session/pages');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { code, stderr } = await stage.type(['report', '--html', 'page.html'], { cwd: folder, config: stage.config.file });
    assert.equal(code, 0, stderr);
    assert.equal(statSync(join(folder, 'page.html')).uid, process.getuid?.());
    assertOwned(stage);
  });

  test('the night of the owner himself goes on', () => {
    const [file, ...argv] = [...prefixOf('ordinary'), process.execPath, program, '--config', '-', 'sync'];
    const own = join(stage.folder, 'owned/own.yaml');
    writeFileSync(own, readFileSync(stage.config.file), { mode: 0o644 });
    execFileSync(file, argv.map((word) => (word === '-' ? own : word)), { env: { PATH: process.env['PATH'] ?? '', HOME: '/', TMPDIR: '/tmp' }, cwd: '/' });
    assertOwned(stage);
  });

  test('the repositories of two users are exit 2, which says whose each is', async () => {
    const other = join(stage.folder, 'other');
    mkdirSync(join(other, '.rsync-ratchet'), { recursive: true });
    writeFileSync(join(other, '.rsync-ratchet/replica.json'), '{}');
    if (isRoot) execFileSync('chown', ['-R', '1:1', other]);
    const two = writeConfig(join(stage.folder, 'session'), stage.repository.path, { state: stage.config.state, repositories: { nightly: { replica: stage.config.replica }, other: { source: '/srv/other', replica: other } } });
    const earlier = stage.owners();
    const both = await stage.type(['status'], { config: two.file });
    assert.equal(both.code, isRoot ? 2 : 1, both.stderr);
    if (isRoot) assert.match(both.stderr, /different users: nightly to nobody, other to daemon\n.*name the repositories of one user/);
    assert.deepEqual(stage.owners(), earlier);
    assert.equal((await stage.type(['status', 'nightly'], { config: two.file })).code, 0);
  });

  const strangers = ['state/nightly/prune-window.json', 'state/nightly', 'state/spool', 'state/nightly/runs', 'replica', 'replica/data', 'replica/.rsync-ratchet/quarantine'];
  for (const path of strangers) {
    test(`${path} is another user's: exit 2, and nothing is touched`, async () => {
      const file = join(dirname(stage.config.file), path);
      if (path === 'state/spool') execFileSync('install', ['-d', ...(isRoot ? ['-o', 'nobody', '-g', 'nogroup'] : []), file]);
      const { uid, gid } = lstatSync(file);
      if (!isRoot) return assert.equal(uid, process.getuid?.());
      lchownSync(file, 1, 1);
      try {
        const earlier = stage.owners();
        for (const command of path === 'replica' ? ['sync', 'status', 'prune-window open nightly', 'config validate'] : ['sync']) {
          const { code, stderr } = await stage.type(command.split(' '));
          assert.equal(code, 2, stderr);
          assert.match(stderr, /config\.yaml:\d+:\d+: repositories\.nightly\.replica: .* belongs to daemon, and the repository to nobody: .*chown -R nobody: /);
        }
        assert.deepEqual(stage.owners(), earlier);
      } finally {
        lchownSync(file, uid, gid);
      }
    });
  }

  test('a secret that root alone may read is refused for the owner, with its line', async () => {
    const file = join(stage.folder, 'owned/password');
    const { uid, gid } = lstatSync(file);
    if (isRoot) lchownSync(file, 0, 0);
    else chmodSync(file, 0);
    try {
      for (const command of ['sync', 'config validate']) {
        const { code, stderr } = await stage.type(command.split(' '));
        assert.equal(code, 2, stderr);
        assert.match(stderr, /repositories\.nightly\.restic\.passwordFile: .*\/password cannot be read/);
        if (isRoot) assert.match(stderr, /chown nobody: /);
      }
    } finally {
      lchownSync(file, uid, gid);
      chmodSync(file, 0o600);
    }
  });
});

describe('typed as root, with a Node that lets no process change its user', () => {
  const env = { NODE_OPTIONS: `--require ${fileURLToPath(new URL('../support/sharedLibuv.cjs', import.meta.url))}` };
  let stage: Stage;
  before(async () => { stage = await stageOf(); });

  const commands: readonly (readonly [string, number])[] = [
    ['init nightly', 0], ['sync', 0], ['prune-window open nightly --reason why', 0], ['prune-window status', 0], ['status', 0], ['doctor', 0], ['config validate', 0], ['sync nowhere', 2],
  ];
  for (const [words, expected] of commands) {
    test(`${words}: goes on as the owner in another process, and nothing becomes root's`, async () => {
      const { code, stdout, stderr } = await stage.type(words.split(' '), { env });
      assert.equal(code, expected, stdout + stderr);
      assert.doesNotMatch(stdout + stderr, /permission denied|EACCES|EPERM|io_uring/i);
      assertOwned(stage);
    });
  }

  test('a configuration out of a pipe goes with it, and so does who typed', async () => {
    const pipe = join(stage.folder, 'session/pipe');
    execFileSync('mkfifo', [pipe]);
    spawn('sh', ['-c', 'cat "$0" > "$1"', stage.config.file, pipe], { stdio: 'ignore' });
    const written = await stage.type(['acknowledge', 'nightly', '--reason', 'why'], { env, config: pipe });
    assert.equal(written.code, 0, written.stderr);
    assert.doesNotMatch(readFileSync(join(stage.config.state, 'nightly/journal.jsonl'), 'utf8'), /"who":"nobody"|"openedBy":"nobody"/);
    assertOwned(stage);
  });

  test('names are completed', async () => assert.equal((await stage.type(['complete', 'repositories'], { env })).stdout, 'nightly\n'));

  test('told to end, the other process ends in good order; killed, it goes as well', async () => {
    if (!isRoot) return assert.equal(process.getuid?.(), statSync(dirname(stage.config.file)).uid);
    const own = join(stage.folder, 'session');
    const config = writeConfig(own, stage.repository.path, {
      state: stage.config.state, alerts: undefined, repositories: { nightly: { replica: stage.config.replica, rsync: { path: join(fixtures, 'bin/deaf'), sandbox: 'off' } } },
    });
    for (const [signal, code] of [['SIGTERM', 143], ['SIGKILL', null]] as const) {
      const night = spawnRatchet(['sync'], { env, config: config.file });
      const [other = 0] = await pollFor(() => { const all = descendants(night.pid); return all.length >= 2 && all; });
      assert.notEqual(sessionOf(other), sessionOf(night.pid), 'root\'s terminal is not the owner\'s');
      night.kill(signal);
      assert.equal((await night.finished).code, code, night.stdout() + night.stderr());
      await pollFor(() => lstatSync(`/proc/${other}`, { throwIfNoEntry: false }) === undefined);
    }
  });

  test('a link that the owner puts in the place of one of his books is not followed by root', async () => {
    const [alarm, closed] = [join(stage.config.state, 'nightly/alarm.json'), join(stage.folder, 'session/root-only.json')];
    writeFileSync(closed, JSON.stringify({ version: 1, runId: 'x', since: '2026-01-01T00:00:00.000Z', rules: ['deleted'], messageId: 'x', findings: [] }), { mode: 0o600 });
    symlinkSync(closed, alarm);
    if (isRoot) lchownSync(alarm, statSync(stage.config.state).uid, statSync(stage.config.state).gid);
    try {
      const { code, stderr } = await stage.type(['report', '--html', join(stage.folder, 'session/other.html')], { env });
      assert.equal(code, isRoot ? 1 : 0, stderr);
      if (isRoot) assert.match(stderr, /alarm\.json is no file, but a link that root does not follow, since another user made it\n/);
    } finally {
      rmSync(alarm);
    }
  });

  test('no program that root starts as the owner is in root\'s session: its /dev/tty would be root\'s terminal', async () => {
    const [recorder, sessions, to] = ['recorder', 'sessions', 'to'].map((name) => join(stage.folder, name)) as [string, string, string];
    writeFileSync(recorder, `#!/bin/sh\ncut -d' ' -f6 /proc/self/stat >> ${sessions}\nexec rsync "$@"\n`, { mode: 0o755 });
    writeFileSync(sessions, '', { mode: 0o666 });
    chmodSync(sessions, 0o666);
    mkdirSync(to);
    if (isRoot) lchownSync(to, statSync(stage.config.state).uid, statSync(stage.config.state).gid);
    const { config } = stage;
    const own = writeConfig(join(stage.folder, 'session'), stage.repository.path, {
      state: config.state, alerts: undefined, repositories: { nightly: { replica: config.replica, rsync: { path: recorder, sandbox: 'off' } } },
    });
    const { code, stdout, stderr } = await stage.type(['give-back', 'nightly', '--all', '--to', to, '--yes'], { env, config: own.file });
    assert.equal(code, 0, stdout + stderr);
    const all = readFileSync(sessions, 'utf8').trim().split('\n');
    assert.ok(all.length > 4);
    if (isRoot) assert.ok(!all.includes(sessionOf(process.pid)), `${all.join(' ')}, ours ${sessionOf(process.pid)}`);
    assertOwned(stage);
  });

  test('a page is read of the owner\'s books, and is whose who typed', async () => {
    const file = join(stage.folder, 'session/page.html');
    const { code, stderr } = await stage.type(['report', '--html', file], { env });
    assert.equal(code, 0, stderr);
    assert.equal(statSync(file).uid, process.getuid?.());
    assertOwned(stage);
  });
});

test('what was handed to nobody is not looked at: root reads the configuration that he names', async (t) => {
  const stage = await stageOf(t);
  const { code } = await stage.type(['config', 'validate'], { env: { RSYNC_RATCHET_HANDED: '/nowhere' } });
  assert.equal(code, isRoot ? 0 : 1);
});

test('a state file that the night may not read is not called damaged', async (t) => {
  const stage = await stageOf(t);
  assert.equal((await stage.type(['init', 'nightly'])).code, 0);
  assert.equal((await stage.type(['prune-window', 'open', 'nightly'])).code, 0);
  const file = join(stage.config.state, 'nightly/prune-window.json');
  if (isRoot) lchownSync(file, 0, 0);
  chmodSync(file, isRoot ? 0o600 : 0);
  const own = join(stage.folder, 'owned/own.yaml');
  writeFileSync(own, readFileSync(stage.config.file), { mode: 0o644 });
  const [first, ...argv] = [...prefixOf('ordinary'), process.execPath, program, '--config', own];
  const said = (command: string): string => {
    try {
      return execFileSync(first, [...argv, command], { env: { PATH: process.env['PATH'] ?? '', HOME: '/', TMPDIR: '/tmp' }, cwd: '/', stdio: 'pipe', encoding: 'utf8' });
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      return stdout + stderr;
    }
  };
  assert.match(said('sync'), /prune-window\.json may not be read by the user \w+\n.*nothing is damaged.*; as root: chown -R \w+: /);
  assert.doesNotMatch(said('status'), /or is damaged/);
  if (isRoot) assert.match(said('doctor'), /prune-window\.json belongs to another user/);
});

test('before init the state folder says whose it will be; without one, the place of the replica', async (t) => {
  const stage = await stageOf(t);
  rmSync(stage.config.state, { recursive: true });
  assert.equal((await stage.type(['init', 'nightly'])).code, 0);
  assertOwned(stage);
});

test('what the owner may not make is exit 2, with the command that makes it', async (t) => {
  const stage = await stageOf(t);
  if (isRoot) lchownSync(dirname(stage.config.file), 0, 0);
  else chmodSync(dirname(stage.config.file), 0o500);
  const { code, stderr } = await stage.type(['init', 'nightly']);
  if (isRoot) assert.match(stderr, /nobody, to whom the repository will belong, may not make .*\/replica: install -d -m 700 -o nobody .*\/replica/);
  assert.equal(code, isRoot ? 2 : 1);
  assert.equal(lstatSync(stage.config.replica, { throwIfNoEntry: false }), undefined);
  chmodSync(dirname(stage.config.file), 0o755);
});
