// The script between the namespaces and restic, as a file: Perl itself reads it, and both sides mean the same numbers.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { overlayRefused, passwordRefused, script, scriptArguments } from '../../src/programs/sandbox-script.ts';

const file = fileURLToPath(new URL('../../src/programs/sandbox.pl', import.meta.url));

test('Perl compiles the script, without a warning, and it is what we hand to Perl', () => {
  const { status, stderr } = spawnSync('perl', ['-wc', file], { encoding: 'utf8' });
  assert.deepEqual({ status, stderr }, { status: 0, stderr: `${file} syntax OK\n` });
  assert.equal(script, readFileSync(file, 'utf8'));
});

test('its exit codes are those that we know', () => {
  const codes = /^my \(\$password_refused, \$view_failed, \$overlay_refused\) = \((\d+), \d+, (\d+)\);$/m.exec(script);
  assert.deepEqual(codes?.slice(1).map(Number), [passwordRefused, overlayRefused]);
});

test('memory and system calls are numbers', () => {
  const [root, nonce, ...numbers] = scriptArguments('/root', 'nonce', 2 ** 32, [], []);
  assert.deepEqual([root, nonce, numbers[0], numbers.at(-1)], ['/root', 'nonce', '4294967296', '--']);
  assert.equal(numbers.length, 8);
  for (const number of numbers.slice(0, -1)) assert.match(number, /^-?\d+$/);
});
