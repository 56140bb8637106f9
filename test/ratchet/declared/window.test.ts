/** Which prune window is open, by hand or by a row of the configuration, and what is left of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as v from 'valibot';
import type { PruneWindowRow, Weekday } from '../../../src/config/config.ts';
import {
  type CommandWindow, decideWindow, longestWindow, noWindows, occurrenceAt, type OpenWindow, type StoredWindows, windowsSchema, withAllClosed, withUsed,
} from '../../../src/ratchet/declared/window.ts';

const hour = 3600_000;
const everyDay: Weekday[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const row = (change: Partial<PruneWindowRow> = {}): PruneWindowRow =>
  ({ days: ['sun'], from: '01:00', to: '07:00', timezone: 'UTC', maxDeletions: 100, ...change });
const at = (time: string): Date => new Date(`${time}Z`);

/** 2026-11-22 is a Sunday. Berlin leaves summer time on 2026-10-25 at 01:00 UTC and enters it on 2027-03-28 at 01:00 UTC. */
const night = row({ from: '22:00', to: '02:00' });
const berlin = row({ timezone: 'Europe/Berlin' });
const skipped = row({ timezone: 'Europe/Berlin', from: '02:30', to: '05:00' });
const closesInGap = row({ timezone: 'Europe/Berlin', from: '01:00', to: '02:30' });
const wholeDay = row({ from: '00:00', to: '00:00' });
const newYork = row({ timezone: 'America/New_York', days: ['sat'], from: '23:00', to: '01:00' });
const chatham = row({ timezone: 'Pacific/Chatham', days: ['mon'], from: '00:15', to: '01:00' });
const apia = row({ timezone: 'Pacific/Apia', days: ['mon'], from: '08:00', to: '09:00' });

/** Each: what, the row, now (UTC), and the occurrence that it lies in (UTC), if any. */
const occurrences: readonly (readonly [what: string, of: PruneWindowRow, now: string, from?: string, to?: string])[] = [
  ['a second before it begins', row(), '2026-11-22T00:59:59'],
  ['as it begins', row(), '2026-11-22T01:00:00', '2026-11-22T01:00', '2026-11-22T07:00'],
  ['a millisecond before it ends', row(), '2026-11-22T06:59:59.999', '2026-11-22T01:00', '2026-11-22T07:00'],
  ['as it ends', row(), '2026-11-22T07:00:00'],
  ['at the hour of another day', row(), '2026-11-23T03:00:00'],
  ['over midnight, before it', night, '2026-11-22T23:59:59', '2026-11-22T22:00', '2026-11-23T02:00'],
  ['over midnight, after it, on a day that the row does not name', night, '2026-11-23T01:59:59', '2026-11-22T22:00', '2026-11-23T02:00'],
  ['over midnight, as it ends', night, '2026-11-23T02:00:00'],
  ['over midnight, in the small hours of the named day', night, '2026-11-22T01:00:00'],
  ['over midnight on every day, in the small hours', row({ days: everyDay, from: '22:00', to: '02:00' }), '2026-11-22T01:00:00', '2026-11-21T22:00', '2026-11-22T02:00'],
  ['a whole day, as it begins', wholeDay, '2026-11-22T00:00:00', '2026-11-22T00:00', '2026-11-23T00:00'],
  ['a whole day, after it', wholeDay, '2026-11-23T00:00:00'],
  ['Berlin in winter', berlin, '2026-11-22T00:00:00', '2026-11-22T00:00', '2026-11-22T06:00'],
  ['Berlin in summer', berlin, '2026-07-04T23:00:00', '2026-07-04T23:00', '2026-07-05T05:00'],
  ['Berlin in the night that has an hour more: it lasts seven', berlin, '2026-10-25T05:59:59', '2026-10-24T23:00', '2026-10-25T06:00'],
  ['Berlin in the night that has an hour less: it lasts five', berlin, '2027-03-28T04:59:59', '2027-03-28T00:00', '2027-03-28T05:00'],
  ['begins at a time that is skipped: by the gap later', skipped, '2027-03-28T01:30:00', '2027-03-28T01:30', '2027-03-28T03:00'],
  ['begins at a time that is skipped: not before', skipped, '2027-03-28T01:29:59'],
  ['ends at a time that is skipped: by the gap later', closesInGap, '2027-03-28T01:29:59', '2027-03-28T00:00', '2027-03-28T01:30'],
  ['ends at a time that comes twice: the first counts', closesInGap, '2026-10-25T00:29:59', '2026-10-24T23:00', '2026-10-25T00:30'],
  ['ends at a time that comes twice: not open till the second', closesInGap, '2026-10-25T00:30:00'],
  ['begins at a time that comes twice: the first counts', skipped, '2026-10-25T00:30:00', '2026-10-25T00:30', '2026-10-25T04:00'],
  ['New York, over its midnight', newYork, '2026-11-22T05:30:00', '2026-11-22T04:00', '2026-11-22T06:00'],
  ['New York, over the midnight before the clocks change', newYork, '2026-11-01T04:59:59', '2026-11-01T03:00', '2026-11-01T05:00'],
  ['Chatham, 13:45 ahead in summer: its Monday is our Sunday', chatham, '2026-11-22T10:30:00', '2026-11-22T10:30', '2026-11-22T11:15'],
  ['Apia, 13 hours ahead: its Monday is our Sunday', apia, '2026-11-22T19:30:00', '2026-11-22T19:00', '2026-11-22T20:00'],
];

