/** The README says of each alarm rule what the mail says of it. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { policy } from '../../src/audit/policy.ts';
import { ruleWords } from '../../src/words/rules.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

const alarms = new Set(policy.flatMap(({ ruling }) => (ruling.verdict === 'violation' ? [ruling.rule] : [])));
for (const rule of [...alarms, 'over-limit', 'over-budget', 'unaccounted', 'inconsistent', 'mtimes', 'spot-check', 'unproven'] as const) {
  test(`a page for ${rule}: what it means, an innocent cause, an attack, and the whole road back`, () => {
    assert.match(readme, new RegExp(`^\\| \`${rule}\` \\|`, 'm'));
    const page = readme.split(`#### \`${rule}\`\n`)[1]?.split(/^##/m)[0] ?? assert.fail('no page');
    const { means, road } = ruleWords[rule];
    for (const line of [means, ...road]) assert.ok(page.includes(line), line);
  });
}

test('each row of what it was attacked with names the tests that hold it, and they are there', () => {
  const table = readme.split('| serverA, or the world |')[1]?.split('\n\n')[0]?.split('\n').slice(2) ?? [];
  assert.ok(table.length >= 30);
  for (const row of table) {
    const names = [...(row.split('|').at(-2) ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
    assert.ok(names.length > 0, row);
    for (const name of names) assert.ok(name === 'npm run torture' || existsSync(new URL(`../${name}.test.ts`, import.meta.url)), `${name}: ${row}`);
  }
});
