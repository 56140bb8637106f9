/** doctor looks at everything, says what mends what, and changes nothing. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ratchet, type Finished } from '../support/cli.ts';
import { startCron } from '../support/firstHour.ts';
import { type Value, writeConfig } from '../support/config.ts';
import { type Account, type Night, type ServerA, startServerA } from '../support/night.ts';
import { preparedRepository } from '../support/restic.ts';
import { startSmtp } from '../support/smtp.ts';
import { freePort, rrsyncCommand, sftpCommand, type Sshd, startSshd } from '../support/sshd.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA('rrsync'); });
after(() => serverA.stop());

interface Checkup { readonly repository: string | null; readonly item: string; readonly standing: string; readonly message: string; readonly mend: string | null }

/** The checkups of `doctor --json` by item; also that every one that is not good has a hint. */
function checkupsOf(finished: Finished): Record<string, Checkup> {
  const { version, healthy, checkups } = finished.json() as { version: number; healthy: boolean; checkups: Checkup[] };
  assert.deepEqual([version, healthy], [1, finished.code === 0]);
  for (const { item, standing, mend } of checkups) assert.equal(mend === null, standing === 'good', item);
  return Object.fromEntries(checkups.map((checkup) => [checkup.item, checkup]));
}

const everything = [
  'node', 'rsync', 'ssh', 'restic', 'util-linux', 'state', 'clock', 'mail', 'schedule', 'host key', 'connection', 'source', 'read-only', 'bubblewrap',
  'replica', 'rights', 'one disk', 'free space', 'namespaces', 'proof',
];

/** With restic's password. */
function proving(night: Night): Readonly<Record<string, Value>> {
  return { restic: { passwordFile: night.repository.passwordFile } };
}

function reconfigure(night: Night, nightly: Readonly<Record<string, Value>>, rest: Readonly<Record<string, Value>> = {}, account: Account = 'backup'): void {
  writeConfig(night.folder, serverA.sshd.accounts[account], { repositories: { nightly }, ...rest });
}

