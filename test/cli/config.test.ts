import assert from 'node:assert/strict';
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { ratchet } from '../support/cli.ts';
import { temporaryFolder } from '../support/temporary.ts';

function written(t: TestContext, text: string, mode = 0o600): string {
  const file = join(temporaryFolder(t), 'config.yaml');
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

const good = 'repositories:\n  nightly:\n    source: backup@serverA:/\n    replica: /srv/r\n  weekly: { source: /a, replica: /srv/w }\n';
const bad = 'repositories:\n  nightly:\n    sorce: backup@serverA:/\n    replica: relative\n    timeouts: { stall: 5 }\nextra: 1\n';

/** What `--json` makes of the words on stderr. */
function errorDocument(stderr: string): unknown {
  const [, message, hint] = /^error: ([^]*)\nhint: (.*)\n$/.exec(stderr) ?? [];
  return { version: 1, error: { exitCode: 2, message, hint } };
}

describe('config generate', () => {
  test('prints a sample that validates', async (t) => {
    const { code, stdout, stderr } = await ratchet(['config', 'generate']);
    assert.deepEqual([code, stderr], [0, '']);
    const validated = await ratchet(['config', 'validate'], { config: written(t, stdout) });
    assert.deepEqual([validated.code, validated.stderr], [0, '']);
    assert.match(validated.stdout, /: valid \(nightly\)\n$/);
  });

  test('writes it, for us alone, and says what comes next', async (t) => {
    const file = join(temporaryFolder(t), 'new.yaml');
    const { code, stdout } = await ratchet(['config', 'generate', '--destination', file]);
    assert.equal(code, 0);
    assert.match(stdout, /new\.yaml: written; .*config validate\n$/);
    assert.equal(lstatSync(file).mode & 0o777, 0o600);
    assert.equal(readFileSync(file, 'utf8').trimEnd(), (await ratchet(['config', 'generate'])).stdout.trimEnd());
  });

  test('says nothing under --quiet', async (t) => {
    const { code, stdout, stderr } = await ratchet(['--quiet', 'config', 'generate', '--destination', join(temporaryFolder(t), 'x')]);
    assert.deepEqual([code, stdout, stderr], [0, '', '']);
  });

  test('never overwrites', async (t) => {
    const file = written(t, 'precious');
    const { code, stdout, stderr } = await ratchet(['config', 'generate', '--destination', file]);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /cannot be written: EEXIST/);
    assert.equal(readFileSync(file, 'utf8'), 'precious');
  });

  test('where there is no folder: exit 2', async (t) => {
    const file = join(temporaryFolder(t), 'none/x.yaml');
    const { code, stderr } = await ratchet(['config', 'generate', '--destination', file]);
    assert.equal(code, 2);
    assert.match(stderr, /ENOENT/);
    assert.equal(existsSync(file), false);
  });
});

describe('config validate', () => {
  test('a good one', async (t) => {
    const file = written(t, good);
    const { code, stdout, stderr } = await ratchet(['config', 'validate'], { config: file });
    assert.deepEqual([code, stdout, stderr], [0, `${file}: valid (nightly, weekly)\n`, '']);
  });

  test('a good one, as a document', async (t) => {
    const file = written(t, good);
    const finished = await ratchet(['--json', 'config', 'validate'], { config: file });
    assert.deepEqual([finished.code, finished.json(), finished.stderr], [0, { version: 1, file, valid: true, repositories: ['nightly', 'weekly'] }, '']);
  });

  test('a good one, quietly', async (t) => {
    const { code, stdout, stderr } = await ratchet(['--quiet', 'config', 'validate'], { config: written(t, good) });
    assert.deepEqual([code, stdout, stderr], [0, '', '']);
  });

  for (const options of [[], ['--json'], ['--quiet']]) {
    for (const command of [['config', 'validate'], ['sync'], ['audit'], ['init', 'nightly']]) {
      test(`a bad one stops ${[...options, ...command].join(' ')}: exit 2, all problems at once, each with its place`, async (t) => {
        const file = written(t, bad);
        const { code, stdout, stderr } = await ratchet([...options, ...command], { config: file });
        assert.deepEqual([code, stdout === ''], [2, !options.includes('--json')], stdout);
        if (stdout !== '' && !command.includes('validate')) assert.deepEqual(JSON.parse(stdout), errorDocument(stderr), 'all that people are told');
        const places = [...stderr.matchAll(/config\.yaml:(\d+):(\d+): (\S+)/g)].map(([, line, column, key]) => `${line ?? ''}:${column ?? ''} ${key ?? ''}`);
        assert.deepEqual(places.map((place) => place.split(':')[0]), ['2', '3', '5', '6'], stderr);
        for (const key of ['sorce', 'source', 'stall', 'extra']) assert.ok(stderr.includes(key), stderr);
      });
    }
  }

  test('a bad one, as a document: the problems as values', async (t) => {
    const file = written(t, bad);
    const finished = await ratchet(['--json', 'config', 'validate'], { config: file });
    const { problems, ...rest } = finished.json() as { problems: { line: number; column: number; key: string; message: string }[] };
    assert.deepEqual([finished.code, rest], [2, { version: 1, file, valid: false }]);
    assert.deepEqual(problems.map(({ line, column }) => [line, column]), [[2, 3], [3, 5], [5, 24], [6, 1]]);
    assert.equal(problems[1]?.key, 'repositories.nightly.sorce');
    assert.match(problems[1].message, /source/);
  });

  test('each problem with its line and a caret', async (t) => {
    const { stderr } = await ratchet(['config', 'validate'], { config: written(t, bad) });
    const quoted = stderr.split('\n').filter((line) => line.startsWith(' '));
    assert.deepEqual(quoted, [
      '  2 |   nightly:', '    |   ^', '  3 |     sorce: backup@serverA:/', '    |     ^',
      '  5 |     timeouts: { stall: 5 }', '    |                        ^', '  6 | extra: 1', '    | ^',
    ]);
  });

  test('one that others can read, although it holds the way to secrets, is said', async (t) => {
    const file = written(t, `${good}alerts: { email: { from: a@b.c, to: [d@e.f], smtp: { user: u, passwordFile: password, tls: required } } }\n`);
    const password = join(file, '../password');
    writeFileSync(password, 'secret');
    chmodSync(password, 0o644);
    const { code, stdout, stderr } = await ratchet(['config', 'validate'], { config: file });
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /password/);
    assert.doesNotMatch(stderr, /secret/);
  });
});

