import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { UsageError } from '../../src/errors.ts';
import { defaultState, findConfig, loadConfig } from '../../src/config/file.ts';
import { foreseen } from '../../src/doctor/foreseen.ts';
import { pathOf } from '../../src/replica-path.ts';

let folder = '';
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'config-file-')); });
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Buffer, mode = 0o600): string {
  const file = join(folder, name);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
}

function usageError(action: () => unknown): UsageError {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    assert.notEqual(error.hint, '');
    return error;
  }
  return assert.fail('nothing was thrown');
}

/** The problems, without the lines of the file that they quote. */
function problemsOf(action: () => unknown): string[] {
  return usageError(action).message.split('\n').filter((line) => !line.startsWith(' '));
}

describe('findConfig', () => {
  test('the first of option, environment, user, system', () => {
    const [option, named] = [write('option.yaml', ''), write('named.yaml', '')];
    const [user, system] = [write('xdg/rsync-ratchet/config.yaml', ''), write('etc.yaml', '')];
    const xdg = { XDG_CONFIG_HOME: join(folder, 'xdg') };
    assert.equal(findConfig(option, { ...xdg, RSYNC_RATCHET_CONFIG: named }, system), option);
    assert.equal(findConfig(undefined, { ...xdg, RSYNC_RATCHET_CONFIG: named }, system), named);
    assert.equal(findConfig(undefined, { ...xdg, RSYNC_RATCHET_CONFIG: '' }, system), user);
    assert.equal(findConfig(undefined, { XDG_CONFIG_HOME: join(folder, 'none') }, system), system);
  });

  test('without XDG_CONFIG_HOME, or with a relative one, the user has ~/.config', () => {
    const user = write('.config/rsync-ratchet/config.yaml', '');
    assert.equal(findConfig(undefined, { HOME: folder }, '/none'), user);
    assert.equal(findConfig(undefined, { HOME: folder, XDG_CONFIG_HOME: 'relative' }, '/none'), user);
  });

  test('what is named must exist', () => {
    const system = write('etc.yaml', '');
    assert.match(usageError(() => findConfig(join(folder, 'x'), {}, system)).message, /--config names .*\/x, which does not exist/);
    assert.match(usageError(() => findConfig('', {}, system)).message, /--config names no file/);
    assert.match(usageError(() => findConfig(undefined, { RSYNC_RATCHET_CONFIG: join(folder, 'x') }, system)).message, /RSYNC_RATCHET_CONFIG/);
  });

  test('when there is none the hint says where it looked', () => {
    const { hint } = usageError(() => findConfig(undefined, { XDG_CONFIG_HOME: folder }, '/none/config.yaml'));
    for (const place of ['--config', '$RSYNC_RATCHET_CONFIG', `${folder}/rsync-ratchet/config.yaml`, '/none/config.yaml', 'config generate']) {
      assert.ok(hint.includes(place), hint);
    }
  });
});

describe('defaultState', () => {
  test('root has the machine, a user his own', () => {
    assert.equal(defaultState({ XDG_STATE_HOME: '/s' }, 0), '/var/lib/rsync-ratchet');
    assert.equal(defaultState({ XDG_STATE_HOME: '/s' }, 1000), '/s/rsync-ratchet');
    assert.equal(defaultState({ HOME: '/home/me' }, 1000), '/home/me/.local/state/rsync-ratchet');
  });
});

describe('loadConfig', () => {
  const base = 'repositories:\n  nightly:\n    source: "h:"\n    replica: copy\n';

  test('fills in the state and resolves against its folder', () => {
    const env = { XDG_STATE_HOME: '/s' };
    const config = loadConfig(write('c.yaml', base), { env });
    assert.equal(config.state, defaultState(env));
    const [repository] = config.repositories;
    assert.equal(repository && pathOf(repository.replica), join(folder, 'copy'));
    assert.equal(loadConfig(write('d.yaml', `${base}state: st\n`)).state, join(folder, 'st'));
  });

  test('one problem a line, with file, line, column and key', () => {
    const file = write('c.yaml', 'repositories:\n  nightly:\n    source: "h:"\n    sorce: 1\n');
    const lines = problemsOf(() => loadConfig(file));
    assert.equal(lines.length, 2);
    assert.ok(lines[0]?.startsWith(`${file}:2:3: repositories.nightly.replica: is missing: `), lines[0]);
    assert.ok(lines[1]?.startsWith(`${file}:4:5: repositories.nightly.sorce: unknown key sorce: did you mean source? `), lines[1]);
  });

  test('a problem of the whole file has no key', () => {
    const file = write('c.yaml', '');
    assert.ok(usageError(() => loadConfig(file)).message.startsWith(`${file}:1:1: is empty: `));
  });

  test('what cannot be read', () => {
    assert.match(usageError(() => loadConfig(join(folder, 'none'))).message, /cannot be read: ENOENT/);
    assert.match(usageError(() => loadConfig(folder)).message, /cannot be read: EISDIR/);
  });

  test('what is not UTF-8', () => {
    const file = write('c.yaml', Buffer.from(`${base}# caf\xe9\n`, 'latin1'));
    assert.equal(usageError(() => loadConfig(file)).message, `${file}:5:6: this is not UTF-8: save the file as UTF-8\n  5 | # caf?\n    |      ^`);
  });

  for (const mode of [0o620, 0o602, 0o666]) {
    test(`a file of mode ${mode.toString(8)} could be anybody's, and is told with the rest`, () => {
      const file = write('c.yaml', `${base}x: 1\n`, mode);
      assert.match(problemsOf(() => loadConfig(file)).join('\n'), /:1:1: can be written by others.*chmod go-w .*\n.*:5:1: x: unknown key/);
    });
  }
  test('a file that others can read is fine', () => assert.ok(loadConfig(write('c.yaml', base, 0o644))));
});

