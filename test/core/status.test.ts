/** What `status` tells of alerts and of who watches. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { statusLines, statusToJson } from '../../src/core/status.ts';
import { goodEnd, lineOf, someAlarm, statusOf } from '../support/statuses.ts';

const textOf = (...args: Parameters<typeof statusLines>): string => statusLines(...args).map(([text]) => text).join('\n');

describe('status', () => {
  test('says how many alerts wait and since when', () => {
    assert.match(textOf(statusOf({ spool: { alerts: 2, since: '2026-11-20T01:27:00.000Z' } })), /UNDELIVERED +2 alerts wait in the spool, the oldest since 2026-11-20 01:27 UTC\n +see why: rsync-ratchet alert flush/);
    for (const spool of [{ alerts: 0, since: null }, undefined]) assert.doesNotMatch(textOf(statusOf({ spool })), /UNDELIVERED/);
  });
  test('says when nobody is told, and when nobody would notice that nothing runs', () => {
    assert.doesNotMatch(textOf(statusOf()), /none configured|no ping/);
    assert.match(textOf(statusOf({ tells: { mail: false, ping: true, metrics: false } })), /mail +none configured/);
    assert.match(textOf(statusOf({ tells: { mail: true, ping: false, metrics: false } })), /monitoring +no ping, no metrics/);
    // Each of these rows fits a terminal of 80 columns.
    for (const line of textOf(statusOf({ tells: { mail: false, ping: false, metrics: false }, proves: false })).split('\n')) assert.ok(line.length <= 80, line);
  });
  test('says when a new snapshot was last admitted', () => { assert.match(textOf(statusOf()), /last new one +admitted 2026-11-23 01:27 UTC/); });
  test('marks a last success that is overdue', () => { assert.match(textOf(statusOf({ lastSuccess: goodEnd(30) }), true), /last success .* UTC: OVERDUE/); });
  test('tells programs the same', () => {
    const { spool, snapshotAdmittedAt, initialised } = statusToJson(statusOf({ isInitialised: undefined })) as Record<string, unknown>;
    assert.deepEqual([spool, snapshotAdmittedAt, initialised], [{ alerts: 0, since: null }, '2026-11-23T01:27:44.000Z', null]);
  });
  test('whatever a failure says, each line is printable', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (failure) => {
      for (const [text] of statusLines(statusOf({ alarm: someAlarm, lastRun: lineOf(1, { exitCode: 1, outcome: 'failed', failure }) }))) assert.match(text, /^[ -~]*$/);
    }));
  });
});
