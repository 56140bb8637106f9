/** `explain`: the manual's page of a rule, in a terminal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allRules, pageOf } from '../../src/words/rule-pages.ts';
import { ratchet } from '../support/cli.ts';
import { writeConfig } from '../support/config.ts';
import { temporaryFolder } from '../support/temporary.ts';

test('alone it lists every rule, without a configuration', async () => {
  const { code, stdout } = await ratchet(['explain']);
  assert.equal(code, 0);
  assert.deepEqual(stdout.trim().split('\n').map((line) => line.split(' ')[0]), [...allRules]);
  const json = (await ratchet(['--json', 'explain'])).json();
  assert.deepEqual(json.rules[0], { rule: allRules[0], means: pageOf('modified').short });
});

for (const rule of allRules) {
  test(`${rule}: meaning, innocent cause, attack, where to look, and the road back with this repository's names`, async (t) => {
    const { file, replica } = writeConfig(temporaryFolder(t), '/srv/source');
    const plain = await ratchet(['explain', rule]);
    const { means, innocent, attack, look, road } = pageOf(rule);
    for (const words of [`${rule}: ${means}`, innocent, attack, look, ...road.map((line) => `  ${line}\n`)]) assert.ok(plain.stdout.includes(words), words);
    const { code, stdout } = await ratchet(['explain', rule, 'nightly'], { config: file });
    assert.equal(code, 0);
    assert.doesNotMatch(stdout, /\b(REPO|REPLICA|DESTINATION)\b/);
    if (road.some((line) => line.includes('REPLICA/'))) assert.ok(stdout.includes(`${replica}/`));
    for (const line of stdout.split('\n')) if (/\brsync-ratchet [a-z]/.test(line)) assert.ok(line.includes(`rsync-ratchet --config ${file} `) || line.includes('rsync-ratchet --'), line);
  });
}

test('a rule or a repository that is not there is exit 2, which names those that are', async (t) => {
  const { file } = writeConfig(temporaryFolder(t), '/srv/source');
  const rule = await ratchet(['explain', 'toString'], { config: file });
  assert.equal(rule.code, 2);
  assert.match(rule.stderr, /there is no rule "toString"\nhint: the rules are: modified, deleted/);
  const repository = await ratchet(['explain', 'modified', 'nosuch'], { config: file });
  assert.equal(repository.code, 2);
  assert.match(repository.stderr, /there is no repository "nosuch"/);
});
