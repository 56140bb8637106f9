/** Several repositories at once: each under its own lock, each in its own words, the worst exit code for all. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ratchet } from '../support/cli.ts';
import { type Value, writeConfig } from '../support/config.ts';
import { type Ending, temporaryFolder } from '../support/temporary.ts';
import { addFile } from '../support/stage.ts';
import { admissionOrder, foldersOf } from '../../src/layout.ts';

const names = ['one', 'two', 'three'];

/** Three repositories on local paths, initialised and synced together. */
async function three(t: Ending): Promise<{ config: string; folder: string }> {
  const folder = temporaryFolder(t);
  const repositories: Record<string, Value> = { nightly: undefined };
  for (const name of names) {
    const source = join(folder, `${name}-source`);
    for (const path of admissionOrder.flatMap(foldersOf)) mkdirSync(join(source, path), { recursive: true });
    writeFileSync(join(source, 'config'), `the config of ${name}`);
    for (const type of admissionOrder) addFile(source, type, `${type} of ${name}`);
    repositories[name] = { source, replica: join(folder, name), spotCheck: 0 };
  }
  const { file } = writeConfig(folder, join(folder, 'one-source'), { repositories });
  for (const name of names) assert.equal((await ratchet(['init', name], { config: file })).code, 0);
  return { config: file, folder };
}

test('--jobs syncs several at once; the results come in the order of the configuration, with one line for all', async (t) => {
  const { config } = await three(t);
  const first = await ratchet(['--json', 'sync', '--jobs', '3'], { config });
  assert.deepEqual(first.json().runs.map(({ repository, outcome }: { repository: string; outcome: string }) => [repository, outcome]), names.map((name) => [name, 'synced']));
  const again = await ratchet(['sync', '--jobs', '2'], { config });
  assert.equal(again.code, 0);
  assert.match(again.stdout, /^3 repositories: 3 unchanged$/m);
  assert.equal((await ratchet(['--quiet', 'sync', '--jobs', '2'], { config })).stdout, '');
});

test('one that is in alarm keeps none of the others from safety, and the worst exit code counts', async (t) => {
  const { config, folder } = await three(t);
  assert.equal((await ratchet(['sync', '--jobs', '3'], { config })).code, 0);
  rmSync(join(folder, 'two-source/data'), { recursive: true });
  mkdirSync(join(folder, 'two-source/data'));
  addFile(join(folder, 'three-source'), 'pack', 'new');
  const { code, stdout } = await ratchet(['sync', '--jobs', '3'], { config });
  assert.equal(code, 3);
  assert.match(stdout, /^3 repositories: (?=.*1 unchanged)(?=.*1 alarm)(?=.*1 synced)/m);
});

test('a number of jobs that is none is refused before anything is done', async (t) => {
  const { config } = await three(t);
  for (const jobs of ['0', '-1', 'x', '100', '1.5']) {
    const { code, stderr } = await ratchet(['sync', '--jobs', jobs], { config });
    assert.equal(code, 2);
    assert.match(stderr, /from 1 to 99/);
  }
});
