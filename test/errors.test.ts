import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asFailure, exitCodeMeanings, exitCodeOf, exitCodes, Failure, Interrupted, UsageError, worstExitCode } from '../src/errors.ts';

describe('exit codes', () => {
  test('are the table of DESIGN section 8', () => {
    assert.deepEqual(exitCodes, { synced: 0, unchanged: 0, failed: 1, usage: 2, alarm: 3, warned: 4, locked: 75, interrupted: 143 });
  });
  test('each has a meaning for --help', () => {
    for (const code of [...Object.values(exitCodes), 130]) assert.match(exitCodeMeanings[code] ?? '', /^[ -~]{5,}$/);
  });

  const worst: readonly (readonly [codes: readonly number[], worst: number])[] = [
    [[], 0], [[0], 0], [[0, 4], 4], [[4, 75], 75], [[75, 1], 1], [[1, 3], 3], [[0, 4, 75, 1, 3], 3], [[3, 143], 143], [[3, 130], 130],
  ];
  for (const [codes, code] of worst) test(`the worst of ${codes.join(', ') || 'none'} is ${code}`, () => { assert.equal(worstExitCode(codes), code); });

  const thrown: readonly (readonly [name: string, error: unknown, code: number])[] = [
    ['a failure', new Failure('m', 'h'), 1],
    ['usage', new UsageError('m', 'h'), 2],
    ['SIGINT', new Interrupted('SIGINT'), 130],
    ['SIGTERM', new Interrupted('SIGTERM'), 143],
    ['SIGHUP', new Interrupted('SIGHUP'), 143],
    ['any error', new Error('m'), 1],
    ['no error at all', 'x', 1],
    ['nothing', undefined, 1],
  ];
  for (const [name, error, code] of thrown) test(`${name}: ${code}`, () => { assert.equal(exitCodeOf(error), code); });
});

describe('any thrown value as a failure', () => {
  test('a failure stays itself', () => {
    const failure = new UsageError('m', 'h');
    assert.equal(asFailure(failure), failure);
  });

  for (const code of ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'ENOENT', 'EMFILE']) {
    test(`${code} has a hint`, () => {
      const error = Object.assign(new Error(`${code}: it does not work`), { code });
      const failure = asFailure(error);
      assert.equal(failure.message, error.message);
      assert.equal(failure.cause, error);
      assert.doesNotMatch(failure.hint, /unexpected/);
    });
  }

  test('a replica that systemd keeps read-only: the hint names the unit\'s setting', () => {
    assert.match(asFailure(Object.assign(new Error('EROFS'), { code: 'EROFS' })).hint, /under systemd, name it in ReadWritePaths=/);
  });

  const unexpected: readonly (readonly [name: string, value: unknown, message: string])[] = [
    ['an error that nobody foresaw', new TypeError('x is undefined'), 'x is undefined'],
    ['an unknown code', Object.assign(new Error('m'), { code: 'EWHAT' }), 'm'],
    ['text', 'boom', 'boom'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
  ];
  for (const [name, value, message] of unexpected) {
    test(`${name} says so`, () => {
      const failure = asFailure(value);
      assert.equal(failure.message, message);
      assert.match(failure.hint, /^unexpected: please report/);
    });
  }
});
