import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { exitCodeMeanings } from '../../src/errors.ts';
import { program, ratchet } from '../support/cli.ts';
import { writeConfig } from '../support/config.ts';
import { temporaryFolder } from '../support/temporary.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };

const wrong: readonly (readonly [args: readonly string[], says: RegExp])[] = [
  [[], /Usage: rsync-ratchet/],
  [['--nosuch'], /error: unknown option '--nosuch'/],
  [['sync', '--nosuch'], /error: unknown option '--nosuch'/],
  [['audit', '--no-limits'], /error: unknown option '--no-limits'/],
  [['nosuch'], /error: unknown command 'nosuch'/],
  [['config', 'nosuch'], /error: unknown command 'nosuch'/],
  [['config'], /Usage: rsync-ratchet config/],
  [['init'], /missing required argument 'repository'/],
  [['init', 'nightly', 'other'], /too many arguments/],
  [['config', 'validate', 'x'], /too many arguments/],
  [['--config'], /argument missing/],
  [['config', 'generate', '--destination'], /argument missing/],
];

/** Nothing on stdout, or with --json one document that says the same. */
function assertSaid(words: readonly string[], stdout: string, stderr: string): void {
  if (!words.includes('--json')) return assert.equal(stdout, '');
  const { version: form, error } = JSON.parse(stdout) as { version: number; error: { exitCode: number; message: string; hint: string } };
  assert.deepEqual([form, error.exitCode, Object.keys(error)], [1, 2, ['exitCode', 'message', 'hint']]);
  assert.ok(error.message !== '' && error.hint !== '');
  if (error.message !== 'a command is missing') assert.ok(stderr.includes(error.message.slice(0, 20)), stderr);
}

