/** The journal for people: every event in a line, and no line that does what its words say. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { JournalLine } from '../../src/state/chain.ts';
import { historyLine } from '../../src/words/history.ts';

const line = (event: string, detail: Record<string, unknown> = {}): JournalLine =>
  ({ sequence: 1, time: '2026-11-23T01:27:44.012Z', repository: 'nightly', previous: '', event, ...detail });

const rows: readonly (readonly [line: JournalLine, words: string])[] = [
  [line('started', { runId: 'R' }), 'run R'],
  [line('verdict', { runId: 'R', new: 3, modified: 0, deleted: 1052, violations: [{ rule: 'deleted', count: 1052 }] }), '3 new, 1,052 deleted; run R'],
  [line('verdict', { new: 0, modified: 1, deleted: 0, violations: [{ rule: 'modified', count: 1 }, { rule: 'over-limit', count: 1 }] }), '1 modified; 1 over-limit'],
  [line('audited', { outcome: 'unchanged', exitCode: 0, audit: { new: 4, modified: 0 }, rules: [] }), '4 new (exit 0)'],
  [line('audited', { outcome: 'unchanged', exitCode: 0, audit: { new: 0 }, rules: [] }), 'nothing new (exit 0)'],
  [line('audited', { outcome: 'alarm', exitCode: 3, audit: { new: 4, modified: 1 }, rules: [{ rule: 'modified', count: 1 }, { rule: 'clock', count: 1 }] }), 'alarm (exit 3); 4 new, 1 modified; 1 clock'],
  [line('audited', { outcome: 'failed', exitCode: 1, failure: 'no route' }), 'failed (exit 1): no route'],
  [line('finished', { runId: 'R', outcome: 'failed', exitCode: 1, failure: 'no route', rules: [] }), 'failed (exit 1): no route; run R'],
  [line('admitted', { files: 4, bytes: 2048, snapshots: 1 }), '4 files (2.00 KiB)'],
  [line('quarantined', { files: 1, bytes: 5 }), '1 file (5 B)'],
  [line('window-opened', { until: '2026-11-23T03:00:00.000Z', maxDeletions: 5, allowKeys: true, who: 'alice', reason: 'prune' }), 'until 2026-11-23T03:00:00.000Z, 5 deletions, keys, by alice: prune'],
  [line('window-closed', { used: 5, who: 'alice' }), '5 deletions used, by alice'],
  [line('window-closed', { used: 1, who: 'alice' }), '1 deletion used, by alice'],
  [line('acknowledged', { who: 'bob', reason: 'it was me', alarm: 'R', rules: ['deleted', 'modified'] }), 'the alarm of run R (deleted, modified), by bob: it was me'],
  [line('alarm-raised', { runId: 'R', rules: ['deleted'] }), 'deleted; run R'],
  [line('alert-sent', { runId: 'R', spooledAt: '2026-11-22T01:00:00.000Z' }), 'had waited since 2026-11-22T01:00:00.000Z; run R'],
  [line('alert-spooled', { runId: 'R', warnings: 'ab' }), 'it waits in the spool; run R'],
  [line('alert-lost', { runId: 'R', warnings: 'ab', deletionsTold: false }), 'NOT EVEN SPOOLED: nobody was told; run R'],
  [line('tombstones-confirmed', { runId: 'R', files: 9 }), '9 files; run R'],
  [line('checked', { runId: 'R', share: '3/30', passed: true, words: '' }), 'passed, share 3/30 of the data; run R'],
  [line('checked', { share: '3/30', passed: false, words: 'pack x: not found' }), 'FAILED, share 3/30 of the data: pack x: not found'],
  [line('scrubbed', { runId: 'R', files: 51, bytes: 2048, damaged: 1, complete: false }), '51 files (2.00 KiB) hashed, 1 damaged, not finished; run R'],
  [line('repaired', { runId: 'R', files: 1, bytes: 5, left: 2 }), '1 file (5 B), 2 damaged still; run R'],
  [line('something-new', { a: 1, b: ['x'] }), 'a 1, b ["x"]'],
];

describe('events', () => {
  for (const [given, words] of rows) test(given.event, () => { assert.equal(historyLine(given), `2026-11-23 01:27:44  ${given.event.padEnd(18)} ${words}`.trim()); });
});

test('whatever is in it, it is one printable line', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.dictionary(fc.string(), fc.jsonValue()), (event, detail) => {
    assert.match(historyLine({ ...line(event), ...detail, event, time: '2026-11-23T01:27:44.012Z', sequence: 1, previous: '', repository: 'n' }), /^[ -~]*$/);
  }));
  for (const [{ event }] of rows) {
    fc.assert(fc.property(fc.dictionary(fc.constantFrom('reason', 'who', 'failure', 'rules', 'files', 'until', 'alarm', 'violations', 'audit'), fc.jsonValue()), (detail) => {
      assert.match(historyLine({ ...line(event), ...detail }), /^[ -~]*$/);
    }));
  }
});
