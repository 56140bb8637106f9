import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Findings, keptPerRule } from '../../src/audit/findings.ts';
import type { Found } from '../support/runs.ts';

const found = (...added: readonly Found[]): Findings => {
  const findings = new Findings();
  for (const each of added) findings.add(...each);
  return findings;
};
const many = (count: number, path = 'x'): Findings => found(...Array.from({ length: count }, (_, n) => ['violation', 'deleted', `${path}${n}`, 'm'] as const));

describe('findings', () => {
  test('none', () => {
    const findings = found();
    assert.deepEqual([findings.kept, findings.omitted, findings.count('deleted'), findings.rules('violation')], [[], 0, 0, []]);
  });

  test('the path is escaped, once', () => {
    assert.equal(found(['note', 'foreign', '\x1b\n\\#033\xff', 'm']).kept[0]?.path, '\\#033\\#012\\#134#033\\#377');
  });

  test('violations come first, then warnings, then notes; each rule stays together', () => {
    const findings = found(
      ['note', 'unfinished', 'a', ''], ['warning', 'foreign', 'b', ''], ['violation', 'deleted', 'c', ''],
      ['warning', 'stray', 'd', ''], ['violation', 'modified', 'e', ''], ['warning', 'foreign', 'f', ''],
    );
    assert.deepEqual(findings.kept.map(({ path }) => path), ['c', 'e', 'b', 'f', 'd', 'a']);
    assert.deepEqual(findings.rules('violation'), [{ rule: 'deleted', count: 1 }, { rule: 'modified', count: 1 }]);
    assert.deepEqual(findings.rules('warning'), [{ rule: 'foreign', count: 2 }, { rule: 'stray', count: 1 }]);
    assert.deepEqual(findings.rules('note'), [{ rule: 'unfinished', count: 1 }]);
  });
});

describe('the cap', () => {
  test('a rule keeps so many and counts the rest', () => {
    const findings = many(keptPerRule + 2);
    findings.add('warning', 'foreign', 'y', 'm');
    assert.equal(findings.kept.length, keptPerRule + 1);
    assert.equal(findings.kept[keptPerRule - 1]?.path, `x${keptPerRule - 1}`);
    assert.equal(findings.count('deleted'), keptPerRule + 2);
    assert.equal(findings.omitted, 2);
    assert.deepEqual(findings.rules('violation'), [{ rule: 'deleted', count: keptPerRule + 2 }]);
  });

  test('exactly so many leave none out', () => {
    assert.deepEqual([many(keptPerRule).kept.length, many(keptPerRule).omitted], [keptPerRule, 0]);
  });

  test('it holds over a merge, and the counts add up', () => {
    const findings = many(keptPerRule - 1, 'first ');
    findings.merge(many(3, 'second '));
    findings.merge(many(keptPerRule + 5, 'third '));
    assert.deepEqual([findings.kept.length, findings.count('deleted'), findings.omitted], [keptPerRule, 2 * keptPerRule + 7, keptPerRule + 7]);
    assert.equal(findings.kept.at(-1)?.path, 'second 0');
  });

  test('adding goes on after a merge, and the one merged is not touched', () => {
    const [findings, other] = [many(1), many(1, 'other ')];
    findings.merge(other);
    findings.add('violation', 'deleted', 'later', 'm');
    assert.deepEqual(findings.kept.map(({ path }) => path), ['x0', 'other 0', 'later']);
    assert.deepEqual(other.kept.map(({ path }) => path), ['other 0']);
  });

  test('nothing is ever lost from the counts', () => {
    const counts = fc.array(fc.nat(2 * keptPerRule), { maxLength: 3 });
    fc.assert(fc.property(counts, (parts) => {
      const whole = new Findings();
      for (const part of parts) whole.merge(many(part));
      const sum = parts.reduce((a, b) => a + b, 0);
      assert.equal(whole.count('deleted'), sum);
      assert.equal(whole.kept.length + whole.omitted, sum);
      assert.ok(whole.kept.length <= keptPerRule);
    }), { numRuns: 50 });
  });
});
