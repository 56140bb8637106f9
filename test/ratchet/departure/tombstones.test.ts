/** What a log of tombstone events comes to, and when files leave. */
import { confirmed, kept, reminded, tombstoned } from '../../../src/audit/questions.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseJson } from '../../../src/state/json-file.ts';
import { Failure } from '../../../src/errors.ts';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import type { HashedType } from '../../../src/layout.ts';
import {
  apply, confirmation, isDue, needsReminder, reminderLead, tombstoneEvent, type Tombstone, type TombstoneEvent,
} from '../../../src/ratchet/departure/tombstones.ts';
import { booksOf, burial, dayOf, idOf, pathFor, standing } from '../../support/burials.ts';

const day = 24 * 3600_000;
const [a, b, absent] = [pathFor('a'), pathFor('b'), pathFor('absent')];
const dead = burial(a);
const alsoDead = burial(b);
const until = (n: number, remind = false): TombstoneEvent => ({ event: 'confirmed', due: dayOf(n), remind });
const late: TombstoneEvent = { event: 'postponed', by: 3 * day };
const remindedTo = (n: number): TombstoneEvent => ({ event: 'reminded', until: dayOf(n) });
const isKept = (path: string): TombstoneEvent => ({ event: 'kept', path });
const back = (path: string): TombstoneEvent => ({ event: 'dropped', path });
const off = (path: string): TombstoneEvent => ({ event: 'expired', path });

/** A tombstone in few words: `a kept 5 !` is one of `a` that stays, was due on the fifth, and people were reminded of. */
function words({ path, state, due, reminded: told }: Tombstone): string {
  const name = path === a ? 'a' : path === b ? 'b' : path;
  return [name, state, ...(due === null ? [] : [String(new Date(due).getUTCDate())]), ...(told ? ['!'] : [])].join(' ');
}

/** Each: what, the events, and the tombstones that stand after them. */
const histories: readonly (readonly [what: string, events: readonly TombstoneEvent[], stands: readonly string[]])[] = [
  ['nothing happened', [], []],
  ['a deletion was accepted', [dead], ['a unconfirmed']],
  ['a deletion was accepted and confirmed', [dead, until(5, true)], ['a confirmed 5']],
  ['a grace so short that nobody is reminded', [dead, until(5)], ['a confirmed 5 !']],
  ['confirmed for ever', [dead, { event: 'confirmed', due: null, remind: false }], ['a confirmed !']],
  ['confirmed before the deletion', [until(5), dead], ['a unconfirmed']],
  ['confirmed twice: the first counts', [dead, until(5, true), until(9, true)], ['a confirmed 5']],
  ['each confirmed in its own night', [dead, until(5, true), alsoDead, until(9, true)], ['a confirmed 5', 'b confirmed 9']],
  ['an alarm stood', [dead, until(5, true), late], ['a confirmed 8']],
  ['two alarms stood', [dead, until(5, true), late, late], ['a confirmed 11']],
  ['an alarm stood before it was confirmed', [dead, late, until(5, true)], ['a confirmed 5']],
  ['an alarm stood, but it never leaves', [dead, { event: 'confirmed', due: null, remind: false }, late], ['a confirmed !']],
  ['people were reminded', [dead, until(5, true), remindedTo(5)], ['a confirmed 5 !']],
  ['people were reminded of what is due sooner', [dead, until(5, true), remindedTo(4)], ['a confirmed 5']],
  ['people were reminded before it was confirmed', [dead, remindedTo(9), until(5, true)], ['a confirmed 5']],
  ['people were reminded, then an alarm stood: not twice', [dead, until(5, true), remindedTo(5), late], ['a confirmed 8 !']],
  ['kept before it was confirmed', [dead, isKept(a)], ['a kept']],
  ['kept after it was confirmed', [dead, until(5, true), isKept(a)], ['a kept 5']],
  ['kept, and then confirmed and postponed with the others', [dead, alsoDead, isKept(a), until(5, true), late], ['a kept', 'b confirmed 8']],
  ['one of two was kept', [dead, alsoDead, until(5, true), isKept(b)], ['a confirmed 5', 'b kept 5']],
  ['the file came back', [dead, until(5, true), back(a)], []],
  ['a kept file came back', [dead, isKept(a), back(a)], []],
  ['one of two came back', [dead, alsoDead, back(a)], ['b unconfirmed']],
  ['the file left', [dead, until(5, true), off(a)], []],
  ['it came back and was deleted once more', [dead, until(5, true), remindedTo(9), isKept(a), back(a), dead], ['a unconfirmed']],
  ['it came back and was deleted and confirmed once more', [dead, until(5, true), back(a), dead, until(9, true)], ['a confirmed 9']],
  ['what was never deleted is kept', [isKept(a)], []],
  ['of a file that the replica does not have', [burial(absent), until(5)], []],
  ['of a path that restic does not use', [burial('data/../../etc/passwd'), burial('config'), until(5)], []],
  ['a compacted line', [burial(a, { state: 'confirmed', due: dayOf(5), reminded: true })], ['a confirmed 5 !']],
  ['a compacted line that is kept', [burial(a, { state: 'kept' }), until(5)], ['a kept']],
];

