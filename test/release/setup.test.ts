/** `setup` of the package in a fresh Debian without systemd at work: with its real cron, for an ordinary user and for root. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtDeb, freshDebian } from '../support/debian.ts';

const setup = 'rsync-ratchet setup --yes --source /srv/restic --mail-to -';

test('trixie: nothing is called protected without a cron at work; with one, lines are added once, and run', (t) => {
  if (process.getuid?.() !== 0) return t.diagnostic('only root can make a fresh system: nothing was installed');
  const debian = freshDebian(t, 'trixie');
  debian.must(`apt-get update -qq; apt-get -y -qq install --no-install-recommends cron restic bubblewrap ${debian.bring(builtDeb(t), '/srv/made.deb')}
    useradd --create-home alice; install -m 644 /dev/null /srv/pw; echo secret >/srv/pw
    export RESTIC_PASSWORD_FILE=/srv/pw; restic -q -r /srv/restic init; restic -q -r /srv/restic backup /etc/apt; chmod -R a+rX /srv/restic
    install -o alice -m 600 /srv/pw /home/alice/pw; install -o ratchet -m 600 /srv/pw /etc/rsync-ratchet/pw`);

  const without = debian.run(`su - alice -c '${setup} --name mine --password-file /home/alice/pw'`);
  assert.deepEqual([without.code, /\nmine is copied to \S+, and not protected yet: no crontab/.test(without.text)], [4, true], without.text);
  assert.equal(debian.run('crontab -u alice -l').code, 1);

  // A process of one command ends with it, so cron is started in each.
  const user = debian.must(`cron; printf '# mine\\n7 7 * * * true\\n' | crontab -u alice -
    for again in 1 2; do su - alice -c '${setup} --name mine --password-file /home/alice/pw'; done; echo ---; crontab -u alice -l`);
  assert.equal(user.match(/\nmine is protected: /g)?.length, 2, user);
  assert.match(user, /---\n# mine\n7 7 \* \* \* true\n27 1 [^\n]* --quiet sync\n\*\/15 [^\n]* alert flush\n$/);

  const root = debian.must(`cron; for again in 1 2; do ${setup} --name nightly --password-file /etc/rsync-ratchet/pw; done; echo ---; cat /etc/cron.d/rsync-ratchet`);
  assert.equal(root.match(/\nnightly is protected: /g)?.length, 2, root);
  const [, command = 'false'] = /---\n#[^\n]*\nMAILTO=root\n27 1 \* \* \* ratchet ([^\n]*)\n\*\/15 [^\n]*\n$/.exec(root) ?? [];
  assert.equal(debian.must(`runuser -u ratchet -- env -i HOME=/var/lib/rsync-ratchet PATH=/usr/bin:/bin sh -c '${command}'`), '');
});
