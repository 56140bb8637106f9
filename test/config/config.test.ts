import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sampleConfig } from '../../src/config/sample.ts';
import { pathOf, Replica } from '../../src/replica-path.ts';
import { readConfig, type Config, type Problem, type Repository } from '../../src/config/config.ts';

const second = 1000;
const hour = 3600 * second;
const day = 24 * hour;

function problemsOf(text: string): Problem[] {
  const result = readConfig(text, '/etc/ratchet');
  return 'problems' in result ? result.problems : [];
}

function configOf(text: string): Config {
  const result = readConfig(text, '/etc/ratchet');
  if ('problems' in result) assert.fail(JSON.stringify(result.problems, null, 2));
  return result.config;
}

/** A configuration with one repository; `more` are its further lines, without indentation; they begin on line 5. */
const repositoryYaml = (more = '', source = 'backup@serverA:/', replica = '/srv/r') =>
  `repositories:\n  nightly:\n    source: ${source}\n    replica: ${replica}\n${more.replace(/^/gm, '    ')}\n`;

const repositoryOf = (more = '', source?: string): Repository => configOf(repositoryYaml(more, source)).repositories[0]!;

/** The same with top-level lines after it; they begin on line 6. */
const withTop = (more: string) => `${repositoryYaml()}${more}\n`;

type Expected = [line: number, column: number, key: string, message: RegExp];

function expectProblems(text: string, expected: Expected[]): void {
  const problems = problemsOf(text);
  assert.deepEqual(problems.map(({ line, column, key }) => [line, column, key]), expected.map((row) => row.slice(0, 3)), JSON.stringify(problems, null, 2));
  for (const [index, [, , , message]] of expected.entries()) assert.match(problems[index]!.message, message);
  for (const { message } of problems) assert.doesNotMatch(message, /[\p{Cc}\p{Cs}]/u);
}

describe('defaults', () => {
  test('only source and replica are required', () => {
    assert.deepEqual(configOf(repositoryYaml()), {
      state: undefined,
      repositories: [{
        name: 'nightly',
        source: { kind: 'ssh', user: 'backup', host: 'serverA', path: '/' },
        replica: new Replica('nightly', '/srv/r'),
        ssh: { options: [] },
        rsync: { path: 'rsync', remotePath: 'rsync', sandbox: 'auto' },
        timeouts: { connect: 30 * second, stall: 600 * second, run: 12 * hour, prove: 6 * hour, check: 6 * hour },
        deletionGrace: 30 * day,
        pruneWindows: [],
        limits: { newFiles: 200_000, newBytes: 500e9, minFree: { percent: 5 }, suspects: 100 },
        spotCheck: 5,
        ignore: [],
        restic: { path: 'restic', prove: true, hasPassword: false, memory: 2 ** 32 },
      }],
      alerts: {},
      monitoring: {},
    });
  });

  test('with a password the check is on', () => {
    const check = { every: 7 * day, readDataSubset: 30 };
    const drill = { every: 30 * day, files: 25, bytes: 200e6 };
    assert.deepEqual(repositoryOf('restic: { passwordFile: secret }').restic, { path: 'restic', passwordFile: '/etc/ratchet/secret', hasPassword: true, prove: true, memory: 2 ** 32, check, drill });
    assert.deepEqual(repositoryOf('restic: { passwordFile: /s, drill: { every: off, files: 3 } }').restic.drill, { ...drill, every: 'off', files: 3 });
    assert.equal(repositoryOf('restic: { drill: { every: 1d } }').restic.drill, undefined);
    assert.deepEqual(repositoryOf('restic: { passwordFile: /s, check: { every: 1d } }').restic.check, { every: day, readDataSubset: 30 });
    assert.deepEqual(repositoryOf('restic: { passwordFile: /s, prove: unisolated }').restic.prove, 'unisolated');
  });

  test('without a password there is no check, and prove stays as it is', () => {
    assert.deepEqual(repositoryOf('restic: { path: /opt/restic, prove: false, check: { every: 1d } }').restic, { path: '/opt/restic', prove: false, hasPassword: false, memory: 2 ** 32 });
  });

  test('smtp is a mail server on this machine', () => {
    assert.deepEqual(configOf(withTop('alerts: { email: { from: a@b, to: [c@d], smtp: {} } }')).alerts.email, {
      from: 'a@b', to: ['c@d'], onSuccess: 'never', transport: { kind: 'smtp', host: 'localhost', port: 25, tls: 'opportunistic' },
    });
  });

  test('sendmail and directory are the other ways', () => {
    const transport = (way: string) => configOf(withTop(`alerts: { email: { from: a@b, to: [c@d], ${way} } }`)).alerts.email?.transport;
    assert.deepEqual(transport('sendmail: /usr/sbin/sendmail'), { kind: 'sendmail', path: '/usr/sbin/sendmail', args: [] });
    assert.deepEqual(transport('sendmail: [./msmtp, -a, my account]'), { kind: 'sendmail', path: '/etc/ratchet/msmtp', args: ['-a', 'my account'] });
    assert.deepEqual(transport('directory: mails/'), { kind: 'directory', path: '/etc/ratchet/mails' });
  });
});

