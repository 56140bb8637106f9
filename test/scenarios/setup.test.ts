/** `setup`, typed on a terminal against a real sshd: answered right and wrong, broken off at each question, and by options. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { give } from '../support/asked.ts';
import { crontab, Home, type Host, startCron, startHost } from '../support/firstHour.ts';
import { freePort } from '../support/sshd.ts';
import { digest } from '../support/tree.ts';

const password = 'open sesame';
let host: Host;
let cron: Awaited<ReturnType<typeof startCron>>;
before(async () => { [host, cron] = await Promise.all([startHost(), startCron()]); });
after(() => Promise.all([host.sshd.stop(), cron.stop()]));

const literally = (text: string): string => text.replace(/[+/.[\]]/g, '\\$&');
const night = /^27 1 \* \* \* umask 077; PATH=\S+ \S+node \S+main\.js --config \S+ --quiet sync$/m;

describe('answered by a person', () => {
  const home = (): Home => made;
  let made: Home;
  before(() => { made = new Home(); });

  test('answered wrong, then right: asked again, a choice of repositories, a first copy, two lines of the crontab', async () => {
    const closed = await freePort();
    writeFileSync(home().at('crontab'), '# mine\nMAILTO=me\n5 4 * * * true');
    give('ordinary', home().path);
    const terminal = home().start('setup');
    await terminal.answer(/Name \[nightly\]: /, 'no name');
    await terminal.answer(/letters, digits[^]*Name \[nightly\]: /, 'a\u0085b');
    await terminal.answer(/control characters[^]*Name \[nightly\]: /, '');
    await terminal.answer(/Source: /, '');
    await terminal.answer(/an answer is needed[^]*Source: /, 'https://nonsense/');
    await terminal.answer(/is not understood[^]*Source: /, `${host.sshd.user}@127.0.0.1:2222:/`);
    await terminal.answer(/ssh:\/\/user@serverA:2222\/path[^]*Source: /, 'ssh://127.0.0.1:70000/');
    await terminal.answer(/a number from 1 to 65535[^]*Source: /, `ssh://${host.sshd.user}@127.0.0.1:${closed}/`);
    await terminal.answer(new RegExp(`no host key came from 127\\.0\\.0\\.1, port ${closed}[^]*Source \\[${literally(host.source)}\\]: `), '');
    await terminal.answer(/Port \[22\]: /, '0');
    await terminal.answer(/a number from 1 to 65535[^]*Port \[22\]: /, String(host.sshd.port));
    await terminal.see(/already: the key \S+id_ed25519/);
    await terminal.see(new RegExp(`shows +ssh-ed25519 ${literally(host.fingerprint)}`));
    await terminal.answer(/Do they agree\? \[y\/N\] /, 'perhaps');
    await terminal.answer(/y or n[^]*Do they agree\? \[y\/N\] /, 'y');
    await terminal.answer(/Replica \[\S*\/replica\/nightly\]: /, 'not/absolute');
    await terminal.answer(/an absolute path[^]*Replica \[.*\]: /, `${home().at('bin/crontab')}/x`);
    await terminal.answer(/bin\/crontab is no folder[^]*Replica \[.*\]: /, '/proc/1/x');
    await terminal.answer(/nothing can be made in \/proc\/1[^]*Replica \[.*\]: /, '');
    await host.allow(terminal);
    await terminal.answer(/to look again[^]*Source \[\S+\]: /, 'somebody@elsewhere:/');
    await terminal.answer(/another machine[^]*Source \[\S+\]: /, '');
    await terminal.answer(/holds:\n +1 +\S+one\n +2 +\S+two\n[^]*Number \[1\]: /, '7');
    await terminal.answer(/a number from 0 to 2[^]*Number \[1\]: /, '2');
    await terminal.see(/two is a restic repository/);
    await terminal.answer(/Password \(not shown; Enter for none\): /, '');
    await terminal.answer(/only hashes are proven[^]*Go on without\? \[y\/N\] /, 'n');
    await terminal.answer(/Password \(not shown; Enter for none\): /, 'open another one');
    await terminal.answer(/Mail to \[-\]: /, 'nobody there');
    await terminal.answer(/an address such as[^]*Mail to \[-\]: /, '-');
    await terminal.answer(/wrong password[^]*If the password is wrong, the right one \(not shown; .*\): /, password);
    await terminal.answer(/key +[0-9a-f]{64}[^]*Go on\? \[Y\/n\] /, 'y');
    const [doctor] = await terminal.see(/looking at everything[^]*looked at and right/);
    assert.doesNotMatch(doctor, /schedule|no crontab/);
    await terminal.answer(/two more lines in your crontab[^]*\n +27 1[^]*Add them\? \[Y\/n\] /, '');
    await terminal.see(/nights are started: crontab -l[^]*nightly is protected: /);
    assert.equal(await terminal.end(), 0, terminal.text);
    assert.doesNotMatch(terminal.text, new RegExp(password), 'the password is not shown');
    assert.equal(statSync(home().at('.config/rsync-ratchet/nightly.password')).mode & 0o777, 0o600);
    assert.match(readFileSync(home().config, 'utf8'), /^ {4}source: \S+:\/?two$/m);
    assert.ok(existsSync(home().at('replica/nightly/config')));
    assert.match(home().crontab() ?? '', /^# mine\nMAILTO=me\n5 4 \* \* \* true\n27 1 [^\n]*\n\*\/15 [^\n]* alert flush\n$/);
    assert.match(home().crontab() ?? '', night);
  });

  test('started again, nothing is asked but the name, and nothing that is right changes', async () => {
    const kept = ['.config', 'replica/nightly/config', 'replica/nightly/data'];
    const files = (): string[][] => kept.map((name) => digest(home().at(name), { folders: false })); // doctor tries a link
    const before = [files(), home().crontab()];
    const terminal = home().start('setup');
    await terminal.answer(/Name \[nightly\]: /, '');
    await terminal.see(/already: nightly is in [^]*already: \S+ is initialised[^]*already: the first copy is made[^]*already: nights are started by crontab -l/);
    assert.equal(await terminal.end(), 0, terminal.text);
    assert.deepEqual([files(), home().crontab()], before);
  });

  test('broken off behind the configuration, it goes on from there', async () => {
    const other = new Home();
    const args = ['setup', '--source', join(host.folder, 'restic/one'), '--replica', other.at('copy'), '--name', 'one', '--mail-to', '-'];
    const first = other.start(...args);
    await first.answer(/Password .*: /, password);
    await first.breakOff(/Go on\? \[Y\/n\] /);
    assert.equal(await first.end(), 130, first.text);
    const config = readFileSync(other.config, 'utf8');
    const next = other.start(...args);
    await next.see(/already: one is in [^]*is initialised already/);
    await next.answer(/key +[0-9a-f]{64}[^]*Go on\? \[Y\/n\] /, ''); // nobody has compared before
    await next.see(/rsync-ratchet sync one/);
    await next.answer(/Add them\? \[Y\/n\] /, 'n');
    await next.see(/nothing was switched on[^]*\n27 1 [^]*one is copied to \S+, and not protected yet: no crontab and no timer starts a night/);
    assert.equal(await next.end(), 4, next.text);
    assert.equal(other.crontab(), undefined);
    assert.equal(readFileSync(other.config, 'utf8'), config);
  });

  test('a host key that does not agree is not believed', async () => {
    const other = new Home();
    const terminal = other.start('setup', '--name', 'x', '--source', host.source, '--port', String(host.sshd.port), '--replica', other.at('copy'));
    await terminal.answer(/Do they agree\? \[y\/N\] /, '');
    assert.equal(await terminal.end(), 1);
    assert.deepEqual([existsSync(other.config), existsSync(other.at('.config/rsync-ratchet/known_hosts'))], [false, false]);
  });
});

describe('answered by options', () => {
  let home: Home;
  let args: string[] = [];
  before(() => {
    home = new Home();
    const secret = home.at('secret');
    writeFileSync(secret, `${password}\n`, { mode: 0o600 });
    give('ordinary', home.path);
    args = ['setup', '--yes', '--name', 'nightly', '--source', `${host.source}one`, '--port', String(host.sshd.port), '--replica', home.at('copy'), '--password-file', secret];
  });

  test('without --host-key, and with another one, exit 2: nothing is believed, nothing written', async () => {
    const without = home.start(...args);
    assert.equal(await without.end(), 2, without.text);
    assert.match(without.text, new RegExp(`--host-key is needed[^]*${literally(host.fingerprint)}`));
    const wrong = home.start(...args, '--host-key', 'SHA256:AAAA');
    assert.equal(await wrong.end(), 2, wrong.text);
    assert.deepEqual([existsSync(home.config), existsSync(home.at('.config/rsync-ratchet/known_hosts'))], [false, false]);
  });

  test('before serverA lets us in: the line to put there, exit 1; then all of it, and once more nothing', async () => {
    const early = home.start(...args, '--host-key', host.fingerprint);
    await host.allow(early);
    assert.equal(await early.end(), 1, early.text);
    assert.match(early.text, /hint: [^]*authorized_keys[^]*; then start setup again/);
    assert.equal(existsSync(home.config), false);
    chmodSync(home.at('secret'), 0);
    const closed = home.start(...args, '--host-key', host.fingerprint);
    assert.equal(await closed.end(), 2, closed.text);
    assert.match(closed.text, /install -o \S+ -m 600 [^]*its folder must let/);
    chmodSync(home.at('secret'), 0o644);
    const open = home.start(...args, '--host-key', host.fingerprint);
    assert.equal(await open.end(), 2, open.text);
    assert.match(open.text, /--password-file \S+ is open to others/);
    assert.equal(existsSync(home.config), false);
    chmodSync(home.at('secret'), 0o600);
    const whole = home.start(...args, '--host-key', host.fingerprint);
    assert.equal(await whole.end(), 0, whole.text);
    const before = digest(home.at('.config'));
    const again = home.start(...args, '--host-key', host.fingerprint);
    assert.equal(await again.end(), 0, again.text);
    assert.deepEqual(digest(home.at('.config')), before);
  });

  test('a crontab that cannot be read is left alone: the lines are printed, and nothing is called protected; exit 4', async () => {
    home.fake('crontab', '#!/bin/sh\n[ "$1" = -l ] || : >"$HOME/written"\necho "crontab: no crontab for you: Permission denied" >&2\nexit 1\n');
    const terminal = home.start(...args, '--host-key', host.fingerprint);
    assert.equal(await terminal.end(), 4, terminal.text);
    assert.match(terminal.text, /your crontab cannot be read, so it is left alone: crontab: no crontab for you: Permission denied\n[^]*\n27 1 [^]*nightly is copied to \S+, and not protected yet/);
    assert.equal(existsSync(home.at('written')), false);
    home.fake('crontab', crontab);
  });

  test('another source or password file for a name that is taken is exit 2', async () => {
    const secret = home.start('setup', '--yes', '--name', 'nightly', '--password-file', home.at('another'));
    assert.equal(await secret.end(), 2);
    assert.match(secret.text, /is in \S+ already, and --password-file would have it otherwise/);
    const other = home.start('setup', '--yes', '--name', 'nightly', '--source', '/elsewhere');
    assert.equal(await other.end(), 2);
    assert.match(other.text, /is in \S+ already, and --source would have it otherwise/);
  });

  test('a second repository: every byte of the configuration that was there is as it was', async () => {
    const commented = `${readFileSync(home.config, 'utf8')}    limits: { newFiles: 1000 } # few\n\n# whom to tell\n#alerts:\n`;
    writeFileSync(home.config, commented);
    mkdirSync(home.at('more'));
    give('ordinary', home.path);
    const second = home.start('setup', '--yes', '--name', 'second', '--source', join(host.folder, 'restic/two'), '--replica', home.at('more/second'));
    assert.equal(await second.end(), 0, second.text);
    const lines = readFileSync(home.config, 'utf8');
    assert.equal(lines.replace(/^ {2}second:\n(?: {4}.*\n)+/m, ''), commented);
    assert.match(lines, /# few\n {2}second:\n/);
  });
});