for (const [what, events, stands] of histories) {
  test(`what a log comes to: ${what}`, () => {
    assert.deepEqual(standing(events, booksOf([a, b], events)).map(words), stands);
  });
}

test('a compacted tombstone keeps its run, window, size and time', () => {
  const whole = burial(a, { run: 'that', window: 'config', size: 12345, at: dayOf(3) });
  const [told] = standing([whole], booksOf([a], [whole]));
  assert.deepEqual(told, whole);
});

const parse = (line: string): TombstoneEvent => parseJson(line, 'tombstones.jsonl', tombstoneEvent);

/** Each: the line, and what is wrong with it. */
for (const line of ['', '{', 'null', '7', '"kept"', '[]', '{}', '{"event":"resurrected"}', '{"event":7}', '{"event":null,"path":"x"}', '{"event":"confirmed","due":"soon","remind":false}',
  '{"event":"postponed","by":"1"}']) {
  test(`a line that is no event is refused: ${line === '' ? '(empty)' : line}`, () => {
    assert.throws(() => parse(line), Failure);
  });
}

/** Each: the grace, the due date, whether people are reminded. */
for (const [grace, due, remind] of [
  ['forever', null, false], [0, dayOf(1), false], [1, '2026-11-01T00:00:00.001Z', false], [reminderLead, dayOf(8), false],
  [reminderLead + 1, '2026-11-08T00:00:00.001Z', true], [30 * day, dayOf(31), true],
] as const) {
  test(`a grace of ${grace} ms gives a due date, and a reminder only when it is longer than a week`, () => {
    assert.deepEqual(confirmation(new Date(dayOf(1)), grace), { event: 'confirmed', due, remind });
  });
}

/** Each: the events, and on which of the days 4, 5, 11 and 12 it is due, on which people must be reminded. */
const calendar: readonly (readonly [what: string, events: readonly TombstoneEvent[], due: string, remind: string])[] = [
  ['not confirmed', [dead], '', ''],
  ['due on the fifth', [dead, until(5, true)], '5 11 12', '4 5 11 12'],
  ['due on the eleventh', [dead, until(11, true)], '11 12', '4 5 11 12'],
  ['due on the twelfth', [dead, until(12, true)], '12', '5 11 12'],
  ['due on the twelfth, nobody is reminded', [dead, until(12)], '12', ''],
  ['due on the twelfth, reminded', [dead, until(12, true), remindedTo(12)], '12', ''],
  ['due on the eighth and moved on to the eleventh', [dead, until(8, true), late], '11 12', '4 5 11 12'],
  ['kept', [dead, until(5, true), isKept(a)], '', ''],
  ['never due', [dead, { event: 'confirmed', due: null, remind: false }], '', ''],
  ['came back', [dead, until(5, true), back(a)], '', ''],
];

for (const [what, events, due, remind] of calendar) {
  test(`when a file leaves, and when people are told: ${what}`, () => {
    const books = booksOf([a], events);
    const daysOf = (isIt: typeof isDue): string => [4, 5, 11, 12].filter((n) => isIt(books, 0, new Date(dayOf(n)))).join(' ');
    assert.deepEqual([daysOf(isDue), daysOf(needsReminder)], [due, remind]);
  });
}

