/** What `status` tells of alerts and of who watches. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { statusLines, statusToJson } from '../../src/looking/status-rows.ts';
import { checkOf, goodEnd, lineOf, someAlarm, statusOf } from '../support/statuses.ts';

const textOf = (...args: Parameters<typeof statusLines>): string => statusLines(...args).map(([text]) => text).join('\n');

describe('status', () => {
  test('says how many alerts wait and since when', () => {
    assert.match(textOf(statusOf({ spool: { alerts: 2, since: '2026-11-20T01:27:00.000Z', why: null } })), /UNDELIVERED +2 alerts wait in the spool, the oldest since 2026-11-20 01:27 UTC\n +see why: rsync-ratchet alert flush/);
    for (const spool of [{ alerts: 0, since: null, why: null }, undefined]) assert.doesNotMatch(textOf(statusOf({ spool })), /UNDELIVERED/);
  });
  test('says when nobody is told, and when nobody would notice that nothing runs', () => {
    assert.doesNotMatch(textOf(statusOf()), /none configured|no ping/);
    assert.match(textOf(statusOf({ tells: { alerts: false, ping: true, metrics: false } })), /alerts +none configured/);
    assert.match(textOf(statusOf({ tells: { alerts: true, ping: false, metrics: false } })), /monitoring +no ping, no metrics/);
    // Each of these rows fits a terminal of 80 columns.
    for (const line of textOf(statusOf({ tells: { alerts: false, ping: false, metrics: false }, proves: false })).split('\n')) assert.ok(line.length <= 80, line);
  });
  test('says when a new snapshot was last admitted', () => { assert.match(textOf(statusOf()), /last new one +admitted 2026-11-23 01:27 UTC/); });
  test('marks a last success that is overdue', () => { assert.match(textOf(statusOf({ lastSuccess: goodEnd(30) }), true), /last success .* UTC: OVERDUE/); });
  test('says how the last check of restic went; nothing where there is none for want of a password', () => {
    assert.match(textOf(statusOf()), /last check +2026-11-21 06:00 UTC, share 3\/30: passed\n/);
    assert.match(textOf(statusOf({ lastCheck: undefined })), /last check +never\n/);
    assert.doesNotMatch(textOf(statusOf({ checks: false, lastCheck: undefined })), /last check/);
    const rows = statusLines(statusOf({ lastCheck: checkOf(false, `pack 0123abcd:\nnot found${' in the index'.repeat(9)}`) }));
    const at = rows.findIndex(([text]) => text.startsWith('  last check'));
    assert.deepEqual(rows.slice(at, at + 2).map(([text, tone]) => [text.trim().split(/ {2,}/).at(-1), tone]), [
      ['2026-11-21 06:00 UTC, share 3/30: FAILED', 'bad'], ['pack 0123abcd:\\#012not found in the index in the index in...', 'bad'],
    ]);
    for (const [text] of rows) assert.ok(text.length <= 80, text);
  });
  test('tells programs how the last check went', () => {
    const check = (change: Parameters<typeof statusOf>[0]): unknown => (statusToJson(statusOf(change)) as { lastCheck: unknown }).lastCheck;
    assert.equal(check({ lastCheck: undefined }), null);
    assert.deepEqual(check({ lastCheck: checkOf(false, 'pack x') }), { at: '2026-11-21T06:00:00.000Z', share: '3/30', passed: false, words: 'pack x' });
  });
  test('says what restic has not read, and since when, to people and programs', () => {
    const unread = { packs: 4, indexes: 1, bytes: 50, since: '2026-11-20T01:27:00.000Z' };
    assert.match(textOf(statusOf({ unread })), /unread +4 packs and 1 index file \(50 B\) since 2026-11-20 01:27 UTC/);
    assert.doesNotMatch(textOf(statusOf()), /unread/);
    const json = [unread, null].map((each) => (statusToJson(statusOf({ unread: each })) as { unread: unknown }).unread);
    assert.deepEqual(json, [unread, { packs: 0, indexes: 0, bytes: 0, since: null }]);
  });
  test('tells programs the same', () => {
    const { spool, snapshotAdmittedAt, initialised } = statusToJson(statusOf({ isInitialised: undefined })) as Record<string, unknown>;
    assert.deepEqual([spool, snapshotAdmittedAt, initialised], [{ alerts: 0, since: null, why: null }, '2026-11-23T01:27:44.000Z', null]);
  });
  test('whatever a failure says, each line is printable', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (failure) => {
      for (const [text] of statusLines(statusOf({ alarm: someAlarm, lastRun: lineOf(1, { exitCode: 1, outcome: 'failed', failure }) }))) assert.match(text, /^[ -~]*$/);
    }));
  });
});