for (const [what, of, now, from, to] of occurrences) {
  test(`a row of the configuration, ${what}: ${from === undefined ? 'closed' : 'open'}`, () => {
    const expected = from === undefined || to === undefined ? undefined : { from: at(from), to: at(to) };
    assert.deepEqual(occurrenceAt(at(now), of), expected);
  });
}

const anyTime = fc.tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 })).map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'));
const anyRow = fc.record({
  days: fc.uniqueArray(fc.constantFrom(...everyDay), { minLength: 1 }),
  from: anyTime, to: anyTime, maxDeletions: fc.nat(),
  timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Pacific/Chatham', 'America/Sao_Paulo', 'Asia/Kolkata'),
});
const anyInstant = fc.date({ min: at('2024-01-01T00:00'), max: at('2032-01-01T00:00'), noInvalidDate: true });

test('an occurrence contains the present, begins on a day of the row, and lasts no more than a day and the hours of a changed clock', () => {
  fc.assert(fc.property(anyInstant, anyRow, (now, of) => {
    const found = occurrenceAt(now, of);
    if (found === undefined) return;
    assert.ok(found.from <= now && now < found.to);
    assert.ok(found.to.getTime() - found.from.getTime() <= 25 * hour);
    const local = new Intl.DateTimeFormat('en-US', { timeZone: of.timezone, weekday: 'short' }).format(found.from).toLowerCase();
    assert.ok((of.days as readonly string[]).includes(local), `${local} at ${found.from.toISOString()}`);
  }));
});

test('in the midst of an occurrence the same occurrence is found', () => {
  fc.assert(fc.property(anyInstant, anyRow, fc.double({ min: 0, max: 0.999, noNaN: true }), (now, { days, ...rest }, part) => {
    const once = { ...rest, days: days.slice(0, 1) };
    const found = occurrenceAt(now, once);
    if (found === undefined) return;
    const within = new Date(found.from.getTime() + Math.floor(part * (found.to.getTime() - found.from.getTime())));
    assert.deepEqual(occurrenceAt(within, once), found);
  }));
});

const now = at('2026-11-22T03:00');
const command = (change: Partial<CommandWindow> = {}): CommandWindow =>
  ({ openedAt: '2026-11-22T02:00:00.000Z', until: '2026-11-22T14:00:00.000Z', maxDeletions: 9, used: 4, allowKeys: false, reason: '', openedBy: 'op', ...change });
const stored = (change: Partial<StoredWindows> = {}): StoredWindows => ({ ...noWindows, ...change });
const byHand: OpenWindow = { source: 'command', until: at('2026-11-22T14:00'), budget: 9, used: 4, allowKeys: false, row: undefined };
const key = '2026-11-22T01:00:00.000Z';
const byRow: OpenWindow = { source: 'config', until: at('2026-11-22T07:00'), budget: 100, used: 0, allowKeys: false, row: key };
const jumped = 'the clock has jumped back behind the opening of the prune window (2026-11-22T03:00:00.001Z)';
const tooLong = 'the prune window is longer than 7 days';
const week = { openedAt: '2026-11-22T03:00:00.000Z', until: '2026-11-29T03:00:00.000Z' };