describe('secrets', () => {
  const text = [
    'repositories:', '  nightly:', '    source: "h:"', '    replica: copy', '    restic:', '      passwordFile: a',
    'alerts: { email: { from: a@b, to: [c@d], smtp: { user: me, passwordFile: b } } }', 'monitoring: { ping: { urlFile: c } }', '',
  ].join('\n');
  const load = () => loadConfig(write('c.yaml', text));
  const places = ['6:21: repositories.nightly.restic.passwordFile', '7:74: alerts.email.smtp.passwordFile', '8:32: monitoring.ping.urlFile'];
  const expectAll = (why: string) => {
    const expected = places.map((place, index) => `${join(folder, 'c.yaml')}:${place}: ${join(folder, 'abc'[index] ?? '')} ${why}`);
    const lines = problemsOf(load);
    assert.deepEqual(lines.map((line) => line.replace(/: must .*/, '')), expected);
    for (const line of lines) assert.match(line, /: must /);
  };
  const all = (make: (name: string) => void) => ['a', 'b', 'c'].forEach(make);

  test('must exist', () => expectAll('does not exist'));
  test('must be regular files', () => {
    all((name) => mkdirSync(join(folder, name), { mode: 0o700 }));
    expectAll('is not a regular file');
  });
  for (const mode of [0o604, 0o602, 0o601, 0o777]) {
    test(`must not be of mode ${mode.toString(8)}`, () => {
      all((name) => write(name, 'x', mode));
      expectAll('is open to others');
    });
  }
  for (const mode of [0o600, 0o400, 0o640]) {
    test(`may be of mode ${mode.toString(8)}`, () => {
      all((name) => write(name, 'x', mode));
      assert.equal(load().repositories[0]?.restic.passwordFile, join(folder, 'a'));
    });
  }
});

test('the default state must not lie in a replica, nor a replica in its books', () => {
  const env = { HOME: folder, XDG_STATE_HOME: folder };
  const state = defaultState(env);
  const yaml = (replica: string) => `repositories: { nightly: { source: "h:", replica: ${replica} } }\n`;
  const around = write('c.yaml', yaml(join(state, '..')));
  assert.match(usageError(() => loadConfig(around, { env })).message, /:1:51: repositories.nightly.replica: must not be around the state folder/);
  const inside = write('d.yaml', yaml(join(state, 'nightly', 'x')));
  assert.match(usageError(() => loadConfig(inside, { env })).message, /:1:51: repositories.nightly.replica: must be outside /);
});

describe('what a first night would find out is said before, at its key', () => {
  const cases: readonly (readonly [string, Record<string, unknown>, Record<string, unknown>, string, RegExp])[] = [
    ['no rsync', { rsync: { path: '/nowhere/rsync' } }, {}, 'repositories.nightly.rsync.path', /there is no program \/nowhere\/rsync/],
    ['no restic, with a password', { restic: { path: 'no-such-restic', passwordFile: 'secret' } }, {}, 'repositories.nightly.restic.path', /there is no program no-such-restic/],
    ['an empty password', { restic: { path: 'sh', passwordFile: 'empty' } }, {}, 'repositories.nightly.restic.passwordFile', /empty is empty: must be a file with the secret/],
    ['a password that is not there', { restic: { path: 'sh', passwordFile: 'none' } }, {}, 'repositories.nightly.restic.passwordFile', /does not exist/],
    ['an empty address', {}, { monitoring: { ping: { urlFile: 'empty' } } }, 'monitoring.ping.urlFile', /is empty/],
    ['no sendmail', {}, { alerts: { email: { from: 'a@b', to: ['c@d'], sendmail: ['/nowhere/msmtp', '-a', 'x'] } } }, 'alerts.email.sendmail', /there is no program \/nowhere\/msmtp/],
    ['a source that is a file', { source: '@folder/secret' }, {}, 'repositories.nightly.source', /is no folder/],
    ['an identity that is not there', { ssh: { identityFile: 'none' } }, {}, 'repositories.nightly.ssh.identityFile', /is not there, or \S+ may not look into its folder/],
    ['a known_hosts that is not there', { ssh: { knownHostsFile: 'none' } }, {}, 'repositories.nightly.ssh.knownHostsFile', /is not there/],
  ];
  const yamlOf = (repository: Record<string, unknown>, top: Record<string, unknown>): string =>
    JSON.stringify({ repositories: { nightly: { source: 'h:', replica: '/srv/r', rsync: { path: 'sh' }, ...repository } }, ...top }, null, 1).replace('@folder', folder);
  for (const [name, repository, top, key, words] of cases) {
    test(name, () => {
      write('secret', 'x\n');
      write('empty', '\n');
      const file = write('c.yaml', yamlOf(repository, top));
      const problems = problemsOf(() => loadConfig(file, { foresee: foreseen }));
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0] ?? '', new RegExp(`:\\d+:\\d+: ${key.replaceAll('.', '\\.')}: `));
      assert.match(problems[0] ?? '', words);
    });
  }
  test('what is there is well; only config validate asks', () => {
    write('secret', 'x\n');
    const good = yamlOf({ restic: { path: 'sh', passwordFile: 'secret' }, ssh: { identityFile: 'secret' } }, { alerts: { email: { from: 'a@b', to: ['c@d'], sendmail: 'true' } } });
    assert.ok(loadConfig(write('c.yaml', good), { foresee: foreseen }));
    assert.ok(loadConfig(write('d.yaml', yamlOf({ rsync: { path: '/nowhere/rsync' } }, {}))));
  });
});
