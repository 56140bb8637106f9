import { isMap, isScalar, isSeq } from 'yaml';
import type { Finding, KeyPath } from './types.ts';
import { isExtra, keyText, printable, type Yaml } from './yaml.ts';

/** As much of a valibot schema as the walk needs. */
interface Shape {
  type: string;
  message?: unknown;
  entries?: Readonly<Record<string, Shape>>;
  wrapped?: Shape;
  value?: Shape;
  item?: Shape;
}

/**
 * Compares the YAML with the schema's mappings: what should be a mapping and is none, unknown keys, missing keys.
 * valibot would name only the first unknown key of a mapping, and takes a list for a mapping.
 */
export function shapeFindings(yaml: Yaml, schema: object): Finding[] {
  return walk(yaml, yaml.root, schema as Shape, []);
}

function walk(yaml: Yaml, written: unknown, wrapped: Shape, path: KeyPath): Finding[] {
  const shape = bare(wrapped);
  const node = yaml.resolve(written);
  if (shape.type === 'array' && shape.item && isSeq(node)) {
    const item = shape.item;
    return node.items.flatMap((one, index) => walk(yaml, one, item, [...path, index]));
  }
  if (shape.type !== 'record' && shape.entries === undefined) return [];
  if (!isMap(node)) return [{ path, at: 'value', message: notMapping(shape, node) }];
  const here = yaml
    .pairs(node)
    .map((pair) => ({ key: keyText(pair), value: pair.value }))
    .filter(({ key }) => shape.type === 'record' || !isExtra(key));
  const below = here.flatMap(({ key, value }) => {
    const part = shape.entries ? own(shape.entries, key) : shape.value;
    return part
      ? walk(yaml, value, part, [...path, key])
      : [{ path: [...path, key], at: 'key' as const, message: unknownKey(key, shape) }];
  });
  return [
    ...below,
    ...missing(
      shape,
      here.map(({ key }) => key),
      path,
    ),
  ];
}

const own = (entries: Readonly<Record<string, Shape>>, key: string) =>
  Object.hasOwn(entries, key) ? entries[key] : undefined;

const bare = (shape: Shape): Shape => (shape.wrapped ? bare(shape.wrapped) : shape);

const keysOf = (shape: Shape) => Object.keys(shape.entries ?? {});

function notMapping(shape: Shape, node: unknown): string {
  const right =
    shape.type === 'record'
      ? 'a mapping from names to repositories'
      : `a mapping with the keys ${keysOf(shape).join(', ')}`;
  const empty = node === null || node === undefined || (isScalar(node) && node.value === null);
  return empty ? `is empty: must be ${right}` : `must be ${right}, not ${isSeq(node) ? 'a list' : 'a single value'}`;
}

function missing(shape: Shape, present: string[], path: KeyPath): Finding[] {
  return keysOf(shape)
    .filter((key) => !present.includes(key))
    .flatMap((key) => {
      const entry = shape.entries?.[key];
      if (!entry || entry.type.endsWith('optional')) return [];
      const right = typeof entry.message === 'string' ? entry.message : 'must be a mapping from names to repositories';
      return [{ path: [...path, key], at: 'parent' as const, message: `is missing: ${right}` }];
    });
}

function unknownKey(key: string, shape: Shape): string {
  const keys = keysOf(shape);
  const near = nearest(key, keys);
  const guess = near === undefined ? '' : `did you mean ${near}? `;
  return `unknown key ${printable(key)}: ${guess}right here: ${keys.join(', ')}`;
}

/** The word that takes the fewest edits, if those are few for its length. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const rated = words.map((one) => ({ one, edits: distance(word.toLowerCase().slice(0, 64), one.toLowerCase()) }));
  const best = rated.sort((a, b) => a.edits - b.edits)[0];
  return best && best.edits <= Math.max(1, Math.floor(best.one.length / 3)) ? best.one : undefined;
}

/** Levenshtein's edit distance. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
