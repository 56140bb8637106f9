import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quoteLine } from '../../src/config/quote.ts';

const yaml = 'state: /s\nrepositories:\n  nightly:\r\n    sorce: "h:"\n\n';
const long = `a: ${'x'.repeat(200)}!${'y'.repeat(200)}`;

const table: readonly (readonly [name: string, text: string, line: number, column: number, quoted: readonly string[]])[] = [
  ['a key', yaml, 4, 5, ['  4 |     sorce: "h:"', '    |     ^']],
  ['the first column', yaml, 2, 1, ['  2 | repositories:', '    | ^']],
  ['the end of a line, which ended with CR LF', yaml, 3, 11, ['  3 |   nightly:', '    |           ^']],
  ['the file as a whole is not quoted', yaml, 1, 1, []],
  ['an empty line is not quoted', yaml, 5, 1, []],
  ['a line that is not there', yaml, 99, 1, []],
  ['the caret keeps its column behind tabs and other characters', 'x: 1\n\tcafé 😀 \u001b[1m: y', 2, 15, ['  2 |  caf? ? ?[1m: y', '    |              ^']],
  ['of a long line a part around the place', `x: 1\n${long}`, 2, 204, [`  2 | ${'x'.repeat(60)}!${'y'.repeat(39)}`, `    | ${' '.repeat(60)}^`]],
];

for (const [name, text, line, column, quoted] of table) {
  test(name, () => assert.deepEqual(quoteLine(text, { line, column }), quoted));
}
