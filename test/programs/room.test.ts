/** The room that rsync runs in: it writes only what it fetches, and reaches nothing but the two ends of its channel. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { inRoom, wantsRoom } from '../../src/programs/room.ts';
import { setVariables } from '../support/environment.ts';
import { addPack, type Night, type ServerA, startServerA } from '../support/night.ts';
import { shellQuoted } from '../support/sshd.ts';
import { type Ending, temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';

let serverA: ServerA;
let listener: Server;
let reached = 0;
before(async () => {
  serverA = await startServerA();
  listener = createServer((socket) => { reached += 1; socket.destroy(); });
  await new Promise<void>((resolve) => { listener.listen(0, '127.0.0.1', resolve); });
});
after(async () => {
  listener.close();
  await serverA.stop();
});

/** What a program in rsync's place tries, by name. */
function attempts(night: Night): Record<string, string> {
  const { replica, folder, config } = night;
  const key = serverA.sshd.accounts.backup.identityFile;
  const writable = { replica, 'the own folder': join(replica, '.rsync-ratchet'), incoming: join(replica, '.rsync-ratchet/incoming'), state: config.state, source: night.repository.path };
  const anywhere = ['/', '/tmp', '/usr', '/usr/bin', '/etc', '/var/tmp', '/home', '/root', '/dev', '/run', '/proc/sys/kernel'];
  return {
    ...Object.fromEntries([...Object.entries(writable), ...anywhere.map((path) => [path, path])].map(([name, path]) => [`write ${name}`, `test -d ${path} && echo x > ${path}/ratchet-test`])),
    'overwrite config': `echo x > ${replica}/config`,
    'delete config': `rm ${replica}/config`,
    'change the configuration': `echo x >> ${config.file}`,
    'read the configuration': `cat ${config.file}`,
    'read the ssh key': `cat ${key}`,
    'list the ssh key\'s folder': `ls ${key.slice(0, key.lastIndexOf('/'))}`,
    'read home': `ls ${process.env['HOME'] ?? '/root'}`,
    'read the folder of the test': `cat ${folder}/secret`,
    'read /etc/shadow': 'cat /etc/shadow',
    'read ssh\'s own keys': 'ls /etc/ssh',
    'reach loopback': `bash -c 'exec 3<>/dev/tcp/127.0.0.1/${(listener.address() as AddressInfo).port}'`,
    'reach serverA': `bash -c 'exec 3<>/dev/tcp/127.0.0.1/${serverA.sshd.port}'`,
    'reach a name server': "bash -c 'echo x > /dev/udp/192.0.2.1/53'",
    'open a connection of its own': `ssh -F /dev/null -oBatchMode=yes -p ${serverA.sshd.port} 127.0.0.1 true`,
    'see processes': `kill -0 ${process.pid} || grep -l sshd /proc/[0-9]*/comm`,
    mount: 'mount -t tmpfs tmpfs /tmp',
    'see disks': 'ls /dev/vda || ls /dev/sda || ls /dev/mem',
  };
}

/** A shell function that prints `name: yes` for each try that works, on one line of stderr. */
function prober(tries: Readonly<Record<string, string>>): string {
  const lines = Object.entries(tries).map(([name, command]) => `if (${command}) >/dev/null 2>&1; then printf '[%s]' ${shellQuoted(name)} >&2; fi`);
  return `probe() {\n${lines.join('\n')}\necho '[end]' >&2\n}`;
}

/** What the program in rsync's place could do, as the failure of the run tells. */
async function whatWorks(night: Night): Promise<string[]> {
  const before = [night.replicaNow(), digest(night.repository.path), digest(night.config.state, { folders: false, without: ['nightly', 'spool'] }), readFileSync(night.config.file, 'utf8')];
  const [connections, found] = [reached, await night.sync()];
  assert.equal(found.code, 1, found.stdout);
  assert.deepEqual([night.replicaNow(), digest(night.repository.path), digest(night.config.state, { folders: false, without: ['nightly', 'spool'] }), readFileSync(night.config.file, 'utf8')], before);
  assert.equal(reached, connections, 'nobody came to the listener');
  const { message } = found.run.error as { message: string };
  assert.match(message, /\[end\]/);
  return [...message.slice(0, message.indexOf('[end]')).matchAll(/\[([^\]]+)\]/g)].map(([, name]) => name ?? '');
}

