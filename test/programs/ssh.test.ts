import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Failure, Interrupted } from '../../src/errors.ts';
import { connect } from '../../src/programs/ssh.ts';
import { makeRunFolder, removeRunFolder } from '../../src/programs/run-folder.ts';
import { masterCommand, rsyncSource, throughMaster } from '../../src/programs/ssh-command.ts';
import { connectionFailure } from '../../src/programs/ssh-words.ts';
import { setVariables } from '../support/environment.ts';
import { repositoryConfig } from '../support/repositoryConfig.ts';
import { freePort, startSshd, type SshAccount, type Sshd } from '../support/sshd.ts';
import { processesOf } from '../support/processes.ts';
import { removeTree, temporaryFolder } from '../support/temporary.ts';

type SshRepository = Parameters<typeof masterCommand>[0];
const repository = (changes: Parameters<typeof repositoryConfig>[0]) => repositoryConfig(changes) as SshRepository;
/** DESIGN section 5, rule 11. */
const first = [
  '-M', '-N', '-T', '-S', '/run/x/ssh', '-oControlPersist=no', '-oForkAfterAuthentication=no', '-oBatchMode=yes', '-oStrictHostKeyChecking=yes',
  '-oClearAllForwardings=yes', '-oForwardAgent=no', '-oForwardX11=no', '-oTunnel=no', '-oPermitLocalCommand=no', '-oNoHostAuthenticationForLocalhost=no',
  '-oVerifyHostKeyDNS=no', '-oUpdateHostKeys=no', '-oAddKeysToAgent=no', '-oRemoteCommand=none', '-oEscapeChar=none',
];
const changeable = (connect = 30): string[] => [`-oConnectTimeout=${connect}`, '-oServerAliveInterval=15', '-oServerAliveCountMax=4', '-oLogLevel=ERROR'];
const ciphers = /\baes\b/.test(readFileSync('/proc/cpuinfo', 'latin1')) ? ['-oCiphers=^aes128-gcm@openssh.com'] : [];

describe('the master', () => {
  test('with nothing configured, word for word', () => {
    const { file, args } = masterCommand(repository({ source: 'serverA:' }), '/run/x/ssh');
    assert.deepEqual([file, ...args], ['ssh', ...first, ...changeable(), ...ciphers, '--', 'serverA']);
  });

  test('with everything configured: what protects comes first, because ssh takes the first; keep-alive comes last', () => {
    const { args } = masterCommand(repository({
      source: 'backup@serverA:/srv/re po', timeouts: { connect: '90s' },
      ssh: { port: 2222, identityFile: '/k/id one', knownHostsFile: '/k/kno wn%h', options: ['ProxyJump=jump', 'BatchMode=no', 'Ciphers=aes256-ctr'] },
    }), '/run/x/ssh');
    assert.deepEqual(args, [
      ...first, '-oUserKnownHostsFile="/k/kno wn%%h"', '-oIdentitiesOnly=yes',
      '-oProxyJump=jump', '-oBatchMode=no', '-oCiphers=aes256-ctr', ...changeable(90), ...ciphers, '-i', '/k/id one', '-p', '2222', '-l', 'backup', '--', 'serverA',
    ]);
  });

  test('gets nothing of our environment but what ssh needs', (t) => {
    setVariables(t, { SSH_ASKPASS: '/x', DISPLAY: ':0', LD_PRELOAD: '/x', RATCHET_TEST: '1', SSH_AUTH_SOCK: '/agent' });
    const { env } = masterCommand(repository({ source: 'serverA:' }), '/run/x/ssh');
    const allowed = ['HOME', 'LC_ALL', 'LOGNAME', 'PATH', 'SSH_AUTH_SOCK', 'USER', 'XDG_RUNTIME_DIR'];
    assert.deepEqual(Object.keys(env).filter((name) => !allowed.includes(name)), []);
    assert.deepEqual([env['LC_ALL'], env['SSH_AUTH_SOCK']], ['C', '/agent']);
  });
});

test('a channel goes through the master and never past it, word for word', () => {
  assert.equal(throughMaster('/tmp/rsync-ratchet-x/ssh', 'serverA').join(' '),
    'ssh -F /dev/null -oControlMaster=no -oProxyCommand=false -oBatchMode=yes -oLogLevel=ERROR -oControlPath=/tmp/rsync-ratchet-x/ssh -- serverA');
});

const sources: readonly (readonly [written: string, rsync: string])[] = [
  ['backup@serverA:/', 'backup@serverA:/'], ['serverA:', 'serverA:./'], ['serverA:re po', 'serverA:re po/'], ['a@[::1]:/x/', 'a@[::1]:/x/'],
];
describe('the source, as rsync takes it', () => {
  for (const [written, rsync] of sources) test(written, () => { assert.equal(rsyncSource(repository({ source: written }).source), rsync); });
});