test('a good night: every item is looked at, exit 0, and nothing has changed', async (t) => {
  const night = await serverA.night(t);
  reconfigure(night, proving(night));
  const bin = join(night.folder, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'crontab'), '#!/bin/sh\necho "27 1 * * * rsync-ratchet --quiet sync"\n', { mode: 0o755 });
  const files = (): string[] => digest(night.replica, { inode: true, folders: false, without: ['lock'] });
  const before = files();
  const cron = await startCron();
  const finished = await night.run(['--json', 'doctor', 'nightly'], { env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` } });
  await cron.stop();
  const checkups = checkupsOf(finished);
  assert.deepEqual(Object.keys(checkups), everything);
  assert.deepEqual(Object.values(checkups).filter(({ standing }) => standing === 'bad'), []);
  assert.deepEqual([checkups['schedule']?.message, checkups['proof']?.standing, checkups['read-only']?.standing], ['crontab -l', 'good', 'good']);
  assert.equal(finished.code, 0);
  assert.deepEqual(files(), before);
  assert.deepEqual([night.config.mails(), readdirSync(night.temporary)], [[], []]);
});

test('for people: a mark for each, what mends it below, and with --quiet only what is not good', async (t) => {
  const night = await serverA.night(t, { account: 'shell' });
  const { code, stdout, stderr } = await night.run(['doctor']);
  assert.deepEqual([code, stderr], [1, '']);
  assert.match(stdout, /^this machine\n {2}✔ node /);
  assert.match(stdout, /\nnightly\n {2}✔ host key /);
  assert.match(stdout, /\n {2}✘ read-only .*\n {4}→ in authorized_keys on serverA: restrict,command="rrsync -ro \/srv\/restic" ssh-ed25519 AAAA\S+ test\n/);
  assert.match(stdout, /\n {2}! proof /);
  const quiet = await night.run(['--quiet', 'doctor']);
  assert.equal(quiet.code, 1);
  assert.doesNotMatch(quiet.stdout, /✔/);
  assert.match(quiet.stdout, /\nnightly\n {2}✘ source/);
});

describe('one trouble is one cross, and the rest is looked at all the same', () => {
  interface Trouble { readonly item: string; readonly message: RegExp; readonly mend: RegExp; readonly make: (night: Night) => void | Promise<void> }
  const troubles: Record<string, Trouble> = {
    'the host key is not known': { item: 'host key', message: /is in none of/, mend: /^ssh-keyscan -p \d+ 127\.0\.0\.1 >> .*ssh-keygen -lf \/etc\/ssh\/ssh_host_ed25519_key\.pub there$/, make: (night) => { reconfigure(night, { ssh: { knownHostsFile: '/dev/null' } }); } },
    'nothing listens': { item: 'connection', message: /Connection refused/, mend: /is sshd running/, make: async (night) => { reconfigure(night, { ssh: { port: await freePort() } }); } },
    'the path is wrong': { item: 'source', message: /config cannot be listed/, mend: /Behind rrsync/, make: (night) => { reconfigure(night, { source: `${serverA.sshd.user}@127.0.0.1:/other` }); } },
    'the account may do anything': { item: 'read-only', message: /runs any command/, mend: /rrsync -ro/, make: (night) => { reconfigure(night, {}, {}, 'shell'); } },
    'bubblewrap is required and missing': { item: 'bubblewrap', message: /require/, mend: /apt-get install bubblewrap/, make: (night) => { reconfigure(night, { rsync: { sandbox: 'require' } }); } },
    'the replica is not initialised': { item: 'replica', message: /no marker/, mend: /rsync-ratchet init nightly/, make: (night) => { reconfigure(night, { replica: join(night.folder, 'nothing') }); } },
    'the disk is too full': { item: 'free space', message: /limits\.minFree keeps/, mend: /make room/, make: (night) => { reconfigure(night, { limits: { minFree: '99.99%' } }); } },
    'the password is wrong': {
      item: 'proof', message: /restic cannot open the replica: .*wrong password/, mend: /restic\.passwordFile.*restic -r .* cat config$/, make: (night) => {
        writeFileSync(join(night.folder, 'wrong'), 'wrong', { mode: 0o600 });
        reconfigure(night, { restic: { passwordFile: join(night.folder, 'wrong') } });
      },
    },
    'the file with the password is missing': { item: 'proof', message: /wrong does not exist/, mend: /^it must be a file with the secret in it \(install -m 600 \/dev\/stdin \/\S+wrong\)$/, make: (night) => { reconfigure(night, { restic: { passwordFile: join(night.folder, 'wrong') } }); } },
    'the mail password is open to others': {
      item: 'mail', message: /smtp is open to others/, mend: /chmod o-rwx/, make: (night) => {
        const passwordFile = join(night.folder, 'smtp');
        writeFileSync(passwordFile, 'secret');
        chmodSync(passwordFile, 0o604);
        reconfigure(night, {}, { alerts: { email: { directory: undefined, smtp: { host: '127.0.0.1', port: 25, tls: 'none', user: 'ratchet', passwordFile } } } });
      },
    },
    'the address of the monitor is missing': { item: 'ping', message: /nowhere does not exist/, mend: /must be a file/, make: (night) => { reconfigure(night, {}, { monitoring: { ping: { urlFile: join(night.folder, 'nowhere') } } }); } },
    'the mail server does not answer': { item: 'mail', message: /ECONNREFUSED/, mend: /check alerts\.email\.smtp.*rsync-ratchet alert test$/, make: async (night) => { reconfigure(night, {}, { alerts: { email: { directory: undefined, smtp: { host: '127.0.0.1', port: await freePort() } } } }); } },
    'the state folder is no folder': { item: 'state', message: /is no folder/, mend: /move it away/, make: (night) => { reconfigure(night, {}, { state: night.config.file }); } },
    'the metrics folder is missing': { item: 'metrics', message: /not there/, mend: /^install -d/, make: (night) => { reconfigure(night, {}, { monitoring: { metricsFile: '/nowhere/x.prom' } }); } },
    'the monitor has no address': {
      item: 'ping', message: /has no address/, mend: /http/, make: (night) => {
        writeFileSync(join(night.folder, 'url'), 'x', { mode: 0o600 });
        reconfigure(night, {}, { monitoring: { ping: { urlFile: join(night.folder, 'url') } } });
      },
    },
  };
  for (const [name, { item, message, mend, make }] of Object.entries(troubles)) {
    test(name, async (t) => {
      const night = await serverA.night(t);
      await make(night);
      const bin = join(night.folder, 'bin');
      mkdirSync(bin);
      if (item === 'bubblewrap') writeFileSync(join(bin, 'bwrap'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
      const finished = await night.run(['--json', 'doctor'], { env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` } });
      const checkups = checkupsOf(finished);
      assert.equal(finished.code, 1);
      assert.deepEqual(everything.filter((one) => checkups[one] === undefined), []);
      assert.equal(checkups[item]?.standing, 'bad', finished.stdout);
      assert.match(checkups[item].message, message);
      assert.match(checkups[item].mend ?? '', mend);
      assert.doesNotMatch(finished.stdout, /rsync-ratchet init(?! nightly)/, 'every command can be pasted');
      assert.deepEqual(readdirSync(night.temporary), []);
    });
  }
});