/** Each: what, the stored windows, the rows, the window that is open, why one was refused. */
const decisions: readonly (readonly [what: string, windows: StoredWindows, rows: readonly PruneWindowRow[], open?: OpenWindow | undefined, refused?: string])[] = [
  ['nothing was ever opened', noWindows, []],
  ['one was opened by hand', stored({ command: command() }), [], byHand],
  ['one by hand lets keys change', stored({ command: command({ allowKeys: true, maxDeletions: 0, used: 0 }) }), [], { ...byHand, budget: 0, used: 0, allowKeys: true }],
  ['one by hand has just ended', stored({ command: command({ until: now.toISOString() }) }), []],
  ['one by hand ends in a millisecond', stored({ command: command({ until: '2026-11-22T03:00:00.001Z' }) }), [], { ...byHand, until: at('2026-11-22T03:00:00.001') }],
  ['one by hand was opened this very moment', stored({ command: command({ openedAt: now.toISOString() }) }), [], byHand],
  ['the clock has jumped back behind its opening', stored({ command: command({ openedAt: '2026-11-22T03:00:00.001Z' }) }), [], undefined, jumped],
  ['one by hand lasts seven days', stored({ command: command(week) }), [], { ...byHand, until: at('2026-11-29T03:00') }],
  ['one by hand lasts a millisecond more', stored({ command: command({ ...week, until: '2026-11-29T03:00:00.001Z' }) }), [], undefined, tooLong],
  ['a row is open', noWindows, [row()], byRow],
  ['no row is open', noWindows, [row({ days: ['mon'] })]],
  ['the second row is open', noWindows, [row({ days: ['mon'] }), row()], byRow],
  ['two rows are open: the first goes before', noWindows, [row({ maxDeletions: 1 }), row()], { ...byRow, budget: 1 }],
  ['a row has been used', stored({ rows: { [key]: { used: 60, closed: false } } }), [row()], { ...byRow, used: 60 }],
  ['a row has been used, a week ago', stored({ rows: { '2026-11-15T01:00:00.000Z': { used: 60, closed: true } } }), [row()], byRow],
  ['a row has been closed', stored({ rows: { [key]: { used: 60, closed: true } } }), [row()]],
  ['one by hand goes before a row', stored({ command: command() }), [row()], byHand],
  ['one by hand has ended, a row is open', stored({ command: command({ until: now.toISOString() }) }), [row()], byRow],
  ['one by hand is refused, a row is open', stored({ command: command({ openedAt: '2026-11-22T03:00:00.001Z' }) }), [row()], byRow, jumped],
];

for (const [what, windows, rows, open, refused] of decisions) {
  test(`which window is open: ${what}`, () => { assert.deepEqual(decideWindow(now, windows, rows), { open, refused }); });
}

test('the longest window is seven days', () => { assert.equal(longestWindow, 7 * 24 * hour); });

test('what a window has let through counts against the next run in it, and not against another', () => {
  const byHandUsed = withUsed(stored({ command: command() }), byHand, 3);
  assert.equal(decideWindow(now, byHandUsed, []).open?.used, 7);
  const once = withUsed(noWindows, byRow, 3);
  const open = decideWindow(now, once, [row()]).open ?? assert.fail('open');
  assert.equal(open.used, 3);
  assert.equal(decideWindow(now, withUsed(once, open, 4), [row()]).open?.used, 7);
  assert.equal(decideWindow(at('2026-11-29T03:00'), withUsed(once, open, 4), [row()]).open?.used, 0);
  assert.equal(once.command, null);
});

test('what is used of a window that was closed meanwhile, or that another has replaced, is charged to no other', () => {
  assert.deepEqual(withUsed(noWindows, byHand, 3), noWindows);
  const other = stored({ command: command({ openedAt: '2026-11-22T02:30:00.000Z', until: '2026-11-22T15:00:00.000Z', used: 0 }) });
  assert.deepEqual(withUsed(other, byHand, 3), other);
  const closed = withUsed(withAllClosed(now, noWindows, [row()]), byRow, 3);
  assert.deepEqual([closed.rows[key], decideWindow(now, closed, [row()]).open], [{ used: 3, closed: true }, undefined]);
});