describe('the run folder', () => {
  const places: readonly (readonly [name: string, make: (folder: string) => string, isThere: boolean])[] = [
    ['an ordinary one', (folder) => folder, true],
    ['one with a blank', (folder) => join(folder, 'a b'), false],
    ['one with a percent sign, which ssh expands', (folder) => join(folder, '%h'), false],
    ['a long one, whose socket ssh could not bind', (folder) => join(folder, 'x'.repeat(60)), false],
  ];
  for (const [name, make, isThere] of places) {
    test(`${name} as TMPDIR: ${isThere ? 'used' : 'not used'}`, (t) => {
      const tmpdir = make(temporaryFolder(t));
      mkdirSync(tmpdir, { recursive: true });
      setVariables(t, { TMPDIR: tmpdir });
      const made = makeRunFolder();
      t.after(() => removeTree(made));
      assert.equal(dirname(made), isThere ? tmpdir : '/tmp');
      assert.ok(join(made, 'ssh').length < 85);
      assert.deepEqual([lstatSync(made).mode & 0o777, lstatSync(join(made, 'home')).mode & 0o777], [0o700, 0o700]);
    });
  }

  test('only a folder of ours is removed, whatever the lock file says', (t) => {
    const folder = temporaryFolder(t);
    const other = join(folder, 'other');
    mkdirSync(other);
    const [file, link, ours] = ['file', 'link', 'ours'].map((name) => join(folder, `rsync-ratchet-${name}`)) as [string, string, string];
    writeFileSync(file, '');
    symlinkSync(other, link);
    mkdirSync(join(ours, 'home'), { recursive: true });
    for (const path of ['', '/', '.', '..', other, file, link, `${folder}/rsync-ratchet-gone`, `${ours}/..`]) removeRunFolder(path);
    for (const path of [other, file, link, ours]) assert.ok(existsSync(path), path);
    removeRunFolder(ours);
    assert.ok(!existsSync(ours));
  });
});

describe('a connection', () => {
  let sshd: Sshd<'open'> | undefined;
  const folder = temporaryFolder();
  before(async () => { sshd = await startSshd({ folder: join(folder, 'sshd'), accounts: [{ name: 'open' }] }); });
  after(() => sshd?.stop());

  const reaching = (changes: Partial<SshAccount> = {}) => {
    const { user, host, port, identityFile, knownHostsFile } = { ...sshd!.accounts.open, ...changes };
    return repositoryConfig({ source: `${user}@${host}:/`, ssh: { port, identityFile, knownHostsFile }, timeouts: { connect: '60s' } });
  };
  const open = async (changes?: Partial<SshAccount>, interrupt = new AbortController().signal) => {
    const run = makeRunFolder();
    try {
      return { run, connection: await connect(reaching(changes), run, interrupt) };
    } catch (error) {
      assert.deepEqual(processesOf(run), []);
      removeRunFolder(run);
      throw error;
    }
  };
  const other = (name: string, content: string): string => {
    const file = join(folder, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  };

  test('stands when connect returns, is one, and closing leaves nothing', async () => {
    const before = sshd!.connections();
    const { run, connection } = await open();
    assert.ok(lstatSync(join(run, 'ssh')).isSocket());
    assert.deepEqual(connection.channels?.ssh, throughMaster(join(run, 'ssh'), '127.0.0.1'));
    assert.equal(processesOf(run).length, 1);
    await connection.close();
    assert.deepEqual([processesOf(run), existsSync(join(run, 'ssh')), sshd!.connections() - before], [[], false, 1]);
    await connection.close();
    removeRunFolder(run);
  });

  const refused: readonly (readonly [name: string, changes: () => Promise<Partial<SshAccount>>, message: RegExp, hint: RegExp])[] = [
    ['an unknown host key', async () => ({ knownHostsFile: other('empty', '') }), /no ssh connection to 127\.0\.0\.1: .*[Hh]ost key/, /compare it on serverA/],
    ['a key that is not authorised', async () => ({ identityFile: join(folder, 'sshd/host_key') }), /Permission denied/, /serverA refused the key/],
    ['a port where nobody listens', async () => ({ port: await freePort() }), /Connection refused|[Hh]ost key/, /nothing listens there/],
    ['a key file that does not exist', async () => ({ identityFile: join(folder, 'none') }), /./, /^ssh\.identityFile: \S+\/none is not there/],
    ['a key with a passphrase', async () => ({ identityFile: secretKey(folder) }), /Permission denied/, /^ssh\.identityFile: \S+ has a passphrase, which nobody types at night/],
    ['host keys in a folder\'s place', async () => ({ knownHostsFile: folder }), /[Hh]ost key/, /^ssh\.knownHostsFile: \S+ may not be read by \w+, or is no file/],
  ];
  for (const [name, changes, message, hint] of refused) {
    test(`${name}: a failure with its own hint, and nothing left`, async () => {
      const wrong = await changes();
      await assert.rejects(open(wrong), (error: unknown) => {
        assert.ok(error instanceof Failure, String(error));
        assert.match(error.message, message);
        assert.match(error.hint, hint);
        return true;
      });
    });
  }

  test('ssh\'s warnings come on one line without their frames, and each hint is that of its own words', () => {
    const wrong = (said: string): Failure => connectionFailure(repository({ source: 'serverA:/srv' }), said);
    const frame = '@'.repeat(59);
    const changed = wrong(`${frame}\r\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n${frame}\r\nSomeone could be eavesdropping on you!\r\nHost key verification failed.\r\n`);
    assert.equal(changed.message, 'no ssh connection to serverA: WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!; Someone could be eavesdropping on you!; Host key verification failed.');
    assert.match(changed.hint, /the host key is unknown or has changed/);
    assert.match(wrong('fusermount3: mount failed: Permission denied\n').hint, /^FUSE is not allowed here/);
    for (const said of ['backup@serverA: Permission denied (publickey).\r\n', 'Permission denied (publickey,password).']) assert.match(wrong(said).hint, /^serverA refused the key/);
    assert.match(wrong('bind: Permission denied').hint, /^try: ssh/);
    assert.match(wrong(`${frame}\r\n`).message, /no answer in time/);
  });

  test('an interruption comes through as what it is', async () => {
    const interrupt = new AbortController();
    const opening = open({}, interrupt.signal);
    interrupt.abort(new Interrupted('SIGTERM'));
    await assert.rejects(opening, { name: 'Interrupted' });
  });
});

function secretKey(folder: string): string {
  const file = join(folder, 'secret');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'a passphrase', '-f', file]);
  return file;
}
