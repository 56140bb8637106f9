/** What the journal's lines come to. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as v from 'valibot';
import type { JournalEvent } from '../../src/state/chain.ts';
import { memorySchema, noMemory, remember, type Memory } from '../../src/state/memory.ts';
import { journalOf } from '../support/journals.ts';

const at = (n: number): string => new Date(Date.UTC(2026, 10, 1 + n)).toISOString();

/** The memory after these events, a day apart. */
function after(...events: readonly JournalEvent[]): Memory {
  return events.reduce<Memory>((memory, event, n) =>
    remember(memory, { sequence: n + 1, time: at(n), repository: 'nightly', previous: '', ...event }), noMemory);
}

const end = (exitCode: number, more: object = {}): JournalEvent => ({ event: 'finished', runId: 'r', outcome: 'x', exitCode, ...more });
const checked = (share: string, passed: boolean): JournalEvent => ({ event: 'checked', share, passed, words: passed ? '' : 'Fatal' });

describe('remembered', () => {
  const rows: readonly (readonly [name: string, events: readonly JournalEvent[], found: (memory: Memory) => unknown, expected: unknown])[] = [
    ['nothing yet', [], (memory) => memory, noMemory],
    ['the number of the last line', [end(0), { event: 'whatever' }], (memory) => memory.sequence, 2],
    ['when the replica was made', [{ event: 'initialised' }, end(0)], (memory) => memory.initialisedAt, at(0)],
    ['the last run and the last success', [end(0), end(4), end(1), end(3)], ({ lastRun, lastSuccess }) => [lastRun?.exitCode, lastSuccess?.exitCode], [3, 4]],
    ['since when it is quiet, through runs that do not say', [end(0, { quiet: { admittedAt: at(0), since: at(0) } }), end(1, { quiet: null })], ({ quiet }) => quiet?.since, at(0)],
    ['an alarm', [{ event: 'alarm-raised', runId: 'a', rules: ['deleted'] }, end(3)], ({ alarm }) => [alarm?.runId, alarm?.rules, alarm?.since], ['a', ['deleted'], at(0)]],
    ['an alarm that was lowered', [{ event: 'alarm-raised', runId: 'a', rules: ['deleted'] }, { event: 'acknowledged', alarm: 'a' }], ({ alarm }) => alarm, null],
    ['what a mail told', [{ event: 'alert-sent', warnings: 'x' }, { event: 'alert-spooled', warnings: 'y' }, { event: 'alert-lost', warnings: 'z' }, { event: 'alert-sent', warnings: 'x' }],
      ({ told }) => told, [{ warnings: 'y', at: at(1) }, { warnings: 'x', at: at(3) }]],
    ['deletions that nobody was told of', [{ event: 'tombstones', runId: 'a', added: 3 }, { event: 'alert-lost', deletionsTold: false }], ({ untold }) => untold, [{ runId: 'a', added: 3 }]],
    ['deletions of several runs that nobody was told of', [{ event: 'tombstones', runId: 'a', added: 3 }, { event: 'tombstones', runId: 'b', added: 0, dropped: 1 }, { event: 'tombstones', runId: 'c', added: 2 }],
      ({ untold }) => untold, [{ runId: 'a', added: 3 }, { runId: 'c', added: 2 }]],
    ['deletions that were told', [{ event: 'tombstones', runId: 'a', added: 3 }, { event: 'alert-spooled', deletionsTold: true }], ({ untold }) => untold, []],
    ['what had not come, through runs that failed', [end(4, { rules: [{ rule: 'not-delivered', count: 1 }] }), end(1, { rules: [] }), end(3)], ({ undelivered }) => undelivered, true],
    ['what the time did not reach, as not come', [end(4, { rules: [{ rule: 'unfinished', count: 1 }] })], ({ undelivered }) => undelivered, true],
    ['that all has come', [end(4, { rules: [{ rule: 'not-delivered', count: 1 }] }), end(0, { rules: [] })], ({ undelivered }) => undelivered, false],
    ['a failed share, until it passes itself', [checked('1/3', true), checked('2/3', false), checked('3/3', true)], ({ checks }) => checks.failed.map(({ share, since }) => [share, since]), [['2/3', at(1)]]],
    ['a failed share that has passed', [checked('2/3', false), checked('2/3', true)], ({ checks }) => [checks.failed, checks.turn], [[], '2/3']],
    ['failed shares, the one that was tried longest ago first', [checked('1/3', false), checked('2/3', false), checked('1/3', false)],
      ({ checks }) => [checks.failed.map(({ share, since }) => [share, since]), checks.turn], [[['2/3', at(1)], ['1/3', at(0)]], '2/3']],
    ['a room, until a run fails', [{ event: 'room', room: 'a' }, end(0), end(3)], ({ room }) => room, 'a'],
    ['no room after a run that failed, an alarm or not', [{ event: 'room', room: 'a' }, end(3, { outcome: 'alarm', failure: 'the audit failed' })], ({ room }) => room, null],
    ['no room after an audit that failed', [{ event: 'room', room: 'a' }, { event: 'audited', outcome: 'failed', exitCode: 1, failure: 'the audit failed' }], ({ room }) => room, null],
    ['a room after an audit', [{ event: 'room', room: 'a' }, { event: 'audited', outcome: 'warned', exitCode: 4 }], ({ room }) => room, 'a'],
  ];
  for (const [name, events, found, expected] of rows) test(name, () => { assert.deepEqual(found(after(...events)), expected); });
});

test('years of a journal, folded whole or from anywhere in between, come to the same, which can be written and read', () => {
  const lines = journalOf(900, new Date('2026-11-23T01:27:44.000Z'));
  const whole = lines.reduce(remember, noMemory);
  const half = lines.slice(0, 500).reduce(remember, noMemory);
  const read = v.parse(memorySchema, JSON.parse(JSON.stringify(half)));
  assert.deepEqual(lines.slice(500).reduce(remember, read), whole);
  assert.deepEqual(v.parse(memorySchema, JSON.parse(JSON.stringify(whole))), whole);
});

test('a memory that holds one untold run, or null for none, is read as one that holds a list', () => {
  const run = { runId: 'a', added: 3 };
  const read = (untold: unknown): unknown => v.parse(memorySchema, { ...noMemory, untold }).untold;
  assert.deepEqual([read(null), read(run), read([run, run])], [[], [run], [run, run]]);
  assert.throws(() => read('a'));
});
