/** The room that restic runs in: no network, nothing of this machine but the repository, read-only, and its password. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Reply } from '../support/askRestic.ts';
import { askAs, give, type User } from '../support/asked.ts';
import { anyOf } from '../support/night.ts';
import { processesOf } from '../support/processes.ts';
import { preparedRepository } from '../support/restic.ts';
import { type Ending, temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';

/** A listener on loopback, and how often it was reached. */
let listener: Server;
let reached = 0;
before(async () => {
  listener = createServer((socket) => { reached += 1; socket.destroy(); });
  await new Promise<void>((resolve) => { listener.listen(0, '127.0.0.1', resolve); });
});
after(() => { listener.close(); });

interface Place {
  readonly folder: string;
  readonly replica: string;
  readonly passwordFile: string;
  readonly scratch: string;
  /** Something else that is secret, and readable for whoever runs restic. */
  readonly secret: string;
  readonly program: string;
}

/** A replica, and a program in restic's place that tries each line of `tries` ("name command") and tells how it went. */
async function placeFor(t: Ending, user: User, tries: (place: Place) => Readonly<Record<string, string>>): Promise<Place> {
  const folder = temporaryFolder(t);
  const [replica, scratch, secret, program] = ['replica', 'scratch', 'id_ed25519', 'restic'].map((name) => join(folder, name)) as [string, string, string, string];
  const { passwordFile } = await preparedRepository(replica);
  mkdirSync(scratch, { mode: 0o700 });
  writeFileSync(secret, 'secret', { mode: 0o600 });
  mkdirSync(join(replica, '.rsync-ratchet'), { mode: 0o700 });
  const place = { folder, replica, passwordFile, scratch, secret, program };
  const lines = Object.entries(tries(place)).map(([name, command]) => `if (${command}) >/dev/null 2>&1; then echo "${name}: yes"; else echo "${name}: no"; fi`);
  writeFileSync(program, `#!/bin/sh\n${lines.join('\n')}\n`);
  chmodSync(program, 0o755);
  give(user, folder);
  return place;
}

function answersOf(reply: Reply): Record<string, string> {
  assert.ok('stdout' in reply && reply.isGood, JSON.stringify(reply));
  return Object.fromEntries(reply.stdout.trim().split('\n').map((line) => line.split(': ') as [string, string]));
}

/** What the program tries. Where the replica is in the room depends on the road. */
function attempts({ folder, replica, secret, passwordFile }: Place, inside: readonly string[]): Record<string, string> {
  const pack = anyOf(replica, 'data');
  const writes = inside.flatMap((root) => [
    [`overwrite ${root}`, `echo x > ${root}/${pack}`], [`delete ${root}`, `rm ${root}/${pack}`], [`chmod ${root}`, `chmod 777 ${root}/${pack}`],
    [`rename ${root}`, `mv ${root}/${pack} ${root}/${pack}-x`], [`create ${root}`, `echo x > ${root}/${pack}-x`], [`touch ${root}`, `touch ${root}/${pack}`],
    [`remount ${root}`, `mount -o remount,rw ${root}`], [`unmount ${root}`, `umount ${root}`],
  ]);
  return {
    'read the repository': `cat /repo/config /repo/${pack} && ls /repo/keys /repo/snapshots /repo/index`,
    'read the password': 'grep -q "open sesame" /password',
    'use /dev/null': 'echo x > /dev/null && test -c /dev/null',
    'write temporary files': 'echo x > /tmp/x',
    'reach loopback': `bash -c 'exec 3<>/dev/tcp/127.0.0.1/${(listener.address() as AddressInfo).port}'`,
    'reach a name server': "bash -c 'echo x > /dev/udp/192.0.2.1/53'",
    'change the password': 'echo x > /password',
    'change restic': 'echo x > /restic',
    'change programs': 'echo x > /usr/bin/x-ratchet-test',
    'see the secret': `cat ${secret}`,
    'see the password file by its name': `cat ${passwordFile}`,
    'see the folder of the test': `ls ${folder}`,
    'see /etc': 'ls /etc',
    'see home': `ls ${process.env['HOME'] ?? '/root'} || ls /root || ls /home`,
    'see processes': '! [ $$ -eq 2 ] && kill -0 2 || ls /proc/1 || kill -0 ' + String(process.pid),
    'see devices': 'ls /dev/mem || ls /dev/vda || ls /dev/fuse || ls /dev/kmsg',
    'see a socket of this machine': 'ls /run || ls /var',
    mount: 'mount -t tmpfs tmpfs /tmp',
    'make a device': 'mknod /tmp/device b 8 0',
    'leave the chroot': 'chroot /tmp /bin/true || chroot / /bin/true',
    ...Object.fromEntries(writes) as Record<string, string>,
  };
}

