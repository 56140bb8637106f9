import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  admissionOrder, excludedFolders, foldersOf, isExcluded, passes, passOf, repositoryPath, placeOf, type Pass, type Place,
} from '../src/layout.ts';
import { ignoredNames } from '../src/ignored.ts';
import { idOf } from './support/itemized.ts';

const id = idOf('layout');
const two = id.slice(0, 2);
const outside: Place = { of: 'outside' };
const folder: Place = { of: 'folder' };

const places: readonly (readonly [path: string, place: Place, pass: Pass])[] = [
  ['.', folder, 2],
  ['config', { of: 'config' }, 2],
  ['keys', folder, 2],
  ['index', folder, 2],
  ['snapshots', folder, 1],
  ['data', folder, 3],
  ['data/00', folder, 3],
  ['data/ff', folder, 3],
  [`keys/${id}`, { of: 'key', id }, 2],
  [`index/${id}`, { of: 'index', id }, 2],
  [`snapshots/${id}`, { of: 'snapshot', id }, 1],
  [`data/${two}/${id}`, { of: 'pack', id }, 3],
  // What only looks like the layout.
  ['Config', outside, 2],
  ['config/', outside, 2],
  ['config/x', outside, 2],
  ['/config', outside, 2],
  ['./config', outside, 2],
  ['key', outside, 2],
  ['locks', outside, 2],
  [`locks/${id}`, outside, 2],
  [id, outside, 2],
  [`keys/${id.toUpperCase()}`, outside, 2],
  [`keys/${id.slice(1)}`, outside, 2],
  [`keys/${id}0`, outside, 2],
  [`keys/${id}\n`, outside, 2],
  [`keys/ ${id.slice(1)}`, outside, 2],
  [`keys/${id.slice(1)}g`, outside, 2],
  [`keys/${id.slice(1)}\0`, outside, 2],
  [`keys/x/${id}`, outside, 2],
  [`keys//${id}`, outside, 2],
  [`keys/../keys/${id}`, outside, 2],
  ['keys/', outside, 2],
  [`snapshots/${id}.tmp`, outside, 1],
  ['snapshots/x', outside, 1],
  ['snapshotsx', outside, 2],
  ['dataset', outside, 2],
  ['data/', outside, 3],
  ['data/0', outside, 3],
  ['data/0g', outside, 3],
  ['data/FF', outside, 3],
  ['data/000', outside, 3],
  ['data/00/', outside, 3],
  ['data/..', outside, 3],
  [`data/${id}`, outside, 3],
  [`data/${two}/${id.slice(1)}`, outside, 3],
  [`data/${two}/${id}0`, outside, 3],
  [`data/${two}/${id}/x`, outside, 3],
  [`data/${two}//${id}`, outside, 3],
  [`data/${two === '00' ? '01' : '00'}/${id}`, outside, 3],
  ['toString', outside, 2],
  ['constructor/x', outside, 2],
  [`__proto__/${id}`, outside, 2],
  [`toString/${id}`, outside, 2],
];

describe('what a path is, and which audit reports it', () => {
  for (const [path, place, pass] of places) {
    test(JSON.stringify(path).replaceAll(id, 'ID'), () => {
      assert.deepEqual(placeOf(path), place);
      assert.equal(passOf(path), pass);
    });
  }
});

describe('the one path of a file', () => {
  for (const type of admissionOrder) {
    test(type, () => {
      assert.deepEqual(placeOf(repositoryPath(type, id)), { of: type, id });
      assert.ok(foldersOf(type).includes(repositoryPath(type, id).slice(0, -65)));
    });
  }
});

test('every folder that holds files is a folder of the layout', () => {
  const folders = admissionOrder.flatMap(foldersOf);
  assert.equal(folders.length, 3 + 256);
  assert.equal(new Set(folders).size, folders.length);
  for (const path of folders) assert.deepEqual(placeOf(path), folder, path);
});

test('what is pointed at is admitted before what points at it, and listed after it', () => {
  assert.deepEqual(admissionOrder, ['key', 'pack', 'index', 'snapshot']);
  assert.deepEqual(passes, [1, 2, 3]);
  const pointing = ['snapshot', 'index', 'pack'] as const;
  assert.deepEqual(pointing.map((type) => passOf(repositoryPath(type, id))), [1, 2, 3]);
});

const exclusions: readonly (readonly [path: string, isFolder: boolean, excluded: boolean])[] = [
  ...excludedFolders.flatMap((name) => [
    [name, true, true] as const,
    [name, false, false] as const, // rsync's filter has a slash at its end: folders only
    [`x/${name}`, true, false] as const,
  ]),
  ...['-restic-temp-', '-tmp-', '.rest-server-temp'].flatMap((mark) => [
    [`data/01/${id}${mark}123`, false, true] as const,
    [`keys/${id}${mark}`, false, true] as const,
    [mark, false, true] as const,
    [`x/x${mark}`, true, true] as const,
    [`x/${mark.slice(1)}`, false, false] as const,
    [`data/01/${mark.padEnd(64, 'a')}`, false, false] as const, // as long as a pack's name: no upload, and rsync names it
    [`data/0x/${mark.padEnd(64, 'a')}`, false, true] as const,
    [`data/01/${mark.padEnd(63, 'a')}`, false, true] as const,
    [`data/01/x/${mark.padEnd(64, 'a')}`, false, true] as const,
    [`keys/${mark.padEnd(64, 'a')}`, false, true] as const,
  ]),
  [`data/01/${id}.partial`, false, true],
  ['x/.partial', true, true],
  [`data/01/${'.partial'.padStart(64, 'a')}`, false, false],
  [`data/01/${id}.partially`, false, false],
  [`data/01/${id}.partial.x`, false, false],
  ['.DS_Store', false, true],
  ['x/.DS_Store', true, true],
  ['.DS_Storex', false, false],
  ['.ds_store', false, false],
  ['config', false, false],
  [`data/01/${id}`, false, false],
  ['lock', true, false],
];

describe('what the walk of the replica leaves out, as the filters do', () => {
  for (const [path, isFolder, excluded] of exclusions) {
    test(`${path.replace(id, 'ID')}, a ${isFolder ? 'folder' : 'file'}: ${excluded ? 'left out' : 'reported'}`, () => {
      assert.equal(isExcluded(path, isFolder, ignoredNames(['.DS_Store'])), excluded);
    });
  }
  test('nothing of the layout is left out', () => {
    for (const path of ['config', 'keys', 'index', 'snapshots', 'data', 'data/ff', `data/ff/${id}`]) assert.equal(isExcluded(path, true, ignoredNames([])), false);
  });
});
