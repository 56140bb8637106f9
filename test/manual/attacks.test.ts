/** What is said of attacks is held by tests that are there. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { pageText } from '../support/manual.ts';

test('each row of what it was attacked with names the tests that hold it, and they are there', () => {
  const table =
    pageText('src/manual/attacks.md')
      .trimEnd()
      .split('| serverA, or the world |')[1]
      ?.split('\n\n')[0]
      ?.split('\n')
      .slice(2) ?? [];
  assert.ok(table.length >= 30);
  for (const row of table) {
    const names = [...(row.split('|').at(-2) ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
    assert.ok(names.length > 0, row);
    for (const name of names)
      assert.ok(
        name === 'npm run torture' || existsSync(new URL(`../${name}.test.ts`, import.meta.url)),
        `${name}: ${row}`,
      );
  }
});