const allowed = ['read the repository', 'read the password', 'use /dev/null', 'write temporary files'];

for (const user of ['runner', 'ordinary'] as const) {
  for (const road of ['overlay', 'links'] as const) {
    test(`what runs in restic's place cannot reach, change or see anything (${user} user, ${road})`, async (t) => {
      const place = await placeFor(t, user, (made) => attempts(made, ['/repo', '/lower/replica']));
      const before = digest(place.folder, { inode: true, without: ['scratch', 'view'], mtime: false });
      const connections = reached;
      const reply = await askAs(user, { ...place, road, ask: 'unlocks', nightly: { restic: { path: place.program } } });
      const answers = answersOf(reply);
      assert.deepEqual(Object.keys(answers).filter((name) => answers[name] === 'yes'), allowed);
      assert.equal(reached, connections, 'nobody came to the listener');
      assert.deepEqual(digest(place.folder, { inode: true, without: ['scratch', 'view'], mtime: false }), before);
    });
  }
}

test('what runs in restic\'s place is told nothing of this machine by its environment or its arguments, and gets no more memory than restic.memory and a quarter', async (t) => {
  const place = await placeFor(t, 'runner', () => ({}));
  writeFileSync(place.program, '#!/bin/sh\nulimit -d\nenv | grep -v "^_=" | sort\nls / | tr "\\n" " "\necho\necho "$@"\n');
  const reply = await askAs('runner', { ...place, road: 'overlay', ask: 'unlocks', nightly: { restic: { path: place.program } } }, { RESTIC_PASSWORD: 'x', AWS_SECRET_ACCESS_KEY: 'x', SSH_AUTH_SOCK: '/x' });
  assert.ok('stdout' in reply, JSON.stringify(reply));
  const lines = reply.stdout.trim().split('\n');
  const [seen = '', given] = lines.slice(-2);
  assert.deepEqual(lines.slice(0, -2), ['5242880', 'GOMEMLIMIT=4294967296', 'HOME=/tmp', 'LC_ALL=C', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'PWD=/', 'TMPDIR=/tmp']);
  const known = new Set(['bin', 'dev', 'lib', 'lib64', 'lower', 'password', 'repo', 'restic', 'sbin', 'tmp', 'upper', 'usr', 'work']);
  assert.deepEqual(seen.trim().split(' ').filter((name) => !known.has(name)), []);
  assert.equal(given, '-r /repo --password-file /password --no-lock --no-cache cat config');
});

for (const user of ['runner', 'ordinary'] as const) {
  test(`what runs in restic's place has no capability, and nothing that it starts can get one (${user} user)`, async (t) => {
    const place = await placeFor(t, user, () => ({}));
    writeFileSync(place.program, '#!/bin/sh\nsetpriv -d -d | grep -E "^(no_new|Effective|Permitted|Inheritable|Ambient|Capability)"\n');
    const reply = await askAs(user, { ...place, road: 'overlay', ask: 'unlocks', nightly: { restic: { path: place.program } } });
    assert.ok('stdout' in reply, JSON.stringify(reply));
    assert.deepEqual(reply.stdout.trim().split('\n'), [
      'no_new_privs: 1', ...['Effective capabilities', 'Permitted capabilities', 'Inheritable capabilities', 'Ambient capabilities', 'Capability bounding set'].map((name) => `${name}: [none]`),
    ]);
  });
}

test('the view leaves nothing mounted and no process behind', async (t) => {
  const place = await placeFor(t, 'runner', () => ({ nothing: 'true' }));
  writeFileSync(place.program, '#!/bin/sh\ntail -f /dev/null &\nexit 0\n');
  const reply = await askAs('runner', { ...place, road: 'overlay', ask: 'unlocks', nightly: { restic: { path: place.program } } });
  assert.ok('stdout' in reply && reply.isGood, JSON.stringify(reply));
  assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(place.folder));
  assert.deepEqual(processesOf(place.folder), []);
});
