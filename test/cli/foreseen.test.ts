/** What a first night would find out of a configuration, config validate says: at its line, in the words of the configuration. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Problem } from '../../src/config/config.ts';
import { ConfigError, loadConfig } from '../../src/config/file.ts';
import { foreseen } from '../../src/doctor/foreseen.ts';
import { ratchet } from '../support/cli.ts';
import { type Value, writeConfig } from '../support/config.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder();
const key = (name: string, mode: number): string => {
  const file = join(folder, name);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  chmodSync(file, mode);
  return file;
};
const ssh = (value: Readonly<Record<string, Value>>): Readonly<Record<string, Value>> => ({ repositories: { nightly: { ssh: value } } });

let files = 0;
const written = (name: string, content: string): string => {
  const file = join(folder, `${++files}.${name}`);
  writeFileSync(file, content, { mode: 0o600 });
  return file;
};
const login = (content: string, more: Readonly<Record<string, Value>> = {}): Readonly<Record<string, Value>> =>
  ({ alerts: { email: { directory: undefined, smtp: { user: 'me', passwordFile: written('login', content), ...more } } } });
const monitor = (content: string): Readonly<Record<string, Value>> => ({ monitoring: { ping: { urlFile: written('url', content) } } });
const password = (content: string): Readonly<Record<string, Value>> => ({ repositories: { nightly: { restic: { passwordFile: written('password', content) } } } });

// `mirror` is a symlink to the folder `real`, which has the repository `source`.
const [real, mirror] = [join(folder, 'real'), join(folder, 'mirror')];
mkdirSync(join(real, 'source'), { recursive: true });
symlinkSync(real, mirror);
const at = (nightly: string, other?: Readonly<Record<string, Value>>): Readonly<Record<string, Value>> =>
  ({ repositories: { nightly: { replica: nightly }, ...(other && { other: { source: 'h:/', ...other } }) } });

const rows: readonly (readonly [name: string, changes: Readonly<Record<string, Value>>, key: string | undefined, says: RegExp])[] = [
  ['a good key', ssh({ identityFile: key('good', 0o600) }), undefined, /^$/],
  ['the public key', ssh({ identityFile: `${key('other', 0o600)}.pub` }), 'nightly.ssh.identityFile', /is a public key: must be the private one/],
  ['a key that the group may read', ssh({ identityFile: key('open', 0o640) }), 'nightly.ssh.identityFile', /is open to others, and ssh refuses such a key.*chmod 600/],
  ['a key that is not there', ssh({ identityFile: join(folder, 'none') }), 'nightly.ssh.identityFile', /is not there/],
  ['no known hosts', ssh({ knownHostsFile: join(folder, 'none') }), 'nightly.ssh.knownHostsFile', /is not there/],
  ['an option that would weaken', ssh({ options: ['Compression=yes', 'StrictHostKeyChecking=no'] }), 'nightly.ssh.options[1]', /has no effect: what protects is fixed \(StrictHostKeyChecking=yes\)/],
  ['the same, spelt otherwise', ssh({ options: ['batchmode no'] }), 'nightly.ssh.options[0]', /has no effect: .*BatchMode=yes/],
  ['what is fixed anyway', ssh({ options: ['BatchMode=yes'] }), undefined, /^$/],
  ['an option that ssh does not know', ssh({ options: ['ServerAliveIntervall=30'] }), 'nightly.ssh.options', /ssh refuses them: .*Bad configuration option/],
  ['a value that ssh does not take', ssh({ options: ['ServerAliveInterval=soon'] }), 'nightly.ssh.options', /ssh refuses them: .*invalid/i],
  ['options that change what may be changed', ssh({ options: ['ServerAliveInterval=30', 'ProxyJump=jump.example.org'] }), undefined, /^$/],
  ['metrics into a folder that is not there', { monitoring: { metricsFile: join(folder, 'none/ratchet.prom') } }, 'monitoring.metricsFile', /none is not there, or no folder/],
  ['mails into a folder that is not there', { alerts: { email: { directory: join(folder, 'none') } } }, 'alerts.email.directory', /none is not there, or no folder, or .*install -d -m 700 -o \w+ /],
  ['mails into a file', { alerts: { email: { directory: written('mails', '') } } }, 'alerts.email.directory', /no folder/],
  ['a sendmail that is not there', { alerts: { email: { directory: undefined, sendmail: '/nowhere/sendmail' } } }, 'alerts.email.sendmail', /no program \/nowhere\/sendmail/],
  ['a program for alerts that is not there', { alerts: { command: ['/nowhere/notify', '-x'] } }, 'alerts.command', /no program \/nowhere\/notify/],
  ['a folder in place of a program', { repositories: { nightly: { rsync: { path: folder } } } }, 'nightly.rsync.path', /no program/],
  ['a login whose password an editor of another system wrote', login('\uFEFFgeheim\r\n'), undefined, /^$/],
  ['a login with a password of several lines', login('one\ntwo\n'), 'alerts.email.smtp.passwordFile', /not one line of plain text/],
  ['a login with a password of blanks', login(' \r\n'), 'alerts.email.smtp.passwordFile', /is empty/],
  ['a password that would go over the network in the clear', login('x', { host: 'mail.example.org', tls: 'none' }), 'alerts.email.smtp.tls', /in the clear/],
  ['the same to this machine', login('x', { host: '127.0.0.1', tls: 'none' }), undefined, /^$/],
  ['a repository with a password of nothing', password(''), 'nightly.restic.passwordFile', /is empty/],
  ['a repository with a password of several lines, which restic takes', password('\uFEFFone\r\ntwo\r\n'), undefined, /^$/],
  ['a monitor with an address', monitor('\uFEFFhttps://monitor.example.org/x\r\n\n'), undefined, /^$/],
  ['a monitor without https', monitor('monitor.example.org/x\n'), 'monitoring.ping.urlFile', /url has no address/],
  ['a monitor of another kind', monitor('ftp://monitor.example.org/x'), 'monitoring.ping.urlFile', /no http or https address/],
  ['a monitor with two addresses', monitor('https://a.example.org/\nhttps://b.example.org/'), 'monitoring.ping.urlFile', /several lines/],
  ['one replica for two, by a symlink', at(real, { replica: mirror }), 'other.replica', /is also the replica of nightly/],
  ['one in the other, by a symlink', at(mirror, { replica: join(real, 'new') }), 'other.replica', /lies inside the replica of nightly/],
  ['one around the other, by a symlink', at(join(mirror, 'new'), { replica: real }), 'other.replica', /lies around the replica of nightly/],
  ['a replica in its own source, by a symlink', { repositories: { nightly: { source: real, replica: join(mirror, 'new') } } }, 'nightly.replica', /must be outside the source/],
  ["a replica in another's source, by a symlink", at(join(mirror, 'source/new'), { source: join(real, 'source'), replica: '/srv/other' }), 'nightly.replica', /must be outside the source of other/],
  ["a replica around another's source", at(mirror, { source: join(real, 'source'), replica: '/srv/other' }), 'nightly.replica', /must be outside the source of other/],
  ["a replica that is another's source: a second copy of the copy", at(mirror, { source: real, replica: '/srv/other' }), undefined, /^$/],
  ['the state in a replica, by a symlink', { state: join(mirror, 'state'), ...at(real) }, 'state', /must be outside the replica/],
  ['the state in a source', { state: join(real, 'source'), repositories: { nightly: { source: real } } }, 'state', /must be outside the source/],
  ['a source among the books', { state: real, repositories: { nightly: { source: join(mirror, 'spool/x') } } }, 'nightly.source', /where the state folder keeps its own files/],
];

for (const [name, changes, where, says] of rows) {
  test(name, (t) => {
    const { file } = writeConfig(temporaryFolder(t), 'backup@serverA:/', changes);
    const problems = problemsOf(file);
    assert.deepEqual(problems.map((one) => one.key), where === undefined ? [] : [where.replace(/^(?=nightly|other)/, 'repositories.')], JSON.stringify(problems));
    for (const { line, message } of problems) { assert.match(message, says); assert.ok(line > 1); }
  });
}

/** As config validate reads it. */
function problemsOf(file: string): readonly Problem[] {
  try {
    loadConfig(file, { foresee: foreseen, comparesAll: true });
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
}

test('one replica for two, by a symlink, stops every command before anything is opened', async (t) => {
  const { file, replica } = writeConfig(temporaryFolder(t), '/srv/none', { repositories: { other: { source: '/srv/none', replica: mirror }, nightly: { replica: real } } });
  for (const command of [['sync'], ['audit'], ['doctor'], ['init', 'nightly']]) {
    const { code, stderr } = await ratchet(command, { config: file });
    assert.deepEqual([code, existsSync(replica), readdirSync(real)], [2, false, ['source']], stderr);
    assert.match(stderr, /config\.yaml:\d+:\d+: repositories\.\w+\.replica: is also the replica of/);
  }
});

test('a configuration of megabytes, or without an end, is refused before it is read whole', async () => {
  const large = written('large.yaml', `repositories: {}\n${Array.from({ length: 200_000 }, (_, n) => `k${n}: 1\n`).join('')}`);
  for (const file of [large, '/dev/zero']) {
    const { code, stderr } = await ratchet(['config', 'validate'], { config: file });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /larger than 1 MiB/);
  }
});
