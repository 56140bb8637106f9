/**
 * Nights with an honest serverA: what source and replica hold, and what the audit must say. The same table is put to a
 * simulated report (test/audit/audit.test.ts), to recorded ones (fixtures/itemize), and to the rsync of this machine.
 */
import type { Known } from '../../src/audit/facts.ts';
import { ignoredNames } from '../../src/ignored.ts';
import { isExcluded } from '../../src/layout.ts';
import { fileOf, idOf } from './itemized.ts';
import { file, folder, repository, special, without, type Tree } from './trees.ts';

export interface NamedNight {
  readonly name: string;
  readonly replica: Tree;
  readonly source: Tree;
  readonly ignore: readonly string[];
  readonly initialising: boolean;
  /** `rule path`, with `!` for a violation and `?` for a warning, sorted. */
  readonly findings: readonly string[];
}

const [pack, index, snapshot, key] = (['pack', 'index', 'snapshot', 'key'] as const).map((type) => fileOf(type, 'old')) as [string, string, string, string];
const [newPack, newIndex, newSnapshot, newKey] =
  (['pack', 'index', 'snapshot', 'key'] as const).map((type) => fileOf(type, 'new')) as [string, string, string, string];
const [packs, newPacks] = [pack.slice(0, 7), newPack.slice(0, 7)];

