/** What a first night would find out of a configuration, config validate says: at its line, in the words of the configuration. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
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
];

for (const [name, changes, at, says] of rows) {
  test(name, async (t) => {
    const { file } = writeConfig(temporaryFolder(t), 'backup@serverA:/', changes);
    const { code, stdout } = await ratchet(['--json', 'config', 'validate'], { config: file });
    const problems: { line: number; key: string; message: string }[] = JSON.parse(stdout).problems ?? [];
    assert.deepEqual([code, problems.map((one) => one.key)], at === undefined ? [0, []] : [2, [at.replace(/^nightly/, 'repositories.nightly')]], stdout);
    for (const { line, message } of problems) { assert.match(message, says); assert.ok(line > 1); }
  });
}
