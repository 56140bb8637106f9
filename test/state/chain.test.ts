import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { chainStart, nextLine, parseJournalLine } from '../../src/state/chain.ts';

const time = new Date('2026-11-23T01:27:44.012Z');

describe('a line of the journal', () => {
  test('the first', () => {
    assert.equal(
      nextLine(undefined, chainStart, 'nightly', time, { event: 'started', runId: 'r' }),
      `{"sequence":1,"time":"2026-11-23T01:27:44.012Z","repository":"nightly","event":"started","runId":"r","previous":"${'0'.repeat(64)}"}`,
    );
  });

  test('the next one counts on and carries the hash', () => {
    const first = parseJournalLine(nextLine(undefined, chainStart, 'nightly', time, { event: 'started' }));
    const second = parseJournalLine(nextLine(first, 'ab'.repeat(32), 'nightly', time, { event: 'finished', outcome: 'synced' }));
    assert.deepEqual([second?.sequence, second?.previous, second?.event, second?.['outcome']], [2, 'ab'.repeat(32), 'finished', 'synced']);
  });

  test('nothing in an event can make it two lines, or pass for another hash', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.dictionary(fc.string(), fc.string({ unit: 'binary' })), (event, details) => {
      const text = nextLine(undefined, chainStart, 'nightly', time, { ...details, event });
      assert.doesNotMatch(text, /[\n\r\0]/);
      const line = parseJournalLine(text);
      assert.deepEqual([line?.event, line?.previous], [event, chainStart]);
    }));
  });
});

const noLines: readonly (readonly [name: string, text: string])[] = [
  ['nothing', ''], ['no JSON', '{"sequence":1,'], ['null', 'null'], ['a number', '7'], ['a list', '[]'], ['text', '"x"'],
  ['no sequence', '{"event":"x","previous":""}'], ['no event', '{"sequence":1,"previous":""}'], ['no hash', '{"sequence":1,"event":"x"}'],
  ['a sequence in words', '{"sequence":"1","event":"x","previous":""}'],
];

describe('what is no line', () => {
  for (const [name, text] of noLines) test(name, () => { assert.equal(parseJournalLine(text), undefined); });
});
