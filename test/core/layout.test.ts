import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  admissionOrder, excludedFolders, foldersOf, isExcluded, passes, passOf, pathOf, placeOf, uploadMarks, type Pass, type Place,
} from '../../src/core/layout.ts';
import { idOf } from '../support/itemized.ts';

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
      assert.deepEqual(placeOf(pathOf(type, id)), { of: type, id });
      assert.ok(foldersOf(type).includes(pathOf(type, id).slice(0, -65)));
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
  assert.deepEqual(pointing.map((type) => passOf(pathOf(type, id))), [1, 2, 3]);
});

const exclusions: readonly (readonly [name: string, isFolder: boolean, atTop: boolean, excluded: boolean])[] = [
  ...excludedFolders.flatMap((name) => [
    [name, true, true, true] as const,
    [name, false, true, false] as const, // rsync's filter has a slash at its end: folders only
    [name, true, false, false] as const,
  ]),
  ...uploadMarks.flatMap((mark) => [
    [`${id}${mark}123`, false, false, true] as const,
    [mark, false, true, true] as const,
    [`x${mark}`, true, false, true] as const,
    [mark.slice(1), false, false, false] as const,
  ]),
  ['.DS_Store', false, true, true],
  ['.DS_Store', true, false, true],
  ['.DS_Storex', false, true, false],
  ['.ds_store', false, true, false],
  ['config', false, true, false],
  [id, false, false, false],
  ['lock', true, true, false],
];

describe('what the walk of the replica leaves out, as the filters do', () => {
  for (const [name, isFolder, atTop, excluded] of exclusions) {
    test(`${name.replace(id, 'ID')}, a ${isFolder ? 'folder' : 'file'} ${atTop ? 'at the top' : 'below'}: ${excluded ? 'left out' : 'reported'}`, () => {
      assert.equal(isExcluded(name, isFolder, atTop, new Set(['.DS_Store'])), excluded);
    });
  }
  test('nothing of the layout is left out', () => {
    for (const name of ['config', 'keys', 'index', 'snapshots', 'data', 'ff', id]) assert.equal(isExcluded(name, true, true, new Set()), false);
  });
});
