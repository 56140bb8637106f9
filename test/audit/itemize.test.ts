import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { auditFormat, longestLine, NotUnderstood, type Change } from '../../src/audit/itemize.ts';
import { escapeText } from '../../src/printable.ts';
import { escapePath } from '../../src/printable.ts';
import { deletionLine, line, nonce, parseReport, someSeconds } from '../support/itemized.ts';

const item = (itemized: string, path: string, size = 10): Change =>
  ({ kind: 'item', itemized, fileType: itemized.charAt(1), size, mtime: someSeconds, path });

test('the format is what the parser reads', () => {
  assert.equal(auditFormat('N'), 'N %i|%l|%M|%n');
});

const understood: readonly (readonly [name: string, line: string, change: Change])[] = [
  ['an unchanged file', line({ path: 'config' }), item('.f         ', 'config')],
  ['an unchanged folder', line({ itemized: '.d         ', path: 'keys/' }), item('.d         ', 'keys')],
  ['the root', line({ itemized: '.d..t......', path: './' }), item('.d..t......', '.')],
  ['a new file', line({ itemized: '>f+++++++++', path: 'index/a' }), item('>f+++++++++', 'index/a')],
  ['a new folder', line({ itemized: 'cd+++++++++', path: 'data/00/' }), item('cd+++++++++', 'data/00')],
  ['another size and time', line({ itemized: '>f.st......', path: 'a' }), item('>f.st......', 'a')],
  ['another time', line({ itemized: '>f..t......', path: 'a' }), item('>f..t......', 'a')],
  ['a time set to now', line({ itemized: '>f..T......', path: 'a' }), item('>f..T......', 'a')],
  ['all attributes', line({ itemized: '>fcstpoguax', path: 'a' }), item('>fcstpoguax', 'a')],
  ['access and creation time', line({ itemized: '.f.....nb..', path: 'a' }), item('.f.....nb..', 'a')],
  ['not known attributes', line({ itemized: '>f?????????', path: 'a' }), item('>f?????????', 'a')],
  ['sent', line({ itemized: '<f+++++++++', path: 'a' }), item('<f+++++++++', 'a')],
  ['a hard link', line({ itemized: 'hf         ', path: 'a' }), item('hf         ', 'a')],
  ['a symlink', line({ itemized: 'cL+++++++++', path: 'a' }), item('cL+++++++++', 'a')],
  ['a device', line({ itemized: 'cD+++++++++', path: 'a' }), item('cD+++++++++', 'a')],
  ['a special', line({ itemized: 'cS+++++++++', path: 'a' }), item('cS+++++++++', 'a')],
  ['an empty file', line({ size: 0, path: 'a' }), item('.f         ', 'a', 0)],
  ['the largest size that is exact', line({ size: Number.MAX_SAFE_INTEGER, path: 'a' }), item('.f         ', 'a', Number.MAX_SAFE_INTEGER)],
  ['a deleted file', deletionLine('snapshots/x'), { kind: 'deletion', isFolder: false, path: 'snapshots/x' }],
  ['a deleted folder', deletionLine('data/00/'), { kind: 'deletion', isFolder: true, path: 'data/00' }],
  ['something that is not copied', 'skipping non-regular file "data/x"\n', { kind: 'non-regular', path: 'data/x' }],
  ['… with quotes in it', 'skipping non-regular file "a" b"\n', { kind: 'non-regular', path: 'a" b' }],
  ['… with escapes in it', 'skipping non-regular file "a\\#012b"\n', { kind: 'non-regular', path: 'a\nb' }],
  ['a pipe in a name', line({ path: '1|2026/11/23-01:27:44|b' }), item('.f         ', '1|2026/11/23-01:27:44|b')],
  ['leading and trailing blanks', line({ path: '  a  ' }), item('.f         ', '  a  ')],
  ['an arrow', line({ path: 'a -> b' }), item('.f         ', 'a -> b')],
  ['a name like a deletion', line({ path: '*deleting   x' }), item('.f         ', '*deleting   x')],
  ['a name like one of our lines', line({ path: line({ path: 'x' }) }), item('.f         ', line({ path: 'x' }))],
  ['a tab, which rsync prints as it is', line({ path: 'a\tb' }), item('.f         ', 'a\tb')],
  ['DEL, which rsync prints as it is', line({ path: 'a\x7f' }), item('.f         ', 'a\x7f')],
  ['a name that is only a slash', line({ path: '/' }), item('.f         ', '/')],
  ['before 1970', line({ mtime: '1969/12/31-23:59:59', path: 'a' }), { ...item('.f         ', 'a'), mtime: -1 } as Change],
];

