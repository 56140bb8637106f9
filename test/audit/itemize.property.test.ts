import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NotUnderstood, unescapePath, type Change } from '../../src/audit/itemize.ts';
import { escapeText } from '../../src/printable.ts';
import { escapePath } from '../../src/printable.ts';
import { deletionLine, line, nonce, parseReport, rsyncEscape, rsyncTime } from '../support/itemized.ts';

/** Any bytes, rich in what the escapes are made of. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300, size: 'max' }).map((array) => Buffer.from(array).toString('latin1')),
  fc.array(fc.constantFrom('\\', '#', '0', '1', '3', '7', '8', '\n', '\t', '\x7f', '\xff', 'a'), { maxLength: 40, size: 'max' }).map((parts) => parts.join('')),
);
/** A name as a file system may hold it: neither NUL nor slash, not empty. */
const name = bytes.map((text) => text.replace(/[\0/]/g, '_')).filter((text) => text !== '');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
const attributes = fc.oneof(
  fc.constantFrom('+++++++++', '         ', '?????????', '.........'),
  fc.array(fc.constantFrom('.', 'c', 's', 't', 'T', 'p', 'o', 'g', 'u', 'n', 'b', 'a', 'x'), { minLength: 9, maxLength: 9 }).map((letters) => letters.join('')),
);
const item = fc.record({
  kind: fc.constant('item' as const),
  itemized: fc.tuple(fc.constantFrom('<', '>', 'c', 'h', '.'), fc.constantFrom('f', 'd', 'L', 'D', 'S'), attributes).map((parts) => parts.join('')),
  size: fc.maxSafeNat(),
  mtime: fc.integer({ min: -30_000_000_000, max: 253_402_300_799 }),
  path,
}).map((record): Change => ({ ...record, fileType: record.itemized.charAt(1) }));
const change = fc.oneof(
  { weight: 6, arbitrary: item },
  fc.record({ kind: fc.constant('deletion' as const), isFolder: fc.boolean(), path }),
  fc.record({ kind: fc.constant('non-regular' as const), path }),
  fc.record({ kind: fc.constant('standing' as const), path }),
).map((record): Change => ({ ...record })); // fast-check's records have no prototype

function format(one: Change): string {
  if (one.kind === 'non-regular') return `skipping non-regular file "${rsyncEscape(one.path)}"\n`;
  if (one.kind === 'standing') return `cannot delete non-empty directory: ${rsyncEscape(one.path)}\n`;
  if (one.kind === 'deletion') return deletionLine(one.isFolder ? `${one.path}/` : one.path);
  const { itemized, size, mtime } = one;
  return line({ itemized, size, mtime: rsyncTime(mtime), path: one.fileType === 'd' ? `${one.path}/` : one.path });
}

const isShort = (text: string) => text.length <= 4097;

describe('for all names', () => {
  test('what rsync escapes, unescaping gives back', () => {
    fc.assert(fc.property(bytes, (text) => { assert.equal(unescapePath(rsyncEscape(text)), text); }));
  });

  test('what we show is printable ASCII on one line, and gives the name back', () => {
    fc.assert(fc.property(bytes, (text) => {
      assert.match(escapePath(text), /^[ -~]*$/);
      assert.equal(unescapePath(escapePath(text)), text);
    }));
  });

  test('two names are never shown alike', () => {
    fc.assert(fc.property(bytes, bytes, (one, other) => { assert.equal(escapePath(one) === escapePath(other), one === other); }));
  });

  test('any text is shown as printable ASCII within its limit', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 3, max: 50 }), (text, limit) => {
      const shown = escapeText(text, limit);
      assert.match(shown, /^[ -~]*$/);
      assert.ok(shown.length <= limit);
      assert.equal(escapeText(shown, limit), shown.trim(), 'once is enough');
    }));
  });
});

describe('for all reports', () => {
  test('parse(format(x)) = x', () => {
    fc.assert(fc.property(fc.array(change, { maxLength: 5 }), (changes) => {
      const texts = changes.map(format);
      fc.pre(texts.every(isShort));
      assert.deepEqual(parseReport(texts.join('')), changes);
    }), { numRuns: 500 });
  });

  test('where it is cut into chunks does not matter', () => {
    fc.assert(fc.property(fc.array(change, { maxLength: 5 }), fc.integer({ min: 1, max: 300 }), (changes, chunk) => {
      const texts = changes.map(format);
      fc.pre(texts.every(isShort));
      assert.deepEqual(parseReport(texts.join(''), chunk), changes);
    }));
  });

  test('cut short anywhere but at the end of a line, it is refused', () => {
    fc.assert(fc.property(change, change, fc.nat(), (one, other, where) => {
      const [text, whole] = [format(one), format(one) + format(other)];
      fc.pre(isShort(text) && isShort(format(other)));
      const cut = where % whole.length;
      if (cut === 0 || cut === text.length) assert.ok(parseReport(whole.slice(0, cut)).length <= 1);
      else assert.throws(() => parseReport(whole.slice(0, cut)), NotUnderstood);
    }), { numRuns: 500 });
  });

  test('a line without our nonce is never a change, whatever it says', () => {
    fc.assert(fc.property(bytes, (text) => {
      fc.pre(!text.includes(nonce) && !text.startsWith('skipping non-regular file "'));
      assert.throws(() => parseReport(`${text.replaceAll('\n', ' ')}\n`), NotUnderstood);
    }));
  });

  test('anything behind the nonce is refused or comes out as it went in', () => {
    const noise = fc.string({ unit: 'binary-ascii', maxLength: 80 });
    fc.assert(fc.property(fc.oneof(noise, item.map((one) => format(one).slice(nonce.length + 1, -1)), fc.tuple(noise, noise).map((two) => two.join('|'))), (text) => {
      const report = `${nonce} ${text.replaceAll('\n', ' ')}\n`;
      try {
        const [only, ...more] = parseReport(report);
        assert.equal(more.length, 0);
        assert.ok(only !== undefined && report.startsWith(`${nonce} ${only.kind === 'item' ? only.itemized : '*deleting  '}|`));
      } catch (error) {
        assert.ok(error instanceof NotUnderstood, String(error));
      }
    }), { numRuns: 500 });
  });
});