/** A night with a program in rsync's place; `script` is given the function `probe` and rsync's arguments. */
async function nightWith(t: Ending, script: string, more: (night: Night) => Record<string, string> = () => ({})): Promise<Night> {
  const program = join(temporaryFolder(t), 'rsync');
  const night = await serverA.night(t, { changes: { repositories: { nightly: { rsync: { path: program, sandbox: 'require' } } } } });
  writeFileSync(join(night.folder, 'secret'), 'secret');
  writeFileSync(program, `#!/bin/bash\n${prober({ ...attempts(night), ...more(night) })}\n${script}\n`, { mode: 0o755 });
  return night;
}

/** The destination is the last argument. */
const destination = 'for last; do :; done';

/** Asked what it would ask serverA for it is rsync; once it has a channel it is not. */
const honestUntilTheChannel = '[ -e /proc/self/fd/4 ] || exec rsync "$@"';

test('what runs in rsync\'s place for an audit writes nothing, reaches nothing and sees no secret', async (t) => {
  const night = await nightWith(t, `${honestUntilTheChannel}\nprobe; exit 1`, ({ replica, temporary }) => ({
    'read the replica': `cat ${replica}/config && ls ${replica}/data`,
    'see any socket': `find / -type s | grep . || ls ${temporary}/rsync-ratchet-*/ssh`,
  }));
  assert.deepEqual((await whatWorks(night)).sort(), ['read the replica']);
});

test('what runs in rsync\'s place for a fetch writes into its own folder alone, and does not see the replica', async (t) => {
  const script = `case " $* " in *" --dry-run "*) exec rsync "$@" ;; esac\n${honestUntilTheChannel}\n${destination}\ncd "$last" && probe; exit 1`;
  const night = await nightWith(t, script, ({ replica }) => ({
    'read the replica': `cat ${replica}/config`, 'write its folder': 'echo x > x', 'write beside it': 'echo x > ../x', 'write above it': 'echo x > ../../x',
  }));
  addPack(night.repository.path);
  assert.deepEqual((await whatWorks(night)).sort(), ['write its folder']);
  assert.deepEqual(night.unfinished(), []);
});

test('without the room the same program could do nearly all of it: the tries are real', async (t) => {
  const tries = attempts(await nightWith(t, 'exit 1'));
  const works = (name: string): string => execFileSync('bash', ['-c', `(${tries[name] ?? ''}) >/dev/null 2>&1 && echo yes || echo no`], { encoding: 'utf8' }).trim();
  for (const name of ['read the ssh key', 'read the configuration', 'read the folder of the test', 'reach loopback', 'reach serverA', 'see processes', 'write state']) {
    assert.equal(works(name), 'yes', name);
  }
});

test('a command in a room keeps its arguments and its paths, and has no variable but its own', () => {
  const made = inRoom({ file: '/usr/bin/rsync', args: ['-a', 'b c'], env: { LC_ALL: 'C' } }, { readable: ['/a b'], writable: ['/c'] });
  assert.equal(made.file, 'bwrap');
  const text = made.args.join('\n');
  for (const part of ['--unshare-all', '--die-with-parent', '--new-session', '--cap-drop\nALL', '--clearenv', '--setenv\nLC_ALL\nC', '--ro-bind\n/a b\n/a b', '--bind\n/c\n/c']) {
    assert.ok(text.includes(part), part);
  }
  assert.ok(text.endsWith('--\n/usr/bin/rsync\n-a\nb c'), text);
});