const unescaped: readonly (readonly [name: string, printed: string, path: string])[] = [
  ['a newline', 'a\\#012b', 'a\nb'],
  ['a carriage return at the end', 'a\\#015', 'a\r'],
  ['a terminal escape', '\\#033[31m', '\x1b[31m'],
  ['the highest byte', '\\#377', '\xff'],
  ['invalid UTF-8', '\\#303(', '\xc3('],
  ['a literal escape', '\\#134#123', '\\#123'],
  ['a literal escape with digits that are not octal', '\\#134#189', '\\#189'],
  ['a literal escape of an escape', '\\#134#134#123', '\\#134#123'],
  ['escapes next to each other', '\\#134\\#134#123', '\\\\#123'],
  ['a backslash alone', 'a\\', 'a\\'],
  ['a backslash and two digits', '\\#12', '\\#12'],
  ['a backslash and a letter', '\\#12x', '\\#12x'],
  ['an octal number above a byte', '\\#400', '\\#400'],
  ['a backslash and no number sign', '\\012', '\\012'],
  ['a NUL', '\\#000', '\0'],
];

const refused: readonly (readonly [name: string, report: string])[] = [
  ['an empty line', '\n'],
  ['a blank line between two', `${line({ path: 'a' })}\n${line({ path: 'b' })}`],
  ['words', 'sending incremental file list\n'],
  ['another nonce', line({ path: 'a' }).replace(nonce, nonce.replace('c', 'd'))],
  ['no nonce', line({ path: 'a' }).slice(nonce.length + 1)],
  ['half a nonce', nonce.slice(0, 12) + '\n'],
  ['only the nonce', `${nonce} \n`],
  ['text before the nonce', `x${line({ path: 'a' })}`],
  ['a blank before the nonce', ` ${line({ path: 'a' })}`],
  ['two lines glued', line({ path: 'a' }).trimEnd() + '\r' + '\n' + 'x' + line({ path: 'b' })],
  ['a carriage return before the nonce', `\r${line({ path: 'a' })}`],
  ['no name', line({ path: '' })],
  ['no size', line({ size: '', path: 'a' })],
  ['a negative size', line({ size: '-1', path: 'a' })],
  ['a size with a comma', line({ size: '1,000', path: 'a' })],
  ['a size with a unit', line({ size: '1K', path: 'a' })],
  ['a size in hexadecimal', line({ size: '0x1', path: 'a' })],
  ['a size that no double holds', line({ size: '9007199254740992', path: 'a' })],
  ['a size of a thousand digits', line({ size: '9'.repeat(1000), path: 'a' })],
  ['a time without its year', line({ mtime: '11/23-01:27:44', path: 'a' })],
  ['a time in another form', line({ mtime: '2026-11-23 01:27:44', path: 'a' })],
  ['a year of five digits', line({ mtime: '12026/11/23-01:27:44', path: 'a' })],
  ['ten characters of %i', line({ itemized: '.f        ', path: 'a' })],
  ['twelve characters of %i', line({ itemized: '.f          ', path: 'a' })],
  ['an unknown update type', line({ itemized: 'Xf         ', path: 'a' })],
  ['an unknown file type', line({ itemized: '.x         ', path: 'a' })],
  ['an unknown attribute', line({ itemized: '.fz........', path: 'a' })],
  ['half new', line({ itemized: '>f++++++++.', path: 'a' })],
  ['a message', line({ itemized: '*deleting x', size: 0, path: 'a' })],
  ['a deletion with one blank', line({ itemized: '*deleting |', size: 0, path: 'a' })],
  ['a deletion with a size', line({ itemized: '*deleting  ', size: 1, path: 'a' })],
  ['a file with a slash', line({ path: 'a/' })],
  ['a folder without a slash', line({ itemized: '.d         ', path: 'a' })],
  ['the root without a slash', line({ itemized: '.d         ', path: '.' })],
  ['nothing in quotes', 'skipping non-regular file ""\n'],
  ['quotes that do not end', 'skipping non-regular file "a\n'],
  ['more behind the quotes', 'skipping non-regular file "a" x\n'],
  ['no newline at the end', line({ path: 'a' }).trimEnd()],
  ['no newline at the end of the second line', line({ path: 'a' }) + line({ path: 'b' }).trimEnd()],
  ['a NUL alone', '\0'],
];