/** Names that were invented to fool somebody, as bytes. */
export const oddNames: readonly string[] = [
  'new\nline', '\n', 'cr\r', 'tab\there', '\x1b[31mred', '\x7f', '\xff\xfe', '\xc3\xa4', '  blanks  ', 'a -> b', '*deleting   x', '*', '?', '[a]', '-rf', '~',
  '\\', '\\#', '\\#12', '\\#123', '\\#189', '\\#134#123', 'a\\#012b', '|1|2026|x', '"', '\'', '$(x)', '%n', ';', 'x'.repeat(255), '\xff'.repeat(255),
];
const shown = (name: string): string => name.replace(/[^ -~]|\\(?=#\d{3})/g, (c) => `\\#${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
const odd = Object.fromEntries(oddNames.map((name) => [name, file()]));
const allOdd = (rule: string): string[] => oddNames.map((name) => `${rule} ${shown(name)}`);
const excluded: Tree = {
  '.rsync-ratchet': folder, '.rsync-ratchet/replica.json': file(), locks: folder, [`locks/${idOf('lock')}`]: file(), 'lost+found': folder, tmp: folder, 'tmp/x': file(),
  [`${pack}-restic-temp-1`]: file(), [`index/${idOf('up')}-tmp-77`]: file(), [`snapshots/${idOf('up')}.rest-server-temp9`]: file(), 'config-tmp-5': file(),
};

/** As long as a pack's name, which no upload's name is: the filters let it through. Longer and elsewhere: left out. */
const [markedPack, ...marked] = ['data/01/', 'data/01/a', 'keys/', 'data/01/x/'].map((folderOf) => `${folderOf}${'a-tmp-'.padEnd(64, 'b')}`) as [string, ...string[]];
const markedFiles: Tree = { 'data/01': folder, 'data/01/x': folder, [markedPack]: file(), ...Object.fromEntries(marked.map((path) => [path, file()])) };

/** A name as it is read from the disk: a character for each byte. */
const bytesOf = (name: string): string => Buffer.from(name).toString('latin1');

interface Changes {
  /** What serverA has different from the repository; undefined: what it has not. */
  readonly source?: Readonly<Record<string, Known | undefined>>;
  /** What the replica has different from the repository. */
  readonly replica?: Readonly<Record<string, Known | undefined>>;
  readonly ignore?: readonly string[];
}

function changed(tree: Tree, changes: Readonly<Record<string, Known | undefined>> = {}): Tree {
  const defined = Object.entries(changes).filter((entry): entry is [string, Known] => entry[1] !== undefined);
  return { ...without(tree, ...Object.keys(changes)), ...Object.fromEntries(defined) };
}

function night(name: string, { source, replica, ignore = [] }: Changes, ...findings: readonly string[]): NamedNight {
  return { name, source: changed(repository, source), replica: changed(repository, replica), ignore, initialising: false, findings: [...findings].sort() };
}

const backup = { [newPacks]: folder, [newPack]: file(1), [newIndex]: file(2), [newSnapshot]: file(3) };
const both = (here: Readonly<Record<string, Known | undefined>>, there = here) => ({ replica: here, source: there });

export const nights: readonly NamedNight[] = [
  night('nothing changed', {}),
  night('a backup', { source: backup }),
  { ...night('the first copy', { source: { ...backup, [newKey]: file() } }), replica: {}, initialising: true },
  night('a backup and empty folders', both({ snapshots: undefined, [snapshot]: undefined }, backup)),
  night('times of folders', { source: { data: { ...folder, mtime: 5 }, snapshots: { ...folder, mtime: 6 }, [packs]: { ...folder, mtime: 7 } } }),
  night('a longer pack', { source: { [pack]: file(1001) } }, `!modified ${pack}`),
  night('a pack truncated to nothing', { source: { [pack]: file(0) } }, `!modified ${pack}`),
  night('a pack of another time', { source: { [pack]: file(1000, 5) } }, `.suspect ${pack}`),
  night('a pack of another size and time', { source: { [pack]: file(1, 5) } }, `!modified ${pack}`),
  night('another config', { source: { config: file(155, 5) } }, '.suspect config'),
  night('another key, index and snapshot', { source: { [key]: file(1), [index]: file(2), [snapshot]: file(3) } }, `!modified ${key}`, `!modified ${index}`, `!modified ${snapshot}`),
  night('a deleted pack', { source: { [pack]: undefined } }, `!deleted ${pack}`),
  night('a deleted folder of packs', { source: { [pack]: undefined, [packs]: undefined } }, `!deleted ${pack}`),
  night('a deleted index and snapshot', { source: { [index]: undefined, [snapshot]: undefined } }, `!deleted ${index}`, `!deleted ${snapshot}`),
  night('a deleted key', { source: { [key]: undefined } }, `!pinned ${key}`),
  night('a deleted config', { source: { config: undefined } }, '!pinned config'),
  { ...night('everything is gone', {}, '!pinned config', `!pinned ${key}`, ...[pack, index, snapshot].map((path) => `!deleted ${path}`)), source: {} },
  night('a new key', { source: { [newKey]: file() } }, `!pinned ${newKey}`),
  night('a pack that became a symlink', { source: { [pack]: special } }, `!type-changed ${pack}`),
  night('a pack that became a folder', { source: { [pack]: folder } }, `!type-changed ${pack}`),
  night('a folder that became a pack', { replica: { [pack]: folder } }, `!type-changed ${pack}`),
  night('a symlink that became a pack', { replica: { [pack]: special } }, `!type-changed ${pack}`),
  night('a stray that became a folder', both({ x: file() }, { x: folder }), '?foreign x'),
  night('a stray that became a file', both({ x: folder }, { x: file() }), '?foreign x'),
  night('a stray that became a symlink', both({ x: file() }, { x: special }), '?foreign x'),
  night('a stray symlink that became a file', both({ x: special }, { x: file() }), '?foreign x'),
  night('a stray symlink that became a folder', both({ x: special }, { x: folder }), '?foreign x'),
  night('a stray symlink on both sides', both({ x: special }), '?foreign x'),
  night('stray files', { source: { 'x\n': file(), 'data/y': file(), 'keys/z': file() } }, '?foreign data/y', '?foreign keys/z', '?foreign x\\#012'),
  night('a stray folder is not looked into', { source: { x: folder, 'x/y': file(), 'keys/x': folder, 'keys/x/y': file(), 'data/x': folder, 'data/x/y': file() } }, '?foreign data/x', '?foreign keys/x', '?foreign x'),
  night('a stray folder on both sides', both({ x: folder, 'x/y': file() }), '?foreign x', '?stray x/y'),
  night('stray symlinks', { source: { [newPacks]: folder, [newPack]: special, x: special } }, `?foreign ${newPack}`, '?foreign x'),
  night('a folder named like a pack', { source: { [newPacks]: folder, [newPack]: folder } }, `?foreign ${newPack}`),
  night('data that became a symlink', { source: { data: special, [packs]: undefined, [pack]: undefined } }, `!deleted ${pack}`, '!type-changed data'),
  night('a folder of packs that became a symlink', { source: { [packs]: special, [pack]: undefined } }, `!type-changed ${packs}`),
  night('keys that became a symlink', { source: { keys: special, [key]: undefined } }, '!type-changed keys'),
  night('a file named like a folder of packs', { source: { [newPacks]: file() } }, `?foreign ${newPacks}`),
  night('strays of the replica', { replica: { 'a\x1b': file(), b: folder, 'b/x': file(), c: special } }, '?stray a\\#033', '?stray b', '?stray b/x', '?stray c'),
  night('a stray on both sides', both({ x: file(), y: folder }), '?foreign x', '?foreign y'),
  night('names of JavaScript', { source: { constructor: file(), toString: folder, [`toString/${idOf('x')}`]: file() } }, '?foreign constructor', '?foreign toString'),
  night('odd names on serverA', { source: odd }, ...allOdd('?foreign')),
  night('odd names on both sides', both(odd), ...allOdd('?foreign')),
  night('odd names in the replica', { replica: odd }, ...allOdd('?stray')),
  night('what the filters leave out on serverA', { source: excluded }),
  night('what the filters leave out in the replica', { replica: excluded }),
  night('marks of an upload in names of 64 bytes on serverA', { source: markedFiles }, '?foreign data/01/x', `?foreign ${markedPack}`),
  night('marks of an upload in names of 64 bytes in the replica', { source: { 'data/01': folder, 'data/01/x': folder }, replica: markedFiles }, '?foreign data/01/x', `?stray ${markedPack}`),
  night('ignored names', { ...both({ '.DS_Store': file(), 'data/.DS_Store': file(2), [bytesOf('\u00e9')]: file() }, { '.DS_Store': file(1), index2: folder, 'index2/x': file() }), ignore: ['.DS_Store', 'index2', '\u00e9'] }),
];

/** A tree without what rsync's filters leave out of it, as the walk of the replica sees it. */
export function seenIn(tree: Tree, { ignore }: Pick<NamedNight, 'ignore'>): Tree {
  const ignored = ignoredNames(ignore);
  const isSeen = (path: string): boolean => {
    const parts = path.split('/');
    return parts.every((_, depth) => {
      const upTo = parts.slice(0, depth + 1).join('/');
      return !isExcluded(upTo, tree[upTo]?.type === 'folder', ignored);
    });
  };
  return without(tree, ...Object.keys(tree).filter((path) => !isSeen(path)));
}
