/** What restic prints, on a terminal and elsewhere: whatever pieces it comes in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Screen } from '../../src/programs/restic-screen.ts';

/** What a terminal (or a pipe) gets of these bytes, in pieces of so many. */
function shown(bytes: Uint8Array, isTTY: boolean, pieces = bytes.length): Buffer {
  const got: Buffer[] = [];
  const write = (piece: Uint8Array | string): boolean => got.push(Buffer.from(piece as string)) > 0;
  const screen = new Screen({ write, isTTY });
  for (let at = 0; at < bytes.length; at += pieces) screen.show(bytes.subarray(at, at + pieces));
  screen.end();
  return Buffer.concat(got);
}

const cases: readonly (readonly [what: string, said: string | Uint8Array, onTerminal: string])[] = [
  ['plain lines', 'one\ntwo\n', 'one\ntwo\n'],
  ['no newline at the end', 'one', 'one'],
  ['letters of all languages, and tabs', 'Grüße\t日本 😀\n', 'Grüße\t日本 😀\n'],
  ['an escape sequence', '/n\x1b[31mred\n', '/n\\#033[31mred\n'],
  ['carriage return, backspace, bell, delete', 'a\rb\bc\x07d\x7f\n', 'a\\#015b\\#010c\\#007d\\#177\n'],
  ['control characters beyond ASCII', 'a\u009b31mb\n', 'a\\#302\\#23331mb\n'],
  ['what turns the direction of writing', 'a\u202egpj.exe\n', 'a\\#342\\#200\\#256gpj.exe\n'],
  ['bytes that are no UTF-8: one that is a control character elsewhere', Buffer.from('a\x9b31mb\n', 'latin1'), 'a\ufffd31mb\n'],
  ['progress on one line', '[0:00] 50.00%  1 / 2 packs\n[0:01] 100.00%  2 / 2 packs\n\nno errors\n', '\r[0:00] 50.00%  1 / 2 packs\x1b[K\r[0:01] 100.00%  2 / 2 packs\x1b[K\nno errors\n'],
  ['progress, then something at once', '[0:00] 50.00%\nFatal: x\n', '\r[0:00] 50.00%\x1b[K\nFatal: x\n'],
  ['a name in progress', '[0:00] \x1b]0;x\x07\n', '\r[0:00] \\#033]0;x\\#007\x1b[K\n'],
  ['a long line that begins like progress', `[${'x'.repeat(500)}\n`, `[${'x'.repeat(500)}\n`],
];

for (const [what, said, onTerminal] of cases) {
  const bytes = Buffer.from(said as string);
  test(`${what}: on a terminal, in pieces of any size`, () => {
    for (const pieces of [bytes.length, 7, 1]) assert.equal(shown(bytes, true, pieces).toString('utf8'), onTerminal, `pieces of ${pieces}`);
  });
  test(`${what}: a pipe gets the bytes`, () => {
    assert.deepEqual(shown(bytes, false, 3), bytes);
  });
}