describe('values', () => {
  const read: [yaml: string, pick: (repository: Repository) => unknown, value: unknown][] = [
    ['timeouts: { stall: 1.5h }', (r) => r.timeouts.stall, 1.5 * hour],
    ['timeouts: { connect: 0.5s }', (r) => r.timeouts.connect, 500],
    ['timeouts: { run: 7d }', (r) => r.timeouts.run, 7 * day],
    ['deletionGrace: 0', (r) => r.deletionGrace, 0],
    ['deletionGrace: "0"', (r) => r.deletionGrace, 0],
    ['deletionGrace: 0d', (r) => r.deletionGrace, 0],
    ['deletionGrace: forever', (r) => r.deletionGrace, 'forever'],
    ['deletionGrace: 90m', (r) => r.deletionGrace, 1.5 * hour],
    ['limits: { newBytes: 1GiB }', (r) => r.limits.newBytes, 2 ** 30],
    ['limits: { newBytes: 1.5MiB }', (r) => r.limits.newBytes, 1.5 * 2 ** 20],
    ['limits: { newBytes: 2MB }', (r) => r.limits.newBytes, 2e6],
    ['freshness: 35d', (r) => r.freshness, 35 * day],
    ['ignore: ["._*", "*.bak"]', (r) => r.ignore, ['._*', '*.bak']],
    ['limits: { newBytes: 2TB }', (r) => r.limits.newBytes, 2e12],
    ['limits: { minFree: 512KiB }', (r) => r.limits.minFree, { bytes: 2 ** 19 }],
    ['rsync: { bandwidthLimit: 625KB }', (r) => r.rsync.bandwidthLimit, 625_000],
    ['limits: { minFree: 2.5% }', (r) => r.limits.minFree, { percent: 2.5 }],
    ['limits: { minFree: 50GB }', (r) => r.limits.minFree, { bytes: 50e9 }],
    ['rsync: { bandwidthLimit: 20MB }', (r) => r.rsync.bandwidthLimit, 20e6],
    ['rsync: { path: ./rsync, sandbox: off }', (r) => [r.rsync.path, r.rsync.sandbox], ['/etc/ratchet/rsync', 'off']],
    ['ssh: { identityFile: ../keys//id, options: [ServerAliveInterval=5] }', (r) => r.ssh, { identityFile: '/etc/keys/id', options: ['ServerAliveInterval=5'] }],
    ['ignore: [".DS_Store", "-x", "Index of"]', (r) => r.ignore, ['.DS_Store', '-x', 'Index of']],
    ['pruneWindows: [ { days: [sun, mon], from: 22:00, to: "04:00", timezone: Europe/Berlin, maxDeletions: 0 } ]', (r) => r.pruneWindows,
      [{ days: ['sun', 'mon'], from: '22:00', to: '04:00', timezone: 'Europe/Berlin', maxDeletions: 0 }]],
  ];
  for (const [yaml, pick, value] of read) test(yaml, () => assert.deepEqual(pick(repositoryOf(yaml)), value));

  test('paths are resolved against the folder of the file', () => {
    const config = configOf(`state: ../state/\n${repositoryYaml('', '/a//b/../c/', 'copies/./x/')}`);
    assert.deepEqual([config.state, config.repositories.map(({ replica }) => pathOf(replica))], ['/etc/state', ['/etc/ratchet/copies/x']]);
    assert.deepEqual(config.repositories[0]?.source, { kind: 'local', path: '/a/c' });
  });

  const shared = `x-base: &base
  ssh: { port: 2222 }
  limits: { newFiles: 7, x-note: "why seven" }
x-more: &more { limits: { newFiles: 8 }, spotCheck: 9 }
repositories:
  a: { <<: *base, source: "h:/a", replica: /a, x-owner: "carol" }
  b:
    <<: [*base, *more]
    source: h:/b
    replica: /b
    limits: { <<: { newFiles: 1 }, suspects: 2 }
  x-ray: { source: "h:/x", replica: /x }
`;
  test('merge keys and x-… blocks: what is written goes before what is merged, an earlier source before a later', () => {
    const found = configOf(shared).repositories.map(({ name, ssh, limits, spotCheck }) => [name, ssh.port, limits.newFiles, limits.suspects, spotCheck]);
    assert.deepEqual(found, [['a', 2222, 7, 100, 5], ['b', 2222, 1, 2, 9], ['x-ray', undefined, 200_000, 100, 5]]);
  });

  test('what is wrong in a merged block is told at its place there, for each repository that takes it', () => {
    const found = readConfig(shared.replace('port: 2222', 'port: 0, pots: 1'), '/etc/ratchet');
    assert.ok('problems' in found);
    assert.deepEqual(found.problems.map(({ line, column, key }) => `${line}:${column} ${key}`),
      ['2:16 repositories.a.ssh.port', '2:16 repositories.b.ssh.port', '2:19 repositories.a.ssh.pots', '2:19 repositories.b.ssh.pots']);
    const broken = readConfig('repositories:\n  a: { <<: 5, source: "h:", replica: /a }\n', '/');
    assert.ok('problems' in broken && broken.problems.length > 0);
    assert.ok('problems' in readConfig('repositories: &r\n  a: &a { <<: *a, source: "h:", replica: /a }\n  b: { <<: [*r, *a] }\n', '/'));
  });

  test('a byte order mark and aliases are fine', () => {
    const text = '\uFEFFrepositories:\n  a: { source: &s "h:", replica: /a }\n  2024: { source: *s, replica: /b }\n';
    assert.deepEqual(configOf(text).repositories.map(({ name }) => name).sort(), ['2024', 'a']);
  });
});

