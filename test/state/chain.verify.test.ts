/** The chain: any byte that is changed, any line that is missing, moved or doubled, is found, and so is where. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { chainStart, damagedEvent, nextLine, parseJournalLine, Verifier, withRenaming, type Head, type JournalEvent, type Verification } from '../../src/state/chain.ts';

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A journal of these events. */
function journalOf(events: readonly JournalEvent[]): string[] {
  const lines: string[] = [];
  for (const event of events) {
    const last = lines.at(-1);
    lines.push(nextLine(last === undefined ? undefined : parseJournalLine(last), last === undefined ? chainStart : hashOf(last), 'nightly', new Date(lines.length * 1000), event));
  }
  return lines;
}

const headOf = (lines: readonly string[]): Head => ({ sequence: lines.length, hash: hashOf(lines.at(-1) ?? '') });

function verify(lines: readonly string[], recorded?: Head, asked?: string): Verification {
  const verifier = new Verifier('nightly', recorded, asked);
  for (const [index, line] of lines.entries()) verifier.line('journal.jsonl', index + 1, line, hashOf(line));
  return verifier.end(0);
}

const good = journalOf(['started', 'verdict', 'finished', 'started', 'verdict', 'finished'].map((event, n) => ({ event, runId: `r${n}`, reason: 'B\u00fcro \u2013 "x"' })));
const head = headOf(good);
/** The number of the first bad line, and 0 for none. */
const badIn = (lines: readonly string[], recorded: Head | undefined = head): number => verify(lines, recorded).bad?.line ?? 0;

describe('a chain that is whole', () => {
  test('is said to be, with its head', () => {
    assert.deepEqual(verify(good, head), { lines: 6, head, bad: undefined, torn: 0, known: undefined });
  });
  test('whatever its events hold', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.string({ unit: 'binary', minLength: 1 }), fc.string({ unit: 'binary' })), { maxLength: 8 }), (events) => {
      const lines = journalOf(events.filter(([event]) => event !== damagedEvent).map(([event, detail]) => ({ event, detail })));
      assert.equal(verify(lines, lines.length === 0 ? undefined : headOf(lines)).bad, undefined);
    }));
  });
  test('also where the head was not recorded yet after the last line (a crash in between)', () => { assert.equal(badIn(good, headOf(good.slice(0, 5))), 0); });
  test('a hash of any of its lines is known, another is not', () => {
    for (const line of good) assert.equal(verify(good, head, hashOf(line)).known, true);
    assert.equal(verify(good, head, 'ab'.repeat(32)).known, false);
  });
});

describe('tampering', () => {
  test('any other byte anywhere, the last line included, is found in just that line', () => {
    for (const [index, line] of good.entries()) {
      for (let at = 0; at < line.length; at++) {
        for (const other of [line.charCodeAt(at) ^ 1, 48]) {
          const changed = line.slice(0, at) + String.fromCharCode(other) + line.slice(at + 1);
          if (changed === line) continue;
          assert.equal(badIn(good.with(index, changed)), index + 1, changed);
        }
      }
    }
  });
  const cases: readonly (readonly [name: string, lines: readonly string[], bad: number])[] = [
    ['a line is missing', good.toSpliced(2, 1), 3],
    ['the first line is missing', good.slice(1), 1],
    ['the tail is missing', good.slice(0, 4), 4],
    ['everything is missing', [], 1],
    ['two lines changed places', [...good.slice(0, 2), ...good.slice(2, 4).reverse(), ...good.slice(4)], 3],
    ['a line is there twice', good.toSpliced(3, 0, good[2] ?? ''), 4],
    ['an empty line was put in', good.toSpliced(3, 0, ''), 4],
    ['a blank was put in', good.with(3, ` ${good[3] ?? ''}`), 4],
    ['a line of another repository', good.with(3, (good[3] ?? '').replace('"nightly"', '"other"')), 4],
  ];
  test('a journal that was renamed is whole when its next line says so, and only under its last name', () => {
    const append = (lines: string[], repository: string, event: JournalEvent): string[] => {
      const last = parseJournalLine(lines.at(-1) ?? '');
      return [...lines, nextLine(last, hashOf(lines.at(-1) ?? ''), repository, new Date(0), event)];
    };
    const renamed = withRenaming(parseJournalLine(good.at(-1) ?? ''), 'main', { event: 'started' }).reduce((lines, event) => append(lines, 'main', event), [...good]);
    const cases: readonly (readonly [string, string[], number | undefined])[] = [
      ['main', renamed, undefined], ['nightly', renamed, 8], ['main', good, 6], ['main', append([...good], 'main', { event: 'started' }), 7],
      ['main', append([...good], 'main', { event: 'renamed', from: 'other' }), 7],
    ];
    for (const [repository, lines, bad] of cases) {
      const verifier = new Verifier(repository, undefined);
      lines.forEach((line, index) => { verifier.line('journal.jsonl', index + 1, line, hashOf(line)); });
      assert.equal(verifier.end(0).bad?.line, bad, `${repository} ${lines.length}`);
    }
  });

  for (const [name, lines, bad] of cases) test(`${name}: line ${bad}`, () => { assert.equal(badIn(lines), bad); });

  test('a chain written anew from some line on is found by the head of an earlier mail, and by the recorded one', () => {
    const rewritten = journalOf(['started', 'verdict', 'finished', 'started', 'verdict', 'finished'].map((event, n) => ({ event, runId: n === 3 ? 'x' : `r${n}`, reason: 'B\u00fcro \u2013 "x"' })));
    assert.equal(badIn(rewritten), 6);
    assert.deepEqual([verify(rewritten, headOf(rewritten), head.hash).bad, verify(rewritten, headOf(rewritten), head.hash).known], [undefined, false]);
  });
  test('what rsync-ratchet itself found at the next append stays found', () => {
    assert.equal(badIn(journalOf([{ event: 'started' }, { event: damagedEvent }, { event: 'started' }]), undefined), 2);
  });
});
