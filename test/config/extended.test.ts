/** A configuration that is added to: every byte that was there stays, where it was. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'node:test';
import { readConfig } from '../../src/config/config.ts';
import { extended, linesOf } from '../../src/config/extended.ts';

const repository = { into: 'repositories', key: 'archive', value: { source: 'a@b:/', replica: '/x' } };
const mail = { into: 'alerts', key: 'email', value: { from: 'a@b.test', to: ['c@d.test'], directory: '/m' } };
const block = '  archive:\n    source: a@b:/\n    replica: /x\n';
const sample = readFileSync(join(fileURLToPath(new URL('../../src/config/', import.meta.url)), 'sample.yaml'), 'utf8');

describe('what is added, and where', () => {
  const rows: readonly (readonly [string, before: string, after: string])[] = [
    ['nothing was there', '', `repositories:\n${block}`],
    ['a comment alone', '# mine\n', `# mine\n\nrepositories:\n${block}`],
    ['another key', 'state: /s # here\n', `state: /s # here\n\nrepositories:\n${block}`],
    ['behind the others', 'repositories:\n  a: { source: x }\n', `repositories:\n  a: { source: x }\n${block}`],
    ['no newline at the end', 'repositories:\n  a: { source: x } # so', `repositories:\n  a: { source: x } # so\n${block}`],
    ['above what is said of the next key', 'repositories:\n  a:\n    source: x\n    #port: 1\n\n# whom to tell\nalerts: {}\n', `repositories:\n  a:\n    source: x\n    #port: 1\n${block}\n# whom to tell\nalerts: {}\n`],
    ['in the column of the others', 'repositories:\n      a:\n        source: x\n', 'repositories:\n      a:\n        source: x\n      archive:\n        source: a@b:/\n        replica: /x\n'],
  ];
  for (const [name, before, after] of rows) {
    test(name, () => {
      const text = extended(before, [repository]);
      assert.ok(typeof text === 'string');
      // The lines of the addition are indented as they are made: two blanks a level.
      assert.equal(text.replace(/^( +)archive:\n +source: a@b:\/\n +replica: \/x\n/m, (_, indent: string) => `${indent}archive:\n${indent}  source: a@b:/\n${indent}  replica: /x\n`), after);
    });
  }
});

test('the sample, as it is and with a repository more, is valid', () => {
  const text = extended(sample, [repository]);
  assert.ok(typeof text === 'string');
  assert.ok(!('problems' in readConfig(text, '/')));
  assert.equal(text.replace(block, ''), sample);
});

test('several at once; a mapping between braces is not touched', () => {
  const both = extended('', [repository, mail]);
  assert.ok(typeof both === 'string' && 'config' in readConfig(both, '/'), JSON.stringify(both));
  assert.deepEqual(extended('repositories: { a: { source: x } }\n', [repository]), { closed: 'repositories' });
  assert.deepEqual(extended('{"a": 1}', [repository]), { closed: 'repositories' });
  assert.equal(linesOf(repository), `repositories:\n${block}`);
});
