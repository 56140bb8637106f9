/** The units of scripts/systemd: read always, and judged by systemd itself where it is installed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../support/temporary.ts';

const folder = fileURLToPath(new URL('../../scripts/systemd', import.meta.url));
const isInstalled = spawnSync('systemd-analyze', ['--version']).status === 0;
/** 10 is no protection at all. It is 3.6 with systemd 252; other releases weigh a little differently. */
const mostExposed = 4;

/** The settings of a unit: what stands behind each key. */
function settings(name: string): Map<string, string> {
  const lines = readFileSync(join(folder, name), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  for (const line of lines) assert.match(line, /^(?:\[(?:Unit|Service|Timer|Install)\]|[A-Z]\w*=.*)$/, name);
  return new Map(lines.filter((line) => line.includes('=')).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

/** Copies of the units, with a program that is there, and an instance of the templates. */
function copies(t: TestContext): string[] {
  const to = temporaryFolder(t);
  return readdirSync(folder).map((name) => {
    const file = join(to, name.replace('@.', '@nightly.'));
    writeFileSync(file, readFileSync(join(folder, name), 'utf8').replace('/usr/local/bin/rsync-ratchet', '/bin/true'));
    if (name.includes('@')) writeFileSync(join(to, name), readFileSync(file));
    return file;
  });
}

/** What systemd says of a unit and its drop-ins without running it. */
function security(file: string): { level: number; stdout: string; stderr: string } {
  const { stdout, stderr } = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', file], { encoding: 'utf8' });
  return { level: Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]), stdout, stderr };
}

test('a unit for all repositories and a template for one, each with its timer', () => {
  assert.deepEqual(readdirSync(folder).sort(), ['rsync-ratchet-flush.service', 'rsync-ratchet-flush.timer', 'rsync-ratchet.service', 'rsync-ratchet.timer', 'rsync-ratchet@.service', 'rsync-ratchet@.timer']);
  assert.equal(settings('rsync-ratchet-flush.service').get('ExecStart'), '/usr/local/bin/rsync-ratchet --quiet alert flush');
  assert.equal(settings('rsync-ratchet-flush.timer').get('OnCalendar'), '*:07/15');
  assert.equal(settings('rsync-ratchet.service').get('ExecStart'), '/usr/local/bin/rsync-ratchet --quiet sync');
  assert.equal(settings('rsync-ratchet@.service').get('ExecStart'), '/usr/local/bin/rsync-ratchet --quiet sync %i');
  for (const timer of ['rsync-ratchet.timer', 'rsync-ratchet@.timer']) {
    assert.deepEqual([settings(timer).get('Persistent'), settings(timer).get('WantedBy')], ['yes', 'timers.target']);
  }
});

test('all services have the same sandbox', () => {
  const sandbox = (name: string): string[] => [...settings(name)].filter(([key]) => !['ExecStart', 'Description', 'ConditionPathExistsGlob'].includes(key)).map((pair) => pair.join('='));
  assert.deepEqual(sandbox('rsync-ratchet.service'), sandbox('rsync-ratchet@.service'));
  assert.deepEqual(sandbox('rsync-ratchet.service'), sandbox('rsync-ratchet-flush.service'));
});

test('what Node, bubblewrap and the namespaces for restic need stays open', () => {
  const service = settings('rsync-ratchet.service');
  for (const closed of ['MemoryDenyWriteExecute', 'ProtectKernelTunables', 'ProtectKernelLogs', 'ProtectKernelModules', 'ProtectHostname', 'ProtectProc', 'ProcSubset', 'PrivateNetwork', 'PrivateUsers', 'RestrictNamespaces', 'RestrictSUIDSGID']) {
    assert.equal(service.get(closed), undefined, closed);
  }
  assert.equal(service.get('SystemCallFilter'), '@system-service @mount');
});

test('a night with warnings, beside another run, stopped, or ended by a reboot is no failed unit, and only timeouts.run ends one', () => {
  const service = settings('rsync-ratchet.service');
  assert.equal(service.get('SuccessExitStatus'), '4 75 143 SIGTERM');
  assert.equal(service.get('TimeoutStartSec'), 'infinity');
});

if (isInstalled) {
  describe('systemd itself', () => {
    test('finds nothing to complain about', (t) => {
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...copies(t)], { encoding: 'utf8', env: { ...process.env, SYSTEMD_LOG_LEVEL: 'warning' } });
      const files = stderr.split('\n').filter((line) => line.includes('rsync-ratchet'));
      assert.deepEqual([status, files], [0, []]);
    });

    test(`says an exposure level of ${mostExposed} at most`, (t) => {
      for (const file of copies(t).filter((name) => name.endsWith('.service'))) {
        const { level, stderr } = security(file);
        assert.ok(level <= mostExposed, `${level} ${stderr}`);
      }
    });

    test('gives root the capabilities that sftp needs, by the drop-in that the comments name', (t) => {
      for (const file of copies(t).filter((name) => name.endsWith('.service'))) {
        assert.match(security(file).stdout, /^✓ CapabilityBoundingSet=~CAP_SYS_ADMIN /m);
        mkdirSync(`${file}.d`);
        writeFileSync(join(`${file}.d`, 'override.conf'), '[Service]\nUser=root\nCapabilityBoundingSet=~\n');
        assert.match(security(file).stdout, /^✗ CapabilityBoundingSet=~CAP_SYS_ADMIN /m);
      }
    });
  });
}
