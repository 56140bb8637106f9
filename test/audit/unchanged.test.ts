/** The fast road for unchanged packs says exactly what the general one says, for any line. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Audit } from '../../src/audit/audit.ts';
import { Books } from '../../src/audit/books.ts';
import { gone, inReplica, tombstoned } from '../../src/audit/questions.ts';
import { lineJudge, parseLine, type Judge } from '../../src/audit/itemize.ts';
import { emptyLine, readUnchangedPack } from '../../src/audit/unchanged.ts';

const prefix = '0123456789abcdef ';
const id = 'ab'.repeat(32);
const other = 'cd'.repeat(32);
const mtime = Date.UTC(2026, 10, 23, 1, 27, 44) / 1000;
const good = `.f         |1000|2026/11/23-01:27:44|data/ab/${id}`;

/** What an audit comes to that knows two packs (one of them tombstoned); false: the line is not understood. */
function verdictOn(lines: readonly string[], isFast: boolean): unknown {
  const books = new Books(new Uint32Array(8));
  books.set(books.enter('pack', id, 1000, mtime), inReplica);
  books.set(books.enter('pack', other, 7, 0), inReplica | tombstoned);
  const audit = new Audit({ books, others: new Map() }, { initialising: false, window: undefined }, () => false);
  audit.begin(1);
  audit.begin(2);
  audit.begin(3);
  const slow: Judge = { judge: (change) => { audit.judge(change); }, judgeUnchanged: () => false };
  const judge = lineJudge(isFast ? audit : slow, prefix);
  try {
    for (const line of lines) {
      const bytes = Buffer.from(`x${line}`, 'latin1');
      judge(bytes, 1, bytes.length);
    }
  } catch (error) {
    return (error as Error).message;
  }
  const { counts, findings } = audit.verdict({});
  return { counts, findings: findings.kept, named: [0, 1].map((entry) => books.namedIn(entry)), gone: books.amount([gone, 0]) };
}

const same = (lines: readonly string[]): void => { assert.deepEqual(verdictOn(lines, true), verdictOn(lines, false)); };

const table: readonly (readonly [what: string, ...lines: string[]])[] = [
  ['an unchanged pack', good],
  ['named twice', good, good],
  ['the tombstoned one is listed', `.f         |7|1970/01/01-00:00:00|data/cd/${other}`],
  ['another size', good.replace('1000', '1001')], ['no size', good.replace('1000', '')], ['a signed size', good.replace('1000', '+1000')],
  ['a size beyond doubles', good.replace('1000', '9007199254740993')], ['a size with zeros before it', good.replace('1000', '00000000000000001000')],
  ['another time', good.replace('44', '45')], ['the second 60', good.replace('44|', '60|')], ['the hour 24', good.replace('-01:', '-24:')],
  ['the month 13', good.replace('/11/', '/13/')], ['the day 31 of November', good.replace('/23-', '/31-')], ['the day 0', good.replace('/23-', '/00-')],
  ['before 1970', good.replace('2026', '1969')], ['the year 0', good.replace('2026', '0000')], ['letters in the time', good.replace('2026', '2O26')],
  ['other flags', good.replace('.f  ', '>f..')], ['a folder\'s flags', good.replace('.f', '.d')],
  ['another folder', good.replace('data/ab', 'data/cd')], ['upper case', good.replace(id, id.toUpperCase())], ['an unknown pack', good.replaceAll('ab', 'ef')],
  ['a digit that is none', good.slice(0, -1).concat('g')], ['one digit less', good.slice(0, -1)], ['one digit more', `${good}a`],
  ['another tree', good.replace('data/', 'dat_/')], ['a slash at the end', `${good}/`], ['a pipe in the path', good.replace('data/ab/', 'data/a|/')],
  ['escaped', good.replace('data/', 'dat\\#141/')], ['a NUL', good.replace('data', 'dat\0')],
];
for (const [what, ...lines] of table) {
  test(what, () => { same(lines.map((line) => prefix + line)); });
}

test('without our prefix, and with a part of it', () => {
  for (const start of ['', ' ', prefix.slice(1), prefix.slice(0, -1), `${prefix}${prefix}`]) same([start + good]);
});

test('any change of any byte, and any two lines', () => {
  const line = fc.tuple(fc.nat(prefix.length + good.length - 1), fc.nat(255), fc.constantFrom(0, 1)).map(([at, byte, drop]) => {
    const text = prefix + good;
    return text.slice(0, at) + String.fromCharCode(byte) + text.slice(at + drop);
  });
  fc.assert(fc.property(line, line, (one, two) => { same([one.replaceAll('\n', ' '), two.replaceAll('\n', ' ')]); }), { numRuns: 5000 });
});

test('the fast road is taken for what it is made for, on any day', () => {
  fc.assert(fc.property(fc.date({ min: new Date(0), max: new Date('2099-12-31T23:59:59Z'), noInvalidDate: true }), fc.nat(), (date, size) => {
    const time = date.toISOString().slice(0, 19).replaceAll('-', '/').replace('T', '-');
    const text = `.f         |${size}|${time}|data/ab/${id}`;
    const line = emptyLine();
    assert.ok(readUnchangedPack(Buffer.from(text), 0, text.length, line));
    assert.deepEqual([line.size, line.mtime, line.idAt], [size, Math.floor(date.getTime() / 1000), text.length - 64]);
    const slow = parseLine(Buffer.from(prefix + text), 0, prefix.length + text.length, prefix);
    assert.ok(slow.kind === 'item' && slow.mtime === line.mtime && slow.size === line.size);
  }));
});
