/** ssh as people have it: ssh_config(5) option by option; which of them could break, weaken or outlive a run. With a real sshd. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, createReadStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { connect } from '../../src/programs/ssh.ts';
import { makeRunFolder, removeRunFolder } from '../../src/programs/run-folder.ts';
import { loginArguments, masterCommand, type RemoteRepository } from '../../src/programs/ssh-command.ts';
import { setVariables } from '../support/environment.ts';
import { allEnded, processesOf } from '../support/processes.ts';
import { repositoryConfig } from '../support/repositoryConfig.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { type Ending, temporaryFolder } from '../support/temporary.ts';

let sshd: Sshd<'open'>;
const folder = temporaryFolder();
before(async () => { sshd = await startSshd({ folder: join(folder, 'sshd'), accounts: [{ name: 'open' }] }); });
after(() => sshd.stop());

const ssh = execFileSync('sh', ['-c', 'command -v ssh'], { encoding: 'utf8' }).trim();

/** What the master would do with these lines in its configuration (`ssh -G`), option by option. */
function effective(lines: readonly string[], options: readonly string[] = []): Map<string, string> {
  const file = join(temporaryFolder(), 'config');
  writeFileSync(file, `${lines.join('\n')}\n`);
  const repository = repositoryConfig({ source: 'alias:/srv', ssh: { options } }) as Parameters<typeof masterCommand>[0];
  const said = execFileSync(ssh, ['-F', file, '-G', ...masterCommand(repository, '/run/x/ssh').args], { encoding: 'utf8' });
  return new Map(said.split('\n').map((line) => [line.split(' ', 1)[0] ?? '', line.slice(line.indexOf(' ') + 1)]));
}

describe('what protects, or would break a run, is ours whatever ssh_config and ssh.options say', () => {
  const ours: readonly (readonly [option: string, theirs: string, effective: string | undefined])[] = [
    ['BatchMode', 'no', 'yes'], ['StrictHostKeyChecking', 'no', 'true'], ['NoHostAuthenticationForLocalhost', 'yes', 'no'],
    ['VerifyHostKeyDNS', 'yes', 'false'], ['UpdateHostKeys', 'yes', 'false'], ['ClearAllForwardings', 'no', 'yes'], ['ForwardAgent', 'yes', 'no'],
    ['ForwardX11', 'yes', 'no'], ['Tunnel', 'yes', 'false'], ['PermitLocalCommand', 'yes', 'no'], ['AddKeysToAgent', 'yes', 'false'],
    ['ControlMaster', 'no', 'true'], ['ControlPath', '/elsewhere', '/run/x/ssh'], ['ControlPersist', '1h', 'no'],
    ['ForkAfterAuthentication', 'yes', 'no'], ['SessionType', 'subsystem', 'none'], ['RequestTTY', 'force', 'false'],
    ['RemoteCommand', 'date', undefined], ['EscapeChar', 'x', 'none'],
  ];
  for (const [option, theirs, expected] of ours) {
    test(`${option} ${theirs}`, () => {
      assert.equal(effective([`${option} ${theirs}`]).get(option.toLowerCase()), expected, 'in ssh_config');
      assert.equal(effective([], [`${option}=${theirs}`]).get(option.toLowerCase()), expected, 'in ssh.options');
    });
  }
});

test('forwardings of ssh_config are cleared', () => {
  const told = effective(['LocalForward 8080 localhost:80', 'RemoteForward 8080 localhost:80', 'DynamicForward 1080']);
  assert.deepEqual(['localforward', 'remoteforward', 'dynamicforward'].map((name) => told.get(name)), [undefined, undefined, undefined]);
});

describe('what an operator may choose is honoured', () => {
  const theirs: readonly (readonly [option: string, value: string])[] = [
    ['Port', '2222'], ['User', 'backup'], ['HostName', '192.0.2.1'], ['ProxyJump', 'jump'], ['HostKeyAlias', 'alias'], ['Compression', 'yes'],
    ['AddressFamily', 'inet6'], ['BindAddress', '192.0.2.9'], ['IdentitiesOnly', 'yes'],
  ];
  for (const [option, value] of theirs) test(`${option} ${value}`, () => { assert.equal(effective([`Host alias`, `${option} ${value}`]).get(option.toLowerCase()), value); });

  const alive: readonly (readonly [option: string, value: string, unsaid: string])[] = [
    ['ServerAliveInterval', '30', '15'], ['ServerAliveCountMax', '9', '4'], ['ConnectTimeout', '7', '30'], ['LogLevel', 'VERBOSE', 'ERROR'],
  ];
  for (const [option, value, unsaid] of alive) {
    test(`ssh.options: ${option}=${value}, and without it ours before ssh_config`, () => {
      assert.equal(effective([], [`${option}=${value}`]).get(option.toLowerCase()), value);
      assert.equal(effective([`${option} ${value}`]).get(option.toLowerCase()), unsaid);
    });
  }

  test('a port of the configuration goes before that of the alias; without one none is said', () => {
    const port = (changes: Parameters<typeof repositoryConfig>[0]): string[] => loginArguments(repositoryConfig(changes) as RemoteRepository).filter((_, n, all) => all[n - 1] === '-p');
    assert.deepEqual([port({ source: 'alias:/' }), port({ source: 'alias:/', ssh: { port: 2222 } }), port({ source: 'sftp://alias:23/x', ssh: { port: 2222 } })], [[], ['2222'], ['23']]);
  });
});

