/** The lies that are told in packs and indexes: what each writes on serverA, and what the truth would be. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Blob, dataBlob, type Entry, idOf, type Pack, packPath } from '../forge.ts';
import { type ForgedNight, newBackup, oldBlobs, text, treeOne } from '../forged.ts';

/** A lie that was told. */
export interface Told {
  /** The file that must be named and must not enter, as a path. */
  readonly culprit: string;
  /** What a true index says of the packs that the lie is about. */
  readonly truth: readonly Pack[];
  /** What the lie is to take the place of, as paths, where a window lets it be deleted. */
  readonly replaced: readonly string[];
}

export interface Lie {
  readonly name: string;
  /** Whether it can stand in the place of what the replica has. */
  readonly replaces?: boolean;
  /** How it is told in each run of the suite; the others, and the other ways, only before a release. */
  each?: undefined | 'alone' | 'beside' | 'in place';
  readonly tell: (night: ForgedNight) => Told;
}

type Forged = (pack: Pack, night: ForgedNight) => object;

/** A lie that an index tells about a pack: `change` gives what it says in place of the truth. */
function ofNewPack(name: string, change: Forged): Lie {
  return {
    name: `${name}, of a new pack`,
    tell(night) {
      const { data, trees, snapshot } = newBackup(night);
      const culprit = night.forge.index({ packs: [change(data, night), trees].flat() as Pack[] });
      snapshot();
      return { culprit, truth: [data, trees], replaced: [] };
    },
  };
}

function ofOldPack(name: string, change: Forged): Lie {
  return {
    name: `${name}, of a pack that stays`,
    replaces: true,
    tell(night) {
      const { shared, ...others } = night.old.packs;
      const culprit = night.forge.index({ packs: [change(shared, night), Object.values(others)].flat() as Pack[] });
      return { culprit, truth: Object.values(night.old.packs), replaced: [night.old.index] };
    },
  };
}

/** A pack that is poison itself; `isNamed`: an index names it, as its header is. */
function poison(name: string, isNamed: boolean, write: (night: ForgedNight) => Pack): Lie {
  return {
    name,
    tell(night) {
      const pack = write(night);
      if (isNamed) night.forge.index({ packs: [pack] });
      return { culprit: packPath(pack.id), truth: [pack], replaced: [] };
    },
  };
}

/** Blobs of old snapshots once more in a new pack, one of them with a plain length that is false in header and index alike. */
function again(name: string, blobs: readonly Blob[]): Lie {
  return {
    name: `${name}, once more in a new pack with a false plain length`,
    replaces: true,
    tell(night) {
      const pack = night.forge.pack(blobs);
      const { shared, ...others } = night.old.packs;
      const isWhole = Object.values(oldBlobs).slice(0, 4).every(({ content }) => blobs.some((blob) => blob.content.equals(content)));
      night.forge.index({ packs: [pack, ...(isWhole ? [] : [shared]), ...Object.values(others)] });
      return { culprit: packPath(pack.id), truth: [pack], replaced: [night.old.index, ...(isWhole ? [packPath(shared.id)] : [])] };
    },
  };
}

const { a, b, c, d } = oldBlobs;
const first = ({ blobs }: Pack): Entry => blobs[0] ?? assert.fail('no blob');
const second = ({ blobs }: Pack): Entry => blobs[1] ?? assert.fail('no second blob');
/** The pack with other entries for its first two blobs. */
const withTwo = (pack: Pack, one: object, two: object): Pack => ({ ...pack, blobs: [{ ...first(pack), ...one }, { ...second(pack), ...two }, ...pack.blobs.slice(2)] });
const exchanged = (pack: Pack): Pack => withTwo(pack, { id: second(pack).id }, { id: first(pack).id });
const invented = 'ab'.repeat(32);

