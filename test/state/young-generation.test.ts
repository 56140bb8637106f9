/** Memory hardly grows with the repository: a dry run of a million files through the real parser, judge and accounting. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { writeLines } from '../bench/judge.ts';
import { temporaryFolder } from '../support/temporary.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('a million lines take at most 160 MiB, and at most 80 bytes a file more than ten thousand', (t) => {
  const folder = temporaryFolder(t);
  const bundle = join(folder, 'bundle');
  // As it ships: bundled, with the first line of main.ts, without a loader of TypeScript in the same process.
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs'), join(root, 'test/support/judgeMemory.ts'), bundle]);
  const peak = (count: number): number => {
    const file = join(folder, String(count));
    writeLines(file, count);
    return Number(execFileSync(join(bundle, 'main.js'), [file, String(count)], { encoding: 'utf8' }));
  };
  const [few, many] = [peak(10_000), peak(1_000_000)];
  assert.ok(many <= 160 * 2 ** 20, `${many / 2 ** 20} MiB`);
  assert.ok((many - few) / 990_000 <= 80, `${(many - few) / 990_000} bytes a file`);
});
