/** Which commands are loaded for which words, and how wide and how complete every `--help` is. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Command } from 'commander';
import { pageOf } from '../../src/cli/pages.ts';
import { makeProgram } from '../../src/cli/program.ts';
import { ratchet } from '../support/cli.ts';

const program = (words: readonly string[] = []): Promise<Command> => makeProgram({ interrupt: new AbortController().signal, exit: () => undefined }, words);
const namesOf = ({ commands }: Command): string[] => commands.map((command) => command.name());
const all = namesOf(await program());

const rows: readonly (readonly [line: string, loaded: readonly string[]])[] = [
  ['', all], ['--help', all], ['help', all], ['help sync', all], ['completion bash', all], ['synk demo', all],
  ['--help status', all], ['-h status', all], ['--config x -hV sync', all], ['acknowlege nightly --reason sync', all],
  ['--config sync', all], ['--config=sync', all],
  ['status', ['status']], ['status --help', ['status']], ['sync audit', ['sync', 'audit']], ['complete runs', ['completion', 'complete']],
  ['--config status sync', ['sync', 'audit']], ['--config=status --json history', ['history']], ['--quiet --config help scrub check', ['scrub']],
  ['acknowledge nightly --reason help', ['acknowledge']], ['prune-window help open', ['prune-window']],
];

describe('only the command that is named is loaded', () => {
  for (const [line, loaded] of rows) {
    test(`rsync-ratchet ${line}`, async () => { assert.deepEqual(namesOf(await program(line.split(' ').filter((word) => word !== ''))), loaded); });
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

for (const command of withBelow(await program())) {
  test(`--help of ${command.name()} fits 80 columns, ends with exit codes, and leaves no default empty`, () => {
    const text = helpOf(command);
    assert.deepEqual(text.split('\n').filter((line) => line.length > 80), []);
    assert.match(text, /\nExit codes:\n(?: {2}\d+ +\S.*\n)+(?:\nWith --nagios: 0 OK, .*\n)?$/);
    assert.doesNotMatch(text, /default: ""/);
  });
}

test('what is made of --help has the defaults of options', async () => {
  const open = pageOf(await program()).commands.find(({ name }) => name === 'prune-window')?.commands.find(({ name }) => name === 'open');
  assert.equal(open?.options.find(({ long }) => long === '--for')?.description, 'how long, at most 7d (default: "12h")');
});