const names = ['one', 'two', 'three', 'four'];
const types: readonly HashedType[] = ['pack', 'index', 'snapshot', 'key'];
const somePaths = names.map((name, n) => pathFor(name, types[n]));
const anyPath = fc.constantFrom(...somePaths, absent);
const anyDay = fc.integer({ min: 1, max: 28 }).map(dayOf);
const anyEvent: fc.Arbitrary<TombstoneEvent> = fc.oneof(
  fc.record({ path: anyPath, run: fc.string(), size: fc.nat(), at: anyDay }).map((parts) => burial(parts.path, parts)),
  fc.record({ event: fc.constantFrom('dropped' as const, 'expired' as const, 'kept' as const), path: anyPath }),
  fc.record({ event: fc.constant('confirmed' as const), due: fc.option(anyDay), remind: fc.boolean() }),
  fc.record({ event: fc.constant('postponed' as const), by: fc.nat(10 * day) }),
  fc.record({ event: fc.constant('reminded' as const), until: anyDay }),
);

/** All that the books know of the tombstones. What is kept need not be confirmed. */
function stateOf(events: readonly TombstoneEvent[]): string[] {
  const books = booksOf(somePaths, events);
  return [...books.select([tombstoned, 0])].map((entry) => {
    const state = books.has(entry, kept) ? 'kept' : books.has(entry, confirmed) ? 'confirmed' : 'unconfirmed';
    return `${books.path(entry)} ${state} ${books.due(entry)} ${books.has(entry, reminded)}`;
  });
}

test('the compacted log comes to the same as the whole log, and so does all that happens after it', () => {
  fc.assert(fc.property(fc.array(anyEvent), fc.array(anyEvent), (before, after) => {
    const compacted = standing(before, booksOf(somePaths, before));
    assert.deepEqual(stateOf(compacted), stateOf(before));
    assert.deepEqual(stateOf([...compacted, ...after]), stateOf([...before, ...after]));
    assert.deepEqual(standing(compacted, booksOf(somePaths, compacted)), compacted);
  }));
});

test('what was dropped with a due date, and kept then, has none in the compacted log', () => {
  const [path = ''] = somePaths;
  const events: TombstoneEvent[] = [burial(path), { event: 'confirmed', due: dayOf(1), remind: false }, { event: 'dropped', path }, { event: 'kept', path }];
  assert.deepEqual(standing(events, booksOf(somePaths, events)).map((one) => 'due' in one && one.due), [null]);
});

test('an event survives being written and read', () => {
  fc.assert(fc.property(anyEvent, (event) => {
    const line = JSON.stringify(event);
    assert.equal(JSON.stringify(parse(line)), line);
  }));
});

test('the log may be folded into the same books again', () => {
  fc.assert(fc.property(fc.array(anyEvent), (events) => {
    const real = startedBy(events);
    assert.deepEqual(stateOf([...real, ...real]), stateOf(real));
  }));
});

/** The log as it can be: nothing is kept or dropped that was not deleted before. */
function startedBy(events: readonly TombstoneEvent[]): TombstoneEvent[] {
  const alive = new Set<string>();
  return events.filter((event) => {
    if (!('path' in event)) return true;
    const had = alive.has(event.path);
    if (event.event === 'tombstone') alive.add(event.path);
    else if (event.event !== 'kept') alive.delete(event.path);
    return event.event === 'tombstone' || had;
  });
}

test('no event but an accepted deletion makes a tombstone, and no kept file is ever due', () => {
  fc.assert(fc.property(fc.array(anyEvent), (events) => {
    assert.deepEqual(stateOf(events.filter(({ event }) => event !== 'tombstone')), []);
    const books = booksOf(somePaths, [...events, ...somePaths.map(isKept)]);
    for (const entry of books.select([0, 0])) assert.ok(!isDue(books, entry, new Date(8e15)));
  }));
});

test('200,000 tombstones cost less than 100 bytes each, as files of the replica do, and come to the right state', () => {
  const count = 200_000;
  const paths = Array.from({ length: count }, (_, n) => pathFor(String(n)));
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const before = process.memoryUsage();
  const books = booksOf(paths);
  for (const path of paths) apply(parse(JSON.stringify(burial(path))), books);
  apply(until(5, true), books);
  apply(late, books);
  collect();
  const after = process.memoryUsage();
  const bytes = (after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / count;
  assert.ok(bytes < 100, `${bytes.toFixed(1)} bytes each`);
  assert.equal(books.amount([tombstoned | confirmed, kept | reminded]).files, count);
  for (const entry of [0, 99_999, count - 1]) assert.equal(books.due(entry), Date.parse(dayOf(8)));
  assert.equal(books.find('pack', idOf('77777')), 77_777);
});