describe('sources', () => {
  const good: [text: string, source: Repository['source']][] = [
    ['backup@serverA:/', { kind: 'ssh', user: 'backup', host: 'serverA', path: '/' }],
    ['serverA:srv/my repo', { kind: 'ssh', host: 'serverA', path: 'srv/my repo' }],
    ['serverA:', { kind: 'ssh', host: 'serverA', path: '.' }],
    ['me@[::1]:/x', { kind: 'ssh', user: 'me', host: '::1', path: '/x' }],
    ['[fe80::1%eth0]:x', { kind: 'ssh', host: 'fe80::1%eth0', path: 'x' }],
    ['serverA:a::b', { kind: 'ssh', host: 'serverA', path: 'a::b' }],
    ['me@realm@host:x', { kind: 'ssh', user: 'me@realm', host: 'host', path: 'x' }],
    ['sftp://me@host/srv/restic', { kind: 'sftp', user: 'me', host: 'host', path: '/srv/restic' }],
    ['sftp://[::1]:2222/x', { kind: 'sftp', host: '::1', port: 2222, path: '/x' }],
    ['sftp://host', { kind: 'sftp', host: 'host', path: '.' }],
    ['/srv/a:b c', { kind: 'local', path: '/srv/a:b c' }],
  ];
  for (const [text, source] of good) test(text, () => assert.deepEqual(repositoryOf('', JSON.stringify(text)).source, source));

  const bad: [text: string, message: RegExp][] = [
    ['rsync://host/module', /rsync daemon.*must be user@host:path/], ['host::module', /rsync daemon/], ['me@host::module', /rsync daemon/],
    ['[::1]::module', /rsync daemon|host/], ['sftp:me@host:/x', /restic's form/], ['ssh://host/x', /not understood/],
    ['relative/path', /absolute path/], ['', /must not be empty/], ['-oProxyCommand=x:/', /host must be/], ['me@-host:/', /host must be/],
    ['-me@host:/', /user before @/], ['me:secret@host:/', /password/], ['sftp://me:secret@host/', /password/],
    ['host:-rf', /begin with '-'/], ['host:/srv/*', /wildcards/], ['@host:/', /user before @/], [':/x', /host must be/], ['[::1:/x', /must be/],
    ['[host]:/x', /host must be/], ['sftp:///x', /host must be/], ['sftp://host:0/x', /port/], ['sftp://host:99999/x', /port/],
    ['sftp://host:/x', /port/], ['host:/a\nb', /control characters/], ['host:/a\u001b[2J', /control characters/], ['ho st:/', /host must be/],
  ];
  for (const [text, message] of bad) {
    test(`not ${JSON.stringify(text)}`, () => expectProblems(repositoryYaml('', JSON.stringify(text)), [[3, 13, 'repositories.nightly.source', message]]));
  }
});

describe('a wrong value is a problem at its place', () => {
  // The line in the repository, the column of the value, the key below repositories.nightly.
  const rows: [yaml: string, column: number, key: string, message: RegExp][] = [
    ['timeouts: { stall: 10 }', 24, 'timeouts.stall', /s, m, h or d.*found 10$/],
    ['timeouts: { stall: 10 minutes }', 24, 'timeouts.stall', /s, m, h or d.*found "10 minutes"/],
    ['timeouts: { stall: 10ms }', 24, 'timeouts.stall', /s, m, h or d/],
    ['timeouts: { stall: -5m }', 24, 'timeouts.stall', /s, m, h or d/],
    ['timeouts: { connect: 0s }', 26, 'timeouts.connect', /more than nothing/],
    ['timeouts: { run: 8d }', 22, 'timeouts.run', /at most 7d/],
    ['timeouts: { run: 99999999999999999999d }', 22, 'timeouts.run', /s, m, h or d/],
    ['timeouts: []', 15, 'timeouts', /a mapping with the keys connect, stall, run, prove, check, not a list/],
    ['timeouts:', 5, 'timeouts', /is empty/],
    ['timeouts: 5m', 15, 'timeouts', /not a single value/],
    ['deletionGrace: 30', 20, 'deletionGrace', /30d, or 0, or forever; found 30$/],
    ['deletionGrace: never', 20, 'deletionGrace', /forever/],
    ['deletionGrace: 99999d', 20, 'deletionGrace', /at most 36500d/],
    ['limits: { newBytes: 500 }', 25, 'limits.newBytes', /KB, MB, GB, TB, KiB, MiB, GiB or TiB/],
    ['limits: { newBytes: 500kB }', 25, 'limits.newBytes', /KB, MB, GB, TB, KiB, MiB, GiB or TiB/],
    ['limits: { newBytes: 500gb }', 25, 'limits.newBytes', /KB, MB, GB, TB, KiB, MiB, GiB or TiB/],
    ['limits: { newBytes: 1PB }', 25, 'limits.newBytes', /KB, MB, GB, TB, KiB, MiB, GiB or TiB/],
    ['limits: { newFiles: many }', 25, 'limits.newFiles', /whole number, 0 or more; found "many"/],
    ['limits: { newFiles: 1.5 }', 25, 'limits.newFiles', /whole number/],
    ['limits: { suspects: -1 }', 25, 'limits.suspects', /whole number/],
    ['limits: { minFree: 100% }', 24, 'limits.minFree', /less than 100%/],
    ['limits: { minFree: 5 }', 24, 'limits.minFree', /percentage/],
    ['spotCheck: "5"', 16, 'spotCheck', /whole number/],
    ['rsync: { bandwidthLimit: 0MB }', 30, 'rsync.bandwidthLimit', /at least/],
    ['rsync: { sandbox: maybe }', 23, 'rsync.sandbox', /must be auto, require or off; found "maybe"/],
    ['rsync: { sandbox: true }', 23, 'rsync.sandbox', /auto, require or off/],
    ['rsync: { path: -x }', 20, 'rsync.path', /not beginning with '-'/],
    ['rsync: { remotePath: -x }', 26, 'rsync.remotePath', /not beginning with '-'/],
    ['ssh: { port: 0 }', 18, 'ssh.port', /1 to 65535/],
    ['ssh: { port: 65536 }', 18, 'ssh.port', /1 to 65535/],
    ['ssh: { port: "22" }', 18, 'ssh.port', /whole number/],
    ['ssh: { identityFile: ~/.ssh/id }', 26, 'ssh.identityFile', /~ is not replaced/],
    ['ssh: { identityFile: "a\\nb" }', 26, 'ssh.identityFile', /control characters/],
    ['ssh: { options: Port=1 }', 21, 'ssh.options', /must be a list/],
    ['ssh: { options: [Port=1, -v] }', 30, 'ssh.options[1]', /ssh option/],
    ['restic: { prove: maybe }', 22, 'restic.prove', /true, false or unisolated/],
    ['restic: { drill: { every: 30 } }', 31, 'restic.drill.every', /such as 30d, or off/],
    ['restic: { drill: { files: 0 } }', 31, 'restic.drill.files', /1 to 1000/],
    ['restic: { drill: { bytes: 2GiB } }', 31, 'restic.drill.bytes', /at most 1GiB/],
    ['restic: { check: { readDataSubset: 0 } }', 40, 'restic.check.readDataSubset', /1 to 1000/],
    ['restic: { check: { readDataSubset: 1001 } }', 40, 'restic.check.readDataSubset', /1 to 1000/],
    ['restic: { check: { every: weekly } }', 31, 'restic.check.every', /s, m, h or d/],
    ['pruneWindows: { days: [sun] }', 19, 'pruneWindows', /must be a list/],
    ['ignore: .DS_Store', 13, 'ignore', /must be a list/],
  ];
  for (const [yaml, column, key, message] of rows) {
    test(yaml, () => expectProblems(repositoryYaml(yaml), [[5, column, `repositories.nightly.${key}`, message]]));
  }

  const names = [
    'config', 'keys', 'index', 'snapshots', 'data', 'locks', 'ab', '0'.repeat(64), '.rsync-ratchet', 'a/b', '/', '*', 'a?', '[ab]', 'a\\b',
    '+ x', '- x', '!', '.', '..', '', ' ', 'a\nb', 'a\u009b',
  ];
  for (const name of names) {
    test(`ignore may not have ${JSON.stringify(name)}`, () =>
      expectProblems(repositoryYaml(`ignore: [${JSON.stringify(name)}]`), [[5, 14, 'repositories.nightly.ignore[0]', /must/]]));
  }

  const windows: [row: string, column: number, key: string, message: RegExp][] = [
    ['days: [], from: "01:00", to: "02:00", timezone: UTC, maxDeletions: 1', 28, 'days', /at least one day/],
    ['days: [sunday], from: "01:00", to: "02:00", timezone: UTC, maxDeletions: 1', 29, 'days[0]', /mon, tue/],
    ['days: [sun], from: "1:00", to: "02:00", timezone: UTC, maxDeletions: 1', 41, 'from', /00:00/],
    ['days: [sun], from: "01:00", to: "24:00", timezone: UTC, maxDeletions: 1', 54, 'to', /23:59/],
    ['days: [sun], from: "01:00", to: "01:00", timezone: UTC, maxDeletions: 1', 54, 'to', /another time than from/],
    ['days: [sun], from: "01:00", to: "02:00", timezone: Mars/Olympus, maxDeletions: 1', 73, 'timezone', /Europe\/Berlin/],
    ['days: [sun], from: "01:00", to: "02:00", timezone: UTC, maxDeletions: -1', 92, 'maxDeletions', /0 or more/],
    ['days: [sun], from: "01:00", to: "02:00", timezone: UTC', 20, 'maxDeletions', /is missing: must be a whole number/],
  ];
  for (const [row, column, key, message] of windows) {
    test(`window ${row}`, () =>
      expectProblems(repositoryYaml(`pruneWindows: [{ ${row} }]`), [[5, column, `repositories.nightly.pruneWindows[0].${key}`, message]]));
  }
});

describe('alerts, monitoring and state', () => {
  const rows: [yaml: string, expected: Expected[]][] = [
    ['alerts: { email: { from: a@b, to: [c@d] } }', [[6, 11, 'alerts.email', /exactly one of smtp, sendmail, directory/]]],
    ['alerts: { email: { from: a@b, to: [c@d], smtp: {}, directory: /m } }', [[6, 52, 'alerts.email.directory', /exactly one of.*smtp is there/]]],
    ['alerts: { email: { to: [], directory: /m } }', [
      [6, 11, 'alerts.email.from', /is missing: must be one mail address/], [6, 24, 'alerts.email.to', /at least one/]]],
    ['alerts: { email: { from: root, to: [-f@x, "a@b, c@d"], directory: /m } }', [
      [6, 26, 'alerts.email.from', /mail address/], [6, 37, 'alerts.email.to[0]', /mail address/], [6, 43, 'alerts.email.to[1]', /mail address/]]],
    ['alerts: { email: { from: "x@y\\r\\nBcc: z@z", to: [c@d], directory: /m } }', [[6, 26, 'alerts.email.from', /control characters/]]],
    ['alerts: { email: { from: a@b, to: [c@d], smtp: { host: -x, port: smtp, tls: yes } } }', [
      [6, 56, 'alerts.email.smtp.host', /mail server/], [6, 66, 'alerts.email.smtp.port', /1 to 65535/],
      [6, 77, 'alerts.email.smtp.tls', /required, opportunistic, implicit or none/]]],
    ['alerts: { email: { from: a@b, to: [c@d], smtp: { user: me } } }', [[6, 42, 'alerts.email.smtp.passwordFile', /together/]]],
    ['alerts: { email: { from: a@b, to: [c@d], sendmail: /usr/bin/msmtp -a work } }', [[6, 52, 'alerts.email.sendmail', /has blanks.*write a list, \[\/usr\/bin\/msmtp, -a, work\]/]]],
    ['alerts: { email: { from: a@b, to: [c@d], sendmail: [-x] } }', [[6, 52, 'alerts.email.sendmail', /must not begin with/]]],
    ['alerts: { email: { from: a@b, to: [c@d], smtp: { name: "a b" } } }', [[6, 56, 'alerts.email.smtp.name', /host name/]]],
    ['monitoring: { ping: { urlFile: /u, style: uptime } }', [[6, 43, 'monitoring.ping.style', /healthchecks or kuma/]]],
    ['alerts: { freshness: 59m }', [[6, 22, 'alerts.freshness', /at least 1h/]]],
    ['alerts: { freshness: 48 }', [[6, 22, 'alerts.freshness', /s, m, h or d/]]],
    ['monitoring: { ping: {} }', [[6, 15, 'monitoring.ping.urlFile', /is missing: must be a file with the secret in it/]]],
    ['monitoring: { metricsFile: /srv/r/x.prom }', [[6, 28, 'monitoring.metricsFile', /outside the replica \/srv\/r/]]],
    ['state: /srv/r/state', [[6, 8, 'state', /outside the replica/]]],
    ['state: /srv/x/../r/', [[6, 8, 'state', /outside the replica/]]],
    ['state: /', []],
  ];
  for (const [yaml, expected] of rows) test(yaml, () => expectProblems(withTop(yaml), expected));

  test('Name <address> is an address', () => {
    const { alerts } = configOf(withTop('alerts: { email: { from: "The Ratchet <ratchet@serverB>", to: [a.b+c@d.e], directory: /m } }'));
    assert.equal(alerts.email?.from, 'The Ratchet <ratchet@serverB>');
  });

  test('a replica in the place of the books', () =>
    expectProblems(`state: /srv\n${repositoryYaml('', 'h:/', '/srv/nightly')}`, [[5, 14, 'repositories.nightly.replica', /outside \/srv\/nightly/]]));
});

describe('keys', () => {
  const rows: [name: string, text: string, expected: Expected[]][] = [
    ['unknown, near and far', repositoryYaml('sorce: x\nlimits:\n  newbytes: 1GB\n  zzzzz: 1'), [
      [5, 5, 'repositories.nightly.sorce', /unknown key sorce: did you mean source\? right here: source, replica,/],
      [7, 7, 'repositories.nightly.limits.newbytes', /did you mean newBytes\?/],
      [8, 7, 'repositories.nightly.limits.zzzzz', /unknown key zzzzz: right here: newFiles, newBytes, minFree, suspects$/]]],
    ['unknown at the top', withTop('alert: {}'), [[6, 1, 'alert', /did you mean alerts\?/]]],
    ['names that objects inherit', withTop('constructor: 1\n__proto__: 2\ntoString: 3'), [
      [6, 1, 'constructor', /unknown/], [7, 1, '__proto__', /unknown/], [8, 1, 'toString', /unknown/]]],
    ['unknown in a list', repositoryYaml('pruneWindows:\n  - days: [sun]\n    from: "01:00"\n    till: "02:00"\n    timezone: UTC\n    maxDeletions: 5'), [
      [6, 9, 'repositories.nightly.pruneWindows[0].to', /is missing: must be a time of day/],
      [8, 9, 'repositories.nightly.pruneWindows[0].till', /unknown key till/]]],
    ['control characters in a key', withTop('"a\\e[2J": 1'), [[6, 1, 'a\\u{1b}[2J', /unknown key a\\u\{1b\}/]]],
    ['missing source and replica', 'repositories:\n  nightly: {}\n', [
      [2, 3, 'repositories.nightly.source', /is missing: must be user@host:path/], [2, 3, 'repositories.nightly.replica', /is missing: must be the folder/]]],
    ['a repository with nothing', 'repositories:\n  nightly:\n', [[2, 3, 'repositories.nightly', /is empty: must be a mapping with the keys source/]]],
    ['missing repositories', 'state: /x\n', [[1, 1, 'repositories', /is missing: must be a mapping from names/]]],
    ['no repository', 'repositories: {}\n', [[1, 15, 'repositories', /at least one/]]],
    ['empty repositories', 'repositories:\n', [[1, 1, 'repositories', /is empty/]]],
    ['a list of repositories', 'repositories:\n  - source: x\n', [[2, 3, 'repositories', /mapping from names to repositories, not a list/]]],
    ['twice', 'repositories:\n  a:\n    source: "h:"\n    replica: /a\n    replica: /b\n', [[5, 5, 'repositories.a.replica', /twice/]]],
    ['twice and more', 'state: /x\nstate: 5\nrepositories: {}\n', [[2, 1, 'state', /twice/], [2, 8, 'state', /path/], [3, 15, 'repositories', /at least one/]]],
    ['null', repositoryYaml('replica2: x').replace('/srv/r', ''), [
      [4, 5, 'repositories.nightly.replica', /found nothing/], [5, 5, 'repositories.nightly.replica2', /did you mean replica/]]],
  ];
  for (const [name, text, expected] of rows) test(name, () => expectProblems(text, expected));

  const names = ['-x', '.x', '_x', 'a b', 'a/b', '../x', 'ä', 'x'.repeat(65), 'a\nb', '', '__proto__'];
  for (const name of names) {
    test(`no repository is called ${JSON.stringify(name)}`, () => {
      const problems = problemsOf(`repositories:\n  ${JSON.stringify(name)}: { source: "h:", replica: /a }\n`);
      assert.deepEqual(problems.map(({ line, column }) => [line, column]), [[2, 3]]);
      assert.match(problems[0]!.message, /name must be letters/);
    });
  }
  for (const name of ['spool', 'constructor', 'prototype']) {
    test(`${name} is reserved`, () =>
      expectProblems(`repositories:\n  ${name}: { source: "h:", replica: /a }\n`, [[2, 3, `repositories.${name}`, /another name/]]));
  }
  for (const name of ['a', '7', 'x'.repeat(64), 'my.repo_1-b', 'toString']) {
    test(`${name} is a name`, () => assert.equal(configOf(`repositories:\n  ${name}: { source: "h:", replica: /a }\n`).repositories[0]?.name, name));
  }
});

describe('replicas', () => {
  const two = (a: string, b: string) => `repositories:\n  a: { source: "h:", replica: ${a} }\n  b: { source: "h:", replica: ${b} }\n`;
  const rows: [name: string, text: string, expected: Expected[]][] = [
    ['the same', two('/srv/x', '/srv/x'), [[3, 31, 'repositories.b.replica', /also the replica of a/]]],
    ['the same by another spelling', two('/srv/x', '/srv/./y/..//x/'), [[3, 31, 'repositories.b.replica', /also the replica of a/]]],
    ['the same by a relative path', two('/etc/ratchet/x', 'x'), [[3, 31, 'repositories.b.replica', /also the replica of a/]]],
    ['inside', two('/srv/x', '/srv/x/y'), [[3, 31, 'repositories.b.replica', /lies inside the replica of a/]]],
    ['around', two('/srv/x/y', '/srv/x'), [[3, 31, 'repositories.b.replica', /lies around the replica of a/]]],
    ['beside', two('/srv/x', '/srv/xy'), []],
    ['and other problems too', `${two('/srv/x', '/srv/x')}nonsense: 1\n`, [
      [3, 31, 'repositories.b.replica', /also the replica/], [4, 1, 'nonsense', /unknown/]]],
    ['the whole file system', repositoryYaml('', 'h:/', '/'), [[4, 14, 'repositories.nightly.replica', /whole file system/]]],
    ['a home', repositoryYaml('', 'h:/', '~/x'), [[4, 14, 'repositories.nightly.replica', /~ is not replaced/]]],
    ['its own source', repositoryYaml('', '/srv/r', '/srv/r'), [[4, 14, 'repositories.nightly.replica', /outside the source/]]],
    ['inside its source', repositoryYaml('', '/srv', '/srv/r'), [[4, 14, 'repositories.nightly.replica', /outside the source/]]],
    ['the replica of a replica', 'repositories:\n  a: { source: "h:", replica: /a }\n  b: { source: /a, replica: /b }\n', []],
  ];
  for (const [name, text, expected] of rows) test(name, () => expectProblems(text, expected));
});

describe('what is not a configuration', () => {
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]', ...['b', 'c', 'd', 'e'].map((name, index) => {
    const below = 'abcd'[index] ?? '';
    return `${name}: &${name} [${Array<string>(9).fill(`*${below}`).join(',')}]`;
  })].join('\n');
  const rows: [name: string, text: string, expected: Expected[]][] = [
    ['nothing', '', [[1, 1, '', /is empty.*repositories/]]],
    ['only comments', '# x\n\n', [[1, 1, '', /is empty/]]],
    ['null', '~\n', [[1, 1, '', /is empty/]]],
    ['a list', '# x\n- a\n', [[2, 1, '', /must be a mapping with the keys state, repositories, alerts, monitoring, not a list/]]],
    ['text', 'hello\n', [[1, 1, '', /must be a mapping/]]],
    ['a colon in a value', 'repositories:\n  a:\n    source: host:\n    replica: /x\n', [[3, 13, '', /not valid YAML: .*quotes/]]],
    ['a tab', 'repositories:\n\ta: {}\n', [[2, 1, '', /indent with blanks/]]],
    ['two errors', 'state: @x\nalerts: !foo {}\n', [[1, 8, '', /quotes/], [2, 9, '', /! tag/]]],
    ['two documents', 'state: /x\n---\nstate: /y\n', [[2, 1, '', /one document/]]],
    ['a list as a key', '? [a]\n: b\n', [[1, 3, '', /plain word/]]],
    ['an unknown alias', 'state: *x\n', [[1, 8, '', /no anchor/]]],
    ['too many aliases', bomb, [[2, 8, '', /[Ee]xcessive alias/]]],
  ];
  for (const [name, text, expected] of rows) test(name, () => expectProblems(text, expected));

  test('a stray line before the sample: it is named, and what follows from it is only counted', () => {
    expectProblems('stray words\n# a comment\n\nrepositories:\n  a:\n    source: /x\n', [
      [4, 1, '', /something in this line, or in line 1 before it, does not belong there/], [1, 1, '', /^… and \d+ more that follow from it$/],
    ]);
  });

  test('of many syntax errors the first three, and how many follow', () => {
    const problems = problemsOf(sampleConfig.replace('\n    source', '\n   x\n    source'));
    assert.equal(problems.length, 4);
    assert.match(problems[0]?.message ?? '', /^not valid YAML/);
    assert.match(problems[3]?.message ?? '', /^… and 7 more that follow from them$/);
  });

  test('a mapping that contains itself', () => assert.ok(problemsOf('repositories: &a\n  x: *a\n').length > 0));
});

