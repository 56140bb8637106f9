import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isAsideMailDue, isMailDue, warningsOf, type Told } from '../../src/telling/mail-due.ts';
import type { JournalLine } from '../../src/state/chain.ts';
import type { Email } from '../../src/config/config.ts';
import type { Run } from '../../src/ratchet/run.ts';
import { Failure, Interrupted } from '../../src/errors.ts';
import { runOf, startedAt } from '../support/runs.ts';

const [day, week] = [24 * 3600 * 1000, 7 * 24 * 3600 * 1000];
const line = (ago: number, detail: Partial<JournalLine>): JournalLine =>
  ({ sequence: 1, event: 'finished', repository: 'nightly', previous: '', time: new Date(startedAt.getTime() - ago).toISOString(), ...detail });

const nothingTold: Told = { finished: null, sameWarnings: undefined, untold: [] };
const finished = (outcome: string, warnings = ''): Told => ({ finished: { ...line(day, { warnings }), outcome, exitCode: 0 }, sameWarnings: undefined, untold: [] });
const warnedBefore = (ago: number, last = 'same'): Told => ({ finished: { ...line(day, { warnings: last }), outcome: 'warned', exitCode: 4 }, sameWarnings: new Date(startedAt.getTime() - ago).toISOString(), untold: [] });

const synced = runOf({ admitted: { files: 1, bytes: 1 } });
const warned = runOf({}, ['warning', 'foreign', 'x', 'm']);
const failed = runOf({ failure: new Failure('m', 'h') });
const alarm = runOf({}, ['violation', 'deleted', 'x', 'm']);

type Row = readonly [name: string, run: Run, told: Told, onSuccess: Email['onSuccess'], due: boolean];
const rows: readonly Row[] = [
  ...(['never', 'always', 'recovery'] as const).flatMap((onSuccess): Row[] => [
    ['an alarm', alarm, nothingTold, onSuccess, true],
    ['an alarm like the last', alarm, finished('alarm'), onSuccess, true],
    ['a failure', failed, nothingTold, onSuccess, true],
    ['a failure like the last', failed, finished('failed'), onSuccess, true],
    ['locked', runOf({ isLocked: true }), nothingTold, onSuccess, false],
    ['interrupted', runOf({ failure: new Interrupted('SIGTERM') }), nothingTold, onSuccess, false],
    ['the first warning', warned, nothingTold, onSuccess, true],
    ['other warnings than last time', warned, finished('warned', 'other'), onSuccess, true],
    ['a warning after a good night', warned, finished('synced', 'empty'), onSuccess, true],
    ['the same warnings, mailed yesterday', warned, warnedBefore(day), onSuccess, false],
    ['the same warnings, mailed almost a week ago', warned, warnedBefore(week - 1), onSuccess, false],
    ['the same warnings, mailed a week ago', warned, warnedBefore(week), onSuccess, true],
    ['the same warnings, mailed by a clock that was ten years ahead', warned, warnedBefore(-520 * week), onSuccess, true],
    ['the same warnings, whose mail did not go out', warned, finished('warned', 'same'), onSuccess, true],
    ['warnings that come back after others', warned, warnedBefore(day, 'other'), onSuccess, true],
  ]),
  ['deletions that nobody was told of', synced, { ...nothingTold, untold: [{ runId: 'r', added: 3 }] }, 'never', true],
  ['deletions of earlier nights that are confirmed, and leave on a day that nobody was told', runOf({ hasConfirmed: true }), nothingTold, 'never', true],
  ['a good night, never', synced, nothingTold, 'never', false],
  ['a good night after a bad one, never', synced, finished('alarm'), 'never', false],
  ['a good night, always', synced, nothingTold, 'always', true],
  ['a quiet night, always', runOf(), finished('synced'), 'always', true],
  ['the first night, recovery', synced, nothingTold, 'recovery', false],
  ['a good night after a good one, recovery', synced, finished('unchanged'), 'recovery', false],
  ['a quiet night after a good one, recovery', runOf(), finished('synced'), 'recovery', false],
  ['a good night after an alarm, recovery', synced, finished('alarm'), 'recovery', true],
  ['a quiet night after a failure, recovery', runOf(), finished('failed'), 'recovery', true],
  ['a good night after warnings, recovery', synced, finished('warned'), 'recovery', true],
  ['a good night after an interrupted one, recovery', synced, finished('interrupted'), 'recovery', true],
];

describe('is a mail due?', () => {
  for (const [name, run, told, onSuccess, due] of rows) {
    test(`${name} (onSuccess: ${onSuccess}): ${due ? 'yes' : 'no'}`, () => { assert.equal(isMailDue(run, 'same', told, onSuccess), due); });
  }
});

describe('is a mail about a check or a scrub due?', () => {
  const damaged = runOf({ command: 'scrub' }, ['warning', 'damaged', 'x', 'm']);
  const failedCheck = runOf({ command: 'check', check: { share: '1/30', passed: false, words: 'm' } }, ['warning', 'check-failed', '', 'm']);
  const asides: readonly (readonly [name: string, run: Run, told: Told, due: boolean])[] = [
    ['all is well', runOf({ command: 'scrub' }), nothingTold, false],
    ['damage, for the first time', damaged, nothingTold, true],
    ['the same damage, mailed yesterday', damaged, warnedBefore(day), false],
    ['the same damage, mailed a week ago', damaged, warnedBefore(week), true],
    ['a failed check, mailed yesterday', failedCheck, warnedBefore(day), true],
    ['it could not be finished', runOf({ command: 'check', failure: new Failure('m', 'h') }), warnedBefore(day), true],
    ['interrupted', runOf({ command: 'scrub', failure: new Interrupted('SIGTERM') }), nothingTold, false],
    ['locked', runOf({ command: 'scrub', isLocked: true }), nothingTold, false],
  ];
  for (const [name, run, told, due] of asides) test(`${name}: ${due ? 'yes' : 'no'}`, () => { assert.equal(isAsideMailDue(run, told), due); });
});

describe('the set of warnings', () => {
  const found = (...paths: readonly string[]) => warningsOf(runOf({}, ...paths.map((path) => ['warning', 'foreign', path, `message ${path}`] as const)));

  test('is the same in another order', () => { assert.equal(found('a', 'b'), found('b', 'a')); });
  test('differs when a path is added, leaves, or is another', () => {
    assert.equal(new Set([found(), found('a'), found('a', 'b'), found('b'), found('a', 'a')]).size, 5);
  });
  test('knows neither violations nor notes', () => {
    assert.equal(warningsOf(runOf({}, ['violation', 'deleted', 'x', 'm'], ['note', 'unfinished', 'y', 'm'])), found());
  });
  test('counts what is beyond the cap', () => {
    const many = (count: number) => found(...Array.from({ length: count }, (_, n) => `path ${n}`));
    assert.notEqual(many(1001), many(1002));
  });
  test('a path cannot pass for two', () => { assert.notEqual(found('a\nforeign b'), found('a', 'b')); });
});
