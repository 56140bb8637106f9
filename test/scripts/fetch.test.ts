import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../support/temporary.ts';

for (const name of ['fetch-programs', 'fetch-rclone']) {
  test(`scripts/${name} takes no folder that holds something else, and leaves it as it was`, (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'mine'), '');
    const { status, stderr } = spawnSync(new URL(`../../scripts/${name}`, import.meta.url).pathname, [folder], { encoding: 'utf8' });
    assert.deepEqual([status, stderr, readdirSync(folder)], [1, `fetch: ${folder} is not empty, and not a folder of ours.\n`, ['mine']]);
  });
}
