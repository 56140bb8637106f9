import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Failure } from '../../src/errors.ts';
import { Unsynced } from '../../src/programs/sync.ts';
import { temporaryFolder } from '../support/temporary.ts';

test('a few files and folders are made durable by themselves, each time those that were changed since', async (t) => {
  const folder = temporaryFolder(t);
  const [file, inner] = [join(folder, 'file'), join(folder, 'inner')];
  writeFileSync(file, 'content', { mode: 0o400 });
  mkdirSync(inner);
  const unsynced = new Unsynced(folder);
  for (const path of [file, inner, file]) unsynced.add(path);
  assert.equal(unsynced.isMany, false);
  await unsynced.sync();
  unsynced.add(join(folder, 'nowhere'));
  await assert.rejects(unsynced.sync(), (error) => error instanceof Failure && error.message.includes('could not be synced: ENOENT'));
  await unsynced.sync();
});

test('many are made durable by one call for the whole file system, and none of their names is kept', async (t) => {
  const unsynced = new Unsynced(temporaryFolder(t));
  for (let k = 0; !unsynced.isMany; k++) unsynced.add(`nowhere/${k}`);
  await unsynced.sync();
  assert.equal(unsynced.isMany, false);
});

test('a file system that is not there is a failure', async (t) => {
  const unsynced = new Unsynced(join(temporaryFolder(t), 'nowhere'));
  for (let k = 0; !unsynced.isMany; k++) unsynced.add(`${k}`);
  await assert.rejects(unsynced.sync(), Failure);
});
