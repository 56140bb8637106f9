/** The Debian package in fresh systems: installed, a night, upgraded, removed, purged; nothing of the operator's is ever touched. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { builtDeb, type Debian, freshDebian, newerNode, remade } from '../support/debian.ts';
import { fixtures } from '../support/golden.ts';
import { preparedRepository, type ResticRepository } from '../support/restic.ts';
import { rrsyncCommand, type Sshd, startSshd } from '../support/sshd.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';

const isRoot = process.getuid?.() === 0;
const apt = 'apt-get -y -qq -o Dpkg::Use-Pty=0';
const install = `${apt} install`;
const own = ['/etc/rsync-ratchet', '/var/lib/rsync-ratchet', '/srv/replica'] as const;

/** serverA, which the fresh systems see on loopback; whoever makes none needs none. */
let repository: ResticRepository;
let sshd: Sshd<'backup'>;
let deb = '';
before(async () => {
  if (!isRoot) return;
  deb = builtDeb();
  const folder = temporaryFolder();
  repository = await preparedRepository(join(folder, 'source'));
  sshd = await startSshd({ folder: join(folder, 'sshd'), accounts: [{ name: 'backup', command: rrsyncCommand(repository.path) }] });
});
after(async () => { if (isRoot) await sshd.stop(); });

/** Whether fresh systems can be had; said where they cannot. */
function canTry(t: TestContext): boolean {
  if (!isRoot) t.diagnostic('only root can make a fresh system: nothing was installed');
  return isRoot;
}

/** Key, host key, password and configuration, as an operator puts them there. */
function configure(debian: Debian): void {
  const etc = debian.at('/etc/rsync-ratchet');
  const { identityFile, knownHostsFile, user, host, port } = sshd.accounts.backup;
  for (const [file, name] of [[identityFile, 'id_ed25519'], [knownHostsFile, 'known_hosts'], [repository.passwordFile, 'nightly.password']] as const) copyFileSync(file, join(etc, name));
  const config = {
    state: own[1],
    repositories: {
      nightly: {
        source: `${user}@${host}:/`, replica: `${own[2]}/nightly`, restic: { passwordFile: `${own[0]}/nightly.password` },
        ssh: { port, identityFile: `${own[0]}/id_ed25519`, knownHostsFile: `${own[0]}/known_hosts` }, rsync: { sandbox: 'require' },
      },
    },
  };
  writeFileSync(join(etc, 'config.yaml'), JSON.stringify(config));
  debian.must(`chown -R ratchet: ${own[0]}; chmod 600 ${own[0]}/*; install -d -o ratchet -g ratchet -m 700 ${own[2]}`);
}

/** What nothing but a night may change. */
const owned = (debian: Debian): string[][] => own.map((path) => digest(debian.at(path)));

