/** The file list: folders without content, entries of another type, names that lead outside, sizes and times that no file has. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { suiteOf } from '../../support/hostile/attack.ts';
import { deletedPack, fresh, freshPaths, modifiedPack, old } from '../../support/hostile/repository.ts';
import { startStage, type Stage } from '../../support/hostile/stage.ts';
import { rsyncDecides, type Attack, type Entry, type Lie } from '../../support/hostile/words.ts';

let stage: Stage;
before(async () => { stage = await startStage(); });
after(() => stage.stop());

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));
const noContent = { flags: 0x100 };

const suppressions: readonly Attack[] = [
  { name: 'of no folder', audit: { list: { folders: noContent } }, exits: [3], finds: [`unaccounted ${deletedPack}`] },
  { name: 'of the folder of the deleted pack', audit: { list: { [folderOf(deletedPack)]: noContent } }, exits: [3], finds: [`unaccounted ${deletedPack}`] },
  { name: 'of the folder of the packs', rare: true, audit: { list: { data: noContent } }, exits: [3] },
  { name: 'of the repository', rare: true, audit: { list: { '.': noContent } }, exits: [3] },
  { name: 'of no folder, and the changed pack as it was', rare: true, audit: { list: { folders: noContent, [modifiedPack]: { size: 2000, mtime: 1_790_000_000 } } },
    exits: [3], finds: [`unaccounted ${deletedPack}`] },
  { name: 'no list at all', audit: { list: { '.': null, data: null, keys: null, index: null, snapshots: null, config: null } }, exits: rsyncDecides },
  { name: 'a folder left out', crime: false, audit: { list: { [folderOf(old.packs[2]!)]: null, [old.packs[2]!]: null } }, exits: [3], finds: [`deleted ${old.packs[2]!}`] },
  { name: 'a folder left out, its pack listed', rare: true, crime: false, audit: { list: { [folderOf(old.packs[2]!)]: null } }, exits: rsyncDecides },
  { name: 'everything as in the replica (the one lie that nothing can see)', command: 'audit', exits: [0],
    audit: { list: { [deletedPack]: { size: 1000, mtime: 1_790_000_000 }, [modifiedPack]: { size: 2000, mtime: 1_790_000_000 } } } },
];

suiteOf('content is told', () => stage, suppressions);

const otherTypes = ['folder', 'symlink', 'fifo', 'socket', 'block', 'character'] as const;
const files = [old.packs[2]!, old.key, old.index, old.snapshot, 'config'];
/** Two folders as something else, and nothing in them. */
const noFolders = (type: NonNullable<Entry['type']>): Record<string, Entry | null> => ({
  [folderOf(old.packs[2]!)]: { type }, [old.packs[2]!]: null, index: { type }, [old.index]: null, [fresh.index]: null,
});
const all = (paths: readonly string[], entry: Entry): Record<string, Entry> => Object.fromEntries(paths.map((path) => [path, entry]));

const types: readonly Attack[] = [
  ...otherTypes.map((type): Attack => ({
    name: `every kind of file as ${type}`, rare: !['folder', 'symlink', 'fifo'].includes(type), crime: false, audit: { list: all(files, { type }) }, exits: [3], finds: files.map((path) => `type-changed ${path}`),
  })),
  ...(['file', 'symlink', 'fifo', 'socket', 'block', 'character'] as const).map((type): Attack => ({
    name: `folders as ${type}`, rare: !['file', 'symlink'].includes(type), crime: false, audit: { list: noFolders(type) }, exits: [3],
    finds: ['index', folderOf(old.packs[2]!)].map((path) => `type-changed ${path}`),
  })),
  { name: 'the repository as a file', rare: true, crime: false, audit: { list: { '.': { type: 'file' } } }, exits: rsyncDecides },
  { name: 'the repository as a symlink', crime: false, audit: { list: { '.': { type: 'symlink' } } }, exits: rsyncDecides },
  { name: 'a pack as a folder with that pack in it', crime: false, audit: { list: { [old.packs[2]!]: { type: 'folder' }, [`${old.packs[2]!}/child`]: { size: 3 } } }, exits: rsyncDecides },
  { name: 'a mode of no type', rare: true, crime: false, audit: { list: { [old.packs[2]!]: { mode: 0o170000 } } }, exits: rsyncDecides },
];

suiteOf('another type', () => stage, types);

const outside: readonly Attack[] = [
  '../evil', 'data/../../evil', '/etc/evil', '//evil', '..', './config', 'keys/../config', '',
  '.rsync-ratchet/replica.json', '.rsync-ratchet', 'locks/x', 'data/', 'x'.repeat(4000), 'x'.repeat(5000), `${'x/'.repeat(2000)}x`,
].map((path): Attack => ({
  name: JSON.stringify(path.length > 40 ? `${path.slice(0, 4)}... of ${path.length}` : path),
  rare: !['../evil', '/etc/evil', '', '.rsync-ratchet/replica.json', 'locks/x', 'data/'].includes(path),
  crime: false, command: 'audit', audit: { list: { [path]: { size: 7 } } }, exits: path === './config' || path === 'locks/x' ? [0] : rsyncDecides,
}));

const strange = [' ', '\n', 'a\nb', ' -> ', '*deleting   x', '\x1b[2J', '\xff\xfe', '-rf', 'x'.repeat(255), 'data/ab/x', 'data/./y', 'data//z'];
const strangers: Attack = {
  name: 'names that are only strange', crime: false, audit: { list: all(strange, { size: 7 }) }, exits: [4], admits: freshPaths,
  finds: ['foreign', 'foreign \\#012', 'foreign a\\#012b', 'foreign \\#377\\#376', 'foreign data/y'],
};

suiteOf('names', () => stage, [...outside, strangers]);

const numbers: readonly Attack[] = [
  ...([[2 ** 53, 'too large for us', 1], [-1, 'negative', 1], [0, 'nothing', 3], [1e15, 'larger than every disk', 3]] as const).map(([size, what, exit]): Attack =>
    ({ name: `a pack of ${size} bytes: ${what}`, crime: false, audit: { list: { [old.packs[2]!]: { size } } }, exits: [exit] })),
  ...([[2 ** 40, 'far ahead'], [-(2 ** 40), 'far back'], [253_402_300_800, 'year 10000']] as const).map(([mtime, what]): Attack =>
    ({ name: `a time of ${mtime}: ${what}`, crime: false, audit: { list: { [old.packs[2]!]: { mtime } } }, exits: [1], says: /cannot be understood/ })),
  { name: 'a time before 1970: a suspect', crime: false, command: 'audit', audit: { list: { [old.packs[2]!]: { mtime: -1 } } }, exits: [0], finds: [`suspect ${old.packs[2]!}`] },
  { name: 'new packs of 1000 TB', crime: false, audit: { list: { [`data/ab/${'ab'.repeat(32)}`]: { size: 1e15 } } }, exits: [3], finds: ['over-limit'] },
];

suiteOf('numbers', () => stage, numbers);

test('a pass that is run once more knows its suspects anew', async (t) => {
  const lie: Lie = { list: { [old.packs[2]!]: { mtime: 1_600_000_000 } } };
  const night = stage.night(t, { calls: { 3: { ...lie, listError: 2 }, 4: lie }, crime: false });
  const { code, run } = await night.run(['audit']);
  assert.deepEqual([code, run.audit.suspects, run.findings.map(({ rule }: { rule: string }) => rule)], [0, 1, ['suspect']]);
});
