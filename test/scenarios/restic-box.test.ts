/** restic on the replica as an operator types it: in a box, and whatever it is asked or does, the replica stays as it is. */
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { give, prefixOf } from '../support/asked.ts';
import { program, spawnRatchet } from '../support/cli.ts';
import { processesOf } from '../support/processes.ts';
import { attributesOf, configWith, described, everyKind, giveAttributes, isRoot, type Place, rescuePlace, scriptedRestic } from '../support/rescue.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { sha256 } from '../support/tree.ts';

const execute = promisify(execFile);

/** A command around the program, as whoever runs the tests; what it printed and its exit code. */
async function around(place: Place, command: readonly string[], args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const [file = '', ...argv] = [...command, process.execPath, program, ...args];
  return execute(file, argv, { env: { PATH: process.env['PATH'] ?? '', HOME: place.out, TZ: 'UTC', ...env }, cwd: '/', maxBuffer: 1 << 26 }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: unknown) => error as { code: number; stdout: string; stderr: string },
  );
}

describe('a replica of an ordinary user, typed as whoever runs the tests', () => {
  let place: Place;
  let hasAttributes = false;
  const ended: (() => void)[] = [];
  before(async () => {
    place = await rescuePlace({ after: (work) => ended.push(work) }, { owner: 'ordinary', fill: (folder) => { everyKind(folder); hasAttributes = giveAttributes(join(folder, 'plain')); } });
    process.once('exit', () => { ended.forEach((work) => { work(); }); });
  });

  const reading: readonly (readonly [args: string, says: RegExp])[] = [
    ['snapshots --json', /^\[\{"time"/], ['ls -l latest', /1234 +2345 .*\/program$/m], ['find other', /\/sub\/other/], ['dump latest /plain', /^plain$/],
    ['stats', /Snapshots processed: +1/], ['check --read-data', /no errors were found/], ['key list', /\*[0-9a-f]{8}/], ['version', /^restic /],
  ];
  for (const [args, says] of reading) {
    test(`restic ${args}: restic's answer, exit 0, and nothing is touched`, async () => {
      const earlier = place.replicaNow();
      const { code, stdout, stderr } = await place.run(['restic', 'nightly', '--', ...args.split(' ')]);
      assert.equal(code, 0, stderr);
      if (isRoot || !args.includes('-l')) assert.match(stdout, says);
      assert.deepEqual(place.replicaNow(), earlier);
    });
  }

  test("restic's own exit code and words pass", async () => {
    for (const args of [['dump', 'latest', '/nope'], ['ls', '00000000'], ['snapshots', '--nosuch']]) {
      const plain = await execute('restic', ['-r', place.config.replica, '-p', place.repository.passwordFile, '--no-lock', '--no-cache', ...args]).catch((error: unknown) => error as { code: number; stderr: string });
      const { code, stderr } = await place.run(['restic', 'nightly', '--', ...args]);
      assert.deepEqual([code, stderr.replaceAll('/repo', place.config.replica)], ['code' in plain ? plain.code : 0, plain.stderr], args.join(' '));
    }
  });

  test('a wrong password is restic\'s own word', async () => {
    const file = join(place.folder, 'owned/wrong');
    writeFileSync(file, 'wrong\n', { mode: 0o600 });
    give('ordinary', file);
    const { code, stderr } = await place.run(['restic', 'nightly', '--', 'snapshots'], { config: configWith(place, { passwordFile: file }) });
    assert.ok([1, 12].includes(code ?? 0));
    assert.match(stderr, /wrong password or no key found/);
  });

  test('a file with bytes of all kinds comes out of a pipe as it went in, through a reader that is slow to begin', async () => {
    const big = await rescuePlace({ after: () => undefined }, { fill: (folder) => { writeFileSync(join(folder, 'big'), randomBytes(8 << 20)); } });
    const piped = `"$@" | { read -r first < /dev/null; sha256sum; }`;
    const { stdout } = await execute('sh', ['-c', piped, 'sh', process.execPath, program, '--config', big.config.file, 'restic', 'nightly', '--', 'dump', 'latest', '/big'], { env: { PATH: process.env['PATH'] ?? '', HOME: big.out } });
    assert.equal(stdout.slice(0, 64), sha256(join(big.source, 'big')));
    const archive = `"$@" | tar t`;
    const listed = await execute('sh', ['-c', archive, 'sh', process.execPath, program, '--config', place.config.file, 'restic', 'nightly', '--', 'dump', 'latest', '/sub'], { env: { PATH: process.env['PATH'] ?? '', HOME: place.out } });
    assert.match(listed.stdout, /sub\/other/);
    rmSync(big.folder, { recursive: true });
  });

  test('a reader that goes away ends it', async () => {
    const piped = `{ "$@"; echo "code $?" >&2; } | head -c 1`;
    const { stderr } = await execute('sh', ['-c', piped, 'sh', process.execPath, program, '--config', place.config.file, 'restic', 'nightly', '--', 'dump', 'latest', '/'], { env: { PATH: process.env['PATH'] ?? '', HOME: place.out } });
    assert.match(stderr, /code (0|1|141)$/m);
  });

  test('what is not for the box is exit 2 with a word why, and restic is not started', async () => {
    const started = join(place.folder, 'started');
    const config = configWith(place, { path: scriptedRestic(place, `echo x > ${started}`) });
    for (const [args, why] of [['forget latest', /removes from the repository/], ['mount /mnt', /does not fit into a box/], ['ls -r /x latest', /the repository is the replica/], ['restore latest', /needs a target/], ['nosuch', /no command/]] as const) {
      const { code, stdout, stderr } = await place.run(['restic', 'nightly', '--', ...args.split(' ')], { config });
      assert.deepEqual([code, stdout], [2, ''], args);
      assert.match(stderr, why);
    }
    assert.equal((await place.run(['restic', 'nosuch', '--', 'ls'])).code, 2);
    assert.match((await place.run(['--json', 'restic', 'nightly', '--', 'ls', 'latest'])).stderr, /--json belongs to restic here/);
    assert.ok(!existsSync(started));
  });

  test('a password that a program prints', async () => {
    const told = ['echo', readFileSync(place.repository.passwordFile, 'utf8').trim()];
    const { code, stdout, stderr } = await place.run(['restic', 'nightly', '--', 'snapshots', '--json'], { config: configWith(place, { passwordFile: undefined, passwordCommand: told }) });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^\[\{"time"/);
    const untold = await place.run(['restic', 'nightly', '--', 'snapshots'], { config: configWith(place, { passwordFile: undefined, passwordCommand: ['false'] }) });
    assert.equal(untold.code, 1);
    assert.match(untold.stderr, /passwordCommand: false ended with 1\n[^]*\nrsync-ratchet: .*\n$/);
  });

  test('without a password and without a terminal: exit 2, which says what to do', async () => {
    const { code, stderr } = await place.run(['restic', 'nightly', '--', 'snapshots'], { config: configWith(place, { passwordFile: undefined }) });
    assert.equal(code, 2);
    assert.match(stderr, /no restic\.passwordFile and no passwordCommand, and there is no terminal to ask.*\n.*Nothing was started/);
  });

  test('what is restored has its owners, modes, kinds and attributes again', async () => {
    const target = join(place.out, 'whole');
    const earlier = place.replicaNow();
    const { code, stderr } = await place.run(['restic', 'nightly', '--', 'restore', 'latest', '--target', 'whole'], { cwd: place.out });
    assert.equal(code, 0, stderr);
    assert.deepEqual(described(target), described(place.source));
    assert.deepEqual(attributesOf(join(target, 'plain')), attributesOf(join(place.source, 'plain')));
    if (hasAttributes) assert.notEqual(attributesOf(join(target, 'plain'))[0], '');
    assert.deepEqual(place.replicaNow(), earlier);
    assert.match(stderr, /restored to .*\/whole, which is called \/target in the box/);
    if (isRoot) assert.equal(statSync(target).uid, 0, "the caller's");
  });

  test('the same by a Node that lets no process change its user', async () => {
    if (!isRoot) return;
    const env = { NODE_OPTIONS: `--require ${fileURLToPath(new URL('../support/sharedLibuv.cjs', import.meta.url))}` };
    rmSync(join(place.config.replica, '.rsync-ratchet/readers'), { force: true });
    const target = join(place.out, 'shared');
    const { code, stderr } = await place.run(['restic', 'nightly', '--', 'restore', 'latest', '--target', target], { env });
    assert.equal(code, 0, stderr);
    assert.deepEqual(described(target), described(place.source));
    assert.equal((await place.run(['restic', 'nightly', '--', 'snapshots'], { env })).code, 0);
    assert.equal(lstatSync(join(place.config.replica, '.rsync-ratchet/readers')).uid, lstatSync(place.config.replica).uid, "the owner's");
  });

  test('one file, by a pattern, into a folder that is there and keeps what it has', async () => {
    const target = join(place.out, 'one');
    mkdirSync(target);
    writeFileSync(join(target, 'mine'), 'mine');
    const { code, stderr } = await place.run(['--quiet', 'restic', 'nightly', '--', 'restore', `--target=${target}`, '--include', '/sub/other', '--', 'latest']);
    assert.deepEqual([code, readFileSync(join(target, 'sub/other'), 'utf8'), readdirSync(target).sort()], [0, 'other', ['mine', 'sub']], stderr);
  });

  test('a symlink in the target that leads out of it: what lies behind it is restored in its place, or restic says that it is not', async () => {
    const target = join(place.out, 'leading');
    mkdirSync(target);
    symlinkSync('/tmp', join(target, 'sub'));
    const { code } = await place.run(['restic', 'nightly', '--', 'restore', 'latest', '--target', target, '--include', '/sub/other']);
    assert.equal(code === 0, existsSync(join(target, 'sub/other')));
  });

  describe('a target among files of ours is exit 2; nothing is made, and nothing is touched', () => {
    const targets: readonly (readonly [what: string, target: (place: Place) => string])[] = [
      ['the replica', ({ config }) => config.replica],
      ['in the replica', ({ config }) => join(config.replica, 'data/new')],
      ['in our own folder there', ({ config }) => join(config.replica, '.rsync-ratchet/x')],
      ['the state folder', ({ config }) => config.state],
      ['in the state folder', ({ config }) => join(config.state, 'nightly/x')],
      ['around the replica', ({ folder }) => join(folder, 'owned')],
      ['the whole machine', () => '/'],
      ['through a symlink', ({ out, config }) => { symlinkSync(config.replica, join(out, 'link')); return join(out, 'link/new'); }],
    ];
    for (const [what, target] of targets) {
      test(what, async () => {
        const path = target(place);
        const earlier = [place.replicaNow(), existsSync(path)];
        const { code, stdout, stderr } = await place.run(['restic', 'nightly', '--', 'restore', 'latest', '--target', path]);
        assert.deepEqual([code, stdout], [2, ''], stderr);
        assert.match(stderr, /lie in one another\n.*Nothing was started/);
        assert.deepEqual([place.replicaNow(), existsSync(path)], earlier);
      });
    }

    test('a part of the replica that is mounted elsewhere', async () => {
    if (!isRoot) return;
      const bound = join(place.out, 'bound');
      mkdirSync(bound);
      const earlier = place.replicaNow();
      const script = 'mount --bind "$0/snapshots" "$1"; shift; exec "$@"';
      const { code, stderr } = await around(place, ['unshare', '--mount', 'sh', '-c', script, place.config.replica, bound], ['--config', place.config.file, 'restic', 'nightly', '--', 'restore', 'latest', '--target', bound]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /lie in one another/);
      assert.deepEqual(place.replicaNow(), earlier);
    });

    test('a folder with another file system mounted below, where files would come to lie underneath', async () => {
      if (!isRoot) return;
      const above = join(place.out, 'möunt point');
      mkdirSync(join(above, 'sub'), { recursive: true });
      const script = 'mount -t tmpfs tmpfs "$0/sub"; exec "$@"';
      const { code, stderr } = await around(place, ['unshare', '--mount', 'sh', '-c', script, above], ['--config', place.config.file, 'restic', 'nightly', '--', 'restore', 'latest', '--target', above]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /another file system is mounted below it \(.*\/m.*unt point\/sub\)\n.*Nothing was started/);
      assert.deepEqual([readdirSync(above), readdirSync(join(above, 'sub'))], [['sub'], []]);
    });

    test('a file in its place, and a folder that may not be made', async () => {
      writeFileSync(join(place.out, 'file'), '');
      for (const path of [join(place.out, 'file'), join(place.out, 'file/below'), '/proc/x']) {
        const { code, stderr } = await place.run(['restic', 'nightly', '--', 'restore', 'latest', '--target', path]);
        assert.equal(code, 2, stderr);
        assert.match(stderr, /cannot be restored to: E/);
      }
    });
  });

  test('a full disk at the target: restic says it and ends badly', async () => {
    if (!isRoot) return;
    const small = join(place.out, 'small');
    mkdirSync(small);
    const script = 'mount -t tmpfs -o size=4k,nr_inodes=4 tmpfs "$0"; exec "$@"';
    const { code, stderr } = await around(place, ['unshare', '--mount', 'sh', '-c', script, small], ['--config', place.config.file, 'restic', 'nightly', '--', 'restore', 'latest', '--target', small]);
    assert.equal(code, 1);
    assert.match(stderr, /no space left on device/);
    assert.doesNotMatch(stderr, /^rsync-ratchet:/m, "the exit code is restic's");
  });

  test('a whole line of ours is the last where there was no box, exit 1', async () => {
    if (!isRoot) return;
    const { code, stdout, stderr } = await around(place, ['setpriv', '--bounding-set=-sys_admin', '--'], ['--config', place.config.file, 'restic', 'nightly', '--', 'restore', 'latest', '--target', join(place.out, 'never')]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /this kernel refuses namespaces.*\n.*restic was not started/);
    assert.match(stderr.trimEnd().split('\n').at(-1) ?? '', /^rsync-ratchet: /);
  });

  test('a restic that is not there, and a replica that is not: exit 1 with that line', async () => {
    for (const config of [configWith(place, { path: 'no-such-restic' }), configWith(place, {}, 'elsewhere.yaml')]) {
      if (config.endsWith('elsewhere.yaml')) writeFileSync(config, readFileSync(config, 'utf8').replace(place.config.replica, `${place.config.replica}-not`));
      const { code, stderr } = await place.run(['restic', 'nightly', '--', 'snapshots'], { config });
      assert.equal(code, 1, stderr);
      assert.match(stderr.trimEnd().split('\n').at(-1) ?? '', /^rsync-ratchet: /);
    }
  });

  describe('on a terminal', () => {
    /** The program on a pseudo-terminal; what is typed comes once `after` has been printed. */
    async function typed(config: string, args: readonly string[], keys = '', after = ''): Promise<string> {
      const words = [process.execPath, program, '--config', config, 'restic', 'nightly', '--', ...args].map((word) => `'${word}'`).join(' ');
      const child = spawn('script', ['-qec', `trap : INT; ${words}; echo "code $?"`, '/dev/null'], { env: { PATH: process.env['PATH'] ?? '', HOME: place.out, TERM: 'xterm', NO_COLOR: '1' }, stdio: ['pipe', 'pipe', 'inherit'] });
      let printed = '';
      let isTyped = keys === '';
      child.stdout.on('data', (chunk: Buffer) => {
        printed += chunk.toString('latin1');
        if (isTyped || !printed.includes(after)) return;
        isTyped = true;
        child.stdin.write(keys);
      });
      await once(child, 'close');
      return printed;
    }

    test('a name that commands a terminal is shown byte by byte', async () => {
      const printed = await typed(place.config.file, ['ls', 'latest']);
      assert.match(printed, /^\/n\\#033\[31mred\r$/m);
      assert.ok(!printed.includes('\x1b[31m'));
    });

    test('progress goes on in one line', async () => {
      assert.match(await typed(place.config.file, ['check', '--read-data']), /\r\[\d+:\d\d\] .*packs\x1b\[K/);
    });

    test('the password is asked for and not shown', async () => {
      const config = configWith(place, { passwordFile: undefined });
      const printed = await typed(config, ['snapshots'], 'open sesame\r', 'password of nightly: ');
      assert.match(printed, /1 snapshots\r\n(Timestamps .*\r\n)?code 0/);
      assert.doesNotMatch(printed, /sesame/);
      assert.match(await typed(config, ['snapshots'], 'wrong\r', 'password of nightly: '), /wrong password or no key found/);
      assert.match(await typed(config, ['snapshots'], '\x03', 'password of nightly: '), /code 130/);
      assert.match(await typed(config, ['snapshots'], '\x04', 'password of nightly: '), /no password was typed[^]*code 2/);
    });

    test('Ctrl-C ends restic', async () => {
      const config = configWith(place, { path: scriptedRestic(place, 'echo begun; sleep 1000') });
      assert.match(await typed(config, ['snapshots'], '\x03', 'begun'), /code 130/);
    });
  });

  test('told to stop it ends, with all that it has started, and leaves nothing behind', async (t) => {
    const temporary = temporaryFolder(t);
    give('ordinary', temporary);
    const config = configWith(place, { path: scriptedRestic(place, 'echo begun; exec sleep 54321') });
    const running = spawnRatchet(['restic', 'nightly', '--', 'snapshots'], { config, env: { TMPDIR: temporary } });
    await once(running.child.stdout, 'data');
    running.kill('SIGTERM');
    assert.equal((await running.finished).code, 143);
    assert.deepEqual(processesOf('sleep 54321'), []);
    assert.deepEqual(readdirSync(temporary), []);
  });

  test('while it runs no file may leave the replica, and nights go on', async () => {
    const config = configWith(place, { path: scriptedRestic(place, 'echo begun; exec sleep 1000') });
    const running = spawnRatchet(['restic', 'nightly', '--', 'snapshots'], { config });
    await once(running.child.stdout, 'data');
    const lock = join(place.config.replica, '.rsync-ratchet/readers');
    const isFree = (): boolean => { try { execFileSync('flock', ['-n', lock, 'true']); return true; } catch { return false; } };
    assert.equal(isFree(), false);
    assert.equal((await place.run(['sync'])).code, 0);
    running.kill('SIGTERM');
    await running.finished;
    assert.equal(isFree(), true);
    if (isRoot) assert.equal(lstatSync(lock).uid, lstatSync(place.config.replica).uid, "the owner's");
  });

  /** What a restic in the box tries that has been taken over, and what of it may succeed. */
  const tries: readonly (readonly [what: string, command: string, may: boolean])[] = [
    ['write to the target', 'echo x > /target/x && chmod 4755 /target/x && mkdir /target/y', true],
    ['write to the repository', 'echo x > /repo/config || echo x > /repo/data/x || rm /repo/snapshots/* || echo x > /lower/replica/x', false],
    ['change modes in the repository', 'chmod 777 /repo/keys/* || chown 1 /repo/keys || touch /repo/data', false],
    ['write to /dev/null', 'echo x > /dev/null', true],
    ['change /dev/null, which is the whole machine\'s', 'chmod 640 /dev/null || chown 1 /dev/null || touch -d @1 /dev/null', false],
    ['write to programs', 'echo x > /usr/bin/x-ratchet-test || echo x > /restic || echo x > /password', false],
    ['write beside the target', 'echo x > /x || echo x > /tmp/x || mkdir /repo/locks/x', false],
    ['remount', 'mount -o remount,rw /repo/data || mount -t tmpfs tmpfs /tmp || umount /repo/data', false],
    ['use a device', 'mknod /target/d b 7 0 && cat /target/d', false],
    ['leave the box', 'chroot / true || unshare --mount true || nsenter -t 1 --mount true', false],
    ['see others', `ls /proc/1 || kill -0 ${process.pid}`, false],
    ['reach a network', `bash -c 'echo x > /dev/udp/192.0.2.1/53'`, false],
    ['see this machine', 'ls /etc/shadow || ls /home || ls /root || ls /var', false],
  ];
  test('a restic that has been taken over writes to the target and to nothing else', async () => {
    const script = tries.map(([what, command]) => `if (${command}) >/dev/null 2>&1; then echo "${what}: yes"; else echo "${what}: no"; fi`).join('\n');
    const config = configWith(place, { path: scriptedRestic(place, `${script}\nexit 42`) });
    const earlier = place.replicaNow();
    const { code, stdout } = await place.run(['restic', 'nightly', '--', 'restore', 'latest', '--target', join(place.out, 'taken')], { config });
    assert.equal(code, 42);
    assert.deepEqual(stdout.trim().split('\n'), tries.map(([what, , may]) => `${what}: ${may ? 'yes' : 'no'}`));
    assert.deepEqual(place.replicaNow(), earlier);
  });

  test('it has the powers to give files their owners for restore alone, and no other', async () => {
    if (!isRoot) return;
    const config = configWith(place, { path: scriptedRestic(place, 'setpriv --dump') });
    const bounding = async (...args: string[]): Promise<string> => /bounding set: (.*)/.exec((await place.run(['restic', 'nightly', '--', ...args], { config })).stdout)?.[1] ?? '';
    assert.equal(await bounding('restore', 'latest', '--target', join(place.out, 'powers')), 'chown,dac_override,fowner,fsetid,mknod,setfcap');
    assert.equal(await bounding('snapshots'), '[none]');
  });
});

describe('typed as an ordinary user', () => {
  /** Files that are not his own, none of them a device. */
  const fill = (folder: string): void => { everyKind(folder); rmSync(join(folder, 'device'), { force: true }); };
  const asOrdinary = (place: Place, target: string, command: readonly string[] = []) => {
    give('ordinary', place.out);
    if (isRoot) give('ordinary', place.config.file);
    return around(place, [...command, ...prefixOf('ordinary')], ['--config', place.config.file, 'restic', 'nightly', '--', 'restore', 'latest', '--target', target]);
  };

  test('owners are not restored: said beforehand, everything is his, and the exit code is that of the content', async (t) => {
    const place = await rescuePlace(t, { owner: 'ordinary', fill });
    const target = join(place.out, 'whole');
    const { code, stderr } = await asOrdinary(place, target);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^warning: you are not root: all files will be yours; owners, access lists \(ACLs\) and devices are not restored\n/);
    const whose = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/ \d+:\d+ (\d+ \d+ \S*)$/, ' $1'));
    assert.deepEqual(whose(described(target)), whose(described(place.source)));
    assert.equal(lstatSync(join(target, 'sub/other')).uid, lstatSync(place.out).uid);
  });

  test('his subordinate IDs stand for the other owners', async (t) => {
    if (!isRoot || !existsSync('/usr/bin/newuidmap')) return; // root writes another /etc/subuid for this
    const place = await rescuePlace(t, { owner: 'ordinary', fill });
    const [target, ids] = [join(place.out, 'whole'), join(place.folder, 'ids')];
    writeFileSync(ids, 'nobody:100000:65536\n');
    const script = 'for file in /etc/subuid /etc/subgid; do mount --bind "$0" $file; done; exec "$@"';
    const { code, stderr } = await asOrdinary(place, target, ['unshare', '--mount', 'sh', '-c', script, ids]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /files of other owners will belong to your subordinate IDs/);
    const { uid, gid, mode } = lstatSync(join(target, 'program'));
    assert.deepEqual([uid, gid, mode & 0o7777], [100000 + 1233, 100000 + 2344, 0o4755]);
    assert.equal(lstatSync(join(target, 'plain')).uid, 65534, "root's files are his own");
  });
});