describe('places', () => {
  test('locate finds values, and the nearest key above what is not written', () => {
    const result = readConfig(repositoryYaml('restic:\n  passwordFile: /s'), '/x');
    assert.ok('config' in result);
    assert.deepEqual(result.locate('repositories', 'nightly', 'restic', 'passwordFile'), { line: 6, column: 21 });
    assert.deepEqual(result.locate('repositories', 'nightly', 'restic', 'path'), { line: 5, column: 5 });
    assert.deepEqual(result.locate('alerts', 'email'), { line: 1, column: 1 });
  });

  test('all problems come at once, in the order of the text', () => {
    const text = 'state: 5\nrepositories:\n  -a:\n    source: rsync://x/y\n    spotCheck: x\n  b: { source: "h:", replica: /b, ignore: [data] }\nmonitor: {}\n';
    expectProblems(text, [
      [1, 8, 'state', /path/], [3, 3, 'repositories.-a.replica', /is missing/], [3, 3, 'repositories.-a', /name must/],
      [4, 13, 'repositories.-a.source', /rsync daemon/], [5, 16, 'repositories.-a.spotCheck', /whole number/],
      [6, 44, 'repositories.b.ignore[0]', /restic/], [7, 1, 'monitor', /did you mean monitoring/]]);
  });
});

