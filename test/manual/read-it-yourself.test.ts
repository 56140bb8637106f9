/** The order of reading leaves nothing out: what can write into a replica, what audits and what proves is all in it. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pageText, projectRoot } from '../support/manual.ts';

const chapter = pageText('src/manual/read-it-yourself.md');

for (const room of ['src/ratchet', 'src/audit', 'src/proof']) {
  test(`each file of ${room} has its place in the order of reading`, () => {
    const names = readdirSync(join(projectRoot, room), { recursive: true, encoding: 'utf8' });
    const files = names.filter((name) => name.endsWith('.ts')).map((name) => `${room}/${name}`);
    assert.deepEqual(
      files.filter((file) => !chapter.includes(`\`${file}\``)),
      [],
    );
  });
}
