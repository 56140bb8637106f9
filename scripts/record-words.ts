/**
 * Asks an sshd of this machine for what people get wrong, with the rsync (and rrsync) that is named as serverA's, and writes
 * what came back to FOLDER/<name>.json (fixtures/words): `record-words NAME RSYNC RRSYNC [FOLDER]`. The client is the rsync in
 * PATH. Paths are shown below `/r`.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { shellQuoted, sftpCommand, startSshd, withoutRootPowers } from '../test/support/sshd.ts';
import type { Words } from '../test/support/words.ts';
import { temporaryFolder } from '../test/support/temporary.ts';

const [name = '', rsync = 'rsync', rrsync = 'rrsync', target = 'fixtures/words'] = process.argv.slice(2);
const folder = temporaryFolder();
const repository = join(folder, 'repository');
for (const made of ['', 'closed', 'keys']) mkdirSync(join(repository, made));
writeFileSync(join(repository, 'config'), '');
chmodSync(join(repository, 'closed'), 0);
const command = (options: string, path: string): string => `${rrsync} ${options} ${shellQuoted(path)}`;

void main();

async function main(): Promise<void> {
  const sshd = await startSshd({
    folder: join(folder, 'sshd'),
    accounts: [
      { name: 'shell' },
      { name: 'powerless', command: withoutRootPowers('sh -c "$SSH_ORIGINAL_COMMAND"') },
      { name: 'rrsync', command: command('-ro', repository) },
      { name: 'elsewhere', command: command('-ro', join(folder, 'nowhere')) },
      { name: 'writing', command: command('-wo', repository) },
      { name: 'named', command: command('-ro', repository) },
      { name: 'unknown', command: 'rrsync-that-is-not-there -ro /srv' },
      { name: 'sftp', command: sftpCommand },
      { name: 'nologin', command: '/usr/sbin/nologin' },
      { name: 'banner', command: 'echo Welcome; eval "$SSH_ORIGINAL_COMMAND"' },
    ],
  });
  const cases: readonly (readonly [string, keyof typeof sshd.accounts, string, string?])[] = [
    ['a folder that is not there', 'shell', join(repository, 'nowhere/')],
    ['a file', 'shell', join(repository, 'config/')],
    ['a closed folder', 'powerless', join(repository, 'closed/')],
    ['no such rsync', 'shell', repository, '/nowhere/rsync'],
    ['behind rrsync, a folder that is not there', 'rrsync', '/nowhere/'],
    ['behind rrsync, a file', 'rrsync', '/config/'],
    ["rrsync's own folder is not there", 'elsewhere', '/'],
    ['rrsync that may only write', 'writing', '/'],
    ['behind rrsync, an rsync with its path', 'named', '/', '/usr/bin/rsync'],
    ['no such rrsync', 'unknown', '/'],
    ['sftp alone', 'sftp', '/'],
    ['no shell', 'nologin', '/'],
    ['a banner', 'banner', '/'],
  ];
  // rrsync takes nothing but `rsync` for a command.
  const words = cases.map(
    ([what, account, path, remote = account === 'shell' || account === 'powerless' ? rsync : 'rsync']): Words => {
      const { host, port, user, identityFile, knownHostsFile } = sshd.accounts[account];
      const ssh = `ssh -F /dev/null -oBatchMode=yes -oLogLevel=ERROR -oUserKnownHostsFile=${knownHostsFile} -oIdentitiesOnly=yes -i ${identityFile} -p ${port}`;
      const args = [
        '-rt',
        '--dry-run',
        '--itemize-changes',
        '--timeout=600',
        `--rsync-path=${remote}`,
        '-e',
        ssh,
        `${user}@${host}:${path}`,
        `${join(folder, 'nothing')}/`,
      ];
      const { status, stderr } = spawnSync('rsync', args, {
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], HOME: folder, LC_ALL: 'C' },
      });
      return { what, code: status, stderr: stderr.replaceAll(folder, '/r') };
    },
  );
  writeFileSync(join(target, `${name}.json`), `${JSON.stringify(words, null, 1)}\n`);
  await sshd.stop();
}