/** What an index can say of a new pack and of one that stays alike. */
const kinds: readonly (readonly [name: string, change: Forged])[] = [
  ['an index that exchanges two blobs of equal length', exchanged],
  ['an index with a false length', (pack) => withTwo(pack, { length: first(pack).length - 10 }, {})],
  ['an index with false lengths that add up', (pack) => withTwo(pack, { length: first(pack).length - 10 }, { offset: second(pack).offset - 10, length: second(pack).length + 10 })],
  ['an index with an invented blob in place of a true one', (pack) => withTwo(pack, { id: invented }, {})],
  ['an index with an invented blob beside the true ones', (pack) => ({ ...pack, blobs: [...pack.blobs, { ...first(pack), id: invented }] })],
  ['an index that calls data a tree', (pack) => withTwo(pack, { type: 'tree' }, {})],
  ['an index that names a pack twice, once with a lie', (pack) => [pack, exchanged(pack)]],
  ['an index that gives a blob a plain length that the header has not', (pack) => withTwo(pack, { uncompressed_length: first(pack).length - 32 + 5 }, {})],
  ['an index that calls a blob compressed, of the plain length that it has', (pack) => withTwo(pack, { uncompressed_length: first(pack).length - 32 }, {})],
];

export const lies: readonly Lie[] = [
  ...kinds.map(([name, change]) => ofNewPack(name, change)),
  ...kinds.map(([name, change]) => ofOldPack(name, change)),
  ofNewPack('an index that finds an old blob there', (pack) => withTwo(pack, { id: idOf(a) }, {})),
  ofOldPack('an index that finds its blobs in another pack', (pack, { old }) => [{ ...pack, blobs: old.packs.single.blobs }, { ...old.packs.single, blobs: pack.blobs.slice(0, 1) }]),
  ofOldPack('an index with another plain length', (pack) => ({ ...pack, blobs: pack.blobs.map((blob) => (blob.uncompressed_length === undefined ? blob : { ...blob, uncompressed_length: 500 })) })),
  ofOldPack('an index that says its offsets twice, true in small letters, false in others', (pack) =>
    ({ ...pack, blobs: exchanged(pack).blobs.map((blob, n) => ({ ...blob, id: pack.blobs[n]?.id, ID: blob.id })) })),
  poison('a pack of random bytes', false, (night) => ({ id: night.forge.write('data', text('junk', 5000)).slice(-64), blobs: [] })),
  ...[false, true].flatMap((isNamed) => {
    const how = isNamed ? 'that an index names' : 'that no index names';
    return [
      poison(`a pack ${how} with a rotten blob`, isNamed, rotten),
      poison(`a pack ${how} with an invented blob`, isNamed, ({ forge }) => forge.pack([dataBlob(text('i'), { id: invented }), dataBlob(text('j'))])),
      poison(`a pack ${how} with another content for an old blob`, isNamed, ({ forge }) => forge.pack([dataBlob(text('i'), { id: idOf(a) }), dataBlob(text('j'))])),
    ];
  }),
  again('compressed blobs of old snapshots', [a, b, { ...c, plainLength: 500 }, d]),
  again('an uncompressed blob of old snapshots, compressed', [{ ...a, compressed: true, plainLength: 500 }, b, c, d]),
  again('a tree of an old snapshot', [{ ...treeOne, compressed: true, plainLength: 50 }]),
];

/** A pack with its own hash for a name, of which a byte of the first blob was turned before it was named. */
function rotten({ forge }: ForgedNight): Pack {
  const { id, blobs } = forge.pack([dataBlob(text('i')), dataBlob(text('j'))]);
  const bytes = forge.bytes(packPath(id));
  bytes[500] = (bytes[500] ?? 0) ^ 1;
  rmSync(join(forge.repository.path, packPath(id)));
  return { id: forge.write('data', bytes).slice(-64), blobs };
}

/** One of each kind. */
const each: Readonly<Record<string, Lie['each']>> = {
  'an index that exchanges two blobs of equal length, of a new pack': 'beside',
  'an index with a false length, of a new pack': 'alone',
  'an index with an invented blob beside the true ones, of a new pack': 'beside',
  'an index that calls a blob compressed, of the plain length that it has, of a new pack': 'alone',
  'an index that finds an old blob there, of a new pack': 'alone',
  'an index with an invented blob in place of a true one, of a pack that stays': 'alone',
  'an index that finds its blobs in another pack, of a pack that stays': 'in place',
  'a pack that no index names with a rotten blob': 'alone',
  'a pack that an index names with another content for an old blob': 'beside',
  'compressed blobs of old snapshots, once more in a new pack with a false plain length': 'in place',
};
for (const lie of lies) lie.each = each[lie.name];
assert.equal(lies.filter((lie) => lie.each !== undefined).length, Object.keys(each).length);