test('config schema prints JSON Schema, with --json and without', async () => {
  for (const options of [[], ['--json'], ['--quiet']]) {
    const finished = await ratchet([...options, 'config', 'schema']);
    assert.deepEqual([finished.code, finished.stderr], [0, '']);
    const { $schema, properties } = finished.json();
    assert.equal($schema, 'http://json-schema.org/draft-07/schema#');
    assert.deepEqual(Object.keys(properties), ['state', 'repositories', 'alerts', 'monitoring']);
  }
});

test('the first of --config, RSYNC_RATCHET_CONFIG and the user\'s own is taken', async (t) => {
  const [option, variable] = [written(t, good), written(t, good)];
  const home = temporaryFolder(t);
  mkdirSync(join(home, '.config/rsync-ratchet'), { recursive: true });
  const own = join(home, '.config/rsync-ratchet/config.yaml');
  writeFileSync(own, good, { mode: 0o600 });
  const validate = async (env: Readonly<Record<string, string>>, config?: string): Promise<string> =>
    (await ratchet(['config', 'validate'], { env, ...(config === undefined ? {} : { config }) })).stdout.split(':')[0] ?? '';
  assert.equal(await validate({ HOME: home, RSYNC_RATCHET_CONFIG: variable }, option), option);
  assert.equal(await validate({ HOME: home, RSYNC_RATCHET_CONFIG: variable }), variable);
  assert.equal(await validate({ HOME: home }), own);
});

describe('credential:NAME', () => {
  const text = (extra = ''): string => `repositories:\n  nightly:\n    source: /nowhere\n    replica: /none/r\n    restic: { passwordFile: credential:nightly${extra} }\n`;

  test('outside of the unit: exit 2 with its line and the systemd-run line; config validate leaves it to the unit', async (t) => {
    const config = written(t, text());
    for (const command of ['sync', 'audit', 'check']) {
      const { code, stdout, stderr } = await ratchet([command], { config });
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, /config\.yaml:5:\d+: repositories\.nightly\.restic\.passwordFile: credential nightly is the systemd unit's, and this is none: must be run as: systemd-run --pty --wait --collect -p User=\S+ -p LoadCredential=nightly:\/PATH\/OF\/nightly rsync-ratchet COMMAND/);
    }
    assert.equal((await ratchet(['config', 'validate'], { config })).code, 0);
    assert.equal((await ratchet(['status'], { config })).code, 0);
  });

  test('in the unit it is the file of that name; one that the unit does not have is said, and so is what is no name', async (t) => {
    const credentials = temporaryFolder(t);
    const config = written(t, `${text()}state: ${temporaryFolder(t)}\n`);
    const env = { CREDENTIALS_DIRECTORY: credentials };
    const missing = await ratchet(['sync'], { config, env });
    assert.equal(missing.code, 2);
    assert.ok(missing.stderr.includes(`${credentials}/nightly does not exist`), missing.stderr);
    writeFileSync(join(credentials, 'nightly'), 'geheim', { mode: 0o400 });
    const there = await ratchet(['sync'], { config, env });
    assert.deepEqual([there.code, there.stderr.includes('no marker')], [1, true], there.stderr);
    const wrong = await ratchet(['config', 'validate'], { config: written(t, text('/../x')), env });
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /must be credential: and a name of letters, digits/);
  });

  test('passwordFile and passwordCommand together are an error, at the second', async (t) => {
    const { code, stderr } = await ratchet(['config', 'validate'], { config: written(t, text(', passwordCommand: [pass, show, x]')) });
    assert.equal(code, 2);
    assert.match(stderr, /:5:\d+: repositories\.nightly\.restic\.passwordCommand: must be the only way to the password/);
  });
});
