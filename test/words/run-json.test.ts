import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Failure } from '../../src/errors.ts';
import { toJson } from '../../src/words/run-json.ts';
import { runOf } from '../support/runs.ts';

describe('--json', () => {
  test('a quiet night has every key of DESIGN section 8', () => {
    assert.deepEqual(JSON.parse(toJson([runOf()])), {
      version: 1,
      runs: [{
        repository: 'nightly', runId: '20261123T012744Z-3f9c', outcome: 'unchanged', exitCode: 0,
        startedAt: '2026-11-23T01:27:44.012Z', finishedAt: '2026-11-23T01:28:45.512Z',
        audit: { unchanged: 0, new: 0, newBytes: 0, modified: 0, deleted: 0, known: 0, ignored: 0, foreign: 0, suspects: 0 },
        findings: [], findingsOmitted: 0,
        fetched: { files: 0, bytes: 0 }, admitted: { files: 0, bytes: 0 }, quarantined: { files: 0, bytes: 0 },
        tombstones: { added: 0, unconfirmed: 0, dropped: 0, expired: 0, pending: 0 },
        window: null, alarm: null, proof: 'skipped', check: null, drill: null, unread: { packs: 0, indexes: 0, bytes: 0 },
        alerts: { sent: 0, spooled: 0 },
        seconds: { audit: 0, fetch: 0, prove: 0, admit: 0, expire: 0, check: 0, total: 61.5 },
      }],
    });
  });

  test('findings are shown escaped, a failure with its hint', () => {
    const { runs: [run] } = JSON.parse(toJson([runOf({ failure: new Failure('m', 'h') }, ['violation', 'modified', 'a\x9b\n', 'm'])]));
    assert.deepEqual(run.findings, [{ rule: 'modified', severity: 'violation', path: 'a\\#233\\#012', message: 'm' }]);
    assert.deepEqual(run.error, { message: 'm', hint: 'h' });
  });

  test('what an error quotes reaches no terminal', () => {
    const text = toJson([runOf({ failure: new Failure('lstat "\x1b[31m\x7f\x9b"', 'h') })]);
    assert.match(text, /^[\n -~]*$/);
  });

  test('one document for all runs, or none', () => {
    assert.equal(JSON.parse(toJson([runOf(), runOf()])).runs.length, 2);
    assert.deepEqual(JSON.parse(toJson([])), { version: 1, runs: [] });
  });
});
