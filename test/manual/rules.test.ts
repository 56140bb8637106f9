/** The manual says of each alarm rule what the mail says of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { policy } from '../../src/audit/policy.ts';
import { alarmPages, warningPages } from '../../src/words/rule-pages.ts';
import { ruleWords } from '../../src/words/rules.ts';
import { pageText } from '../support/manual.ts';

const chapter = pageText('src/manual/rules.md');

const alarms = new Set(policy.flatMap(({ ruling }) => (ruling.verdict === 'violation' ? [ruling.rule] : [])));
for (const rule of [
  ...alarms,
  'over-limit',
  'over-budget',
  'unaccounted',
  'inconsistent',
  'mtimes',
  'spot-check',
  'unproven',
] as const) {
  test(`a page for ${rule}: what it means, an innocent cause, an attack, and the whole road back`, () => {
    assert.match(chapter, new RegExp(`^\\| \`${rule}\` \\|`, 'm'));
    const page = chapter.split(`### \`${rule}\`\n`)[1]?.split(/^##/m)[0] ?? assert.fail('no page');
    const { means, road } = ruleWords[rule];
    for (const line of [means, ...road]) assert.ok(page.includes(line), line);
  });
}

test('the tables of alarms and warnings are what `explain` says, each rule once', () => {
  for (const pages of [alarmPages, warningPages]) {
    const rows = Object.entries(pages).map(
      ([rule, { short, innocent, attack }]) => `| \`${rule}\` | ${short} | ${innocent} | ${attack} |`,
    );
    assert.ok(chapter.includes(`${rows.join('\n')}\n\n`));
  }
  assert.deepEqual(Object.keys(ruleWords).sort(), [...Object.keys(alarmPages), ...Object.keys(warningPages)].sort());
  for (const rule of alarms) assert.ok(rule in alarmPages, rule);
});

for (const rule of Object.keys(alarmPages) as (keyof typeof alarmPages)[]) {
  test(`the page for ${rule} says where to look as \`explain\` does`, () => {
    assert.ok(chapter.includes(`${ruleWords[rule].means} To see more: ${alarmPages[rule].look}\n`));
  });
}
