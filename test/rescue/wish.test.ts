/** What restic may be asked in the box: each command and each option, and the words why not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../src/errors.ts';
import { wishOf } from '../../src/rescue/wish.ts';

/** What is typed behind `--`, and what restic gets, with the target behind an arrow. */
const allowed: readonly (readonly [typed: string, args: string])[] = [
  ['snapshots', 'snapshots'],
  ['snapshots --json --host h', 'snapshots --json --host h'],
  ['ls -l latest', 'ls -l latest'],
  ['ls latest --path /srv/r', 'ls latest --path /srv/r'],
  ['find -i -s latest *.txt', 'find -i -s latest *.txt'],
  ['find -- -r', 'find -- -r'],
  ['find -- --repo', 'find -- --repo'],
  ['dump latest /a', 'dump latest /a'],
  ['dump -a zip latest /', 'dump -a zip latest /'],
  ['diff a b', 'diff a b'],
  ['stats --mode raw-data', 'stats --mode raw-data'],
  ['check --read-data-subset=1/3', 'check --read-data-subset=1/3'],
  ['cat config', 'cat config'],
  ['list packs', 'list packs'],
  ['key list', 'key list'],
  ['version', 'version'],
  ['help restore', 'help restore'],
  ['restore --help', 'restore --help'],
  ['restore -h', 'restore -h'],
  ['restore latest --target /t', 'restore latest > /t'],
  ['restore latest --target=/t --include /a', 'restore latest --include /a > /t'],
  ['restore -t /t latest', 'restore latest > /t'],
  ['restore -t/t latest', 'restore latest > /t'],
  ['restore -t=/t latest', 'restore latest > /t'],
  ['restore latest --target -t', 'restore latest > -t'],
  ['restore latest --target t -- --target', 'restore latest -- --target > t'],
  ['restore latest -i /p -e /o --target t', 'restore latest -i /p -e /o > t'],
  ['snapshots -Hproxy', 'snapshots -Hproxy'],
];

for (const [typed, args] of allowed) {
  test(`allowed: ${typed}`, () => {
    const wish = wishOf(typed.split(' '));
    assert.equal([...wish.args, ...(wish.target === undefined ? [] : ['>', wish.target])].join(' '), args);
  });
}

const refused: readonly (readonly [typed: string, why: RegExp])[] = [
  ['backup /', /restic backup is not for the box: it writes into the repository/],
  ['forget latest', /removes from the repository; on serverA/],
  ['prune', /removes from the repository/],
  ['unlock', /the replica has none/],
  ['tag --set x', /writes into the repository/],
  ['rewrite', /writes into the repository/],
  ['migrate', /init --repin/],
  ['repair index', /scrub --repair/],
  ['rebuild-index', /scrub --repair/],
  ['recover', /writes into the repository/],
  ['copy', /another repository/],
  ['init', /makes a repository/],
  ['key add', /restic key add is not for the box.*key list is/],
  ['key remove x', /restic key remove/],
  ['key', /restic key is not for the box/],
  ['mount /mnt', /FUSE.*`ls` and `find` look, `dump` gives one file, `restore` all/],
  ['cache', /has no cache/],
  ['self-update', /needs the network/],
  ['generate --man x', /writes files/],
  ['constructor', /"constructor" is no command that the box knows/],
  ['', /"" is no command that the box knows/],
  ['frobnicate', /"frobnicate" is no command.*the box does: cat, /],
  ['-r x snapshots', /-r stands before a command/],
  ['--repo x ls', /--repo stands before a command/],
  ['snapshots -r x', /-r is not for the box: the repository is the replica/],
  ['snapshots -rx', /-rx is not for the box/],
  ['snapshots -vr x', /-vr is not for the box/],
  ['ls --repo=x latest', /--repo=x is not for the box/],
  ['ls --repository-file x', /the repository is the replica/],
  ['ls -p x', /the password is that of the configuration/],
  ['ls --password-file=x', /the password/],
  ['ls --password-command x', /the password/],
  ['ls --insecure-no-password', /the password/],
  ['ls --no-lock', /no lock and has no cache/],
  ['ls --cache-dir x', /no cache/],
  ['ls --retry-lock 5m', /no lock/],
  ['ls -o sftp.command=x', /no network/],
  ['ls --option=sftp.command=x', /no network/],
  ['ls --cacert x', /no network/],
  ['snapshots --from-repo x', /no other repository/],
  ['restore latest --target t --include-file x', /--include or --exclude/],
  ['restore latest --target t --iexclude-file=x', /--include or --exclude/],
  ['restore latest --target t --ownership-by-name', /by their numbers/],
  ['restore latest', /restore needs a target.*--target FOLDER/],
  ['restore latest --target', /restore needs a target/],
  ['restore latest --target=', /restore needs a target/],
  ['restore latest -t a --target b', /restore has one target/],
  ['restore latest -vt a', /-vt is not for the box: the target stands by itself: --target FOLDER/],
  ['restore latest --target a -vtb', /-vtb is not for the box/],
  ['dump latest /a --target x', /restic dump writes no files in the box.*> FILE/],
];

for (const [typed, why] of refused) {
  test(`refused, before anything starts: ${typed}`, () => {
    assert.throws(() => wishOf(typed.split(' ')), (error: unknown) => {
      assert.ok(error instanceof UsageError);
      assert.match(`${error.message} ${error.hint}`, why);
      assert.match(error.hint, /Nothing was started$/);
      return true;
    });
  });
}
