/** An index is read as restic writes it, in whatever pieces it comes; what is none says why, and spoils no other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IndexReader, type IndexEntry } from '../../src/proof/index-json.ts';

const id = (n: number): string => n.toString(16).padStart(64, '0');
const blobs = Array.from({ length: 20 }, (_, n) => ({
  id: id(n),
  type: n % 2 === 0 ? 'data' : 'tree',
  offset: n * 100,
  length: 100,
}));
const index = {
  supersedes: [id(900)],
  packs: [
    { id: id(800), blobs },
    { id: id(801), blobs: [{ ...blobs[0], uncompressed_length: 7 }] },
  ],
};
const compact = JSON.stringify(index);

/** What is told of an index that comes in pieces of so many bytes, and what is wrong with it. */
function read(text: string, piece: number, reader?: IndexReader): { told: number; fault: string | undefined } {
  let told = 0;
  const by = reader ?? new IndexReader(() => (told += 1));
  for (let at = 0; at < text.length; at += piece) by.read(Buffer.from(text.slice(at, at + piece)));
  return { told, fault: by.end() };
}

test('blobs are the same whether they come at once, byte by byte, or spaced out', () => {
  const of = (text: string, piece: number): IndexEntry[] => {
    const entries: IndexEntry[] = [];
    const reader = new IndexReader((entry) => entries.push(entry));
    assert.equal(read(text, piece, reader).fault, undefined);
    return entries;
  };
  const whole = of(compact, compact.length);
  assert.equal(whole.length, 21);
  assert.deepEqual([whole[1]?.isTree, whole[1]?.plain, whole[20]?.isCompressed, whole[20]?.plain], [true, 68, true, 7]);
  assert.deepEqual(of(compact, 1), whole);
  assert.deepEqual(of(JSON.stringify(index, null, 2), 37), whole);
});

const faults: readonly (readonly [what: string, text: string, fault: RegExp])[] = [
  ['cut short', compact.slice(0, -10), /ends too early/],
  ['nothing', '', /ends too early/],
  ['two of them', compact + compact, /behind its end/],
  ['a key in another case', compact.replace('"packs"', '"Packs"'), /what no index has|ends too early/],
  ['a field twice', compact.replace('"packs":', '"packs":null,"packs":'), /stands twice/],
  ['a field of nobody', compact.replace('"packs":', '"constructor":null,"packs":'), /none of restic's/],
  ['blobs before the name', `{"packs":[{"blobs":${JSON.stringify(blobs)},"id":"${id(1)}"}]}`, /before its name/],
  ['a comma too many', compact.replace('},{', '},,{'), /./],
  ['a blob inside a blob', compact.replace(`{"id":"${id(3)}"`, `{"id":${JSON.stringify(blobs[0])}`), /./],
];

for (const [what, text, fault] of faults) {
  test(`no index: ${what}; and the next one is read as if nothing had been`, () => {
    for (const piece of [1, 100, text.length + 1]) {
      const entries: IndexEntry[] = [];
      const reader = new IndexReader((entry) => entries.push(entry));
      assert.match(read(text, piece, reader).fault ?? 'nothing', fault);
      const before = entries.length;
      assert.equal(read(compact, 50, reader).fault, undefined);
      assert.equal(entries.length - before, 21);
    }
  });
}

test('after a fault nothing more is told of that index', () => {
  const { told, fault } = read(compact.replace(`"id":"${id(5)}"`, '"ID":""'), 64);
  assert.notEqual(fault, undefined);
  assert.equal(told, 5);
});
