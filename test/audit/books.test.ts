import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Books, type Entry } from '../../src/audit/books.ts';
import { inReplica, rejected, verified, wanted } from '../../src/audit/questions.ts';
import { admissionOrder, passes, repositoryPath, type HashedType, type Pass } from '../../src/layout.ts';
import { idOf } from '../support/itemized.ts';

const newBooks = (seed: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8]) => new Books(Uint32Array.from(seed));
const flags: readonly number[] = [inReplica, wanted, verified, rejected];
const allFlags = inReplica | wanted | verified | rejected;

/** IDs that are alike: the same beginnings and ends, all zeros and all ones, one digit apart. Few, so that they come again. */
const idLike = fc.constantFrom(
  ...['0', 'f', '8'].map((digit) => digit.repeat(64)),
  ...[0, 7, 8, 63].map((at) => `${'0'.repeat(at)}1${'0'.repeat(63 - at)}`),
  ...['00', '01', 'ab'].map((digits) => 'ab'.repeat(31) + digits),
  idOf(1), idOf(2),
);
const type = fc.constantFrom(...admissionOrder.slice(0, 2));
const size = fc.oneof(fc.nat(), fc.constantFrom(0, Number.MAX_SAFE_INTEGER, 2 ** 40));
const mtime = fc.oneof(fc.integer(), fc.constantFrom(-1, 0, 2 ** 40));
const flag = fc.constantFrom(...flags);
const pass = fc.constantFrom(...passes);

interface Model { size: number; mtime: number; flags: number; pass: Pass | 0 }
type Step =
  | { do: 'enter'; type: HashedType; id: string; size: number; mtime: number }
  | { do: 'set' | 'clear'; type: HashedType; id: string; flag: number }
  | { do: 'name'; type: HashedType; id: string; pass: Pass }
  | { do: 'forget'; pass: Pass };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('enter' as const), type, id: idLike, size, mtime }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('set' as const, 'clear' as const), type, id: idLike, flag }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('name' as const), type, id: idLike, pass }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), pass }) },
);

function apply(books: Books, model: Map<string, Model>, one: Step): void {
  if (one.do === 'forget') {
    books.forget(one.pass);
    for (const each of model.values()) if (each.pass === one.pass) Object.assign(each, { pass: 0, flags: each.flags & ~wanted });
    return;
  }
  const key = repositoryPath(one.type, one.id);
  const known = model.get(key);
  const entry = books.find(one.type, one.id);
  assert.equal(entry >= 0, known !== undefined, key);
  if (one.do === 'enter') {
    books.enter(one.type, one.id, one.size, one.mtime);
    model.set(key, { flags: 0, pass: 0, ...known, size: one.size, mtime: one.mtime });
  } else if (known === undefined) return;
  else if (one.do === 'name') {
    books.name(entry, one.pass);
    known.pass = one.pass;
  } else {
    books[one.do](entry, one.flag);
    known.flags = one.do === 'set' ? known.flags | one.flag : known.flags & ~one.flag;
  }
}

function contentOf(books: Books): Map<string, Model> {
  const content = new Map<string, Model>();
  for (const entry of books.select([0, 0])) {
    const set = flags.reduce((sum, each) => sum | (books.has(entry, each) ? each : 0), 0);
    content.set(books.path(entry), { size: books.size(entry), mtime: books.mtime(entry), flags: set, pass: books.namedIn(entry) });
  }
  return content;
}

describe('the books', () => {
  test('are a Map from path to facts, whatever is done to them', () => {
    const seed = fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { minLength: 8, maxLength: 8 });
    fc.assert(fc.property(seed, fc.array(step, { maxLength: 300, size: 'max' }), (numbers, steps) => {
      const books = newBooks(numbers);
      const model = new Map<string, Model>();
      for (const one of steps) apply(books, model, one);
      assert.equal(books.count, model.size);
      assert.deepEqual([...contentOf(books)], [...model]); // in the order of entry
    }), { numRuns: 300 });
  });

  test('one ID of four types is four entries', () => {
    const books = newBooks();
    const entries = admissionOrder.map((each, n) => books.enter(each, idOf(1), n, n));
    assert.deepEqual(entries, [0, 1, 2, 3]);
    assert.deepEqual(admissionOrder.map((each) => books.find(each, idOf(1))), entries);
    assert.deepEqual(entries.map((entry) => books.type(entry)), admissionOrder);
    assert.equal(books.find('key', idOf(2)), -1);
  });

  test('flags, pass and type do not touch each other', () => {
    const books = newBooks();
    for (const each of admissionOrder) {
      const entry = books.enter(each, idOf(each), 1, 2);
      for (const one of passes) {
        for (const two of flags) {
          books.name(entry, one);
          books.set(entry, two);
          assert.deepEqual([books.type(entry), books.namedIn(entry), flags.filter((f) => books.has(entry, f))], [each, one, [two]]);
          books.clear(entry, two);
          assert.equal(flags.some((f) => books.has(entry, f)), false);
        }
      }
    }
  });

  test('each visits what has all of the one and none of the other', () => {
    const books = newBooks();
    for (let n = 0; n < 16; n++) {
      const entry = books.enter('pack', idOf(n), n, 0);
      flags.forEach((one, bit) => { if ((n & (1 << bit)) !== 0) books.set(entry, one); });
    }
    const visited = (all: number, none: number): Entry[] => {
      const found: Entry[] = [];
      for (const entry of books.select([all, none])) found.push(entry);
      return found;
    };
    assert.deepEqual(visited(0, 0), Array.from({ length: 16 }, (_, n) => n));
    assert.deepEqual(visited(wanted, verified | rejected), [2, 3]);
    assert.deepEqual(visited(inReplica | wanted, 0), [3, 7, 11, 15]);
    assert.deepEqual(visited(0, allFlags), [0]);
  });

  test('an entry that does not exist is an error, not an answer', () => {
    assert.throws(() => newBooks().path(0), RangeError);
    assert.throws(() => { newBooks().set(-1, wanted); }, RangeError);
  });
});

describe('many entries', () => {
  const count = 130_000;
  /** Not hashed: consecutive, so that all but the last digits are the same. */
  const near = (n: number): string => n.toString(16).padStart(64, '0');
  const far = (n: number): string => `${n.toString(16).padStart(8, '0')}${'5'.repeat(56)}`;

  for (const [name, id] of [['the same beginning', near], ['the same end', far]] as const) {
    test(`${count} IDs with ${name}: all found, none mixed up`, () => {
      const books = newBooks([0, 0, 0, 0, 0, 0, 0, 0]); // the weakest seed
      for (let n = 0; n < count; n++) {
        const entry = books.enter(admissionOrder[n % 4] ?? 'pack', id(n), n, -n);
        if (n % 3 === 0) books.set(entry, wanted);
      }
      assert.equal(books.count, count);
      for (let n = 0; n < count; n++) {
        const entry = books.find(admissionOrder[n % 4] ?? 'pack', id(n));
        if (entry !== n || books.size(entry) !== n || books.mtime(entry) !== -n || books.has(entry, wanted) !== (n % 3 === 0)) {
          assert.fail(`entry ${entry} for ${n}`);
        }
      }
      assert.equal(books.path(count - 1), repositoryPath(admissionOrder[(count - 1) % 4] ?? 'pack', id(count - 1)));
      assert.equal(books.find('pack', id(count)), -1);
      assert.equal(books.find(admissionOrder[1] ?? 'pack', id(0)), -1);
      assert.equal(books.enter('key', id(0), 7, 7), 0);
      assert.equal(books.count, count);
    });
  }
});
