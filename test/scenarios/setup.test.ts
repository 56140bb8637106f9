/** `setup`, typed on a terminal against a real sshd: answered right and wrong, broken off at each question, and by options. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { give, prefixOf } from '../support/asked.ts';
import { program } from '../support/cli.ts';
import { preparedRepository } from '../support/restic.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { Terminal } from '../support/terminal.ts';
import { digest } from '../support/tree.ts';

const password = 'open sesame';
let folder = '';
let sshd: Sshd<never>;
/** The fingerprint as serverA's operator reads it. */
let fingerprint = '';
before(async () => {
  folder = temporaryFolder();
  chmodSync(folder, 0o755);
  for (const name of ['one', 'two']) await preparedRepository(join(folder, 'restic', name));
  execFileSync('chmod', ['-R', 'a+rX', join(folder, 'restic')]);
  sshd = await startSshd({ folder: join(folder, 'sshd'), accounts: [] });
  fingerprint = execFileSync('ssh-keygen', ['-lf', join(folder, 'sshd/host_key.pub')], { encoding: 'utf8' }).split(' ')[1] ?? '';
});
after(() => sshd.stop());

/** A user's home, where everything is made. */
class Home {
  readonly path: string;
  readonly config: string;
  constructor() {
    this.path = temporaryFolder();
    this.config = join(this.path, '.config/rsync-ratchet/config.yaml');
    give('ordinary', this.path);
  }

  at(...names: readonly string[]): string {
    return join(this.path, ...names);
  }

  start(...args: readonly string[]): Terminal {
    const argv = [...prefixOf('ordinary'), process.execPath, program, ...args];
    return new Terminal(argv, { PATH: process.env['PATH'] ?? '', HOME: this.path, TZ: 'UTC', TERM: 'dumb', TMPDIR: this.path }, this.path);
  }

  /** What was made so far. */
  made(): string[] {
    return digest(this.path, { without: ['.cache'] });
  }
}