describe('the sample', () => {
  const uncommented = sampleConfig.replace(/^( *)#(?=\S)/gm, '$1');

  test('says what the defaults are', () => {
    const short = 'repositories: { nightly: { source: "backup@serverA:/", replica: /srv/replica/nightly } }\n';
    assert.deepEqual(configOf(sampleConfig), configOf(short));
  });

  test('with all optional keys is valid and says all of section 9', () => {
    const config = configOf(uncommented);
    const nightly = config.repositories[0]!;
    assert.equal(config.state, '/var/lib/rsync-ratchet');
    assert.deepEqual(nightly.ssh, { port: 22, identityFile: '/etc/rsync-ratchet/id_ed25519', knownHostsFile: '/etc/rsync-ratchet/known_hosts', options: [] });
    assert.equal(nightly.rsync.bandwidthLimit, 20e6);
    assert.deepEqual(nightly.pruneWindows, [{ days: ['sun'], from: '01:00', to: '07:00', timezone: 'Europe/Berlin', maxDeletions: 5000 }]);
    assert.deepEqual(nightly.restic, {
      path: 'restic', passwordFile: '/etc/rsync-ratchet/nightly.password', hasPassword: true, prove: true, memory: 2 ** 32, check: { every: 7 * day, readDataSubset: 30 }, drill: { every: 30 * day, files: 25, bytes: 200e6 },
    });
    assert.deepEqual(config.alerts, {
      email: {
        from: 'ratchet@serverB', to: ['ops@example.org'], onSuccess: 'never',
        transport: { kind: 'smtp', host: 'localhost', port: 25, tls: 'opportunistic', name: 'serverb.example.org', user: 'ratchet', passwordFile: '/etc/rsync-ratchet/smtp.password' },
      },
      command: ['/usr/local/bin/notify'],
      freshness: 48 * hour,
    });
    assert.deepEqual(config.monitoring, {
      ping: { urlFile: '/etc/rsync-ratchet/ping.url', findings: false, style: 'healthchecks' }, metricsFile: '/var/lib/prometheus/node-exporter/rsync_ratchet.prom',
    });
  });
});
