/** Which part is loaded for which words, and how wide and how complete every `--help` is. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Command } from 'commander';
import { pageOf } from '../../scripts/pages.ts';
import { isShort } from '../../src/cli/parts.ts';
import { makeProgram } from '../../src/cli/program.ts';
import { commands as short } from '../../src/cli/short.ts';
import { commands } from '../../src/cli/whole.ts';
import { ratchet } from '../support/cli.ts';

const program = (of = commands): Command => makeProgram(of, { interrupt: new AbortController().signal, exit: () => undefined });
const namesOf = (of: Command): string[] => of.commands.map((command) => command.name());

const rows: readonly (readonly [line: string, isShort: boolean])[] = [
  ['', false], ['--help', false], ['help', false], ['help status', false], ['completion bash', false], ['synk demo', false], ['complete runs', false],
  ['--help status', false], ['-h status', false], ['--config x -hV status', false], ['acknowlege nightly --reason status', false],
  ['--config status', false], ['--config=status', false], ['--config status sync', false], ['sync status', false], ['--quiet --config help scrub check', false],
  ['status', true], ['status --help', true], ['--config=status --json history', true], ['--config sync history', true],
  ['acknowledge nightly --reason help', true], ['prune-window help open', true], ['tombstones list nightly', true],
];

describe('the part that starts fast is for its own commands only', () => {
  for (const [line, expected] of rows) {
    test(`rsync-ratchet ${line}`, () => { assert.equal(isShort(line.split(' ').filter((word) => word !== '')), expected); });
  }
  test('it has them all', () => {
    assert.deepEqual(namesOf(program(short)), namesOf(program()).filter((name) => isShort([name])));
    assert.ok(short.length > 0);
  });
});

describe('a word that names no command is answered as if none were', () => {
  const wrong: readonly (readonly [args: readonly string[], code: number, says: RegExp])[] = [
    [['synk', 'demo'], 2, /unknown command 'synk'\n\(Did you mean sync\?\)/],
    [['acknowlege', 'nightly', '--reason', 'sync'], 2, /unknown command 'acknowlege'\n\(Did you mean acknowledge\?\)/],
    [['--help', 'status'], 0, /\n {2}init .*\n[^]*\n {2}demo /],
    [['--config', 'sync'], 2, /\n {2}init .*\n[^]*\n {2}demo /],
  ];
  for (const [args, expected, says] of wrong) {
    test(args.join(' '), async () => {
      const { code, stdout, stderr } = await ratchet(args);
      assert.equal(code, expected);
      assert.match(stdout + stderr, says);
    });
  }
});

/** What `--help` prints on a terminal of 80 columns. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ getOutHelpWidth: () => 80, writeOut: (part) => { text += part; } }).outputHelp();
  return text;
}

const withBelow = (command: Command): Command[] => [command, ...command.commands.flatMap(withBelow)];

for (const command of withBelow(program())) {
  test(`--help of ${command.name()} fits 80 columns, ends with exit codes, and leaves no default empty`, () => {
    const text = helpOf(command);
    assert.deepEqual(text.split('\n').filter((line) => line.length > 80), []);
    assert.match(text, /\nExit codes:\n(?: {2}\d+ +\S.*\n)+(?:\nWith --nagios: 0 OK, .*\n)?$/);
    assert.doesNotMatch(text, /default: ""/);
  });
}

test('what is made of --help has the defaults of options', () => {
  const open = pageOf(program()).commands.find(({ name }) => name === 'prune-window')?.commands.find(({ name }) => name === 'open');
  assert.equal(open?.options.find(({ long }) => long === '--for')?.description, 'how long, at most 7d (default: "12h")');
});
