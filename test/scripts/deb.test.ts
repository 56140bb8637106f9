/** What is in the Debian package, and that anyone can make it again. test/release installs it in fresh systems. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { changelogOf } from '../../scripts/deb-files.ts';
import { builtDeb } from '../support/debian.ts';
import { temporaryFolder } from '../support/temporary.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const env = { SOURCE_DATE_EPOCH: '1700000000' };

describe('npm run deb', () => {
  let deb = '';
  let tree = '';
  const read = (path: string): string => readFileSync(join(tree, path), 'utf8');
  before(() => {
    deb = builtDeb(undefined, env);
    tree = temporaryFolder();
    execFileSync('dpkg-deb', ['--raw-extract', deb, tree]);
  });

  test('made of a copy of the sources elsewhere, by somebody with another umask and another clock, it is the same bit for bit', (t) => {
    const copy = join(temporaryFolder(t), 'another/place for sources');
    mkdirSync(copy, { recursive: true });
    for (const name of ['src', 'scripts', 'package.json', 'package-lock.json', 'tsconfig.json', 'LICENSE', 'README.md']) cpSync(join(root, name), join(copy, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    const umask = process.umask(0o077);
    try {
      assert.ok(readFileSync(builtDeb(t, { ...env, TZ: 'Asia/Tokyo', LANG: 'de_DE.UTF-8' }, copy)).equals(readFileSync(deb)));
    } finally {
      process.umask(umask);
    }
  });

  test('its name, what it needs, and nobody but root owns a file in it', () => {
    assert.equal(basename(deb), `rsync-ratchet_${version}_all.deb`);
    const control = read('DEBIAN/control');
    assert.match(control, new RegExp(`^Version: ${version.replaceAll('.', '\\.')}$`, 'm'));
    assert.match(control, /^Depends: nodejs \(>= 20\), rsync, openssh-client, util-linux \(.*\), findutils \(.*\)\nRecommends: restic, bubblewrap, sshfs$/m);
    const listed = execFileSync('dpkg-deb', ['--contents', deb], { encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } }).trim().split('\n');
    for (const line of listed) assert.match(line, /^[dl-](?:rwxr-xr-x|rw-r--r--|rwxrwxrwx) root\/root .* 2023-11-14 /, line);
  });

  test('the program is the bundle whose contents are listed beside it, and answers where it lies', () => {
    const program = read('usr/lib/rsync-ratchet/rsync-ratchet.mjs');
    const { metadata } = JSON.parse(read('usr/lib/rsync-ratchet/rsync-ratchet.cdx.json')) as { metadata: { component: { hashes: { content: string }[] } } };
    assert.equal(metadata.component.hashes[0]?.content, createHash('sha256').update(program).digest('hex'));
    assert.equal(readlinkSync(join(tree, 'usr/bin/rsync-ratchet')), '../lib/rsync-ratchet/rsync-ratchet.mjs');
    assert.equal(execFileSync(join(tree, 'usr/bin/rsync-ratchet'), ['--version'], { encoding: 'utf8' }), `${version}\n`);
  });

  test('manual pages, completions, chapters, licences, changelog', () => {
    for (const [path, words] of [['man1/rsync-ratchet.1', '.TH RSYNC-RATCHET 1'], ['man5/rsync-ratchet.yaml.5', '.TH RSYNC-RATCHET.YAML 5'], ['man7/rsync-ratchet-restore.7', '.TH RSYNC-RATCHET-RESTORE 7']] as const) {
      assert.ok(execFileSync('zcat', [join(tree, `usr/share/man/${path}.gz`)], { encoding: 'utf8' }).includes(words), path);
    }
    for (const path of ['bash-completion/completions/rsync-ratchet', 'zsh/vendor-completions/_rsync-ratchet', 'fish/vendor_completions.d/rsync-ratchet.fish']) assert.match(read(`usr/share/${path}`), /prune-window/, path);
    const documents = 'usr/share/doc/rsync-ratchet';
    assert.deepEqual(readdirSync(join(tree, documents, 'manual')).sort(), readdirSync(join(root, 'src/manual')).filter((name) => name.endsWith('.md')).sort());
    for (const [, target = ''] of read(`${documents}/README.md`).matchAll(/\]\(([\w/.-]+\.md)/g)) assert.ok(statSync(join(tree, documents, target)).isFile(), target);
    assert.deepEqual(readdirSync(join(tree, 'usr/share/man/man7')).map((name) => name.replace(/^rsync-ratchet-(.*)\.7\.gz$/, '$1.md')).sort(), readdirSync(join(tree, documents, 'manual')).sort());
    const copyright = read(`${documents}/copyright`);
    for (const name of ['rsync-ratchet', 'commander', 'execa', 'nodemailer', 'uplot', 'yaml', 'human-signals']) assert.ok(copyright.includes(`\n${name}\n\n`), name);
    assert.match(execFileSync('zcat', [join(tree, documents, 'changelog.gz')], { encoding: 'utf8' }), new RegExp(`^rsync-ratchet \\(${version.replaceAll('.', '\\.')}\\) unstable; `));
  });

  test('units and cron sample start the program of the package; nothing is enabled, and no file lies in /etc', () => {
    const units = 'usr/lib/systemd/system';
    assert.deepEqual(readdirSync(join(tree, units)).sort(), readdirSync(join(root, 'scripts/systemd')).sort());
    for (const name of readdirSync(join(tree, units)).filter((each) => each.endsWith('.service'))) assert.match(read(`${units}/${name}`), /^ExecStart=\/usr\/bin\/rsync-ratchet /m, name);
    const cron = read('usr/share/doc/rsync-ratchet/examples/cron.d/rsync-ratchet');
    assert.match(cron, /^27 .* ratchet +umask 077; PATH=\S+ rsync-ratchet --quiet sync$/m);
    assert.doesNotMatch(cron, /\/opt\//);
    assert.deepEqual(readdirSync(tree).sort(), ['DEBIAN', 'usr']);
  });

  test('no script of it removes a folder that is not empty, nor a user; each is a sh', () => {
    assert.deepEqual(readdirSync(join(tree, 'DEBIAN')).sort(), ['control', 'md5sums', 'postinst', 'postrm', 'prerm']);
    for (const name of ['postinst', 'postrm', 'prerm']) {
      execFileSync('sh', ['-n', join(tree, 'DEBIAN', name)]);
      assert.doesNotMatch(read(`DEBIAN/${name}`), /rm -r|-rf|userdel|deluser|chown|systemctl (?:enable|start)/, name);
    }
  });

  test('purged where nothing was ever kept: its empty folders go, a user and a foreign profile stay', (t) => {
    // The script of the package as it is, with folders of the test in place of the machine's.
    const folder = temporaryFolder(t);
    mkdirSync(join(folder, 'etc/rsync-ratchet'), { recursive: true });
    mkdirSync(join(folder, 'var/lib/rsync-ratchet'), { recursive: true });
    copyFileSync(join(root, 'LICENSE'), join(folder, 'var/lib/rsync-ratchet/kept'));
    const script = read('DEBIAN/postrm').replaceAll(/(?<= |=)\/(?=etc|var|sys|run)/g, `${folder}/`);
    const said = execFileSync('sh', ['-c', script, 'postrm', 'purge'], { encoding: 'utf8' });
    assert.deepEqual([readdirSync(join(folder, 'etc')), readdirSync(join(folder, 'var/lib/rsync-ratchet'))], [[], ['kept']]);
    assert.match(said, /nothing of yours was deleted[\s\S]*var\/lib\/rsync-ratchet\n {2}the user ratchet/);
  });
});

test('a version that the manual says nothing of is not packed', () => {
  const at = new Date(0);
  assert.throws(() => changelogOf('9.9.9', '**0.3.0** Something.\n', 'a <b@c>', at), /says nothing of 9\.9\.9/);
  assert.equal(changelogOf('0.3.0', `# Changes\n\n**0.3.0** ${'word '.repeat(20)}end.\n\n**0.2.0** Older.\n`, 'a <b@c>', at), `rsync-ratchet (0.3.0) unstable; urgency=medium\n\n  * ${'word '.repeat(15).trim()}\n    ${'word '.repeat(5)}end.\n\n -- a <b@c>  Thu, 01 Jan 1970 00:00:00 +0000\n`);
});
