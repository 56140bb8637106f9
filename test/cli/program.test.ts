/** Which part is loaded for which words, and how wide and how complete every `--help` is. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Command } from 'commander';
import { pageOf } from '../../scripts/pages.ts';
import { commands as night } from '../../src/cli/night.ts';
import { partOf, type Part } from '../../src/cli/parts.ts';
import { makeProgram } from '../../src/cli/program.ts';
import { commands as short } from '../../src/cli/short.ts';
import { commands } from '../../src/cli/whole.ts';
import { ratchet } from '../support/cli.ts';

const program = (of = commands): Command => makeProgram(of, { interrupt: new AbortController().signal, exit: () => undefined });
const namesOf = (of: Command): string[] => of.commands.map((command) => command.name());

const rows: readonly (readonly [line: string, part: Part])[] = [
  ['', 'whole'], ['--help', 'whole'], ['help', 'whole'], ['help status', 'whole'], ['completion bash', 'whole'], ['synk demo', 'whole'], ['complete runs', 'whole'],
  ['--help status', 'whole'], ['-h status', 'whole'], ['--config x -hV status', 'whole'], ['acknowlege nightly --reason status', 'whole'],
  ['--config status', 'whole'], ['--config=status', 'whole'], ['--config status sync', 'night'], ['sync status', 'night'], ['--quiet --config help scrub check', 'whole'],
  ['status', 'short'], ['status --help', 'short'], ['--config=status --json history', 'short'], ['--config sync history', 'short'],
  ['acknowledge nightly --reason help', 'short'], ['prune-window help open', 'short'], ['tombstones list nightly', 'short'],
  ['sync', 'night'], ['audit nightly', 'night'], ['sync --help', 'night'], ['-h sync', 'whole'], ['constructor', 'whole'], ['-', 'whole'],
];

describe('a part that starts fast is for its own commands only', () => {
  for (const [line, expected] of rows) {
    test(`rsync-ratchet ${line}`, () => { assert.equal(partOf(line.split(' ').filter((word) => word !== '')), expected); });
  }
  for (const [part, commandsOfPart] of Object.entries({ short, night })) {
    test(`${part} has them all`, () => {
      assert.deepEqual(namesOf(program(commandsOfPart)), namesOf(program()).filter((name) => partOf([name]) === part));
      assert.ok(commandsOfPart.length > 0);
    });
  }
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