describe('what is not understood: exit 2, words on stderr, nothing on stdout but the document of --json', () => {
  for (const [args, says] of wrong) {
    for (const options of [[], ['--json'], ['--quiet']]) {
      test(`rsync-ratchet ${[...options, ...args].join(' ')}`, async () => {
        const { code, stdout, stderr } = await ratchet([...options, ...args]);
        assert.equal(code, 2);
        assertSaid(options, stdout, stderr);
        assert.match(stderr, says);
      });
    }
  }

  const commands = [['sync', 'nosuch'], ['audit', 'nosuch'], ['init', 'nosuch'], ['sync', 'nightly', 'nosuch']];
  for (const args of commands) {
    for (const options of [[], ['--json'], ['--quiet', '--verbose']]) {
      test(`an unknown repository: ${[...options, ...args].join(' ')}`, async (t) => {
        const { file, replica, state } = writeConfig(temporaryFolder(t), '/nonexistent');
        const { code, stdout, stderr } = await ratchet([...options, ...args], { config: file });
        assert.equal(code, 2);
        assertSaid(options, stdout, stderr);
        assert.match(stderr, /^error: there is no repository "nosuch" in the configuration\nhint: it has: nightly\n$/);
        assert.deepEqual([existsSync(replica), existsSync(state)], [false, false], 'nothing was tried');
      });
    }
  }

  test('a name with escape codes reaches no terminal', async (t) => {
    const { file } = writeConfig(temporaryFolder(t), '/nonexistent');
    const { stderr } = await ratchet(['sync', '\x1b[31mred\x07'], { config: file });
    assert.match(stderr, /"\\#033\[31mred\\#007"/);
  });

  for (const args of [['sync'], ['audit'], ['init', 'nightly'], ['config', 'validate'], ['--json', 'sync']]) {
    test(`no configuration: ${args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await ratchet(['--config', '/nonexistent/x.yaml', ...args]);
      assert.equal(code, 2);
      assertSaid(args, stdout, stderr);
      assert.match(stderr, /^error: --config names \/nonexistent\/x\.yaml, which does not exist\nhint: /);
    });
  }
});

test('what is quoted in the document keeps its lines, and no control character', async () => {
  const { code, stdout } = await ratchet(['sync', '--json', '--b\u001bad\n--\u009b1m']);
  assert.equal(code, 2);
  assert.equal((JSON.parse(stdout) as { error: { message: string } }).error.message, "unknown option '--b\\#033ad\n--\\#302\\#2331m'");
});

describe('help', () => {
  const commands = [[], ['init'], ['sync'], ['audit'], ['config'], ['config', 'generate'], ['config', 'validate'], ['demo']];
  for (const args of commands) {
    test(`rsync-ratchet ${[...args, '--help'].join(' ')} ends with the exit codes`, async () => {
      const { code, stdout, stderr } = await ratchet([...args, '--help']);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, new RegExp(`^Usage: ${['rsync-ratchet', ...args].join(' ')}`));
      const codes = stdout.slice(stdout.indexOf('\nExit codes:\n')).split('\n').slice(2, -1);
      assert.ok(codes.length > 1, stdout);
      for (const line of codes) {
        const [, number, meaning] = /^ {2}(\d+) +(\S.*)$/.exec(line) ?? assert.fail(line);
        assert.equal(meaning, exitCodeMeanings[Number(number)]);
      }
    });

    test(`rsync-ratchet help ${args.join(' ')} is the same`, async () => {
      const [one, other] = [await ratchet([...args, '--help']), await ratchet([...args.slice(0, -1), 'help', ...args.slice(-1)])];
      assert.deepEqual([other.code, other.stdout], [0, one.stdout]);
    });
  }

  test('the first page names every command that there is, and the global options', async () => {
    const { stdout } = await ratchet(['--help']);
    for (const words of ['init', 'sync', 'audit', 'config', 'demo', '--config <file>', '--json', '--quiet', '--verbose', '--no-color', '--version']) {
      assert.ok(stdout.includes(`  ${words}`) || stdout.includes(`, ${words}`), words);
    }
  });

  test('global options are named by every command', async () => {
    assert.match((await ratchet(['sync', '--help'])).stdout, /Global Options:[^]*--config <file>/);
  });
});

test('--version is that of package.json', async () => {
  for (const option of ['--version', '-V']) {
    const { code, stdout, stderr } = await ratchet([option]);
    assert.deepEqual([code, stdout, stderr], [0, `${version}\n`, '']);
  }
});

describe('colour', () => {
  /** Runs it on a terminal of its own (script(1)); all that it printed there. */
  function onTerminal(args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
    const words = [process.execPath, program, ...args].map((word) => `'${word}'`).join(' ');
    return execFileSync('script', ['-qec', words, '/dev/null'], {
      encoding: 'utf8', input: '', env: { PATH: process.env['PATH'], HOME: temporaryFolder(), TERM: 'xterm', ...env },
    });
  }
  const args = (t: Parameters<typeof temporaryFolder>[0], ...options: readonly string[]): string[] =>
    ['--config', writeConfig(temporaryFolder(t), '/nonexistent').file, ...options, 'config', 'validate'];

  test('on a terminal', (t) => { assert.match(onTerminal(args(t)), /\x1b\[32m.*valid/); });
  test('not with NO_COLOR', (t) => { assert.doesNotMatch(onTerminal(args(t), { NO_COLOR: '1' }), /\x1b/); });
  test('not with --no-color', (t) => { assert.doesNotMatch(onTerminal(args(t, '--no-color')), /\x1b/); });
  test('not on a dumb terminal', (t) => { assert.doesNotMatch(onTerminal(args(t), { TERM: 'dumb' }), /\x1b/); });
  test('not in a document', (t) => { assert.doesNotMatch(onTerminal(args(t, '--json')), /\x1b/); });
  test('not in a pipe, whatever FORCE_COLOR says', async (t) => {
    const { stdout } = await ratchet(args(t), { env: { FORCE_COLOR: '3' } });
    assert.doesNotMatch(stdout, /\x1b/);
    assert.match(stdout, /valid/);
  });
});

test('a reader that goes away is no error of ours', async () => {
  const child = spawn(process.execPath, [program, 'config', 'generate'], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] } });
  child.stdout.destroy();
  const stderr: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  assert.deepEqual([await once(child, 'close'), Buffer.concat(stderr).toString()], [[0, null], '']);
});

test('the bundle is run from anywhere', async (t) => {
  const { code, stdout } = await ratchet(['--version'], { cwd: join(temporaryFolder(t)) });
  assert.deepEqual([code, stdout], [0, `${version}\n`]);
});