/** serverA's operator puts the line that was printed into authorized_keys, with the folder of the repositories. */
async function allow(terminal: Terminal, command: string): Promise<void> {
  const [line] = await terminal.see(/restrict,command="[^"]*" ssh-ed25519 \S+ [^\n]*\n/);
  appendFileSync(join(folder, 'sshd/authorized_keys'), line.replace(/command="[^"]*"/, `command="${command}"`));
}

const source = (): string => `${sshd.user}@127.0.0.1:/`;

describe('answered by a person', () => {
  const home = (): Home => made;
  let made: Home;
  before(() => { made = new Home(); });

  /** The questions up to the one where it is broken off, with what is typed. */
  const questions = (): (readonly [RegExp, string])[] => [
    [/Name \[nightly\]: /, 'nightly'], [/Source: /, source()], [/Replica \[.*\]: /, ''], [/Port \[22\]: /, String(sshd.port)], [/Do they agree\? \[y\/N\] /, 'y'],
  ];

  test('broken off at each question: nothing but what was said is made, and it ends with 130', async () => {
    for (let at = 0; at < questions().length; at += 1) {
      const terminal = home().start('setup');
      for (const [question, line] of questions().slice(0, at)) await terminal.answer(question, line);
      await terminal.breakOff(questions()[at]?.[0] ?? /never/);
      assert.equal(await terminal.end(), 130, terminal.text);
      assert.equal(existsSync(home().config), false);
      assert.equal(existsSync(home().at('replica')), false);
    }
    assert.equal(existsSync(home().at('.config/rsync-ratchet/known_hosts')), false, 'nobody has agreed');
  });

  test('answered wrong, then right: asked again, a choice of repositories, a first copy', async () => {
    const terminal = home().start('setup');
    await terminal.answer(/Name \[nightly\]: /, 'no name');
    await terminal.see(/letters, digits/);
    await terminal.answer(/Name \[nightly\]: /, '');
    await terminal.answer(/Source: /, '');
    await terminal.answer(/an answer is needed[^]*Source: /, 'https://nonsense/');
    await terminal.answer(/is not understood[^]*Source: /, source());
    await terminal.answer(/Replica \[\S*\/replica\/nightly\]: /, 'not/absolute');
    await terminal.answer(/an absolute path[^]*Replica \[.*\]: /, '');
    await terminal.answer(/Port \[22\]: /, '0');
    await terminal.answer(/a number from 1 to 65535[^]*Port \[22\]: /, String(sshd.port));
    await terminal.see(/already: the key \S+id_ed25519/);
    await terminal.see(new RegExp(`shows +ssh-ed25519 ${fingerprint.replace(/[+/]/g, '\\$&')}`));
    await terminal.answer(/Do they agree\? \[y\/N\] /, 'y');
    await allow(terminal, `rrsync -ro ${join(folder, 'restic')}`);
    await terminal.answer(/to look again\. \[Y\/n\] /, '');
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
    await terminal.see(/27 1 \* \* \* umask 077; rsync-ratchet --config \S+ --quiet sync/);
    assert.equal(await terminal.end(), 0, terminal.text);
    assert.doesNotMatch(terminal.text, new RegExp(password), 'the password is not shown');
    assert.equal(statSync(home().at('.config/rsync-ratchet/nightly.password')).mode & 0o777, 0o600);
    assert.match(readFileSync(home().config, 'utf8'), /^ {4}source: \S+:\/?two$/m);
    assert.ok(existsSync(home().at('replica/nightly/config')));
  });

  test('started again, nothing is asked but the name, and nothing that is right changes', async () => {
    const kept = ['.config', 'replica/nightly/config', 'replica/nightly/data'];
    const files = (): string[][] => kept.map((name) => digest(home().at(name), { folders: false })); // doctor tries a link
    const before = files();
    const terminal = home().start('setup');
    await terminal.answer(/Name \[nightly\]: /, '');
    await terminal.see(/already: nightly is in [^]*already: \S+ is initialised[^]*already: the first copy is made/);
    assert.equal(await terminal.end(), 0, terminal.text);
    assert.deepEqual(files(), before);
  });

  test('broken off behind the configuration, it goes on from there', async () => {
    const other = new Home();
    const args = ['setup', '--source', join(folder, 'restic/one'), '--replica', other.at('copy'), '--name', 'one', '--mail-to', '-'];
    const first = other.start(...args);
    await first.answer(/Password .*: /, password);
    await first.breakOff(/Go on\? \[Y\/n\] /);
    assert.equal(await first.end(), 130, first.text);
    const config = readFileSync(other.config, 'utf8');
    const next = other.start(...args);
    await next.see(/already: one is in [^]*is initialised[^]*rsync-ratchet sync one/);
    assert.equal(await next.end(), 0, next.text);
    assert.equal(readFileSync(other.config, 'utf8'), config);
  });

  test('a host key that does not agree is not believed', async () => {
    const other = new Home();
    const terminal = other.start('setup', '--name', 'x', '--source', source(), '--port', String(sshd.port), '--replica', other.at('copy'));
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
    args = ['setup', '--yes', '--name', 'nightly', '--source', `${sshd.user}@127.0.0.1:/one`, '--port', String(sshd.port), '--replica', home.at('copy'), '--password-file', secret];
  });

  test('without --host-key, and with another one, exit 2: nothing is believed, nothing written', async () => {
    const without = home.start(...args);
    assert.equal(await without.end(), 2, without.text);
    assert.match(without.text, new RegExp(`--host-key is needed[^]*${fingerprint.replace(/[+/]/g, '\\$&')}`));
    const wrong = home.start(...args, '--host-key', 'SHA256:AAAA');
    assert.equal(await wrong.end(), 2, wrong.text);
    assert.deepEqual([existsSync(home.config), existsSync(home.at('.config/rsync-ratchet/known_hosts'))], [false, false]);
  });

  test('before serverA lets us in: the line to put there, exit 1; then all of it, and once more nothing', async () => {
    const early = home.start(...args, '--host-key', fingerprint);
    await allow(early, `rrsync -ro ${join(folder, 'restic')}`);
    assert.equal(await early.end(), 1, early.text);
    assert.equal(existsSync(home.config), false);
    chmodSync(home.at('secret'), 0o644);
    const open = home.start(...args, '--host-key', fingerprint);
    assert.equal(await open.end(), 2, open.text);
    assert.match(open.text, /--password-file \S+ is open to others/);
    assert.equal(existsSync(home.config), false);
    chmodSync(home.at('secret'), 0o600);
    const whole = home.start(...args, '--host-key', fingerprint);
    assert.equal(await whole.end(), 0, whole.text);
    const before = digest(home.at('.config'));
    const again = home.start(...args, '--host-key', fingerprint);
    assert.equal(await again.end(), 0, again.text);
    assert.deepEqual(digest(home.at('.config')), before);
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
    const second = home.start('setup', '--yes', '--name', 'second', '--source', join(folder, 'restic/two'), '--replica', home.at('more/second'));
    assert.equal(await second.end(), 0, second.text);
    const lines = readFileSync(home.config, 'utf8');
    assert.equal(lines.replace(/^ {2}second:\n(?: {4}.*\n)+/m, ''), commented);
    assert.match(lines, /# few\n {2}second:\n/);
  });
});
