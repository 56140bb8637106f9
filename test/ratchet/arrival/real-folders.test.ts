import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inRealFolder, RealFolders } from '../../../src/ratchet/arrival/real-folders.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const openFiles = (): number => readdirSync('/proc/self/fd').length;

/** What `path` holds, or undefined when nobody came to read it. */
function contentOf(folders: RealFolders, root: string, path: string): string | undefined {
  let content: string | undefined;
  folders.visit(root, path, (name) => { content = readFileSync(name, 'utf8'); });
  return content;
}

test('a folder that becomes a symlink between two files leads nowhere else', (t) => {
  const root = temporaryFolder(t);
  for (const folder of ['data', 'data/aa', 'elsewhere']) mkdirSync(join(root, folder));
  for (const path of ['data/aa/1', 'data/aa/2', 'elsewhere/2', 'elsewhere/3']) writeFileSync(join(root, path), path);
  const folders = new RealFolders();
  const before = openFiles();
  assert.equal(contentOf(folders, root, 'data/aa/1'), 'data/aa/1');
  renameSync(join(root, 'data/aa'), join(root, 'data/moved'));
  symlinkSync('../elsewhere', join(root, 'data/aa'));
  assert.equal(contentOf(folders, root, 'data/aa/2'), 'data/aa/2'); // through the descriptor: the folder that it was
  assert.equal(contentOf(folders, root, 'data/aa/3'), undefined);
  folders.close();
  assert.equal(contentOf(folders, root, 'data/aa/2'), undefined);
  assert.equal(openFiles(), before + 2); // the way as far as it was real
  folders.close();
  assert.equal(openFiles(), before);
});

test('each folder and each root has its own way', (t) => {
  const root = temporaryFolder(t);
  for (const folder of ['a', 'a/x', 'b', 'b/x']) mkdirSync(join(root, folder));
  for (const path of ['a/x/1', 'a/1', 'b/x/1', '1']) writeFileSync(join(root, path), path);
  const folders = new RealFolders();
  for (const path of ['a/x/1', 'b/x/1', 'a/1', '1', 'a/x/1']) assert.equal(contentOf(folders, root, path), path);
  assert.equal(contentOf(folders, join(root, 'b'), 'x/1'), 'b/x/1');
  assert.equal(contentOf(folders, join(root, 'a'), 'x/1'), 'a/x/1');
  folders.close();
});

test('one visit leaves nothing open, and another error than a missing way comes through', (t) => {
  const root = temporaryFolder(t);
  writeFileSync(join(root, 'file'), '');
  const before = openFiles();
  inRealFolder(root, 'file/below', () => { throw new Error('a file is no folder'); });
  inRealFolder(root, 'missing/below', () => { throw new Error('nothing is there'); });
  assert.throws(() => { inRealFolder(root, 'file', () => { throw new Error('full'); }); }, /full/);
  assert.equal(openFiles(), before);
});
