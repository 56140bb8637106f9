/** A wrong path in `source`, the most common slip: init and doctor look what lies there, and offer it by name. Nothing is made. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ratchet } from '../support/cli.ts';
import { type WrittenConfig, writeConfig } from '../support/config.ts';
import { preparedRepository } from '../support/restic.ts';
import { rrsyncCommand, type Sshd, sftpCommand, startSshd } from '../support/sshd.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';

type Account = 'shell' | 'rrsync' | 'above' | 'sftp';
const folder = temporaryFolder();
let sshd: Sshd<Account>;
before(async () => {
  const { path } = await preparedRepository(join(folder, 'all/nightly'));
  cpSync(path, join(folder, 'all/weekly'), { recursive: true });
  mkdirSync(join(folder, 'all/other'));
  sshd = await startSshd({ folder: join(folder, 'sshd'), accounts: [
    { name: 'shell' }, { name: 'rrsync', command: rrsyncCommand(path) }, { name: 'above', command: rrsyncCommand(join(folder, 'all')) }, { name: 'sftp', command: sftpCommand },
  ] });
});
after(() => sshd.stop());

/** Source, as given and as it should be, `@` standing for the account. */
const cases: readonly (readonly [name: string, account: Account | undefined, source: string, offered: readonly string[]])[] = [
  ['a name that is not there', 'shell', `@:${folder}/all/nigthly`, [`@:${folder}/all/nightly`, `@:${folder}/all/weekly`]],
  ['the folder above', 'shell', `@:${folder}/all`, [`@:${folder}/all/nightly`, `@:${folder}/all/weekly`]],
  ['a folder inside', 'shell', `@:${folder}/all/nightly/data`, [`@:${folder}/all/nightly`]],
  ['a file', 'shell', `@:${folder}/all/nightly/config`, [`@:${folder}/all/nightly`]],
  ['behind rrsync, the path of serverA once more', 'rrsync', `@:${folder}/all/nightly`, ['@:/']],
  ['behind rrsync, the folder above', 'above', '@:/', ['@:/nightly', '@:/weekly']],
  ['over sftp, the folder above', 'sftp', `sftp://@${folder}/all`, [`sftp://@${folder}/all/nightly`, `sftp://@${folder}/all/weekly`]],
  ['on this machine, the folder above', undefined, `${folder}/all`, [`${folder}/all/nightly`, `${folder}/all/weekly`]],
];

for (const [name, account, source, offered] of cases) {
  test(`${name}: what lies there is offered by name`, async (t) => {
    const own = temporaryFolder(t);
    const { user, host, port, identityFile, knownHostsFile } = sshd.accounts[account ?? 'shell'];
    const named = (text: string): string => text.replace('@', `${user}@${host}`);
    const config = writeConfig(own, named(source), account === undefined ? {} : { repositories: { nightly: { ssh: { port, identityFile, knownHostsFile } } } });
    const made = await ratchet(['init', 'nightly'], { config: config.file });
    assert.equal(made.code, 1);
    const sources = offered.map(named).sort();
    const offer = (text: string): string[] => (/(?:a repository lies|these repositories lie) there: (.*?); give/.exec(text)?.[1] ?? text).split(' ').sort();
    assert.deepEqual([offer(made.stderr), existsSync(config.replica)], [sources, false]);
    assert.deepEqual(offer((await ratchet(['doctor'], { config: config.file })).stdout), sources);
  });
}

test('data that became a symlink on serverA is seen by doctor, as by init', async (t) => {
  const own = temporaryFolder(t);
  const { path } = await preparedRepository(join(own, 'source'));
  renameSync(join(path, 'data'), join(own, 'elsewhere'));
  symlinkSync(join(own, 'elsewhere'), join(path, 'data'));
  const config = writeConfig(own, path);
  const [made, looked] = [await ratchet(['init', 'nightly'], { config: config.file }), await ratchet(['doctor'], { config: config.file })];
  assert.deepEqual([made.code, looked.code], [1, 1]);
  for (const text of [made.stderr, looked.stdout]) assert.match(text, /"data" is no folder on serverA but a symlink/);
});

test('a night whose source was moved, or given wrong, offers what lies there and fetches nothing', async (t) => {
  const own = temporaryFolder(t);
  const { user, host, port, identityFile, knownHostsFile } = sshd.accounts.shell;
  const configured = (path: string): WrittenConfig => writeConfig(own, `${user}@${host}:${path}`, { repositories: { nightly: { ssh: { port, identityFile, knownHostsFile } } } });
  const right = configured(`${folder}/all/nightly`);
  assert.equal((await ratchet(['init', 'nightly'], { config: right.file })).code, 0);
  const before = digest(right.replica, { without: ['lock'] });
  const { code, stderr } = await ratchet(['sync'], { config: configured(`${folder}/all/nigthly`).file });
  assert.equal(code, 1);
  assert.match(stderr, /hint: these repositories lie there: \S+\/all\/(?:nightly|weekly) \S+\/all\/(?:nightly|weekly); give one of them as source\. Nothing was fetched/);
  assert.deepEqual(digest(right.replica, { without: ['lock'] }), before);
});