test('closing closes the window by hand, refused or not, and every row that is open', () => {
  const rows = [row(), row({ maxDeletions: 5 }), row({ days: ['mon'] })];
  for (const openedAt of ['2026-11-22T02:00:00.000Z', '2026-11-22T03:00:00.001Z']) {
    const closed = withAllClosed(now, stored({ command: command({ openedAt }), rows: { [key]: { used: 7, closed: false } } }), rows);
    assert.deepEqual(decideWindow(now, closed, rows), { open: undefined, refused: undefined });
    assert.deepEqual([closed.command, closed.rows[key]], [null, { used: 7, closed: true }]);
    assert.equal(decideWindow(at('2026-11-29T03:00'), closed, rows).open?.used, 0, 'the next Sunday');
    assert.equal(decideWindow(at('2026-11-23T03:00'), closed, rows).open?.row, '2026-11-23T01:00:00.000Z', 'the row of Monday');
  }
});

test('only the newest rows are remembered', () => {
  let windows = noWindows;
  const daily = row({ days: everyDay });
  for (let day = 0; day < 100; day++) {
    const then = new Date(now.getTime() + day * 24 * hour);
    windows = withUsed(windows, decideWindow(then, windows, [daily]).open ?? assert.fail('open'), 1);
    assert.equal(decideWindow(then, windows, [daily]).open?.used, 1);
  }
  assert.equal(Object.keys(windows.rows).length, 20);
});

test('a row is known by when it began, wherever it stands and however it is rewritten; what 0.3.0 wrote closed stays closed', () => {
  const old = { version: 1, command: null, rows: { '0@2026-11-22T01:00:00.000Z': { used: 7, closed: true }, '1@2026-11-22T01:00:00.000Z': { used: 9, closed: false } } };
  const read = v.parse(windowsSchema, old);
  assert.deepEqual(read.rows, { [key]: { used: 9, closed: true } });
  const rewritten = [row({ days: ['mon'] }), row({ days: everyDay, maxDeletions: 9999 })];
  assert.equal(decideWindow(now, read, rewritten).open, undefined);
});

test('a file with anything else in it is none', () => {
  const whole = stored({ command: command() });
  assert.ok(v.is(windowsSchema, JSON.parse(JSON.stringify(whole))));
  for (const change of [{ maxDeletions: 'many' }, { maxDeletions: -1 }, { maxDeletions: 1e300 }, { maxDeletions: null }, { until: 'never' }, { used: '0' }, { allowKeys: 'no' }]) {
    assert.ok(!v.is(windowsSchema, { ...whole, command: { ...whole.command, ...change } }), JSON.stringify(change));
  }
  for (const change of [{ version: 2 }, { rows: { x: { used: -1, closed: false } } }, { command: undefined }]) assert.ok(!v.is(windowsSchema, { ...whole, ...change }));
});

test('at birth the record is read anew, but whether it is open in time was decided at the start', () => {
  const opened = stored({ command: command({ openedAt: '2026-11-22T03:30:00.000Z' }) });
  assert.equal(decideWindow(now, opened, [], at('2026-11-22T04:00')).open?.budget, 9, 'another one that was opened during the run');
  assert.equal(decideWindow(now, stored({ command: command({ until: '2026-11-22T03:30:00.000Z' }) }), [], at('2026-11-22T09:00')).open?.budget, 9, 'over meanwhile');
});

test('of thirty rows that are open at once all can be closed, and the budget of none is forgotten', () => {
  const rows = Array.from({ length: 30 }, (_, minute) => row({ from: `00:${String(minute).padStart(2, '0')}`, to: '23:00' }));
  const used = rows.reduce((before, one) => {
    const { open } = decideWindow(now, { ...before, command: null }, [one]);
    return withUsed(before, open ?? assert.fail(), 3);
  }, noWindows);
  assert.deepEqual(rows.map((one) => decideWindow(now, used, [one]).open?.used), rows.map(() => 3));
  assert.equal(decideWindow(now, withAllClosed(now, used, rows), rows).open, undefined);
});
