/** What a monitoring system is told: the worst counts, one line, data that it can read. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { pluginFailure, pluginResult } from '../../src/looking/nagios.ts';
import type { Status } from '../../src/looking/standing.ts';
import { checkOf, damagedScrub, goodEnd, lineOf, now, someAlarm, statusOf } from '../support/statuses.ts';

const hour = 3600 * 1000;
const maxAge = 26 * hour;
const result = (...all: readonly Partial<Status>[]) => pluginResult(all.map((change) => statusOf(change)), maxAge, now);
const refused = { open: undefined, refused: 'the clock has jumped back' };

const rows: readonly (readonly [name: string, status: Partial<Status>, code: number, words: RegExp])[] = [
  ['all well', {}, 0, /^RATCHET OK - nightly: last success 6h 30m ago, synced \|/],
  ['almost too old', { lastSuccess: goodEnd(26) }, 0, /OK/],
  ['too old', { lastSuccess: goodEnd(26.1) }, 2, /CRITICAL - nightly: last success 1d 2h ago, allowed are 1d 2h \|/],
  ['never', { lastRun: undefined, lastSuccess: undefined }, 2, /no sync has ever succeeded/],
  ['an alarm', { alarm: someAlarm }, 2, /ALARM \(deleted modified\) since 2026-11-21T01:27Z/],
  ['an alarm that was acknowledged, before the next sync', { lastRun: lineOf(1, { outcome: 'alarm', exitCode: 3 }) }, 1, /ended with exit code 3/],
  ['a failure after a success', { lastRun: lineOf(1, { outcome: 'failed', exitCode: 1, failure: 'no route | to\nserverA\x1b' }) }, 1, /WARNING - nightly: the last sync ended with exit code 1: no route \/ to\\#012serverA\\#033 \|/],
  ['warnings', { lastRun: goodEnd(1, { exitCode: 4, rules: [{ rule: 'stale', count: 1 }] }) }, 1, /done with warnings \(1 stale\)/],
  ['alerts in the spool', { spool: { alerts: 2, since: null, why: null } }, 1, /2 undelivered in the spool/],
  ['damage that a scrub has found', { scrub: damagedScrub }, 1, /1 damaged in the replica/],
  ['what restic has not read', { unread: { packs: 4, indexes: 0, bytes: 50, since: '2026-11-20T01:27:00.000Z' } }, 1, /WARNING - nightly: unread: 4 packs \(50 B\) since 2026-11-20 \|/],
  ['a check of restic that failed', { lastCheck: checkOf(false, 'pack x: not found') }, 1, /WARNING - nightly: the last restic check failed \(share 3\/30\) \|/],
  ['no check yet', { lastCheck: undefined }, 0, /OK/],
  ['a window that was refused', { window: refused }, 1, /prune window refused/],
  ['a replica that is gone', { isInitialised: false }, 2, /not initialised or not mounted/],
  ['a replica where this user may not look', { isInitialised: undefined, disk: undefined, spool: undefined }, 0, /OK/],
  ['a journal where this user may not look', { isInitialised: undefined, lastRun: undefined, lastSuccess: undefined }, 3, /no journal to be seen/],
  ['a success in the future', { lastSuccess: goodEnd(-1) }, 3, /in the future/],
];

describe('one repository', () => {
  for (const [name, status, code, words] of rows) {
    test(name, () => {
      const { line, code: given } = result(status);
      assert.match(line, words);
      assert.equal(given, code);
    });
  }
});

describe('several', () => {
  test('the worst counts and comes first', () => {
    const { line, code } = result({}, { repository: 'two', spool: { alerts: 1, since: null, why: null } }, { repository: 'three', alarm: someAlarm });
    assert.equal(code, 2);
    assert.match(line, /^RATCHET CRITICAL - three: ALARM .*; two: 1 undelivered in the spool; nightly: last success/);
  });
  test('critical goes before unknown, that before warning', () => {
    const unknown = { lastSuccess: goodEnd(-1) };
    assert.deepEqual([result(unknown, { alarm: someAlarm }).code, result(unknown, { spool: { alerts: 1, since: null, why: null } }).code], [2, 3]);
  });
});

/** `'label'=value[UOM];[warn];[crit];[min];[max]` (Monitoring Plugins Development Guidelines, "Performance data"). */
const datum = /^'[^'=]+'=-?\d+(?:\.\d+)?(?:s|B|%|c|KB|MB)?(?:;[\d.:~@]*){0,4}$/;

describe('the line', () => {
  test('is one, printable, with one bar, whatever a failure says', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (failure) => {
      for (const { line } of [result({ lastRun: lineOf(1, { exitCode: 1, failure }) }), pluginFailure(failure)]) {
        assert.match(line, /^RATCHET (?:WARNING|UNKNOWN) - [ -~]*$/);
        assert.equal(line.split('|').length, line.includes(' | ') ? 2 : 1);
      }
    }));
  });
  test('has data that can be read', () => {
    const { line } = result({}, { repository: 'a.b-c_d', tombstones: { pending: 3, bytes: 5, nextDue: null } });
    const data = (line.split(' | ')[1] ?? '').split(' ');
    for (const each of data) assert.match(each, datum);
    assert.ok(data.includes("'nightly_age'=23400s;;93600;0") && data.includes("'a.b-c_d_tombstones'=3;;;0") && data.includes("'nightly_free'=500000000000B;;;0;1000000000000"), line);
  });
  test('of its own failure is UNKNOWN', () => { assert.deepEqual(pluginFailure('no configuration found'), { line: 'RATCHET UNKNOWN - no configuration found', code: 3 }); });
});
