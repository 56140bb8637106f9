import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describe as messageOf, expectedForms, kindOf, subjectOf, type Known } from '../../src/audit/facts.ts';
import type { Change, Item } from '../../src/audit/itemize.ts';
import { placeOf } from '../../src/layout.ts';
import type { ChangeKind, Subject } from '../../src/audit/policy.ts';
import { fileOf } from '../support/itemized.ts';

const known = (type: Known['type'], size = 10, mtime = 1000): Known => ({ type, size, mtime });
const item = (fileType: string, size = 10, mtime = 1000, path = 'x'): Item => ({ kind: 'item', itemized: `>${fileType}+++++++++`, fileType, size, mtime, path });
const skipped: Change = { kind: 'non-regular', path: 'x' };
const deletion: Change = { kind: 'deletion', isFolder: false, path: 'x' };

const kinds: readonly (readonly [name: string, change: Change, known: Known | undefined, kind: ChangeKind])[] = [
  ['a file that is not here', item('f'), undefined, 'new'],
  ['a folder that is not here', item('d'), undefined, 'new'],
  ['a symlink that is not here', item('L'), undefined, 'non-regular'],
  ['a device that is not here', item('D'), undefined, 'non-regular'],
  ['a special that is not here', item('S'), undefined, 'non-regular'],
  ['something skipped that is not here', skipped, undefined, 'non-regular'],
  ['the same file', item('f'), known('file'), 'unchanged'],
  ['a later file', item('f', 10, 1001), known('file'), 'mtime'],
  ['an earlier file', item('f', 10, 999), known('file'), 'mtime'],
  ['a longer file', item('f', 11), known('file'), 'content'],
  ['an empty file', item('f', 0), known('file'), 'content'],
  ['a shorter and later file', item('f', 9, 1001), known('file'), 'content'],
  ['the same folder', item('d'), known('folder'), 'unchanged'],
  ['a folder of another size and time', item('d', 1, 1), known('folder'), 'unchanged'],
  ['a folder for a file', item('d'), known('file'), 'type'],
  ['a symlink for a file', item('L'), known('file'), 'type'],
  ['something skipped for a file', skipped, known('file'), 'type'],
  ['a file for a folder', item('f'), known('folder'), 'type'],
  ['something skipped for a folder', skipped, known('folder'), 'type'],
  ['a file for a special', item('f'), known('special'), 'type'],
  ['a folder for a special', item('d'), known('special'), 'type'],
  ['something skipped for a special: rsync does not say what, so not the same', skipped, known('special'), 'type'],
  ['a deleted file', deletion, known('file'), 'deleted'],
  ['a deleted file that was never here', deletion, undefined, 'deleted'],
];

describe('what happened', () => {
  for (const [name, change, here, kind] of kinds) test(`${name}: ${kind}`, () => { assert.equal(kindOf(change, here), kind); });
});

const pack = fileOf('pack', 1);
const subjects: readonly (readonly [name: string, path: string, change: Change, known: Known | undefined, subject: Subject])[] = [
  ['a new pack', pack, item('f'), undefined, 'pack'],
  ['an unchanged pack', pack, item('f'), known('file'), 'pack'],
  ['a deleted pack', pack, deletion, known('file'), 'pack'],
  ['a new folder named like a pack', pack, item('d'), undefined, 'outside'],
  ['a new symlink named like a pack', pack, skipped, undefined, 'outside'],
  ['a folder named like a pack that only the replica has', pack, deletion, known('folder'), 'outside'],
  ['a symlink named like a pack that only the replica has', pack, deletion, known('special'), 'outside'],
  ['a folder named like a pack on both sides', pack, item('d'), known('folder'), 'outside'],
  ['a pack that became a folder', pack, item('d'), known('file'), 'pack'],
  ['a pack that became a symlink', pack, skipped, known('file'), 'pack'],
  ['a folder that became a pack', pack, item('f'), known('folder'), 'pack'],
  ['the config', 'config', item('f'), known('file'), 'config'],
  ['a folder named config', 'config', item('d'), undefined, 'outside'],
  ['a folder of the layout', 'data/00', item('d'), undefined, 'folder'],
  ['a deleted folder of the layout', 'data/00', deletion, known('folder'), 'folder'],
  ['a new file named like a folder', 'data/00', item('f'), undefined, 'outside'],
  ['a folder that became a file', 'data/00', item('f'), known('folder'), 'folder'],
  ['a folder that became a symlink', 'data', skipped, known('folder'), 'folder'],
  ['a foreign file', 'x', item('f'), undefined, 'outside'],
  ['a foreign folder', 'x', item('d'), undefined, 'outside'],
  ['a foreign type change', 'x', item('d'), known('file'), 'outside'],
];

describe('what it happened to', () => {
  for (const [name, path, change, here, subject] of subjects) {
    test(`${name}: ${subject}`, () => { assert.equal(subjectOf(placeOf(path), kindOf(change, here), change, here), subject); });
  }
});

const forms: readonly (readonly [name: string, item: Item, known: Known | undefined, forms: readonly string[]])[] = [
  ['new', item('f'), undefined, ['>f+++++++++']],
  ['another type', item('f'), known('folder'), ['>f+++++++++']],
  ['unchanged', item('f'), known('file'), ['.f         ']],
  ['mtime', item('f', 10, 1), known('file'), ['>f..t......']],
  ['size', item('f', 1), known('file'), ['>f.s.......']],
  ['size and mtime', item('f', 1, 1), known('file'), ['>f.st......']],
  ['a new folder', item('d'), undefined, ['cd+++++++++']],
  ['an unchanged folder', item('d'), known('folder'), ['.d         ', '.d..t......']],
  ['a folder for a file', item('d'), known('file'), ['cd+++++++++']],
];

describe('what an honest rsync prints', () => {
  for (const [name, change, here, expected] of forms) {
    test(name, () => { assert.deepEqual(expectedForms(kindOf(change, here), change, here), expected); });
  }
  test('for a symlink or a device as an item: nothing that such an item could have', () => {
    for (const type of 'LDS') {
      const change = item(type);
      assert.ok(expectedForms(kindOf(change, undefined), change, undefined).every((form) => form.charAt(1) !== type));
    }
  });
});

describe('the message', () => {
  const messages: readonly (readonly [change: Change, known: Known | undefined, message: string])[] = [
    [item('f', 11), known('file'), 'size 10 -> 11; why'],
    [item('f', 10, 1_795_397_264), known('file'), 'modification time 1970-01-01T00:16:40 -> 2026-11-23T01:27:44; why'],
    [item('f', 10, 1e15), known('file'), 'modification time 1970-01-01T00:16:40 -> 1000000000000000; why'],
    [item('f'), undefined, 'why'],
    [deletion, known('file'), 'why'],
    [skipped, known('file'), 'why'],
  ];
  for (const [change, here, message] of messages) {
    test(message, () => { assert.equal(messageOf(kindOf(change, here), change, here, 'why'), message); });
  }
});