/** Everything of this machine's programs but bubblewrap. */
function pathWithoutBubblewrap(t: Ending): string {
  const folder = temporaryFolder(t);
  for (const bin of ['/usr/local/bin', '/usr/bin', '/usr/sbin']) {
    for (const name of readdirSync(bin)) {
      if (name === 'bwrap') continue;
      try {
        symlinkSync(join(bin, name), join(folder, name));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  }
  return folder;
}

test('sandbox: require without bubblewrap fails with a hint, and nothing is fetched', async (t) => {
  const night = await serverA.night(t, { changes: { repositories: { nightly: { rsync: { sandbox: 'require' } } } } });
  addPack(night.repository.path);
  const before = night.replicaNow();
  const { code, run } = await night.sync([], { env: { PATH: pathWithoutBubblewrap(t) } });
  assert.deepEqual([code, run.outcome, run.admitted.files], [1, 'failed', 0]);
  assert.match(run.error.message, /rsync\.sandbox is "require", but bubblewrap does not work here: bwrap is not installed/);
  assert.match(run.error.hint, /apt-get install bubblewrap.*rsync\.sandbox: auto/);
  assert.deepEqual([night.replicaNow(), night.unfinished(), readdirSync(night.temporary)], [before, [], []]);
});

test('sandbox: require without bubblewrap does not wait for a serverA that does not answer', async (t) => {
  const night = await serverA.night(t, { changes: { repositories: { nightly: { rsync: { sandbox: 'require' }, timeouts: { connect: '1h' } } } } });
  const path = pathWithoutBubblewrap(t);
  rmSync(join(path, 'ssh'));
  writeFileSync(join(path, 'ssh'), '#!/bin/sh\nexec sleep 3600\n', { mode: 0o755 });
  const { code, run } = await night.sync([], { env: { PATH: path } });
  assert.equal(code, 1);
  assert.match(run.error.message, /bubblewrap does not work here/);
  assert.deepEqual(readdirSync(night.temporary), []);
});

test('sandbox: auto without bubblewrap goes on without a room, and says so: a warning, one mail, a line of status', async (t) => {
  const night = await serverA.night(t);
  addPack(night.repository.path);
  const env = { PATH: pathWithoutBubblewrap(t) };
  const { code, run } = await night.sync([], { env });
  assert.deepEqual([code, run.outcome, run.admitted.files, run.findings.map(({ rule }: { rule: string }) => rule)], [4, 'warned', 1, ['no-room']]);
  const told = night.config.mails().length;
  assert.match(night.config.mails().at(-1)?.text ?? '', /bubblewrap does not work here/);
  assert.equal((await night.sync([], { env })).code, 4);
  assert.equal(night.config.mails().length, told);
  const { stdout } = await night.run(['status']);
  assert.match(stdout, /sandbox +none: bubblewrap does not work here/);
});

test('whether there is a room: with bubblewrap unless it is off', async (t) => {
  assert.deepEqual([await wantsRoom('auto'), await wantsRoom('require'), await wantsRoom('off')], [true, true, false]);
  setVariables(t, { PATH: pathWithoutBubblewrap(t) });
  assert.deepEqual([await wantsRoom('auto'), await wantsRoom('off')], [false, false]);
  await assert.rejects(wantsRoom('require'), { name: 'Failure' });
});

/** bubblewrap that notes each try whether there can be a room, and has none while there is a file `refused`. */
function notedBubblewrap(t: Ending): { readonly env: { readonly PATH: string }; readonly program: string; readonly refused: string; readonly tries: () => number } {
  const folder = temporaryFolder(t);
  const [program, log, refused] = ['bwrap', 'log', 'refused'].map((name) => join(folder, name)) as [string, string, string];
  writeFileSync(log, '');
  const real = execFileSync('sh', ['-c', 'command -v bwrap'], { encoding: 'utf8' }).trim();
  writeFileSync(program, `#!/bin/sh\nfor last; do :; done\n[ "$last" != true ] || echo >> ${log}\n[ ! -e ${refused} ] || exit 1\nexec ${real} "$@"\n`, { mode: 0o755 });
  return { env: { PATH: `${folder}:${process.env['PATH'] ?? ''}` }, program, refused, tries: () => readFileSync(log, 'utf8').length };
}

test('a room that was had is had again without a try; not after a night that failed, and not with another bubblewrap', async (t) => {
  const [night, { env, program, tries }] = [await serverA.night(t), notedBubblewrap(t)];
  const codes = async (...some: readonly Record<string, string>[]): Promise<number[]> => {
    const all: number[] = [];
    for (const each of some) all.push((await night.sync([], { env: each })).code ?? -1, tries());
    return all;
  };
  assert.deepEqual(await codes(env, env), [0, 1, 0, 1]);
  const unreachable = join(temporaryFolder(t), 'ssh');
  writeFileSync(unreachable, '#!/bin/sh\nexit 255\n', { mode: 0o755 });
  assert.deepEqual(await codes({ PATH: `${unreachable.slice(0, -4)}:${env.PATH}` }, env, env), [1, 1, 0, 2, 0, 2]);
  utimesSync(program, 0, 0);
  assert.deepEqual(await codes(env, env), [0, 3, 0, 3]);
});

test('where the room that was had is gone for a reason that nobody sees, the night fails, and the next one knows', async (t) => {
  const [night, { env, refused }] = [await serverA.night(t), notedBubblewrap(t)];
  assert.equal((await night.sync([], { env })).code, 0);
  addPack(night.repository.path);
  writeFileSync(refused, '');
  const before = night.replicaNow();
  const { code, run } = await night.sync([], { env });
  assert.deepEqual([code, run.outcome, run.fetched.files], [1, 'failed', 0]);
  assert.deepEqual([night.replicaNow(), night.unfinished()], [before, []]);
  const next = await night.sync([], { env });
  assert.deepEqual([next.code, next.run.admitted.files, next.run.findings.map(({ rule }: { rule: string }) => rule)], [4, 1, ['no-room']]);
});
