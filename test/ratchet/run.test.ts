import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { outcomeOf, runExitCode, runIdOf, secondsBetween, toJson, type Run } from '../../src/ratchet/run.ts';
import { Failure, Interrupted } from '../../src/errors.ts';
import { runOf, startedAt } from '../support/runs.ts';

test('a run is named after its start in UTC', () => {
  assert.equal(runIdOf(new Date('2026-11-23T01:27:44.012Z'), '3f9c'), '20261123T012744Z-3f9c');
  assert.equal(runIdOf(new Date('2026-11-23T02:27:44+01:00'), '0000'), '20261123T012744Z-0000');
});

const violation = ['violation', 'modified', 'x', 'm'] as const;
const warning = ['warning', 'foreign', 'x', 'm'] as const;
const note = ['note', 'foreign', 'x', 'm'] as const;
const failure = new Failure('m', 'h');
const admitted = { files: 1, bytes: 1 };

const outcomes: readonly (readonly [name: string, run: Run, outcome: string, exitCode: number])[] = [
  ['nothing new', runOf(), 'unchanged', 0],
  ['something admitted', runOf({ admitted }), 'synced', 0],
  ['a note', runOf({}, note), 'unchanged', 0],
  ['a warning', runOf({}, warning), 'warned', 4],
  ['a warning, something admitted', runOf({ admitted }, warning), 'warned', 4],
  ['a failure', runOf({ failure }), 'failed', 1],
  ['a failure before a warning', runOf({ failure, admitted }, warning), 'failed', 1],
  ['a violation', runOf({}, violation), 'alarm', 3],
  ['a violation before a warning', runOf({}, warning, violation), 'alarm', 3],
  ['a violation before a failure', runOf({ failure }, violation), 'alarm', 3],
  ['a violation before an interruption', runOf({ failure: new Interrupted('SIGINT') }, violation), 'alarm', 3],
  ['Ctrl-C', runOf({ failure: new Interrupted('SIGINT') }, warning), 'interrupted', 130],
  ['TERM', runOf({ failure: new Interrupted('SIGTERM') }), 'interrupted', 143],
  ['HUP', runOf({ failure: new Interrupted('SIGHUP') }), 'interrupted', 143],
  ['locked', runOf({ isLocked: true }), 'locked', 75],
  ['locked before all', runOf({ isLocked: true, failure }, violation), 'locked', 75],
  ['audit: what is new is no outcome', runOf({ command: 'audit' }), 'unchanged', 0],
];

describe('outcome and exit code', () => {
  for (const [name, run, outcome, exitCode] of outcomes) {
    test(`${name}: ${outcome}, ${exitCode}`, () => { assert.deepEqual([outcomeOf(run), runExitCode(run)], [outcome, exitCode]); });
  }
});

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
        window: null, alarm: null, proof: 'skipped', check: null, unread: { packs: 0, indexes: 0, bytes: 0 },
        alerts: { sent: 0, spooled: 0 },
        seconds: { audit: 0, fetch: 0, prove: 0, admit: 0, expire: 0, check: 0, total: 61.5 },
      }],
    });
  });

  test('findings are shown escaped, a failure with its hint', () => {
    const { runs: [run] } = JSON.parse(toJson([runOf({ failure }, ['violation', 'modified', 'a\x9b\n', 'm'])]));
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

test('seconds have milliseconds', () => {
  assert.equal(secondsBetween(startedAt, new Date(startedAt.getTime() + 1234)), 1.234);
});
