import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { outcomeOf, runExitCode, runIdOf, secondsBetween, type Run } from '../../src/ratchet/run.ts';
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

test('seconds have milliseconds', () => {
  assert.equal(secondsBetween(startedAt, new Date(startedAt.getTime() + 1234)), 1.234);
});