test('warnings: a state folder that is open to others, an old rsync, no mail, no password; exit 0', async (t) => {
  const night = await serverA.night(t);
  const old = join(night.folder, 'rsync');
  writeFileSync(old, '#!/bin/sh\n[ "$1" != --version ] || { echo "rsync  version 3.2.7  protocol version 31"; exit; }\nexec rsync "$@"\n', { mode: 0o755 });
  reconfigure(night, { rsync: { path: old } }, { alerts: undefined });
  chmodSync(night.config.state, 0o755);
  const finished = await night.run(['--json', 'doctor']);
  const checkups = checkupsOf(finished);
  assert.equal(finished.code, 0, finished.stdout);
  for (const item of ['state', 'rsync', 'alerts', 'proof']) assert.equal(checkups[item]?.standing, 'warning', item);
  assert.match(checkups['rsync']?.message ?? '', /^3\.2\.7 .*before 3\.5\.0/);
  chmodSync(night.config.state, 0o2750); // a monitoring group, as src/manual/monitoring.md says
  assert.equal(checkupsOf(await night.run(['--json', 'doctor']))['state']?.standing, 'good');
});

test('the mail server is greeted, and sent nothing', async (t) => {
  const smtp = await startSmtp({ auth: { user: 'ratchet', pass: 'secret' } });
  t.after(() => smtp.stop());
  const night = await serverA.night(t);
  const passwordFile = join(night.folder, 'smtp');
  writeFileSync(passwordFile, 'secret\n', { mode: 0o600 });
  reconfigure(night, {}, { alerts: { email: { directory: undefined, smtp: { host: '127.0.0.1', port: smtp.port, tls: 'none', user: 'ratchet', passwordFile } } } });
  assert.equal(checkupsOf(await night.run(['--json', 'doctor']))['mail']?.message, `127.0.0.1:${smtp.port} answers, and knows ratchet`);
  assert.deepEqual(smtp.messages, []);
});

test('an unknown repository is exit 2', async (t) => {
  const night = await serverA.night(t);
  assert.equal((await night.run(['doctor', 'other'])).code, 2);
});

describe('what an account may do', () => {
  let sshd: Sshd<'reading' | 'writing' | 'sftp' | 'sftpWriting'>;
  const folder = temporaryFolder();
  const source = join(folder, 'source');
  before(async () => {
    await preparedRepository(source);
    sshd = await startSshd({
      folder: join(folder, 'sshd'), accounts: [
        { name: 'reading', command: rrsyncCommand(source) }, { name: 'writing', command: `rrsync ${source}` },
        { name: 'sftp', command: sftpCommand }, { name: 'sftpWriting', command: 'internal-sftp' },
      ],
    });
  });
  after(() => sshd.stop());
  const rows = [['reading', 'good'], ['writing', 'bad'], ['sftp', 'good'], ['sftpWriting', 'bad']] as const;
  for (const [name, standing] of rows) {
    test(`${name} is ${standing}`, async (t) => {
      const account = sshd.accounts[name];
      const sftp = { repositories: { nightly: { source: `sftp://${account.user}@${account.host}${source}` } } };
      const { file } = writeConfig(temporaryFolder(t), account, name.startsWith('sftp') ? sftp : {});
      const checkups = checkupsOf(await ratchet(['--json', 'doctor'], { config: file }));
      assert.deepEqual([checkups['source']?.standing, checkups['read-only']?.standing], ['good', standing], JSON.stringify(checkups, null, 2));
    });
  }
});