/** The command of the cron sample, run as cron does. */
function cronNight(debian: Debian): string {
  const line = /^27 .* ratchet +(.*)$/m.exec(readFileSync(debian.at('/usr/share/doc/rsync-ratchet/examples/cron.d/rsync-ratchet'), 'utf8'))?.[1];
  return debian.must(`runuser -u ratchet -- env -i HOME=/var/lib/rsync-ratchet PATH=/usr/bin:/bin sh -c '${line ?? ''}'`);
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- looked into freely
const status = (debian: Debian): any => (JSON.parse(debian.run('rsync-ratchet --json status 2>/dev/null').text) as { repositories: unknown[] }).repositories[0];

const systems = [
  { suite: 'trixie', node: 'its own Node', prepare: (debian: Debian) => debian.must(`apt-get update -qq; ${install} apparmor`), profile: true },
  {
    suite: 'bookworm', node: 'a newer Node, and systemd', profile: false,
    prepare: (debian: Debian, t: TestContext) => debian.must(`apt-get update -qq; ${install} systemd apparmor ${debian.bring(newerNode(t), '/srv/nodejs.deb')}`),
  },
] as const;

for (const { suite, node, prepare, profile } of systems) {
  test(`${suite} with ${node}: install, nights, upgrade, remove, purge`, async (t) => {
    if (!canTry(t)) return;
    const debian = freshDebian(t, suite);
    prepare(debian, t);
    const link = '/etc/apparmor.d/rsync-ratchet';

    const earlier = remade(t, deb, (control) => control.replace(/^Version: .*$/m, 'Version: 0.2.9'));
    const said = debian.must(`${install} ${debian.bring(earlier, '/srv/earlier.deb')}`);
    assert.match(said, /rsync-ratchet: installed, nothing is started/);
    assert.match(said, /rsync-ratchet: no systemd runs here/);
    assert.equal(debian.must('stat -c "%a %U:%G" /etc/rsync-ratchet /var/lib/rsync-ratchet'), '750 ratchet:ratchet\n700 ratchet:ratchet\n');
    assert.match(debian.must('getent passwd ratchet'), /:\/var\/lib\/rsync-ratchet:\/usr\/sbin\/nologin\n$/);
    assert.equal(debian.must('find /etc/systemd /etc/cron* -name "*rsync-ratchet*"'), '');
    assert.equal(debian.run(`test -L ${link} && apparmor_parser --skip-kernel-load --skip-cache ${link}`).code === 0, profile);
    debian.must('bash -c "source /usr/share/bash-completion/completions/rsync-ratchet; complete -p rsync-ratchet"; dpkg --verify rsync-ratchet');

    configure(debian);
    assert.match(debian.must('rsync-ratchet init nightly; rsync-ratchet doctor'), /✔ bubblewrap[\s\S]*✔ namespaces/);
    assert.equal(cronNight(debian), '', 'a good night prints nothing');
    assert.deepEqual([status(debian).lastRun.outcome, status(debian).alarm], ['synced', null]);

    const before = owned(debian);
    debian.must(`${install} ${debian.bring(deb, '/srv/rsync-ratchet.deb')}`);
    assert.deepEqual(owned(debian), before, 'the upgrade touched nothing');
    await repository.backup({ [`${suite}.txt`]: suite.repeat(5000) });
    debian.must('rsync-ratchet --quiet sync; rsync-ratchet history --verify');
    assert.equal(status(debian).lastRun.outcome, 'synced');

    const left = owned(debian);
    debian.must(`${apt} remove rsync-ratchet`);
    assert.deepEqual([owned(debian), debian.run('command -v rsync-ratchet').code, existsSync(debian.at(link))], [left, 127, false]);
    const goodbye = debian.must(`${apt} purge rsync-ratchet`);
    assert.match(goodbye, /nothing of yours was deleted[\s\S]*\n {2}\/etc\/rsync-ratchet\n {2}\/var\/lib\/rsync-ratchet\n {2}the user ratchet/);
    assert.deepEqual(owned(debian), left);
    assert.match(debian.must('getent passwd ratchet'), /^ratchet:/);
    const more = debian.must('find / -xdev -name "*rsync-ratchet*" -not -path "/srv/*" -not -path "/proc/*"').trim().split('\n').sort();
    assert.deepEqual(more, [own[0], own[1]]);

    debian.must(`${install} /srv/rsync-ratchet.deb`);
    assert.deepEqual([owned(debian), status(debian).lastRun.outcome], [left, 'synced'], 'installed again, it goes on');
    debian.must(`${install} --no-install-recommends systemd lintian`);
    assert.equal(debian.must('cd /usr/lib/systemd/system; systemd-analyze verify rsync-ratchet*.timer rsync-ratchet*.service; systemd-sysusers; systemd-tmpfiles --create rsync-ratchet.conf'), '');
    assert.deepEqual(owned(debian), left);
    assert.equal(debian.run('lintian --allow-root --fail-on error,warning --display-level ">=warning" /srv/rsync-ratchet.deb').text, '');
  });
}

test("0.3.0's state, made by hand and with modes of its own: installed over it, everything stands as it stood", (t) => {
  if (!canTry(t)) return;
  const debian = freshDebian(t, 'trixie');
  mkdirSync(debian.at('/srv'), { recursive: true });
  copyFileSync(fileURLToPath(new URL('./clock.mjs', new URL('../support/', import.meta.url))), debian.at('/srv/clock.mjs'));
  execFileSync('tar', ['-xzf', join(fixtures, 'state/0.3.0.tar.gz'), '-C', debian.at('/srv'), '--no-same-owner']);
  const config = { state: own[1], repositories: { nightly: { source: '/srv/source', replica: '/srv/replica' } } };
  writeFileSync(debian.at('/srv/config.yaml'), JSON.stringify(config));
  debian.must(`useradd --system --uid 555 --home-dir /nowhere ratchet
    install -d -m 0755 /etc/rsync-ratchet; install -m 0644 /srv/config.yaml /etc/rsync-ratchet/config.yaml
    mv /srv/state /var/lib/rsync-ratchet; chown -R ratchet: /var/lib/rsync-ratchet /srv/replica /srv/source; chmod 2750 /var/lib/rsync-ratchet`);
  const before = owned(debian);
  debian.must(`apt-get update -qq; ${install} systemd; ${install} ${debian.bring(deb, '/srv/rsync-ratchet.deb')}`);
  assert.deepEqual(owned(debian), before);
  assert.equal(statSync(debian.at('/var/lib/rsync-ratchet')).uid, 555);

  const journal = readFileSync(debian.at('/var/lib/rsync-ratchet/nightly/journal.jsonl'), 'utf8').trimEnd().split('\n');
  const { time } = JSON.parse(journal.at(-1) ?? '') as { time: string };
  const clock = `export NODE_OPTIONS="--import /srv/clock.mjs" CLOCK_AHEAD=${Date.parse(time) + 3600_000 - Date.now()}\n`;
  const replica = digest(debian.at('/srv/replica'), { without: ['.rsync-ratchet'] });
  assert.equal(debian.run(`${clock} rsync-ratchet status`).code, 3);
  const night = debian.run(`${clock} rsync-ratchet sync`);
  assert.equal(night.code, 3, night.text);
  assert.match(debian.must(`${clock} rsync-ratchet tombstones list nightly`), /stays .* snapshots/);
  debian.must(`${clock} rsync-ratchet history --verify`);
  assert.deepEqual(digest(debian.at('/srv/replica'), { without: ['.rsync-ratchet'] }), replica);
  rmSync(debian.at('/srv/clock.mjs'));
});