/** A connection to `Host serverA` of an ssh_config that also says `lines`; what came through it, and which processes it left. */
async function through(t: Ending, lines: readonly string[], wrapper = `exec ${ssh} -F "$conf" "$@"`): Promise<{ said: string; socket: boolean }> {
  const own = temporaryFolder(t);
  const [bin, conf] = [join(own, 'bin'), join(own, 'config')];
  const { user, host, port, identityFile, knownHostsFile } = sshd.accounts.open;
  mkdirSync(bin);
  writeFileSync(conf, ['Host serverA', `HostName ${host}`, `Port ${port}`, `User ${user}`, `IdentityFile ${identityFile}`, `UserKnownHostsFile ${knownHostsFile}`, ...lines, ''].join('\n'));
  writeFileSync(join(bin, 'ssh'), `#!/bin/sh\nconf=${conf}\n${wrapper}\n`);
  chmodSync(join(bin, 'ssh'), 0o755);
  setVariables(t, { PATH: `${bin}:${process.env['PATH'] ?? ''}` });
  const run = makeRunFolder();
  try {
    const connection = await connect(repositoryConfig({ source: 'serverA:/' }), run, new AbortController().signal);
    const channel = connection.channels!.open('echo hello');
    const said = await text(createReadStream('', { fd: channel.ends.from, autoClose: false }));
    await channel.close();
    await connection.close();
    return { said, socket: existsSync(join(run, 'ssh')) };
  } finally {
    await allEnded(processesOf(run));
    removeRunFolder(run);
  }
}

describe('a run over an ssh_config as people have it works, and leaves no ssh behind', () => {
  const configurations: readonly (readonly [name: string, lines: readonly string[]])[] = [
    ['a Host alias with its Port, User and IdentityFile', []],
    ['what would outlive the run', ['ForkAfterAuthentication yes', 'ControlMaster auto', `ControlPath ${folder}/%C`, 'ControlPersist 1h', 'AddKeysToAgent yes']],
    ['what would take the session', ['RemoteCommand date', 'RequestTTY force', 'SessionType subsystem', 'StdinNull yes', 'EscapeChar ~']],
    ['what would open or run more', ['LocalForward 1 localhost:1', 'RemoteForward 1 localhost:1', 'DynamicForward 1', 'ExitOnForwardFailure yes', 'Tunnel yes', 'ForwardAgent yes', 'ForwardX11 yes', 'PermitLocalCommand yes', `LocalCommand touch ${folder}/ran`, 'SendEnv *', 'SetEnv X=1']],
    ['what says more', ['VisualHostKey yes', 'LogLevel DEBUG3', 'FingerprintHash md5', 'Compression yes', 'TCPKeepAlive no', 'ConnectionAttempts 2']],
  ];
  for (const [name, lines] of configurations) {
    test(name, async (t) => {
      assert.deepEqual(await through(t, lines), { said: 'hello\n', socket: false });
      assert.ok(!existsSync(join(folder, 'ran')), 'LocalCommand ran');
    });
  }
});

test('an ssh before 8.7, which takes ForkAfterAuthentication for a mistake, is asked without it', async (t) => {
  const old = `case "$*" in *ForkAfterAuthentication*) echo "Bad configuration option: forkafterauthentication" >&2; exit 255 ;; esac
if [ "$1" = -V ]; then echo 'OpenSSH_8.4p1 Debian-5' >&2; exit; fi
exec ${ssh} -F "$conf" "$@"`;
  assert.deepEqual(await through(t, [], old), { said: 'hello\n', socket: false });
});

test('an ssh in PATH whose master goes into the background is told to end', async (t) => {
  const log = join(temporaryFolder(t), 'log');
  const forking = `case "$*" in *"-O exit"*) echo asked >>${log} ;; esac
case "$1" in -M) ${ssh} -F "$conf" -oForkAfterAuthentication=yes "$@"; exec sleep 1000 ;; esac
exec ${ssh} -F "$conf" "$@"`;
  assert.deepEqual(await through(t, [], forking), { said: 'hello\n', socket: false });
  assert.equal(readFileSync(log, 'utf8'), 'asked\n');
});
