/** The lines of cron and the units that `setup` writes: what starts us whatever the names are, and touches nothing else. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { nightsOfCrontab } from '../../src/doctor/starters.ts';
import { cronLines, crontabWith, type Nightly, userUnits } from '../../src/setup/night-lines.ts';
import { temporaryFolder } from '../support/temporary.ts';

const plain: Nightly = { program: ['/usr/bin/rsync-ratchet'], path: ['/usr/bin', '/bin'], config: undefined, state: '/var/lib/rsync-ratchet', names: [] };

test('two lines, of a user where the file wants one', () => {
  assert.equal(cronLines(plain, 'ratchet'), `27 1 * * * ratchet umask 077; PATH=/usr/bin:/bin /usr/bin/rsync-ratchet --quiet sync
*/15 * * * * ratchet umask 077; ls /var/lib/rsync-ratchet/spool/*.json >/dev/null 2>&1 && PATH=/usr/bin:/bin /usr/bin/rsync-ratchet --quiet alert flush
`);
  assert.match(cronLines({ ...plain, names: ['one'] }), /^27 1 \* \* \* umask 077; PATH=\S+ \S+ --quiet sync one$/m);
});

test('names with blanks, quotes, signs of percent and dollars come through cron and its shell whole, and are found again', (t) => {
  const folder = join(temporaryFolder(t), `it's 100% "mine" $HOME`);
  mkdirSync(join(folder, 'spool'), { recursive: true });
  writeFileSync(join(folder, 'spool/1.json'), '');
  const program = join(folder, 'rsync-ratchet');
  writeFileSync(program, '#!/bin/sh\nprintf "<%s>" "$@"\n');
  chmodSync(program, 0o755);
  const config = join(folder, 'c.yaml');
  const lines = cronLines({ ...plain, program: [program], config, state: folder });
  const said = lines.trimEnd().split('\n').map((line) => {
    const command = line.split(' ').slice(5).join(' ').replaceAll('\\%', '%'); // as cron(8) reads it
    return execFileSync('sh', ['-c', command], { encoding: 'utf8' });
  });
  assert.deepEqual(said, [`<--config><${config}><--quiet><sync>`, `<--config><${config}><--quiet><alert><flush>`]);
  const other = cronLines({ ...plain, config: "/it's a blank/100%/c.yaml" }, 'me');
  assert.deepEqual(nightsOfCrontab(other), [{ user: 'me', names: [], config: "/it's a blank/100%/c.yaml" }]);
});

describe('a crontab gets longer, and is else byte for byte what it was', () => {
  const rows: [text: string, whole: string][] = [['', 'new\n'], ['a\n', 'a\nnew\n'], ['a', 'a\nnew\n'], ['\n# ä\n\n', '\n# ä\n\nnew\n']];
  for (const [text, whole] of rows) test(JSON.stringify(text), () => assert.equal(crontabWith(text, 'new\n'), whole));
});

if (spawnSync('systemd-analyze', ['--version']).status === 0) test('systemd understands the units, and reads the command as it was meant', (t) => {
  const folder = temporaryFolder(t);
  const program = join(folder, 'with blank 100% $HOME');
  writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 });
  for (const [name, text] of Object.entries(userUnits({ ...plain, program: [program], config: '/it\'s "mine" $HOME' }))) writeFileSync(join(folder, name), text);
  const units = Object.keys(userUnits(plain)).map((name) => join(folder, name));
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--user', '--man=no', ...units], { encoding: 'utf8', env: { ...process.env, SYSTEMD_LOG_LEVEL: 'warning', XDG_RUNTIME_DIR: folder } });
  assert.deepEqual([status, stderr.split('\n').filter((line) => line.includes('rsync-ratchet'))], [0, []], stderr);
  assert.match(readFileSync(join(folder, 'rsync-ratchet.service'), 'utf8'), /^ExecStart="\S+with blank 100%% \$HOME" --config "\/it's \\"mine\\" \$\$HOME" --quiet sync$/m);
});