describe('understood', () => {
  for (const [name, report, change] of understood) test(name, () => { assert.deepEqual(parseReport(report), [change]); });
  test('a report without lines', () => { assert.deepEqual(parseReport(''), []); });
  for (const [name, printed, path] of unescaped) {
    test(`${name} in a name`, () => { assert.deepEqual(parseReport(`${nonce} .f         |10|2026/11/23-01:27:44|${printed}\n`), [item('.f         ', path)]); });
  }
});

describe('not understood', () => {
  for (const [name, report] of refused) test(name, () => { assert.throws(() => parseReport(report), NotUnderstood); });

  test('what was not understood is quoted, escaped and short', () => {
    assert.throws(() => parseReport('\x1b[31mred\xff"\n'), { name: 'NotUnderstood', message: 'not one of our lines: "\\#033[31mred\\#377""' });
    const long = 'x'.repeat(4000);
    assert.throws(() => parseReport(`${long}\n`), (error: Error) => error.message.length < 300 && error.message.includes('x'.repeat(200)));
  });

  test('what stood before it has been told, what stands behind it is not', () => {
    assert.throws(() => parseReport(line({ path: 'a' }) + 'x\n' + line({ path: 'b' })), /not one of our lines: "x"/);
  });
});

describe('the length of a line', () => {
  const withLength = (bytes: number) => line({ path: 'x'.repeat(bytes - (line({ path: '' }).length - 1)) });

  test(`${longestLine} bytes are taken`, () => {
    assert.equal(withLength(longestLine).length, longestLine + 1);
    assert.equal(parseReport(withLength(longestLine)).length, 1);
    assert.equal(parseReport(withLength(longestLine), 1000).length, 1);
  });

  for (const chunk of [1, 1000, 4096, 4097, 65_536]) {
    test(`one more is not, in chunks of ${chunk}`, () => {
      assert.throws(() => parseReport(withLength(longestLine + 1), chunk), /line too long/);
    });
    test(`64 KiB without a newline are not, in chunks of ${chunk}`, () => {
      assert.throws(() => parseReport('x'.repeat(65_536), chunk), /line too long/);
    });
    test(`a line of 64 KiB is not, in chunks of ${chunk}`, () => {
      assert.throws(() => parseReport(withLength(65_536), chunk), /line too long/);
    });
  }
});

describe('chunks', () => {
  test('a report is the same cut at every byte', () => {
    const report = understood.map(([, text]) => text).join('');
    const whole = parseReport(report);
    for (let chunk = 1; chunk <= 200; chunk++) assert.deepEqual(parseReport(report, chunk), whole, `chunks of ${chunk}`);
    for (let at = 1; at < report.length; at++) assert.deepEqual(parseReport(report, at), whole, `first chunk of ${at}`);
  });
});

describe('escaping for people', () => {
  const shown: readonly (readonly [name: string, path: string, escaped: string])[] = [
    ['plain', 'data/00/ab c~', 'data/00/ab c~'],
    ['controls, tab and DEL too', '\0\t\n\x1b\x7f', '\\#000\\#011\\#012\\#033\\#177'],
    ['bytes above ASCII', '\x80\xff', '\\#200\\#377'],
    ['a literal escape', '\\#123', '\\#134#123'],
    ['a backslash alone', '\\ \\# \\#12 \\n', '\\ \\# \\#12 \\n'],
  ];
  for (const [name, path, escaped] of shown) test(name, () => { assert.equal(escapePath(path), escaped); });

  test('text is trimmed, in UTF-8 bytes, and cut with a sign of it', () => {
    assert.equal(escapeText('  a\nb\u00e4 \n'), 'a\\#012b\\#303\\#244');
    assert.equal(escapeText('x'.repeat(500)), 'x'.repeat(500));
    assert.match(escapeText('x'.repeat(501)), /^x+\.\.\.$/);
    assert.equal(escapeText('x'.repeat(501)).length, 500);
    assert.equal(escapeText('abcdef', 5), 'ab...');
  });
});
