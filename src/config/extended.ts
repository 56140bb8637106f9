/** A configuration with something added, every byte of what was there left as it is: comments, order, quotes. */
import { isMap, isNode, isPair, isScalar, parseDocument, stringify, type YAMLMap } from 'yaml';

/** A key, and what is to stand there; plain data. */
export interface Addition {
  /** The mapping at the top that it goes into. */
  readonly into: string;
  readonly key: string;
  readonly value: unknown;
}

/** The text with all of it; the key whose mapping is no block (`{ … }`, an alias), where nothing can be added by lines. */
export function extended(text: string, additions: readonly Addition[]): string | { readonly closed: string } {
  let longer = text;
  for (const addition of additions) {
    const next = withOne(longer, addition);
    if (next === undefined) return { closed: addition.into };
    longer = next;
  }
  return longer;
}

/** The lines that would be added, for who must do it by hand. */
export function linesOf({ into, key, value }: Addition): string {
  return stringify({ [into]: { [key]: value } }, { lineWidth: 0 });
}

function withOne(text: string, addition: Addition): string | undefined {
  const top = parseDocument(text).contents;
  if (text.trim() !== '' && top !== null && !(isMap(top) && top.flow !== true)) return undefined;
  const map = isMap(top) ? top : undefined;
  const pair = map?.items.find(({ key }) => isScalar(key) && key.value === addition.into);
  const below = pair?.value;
  if (pair === undefined) return `${closed(text)}${text.trim() === '' ? '' : '\n'}${linesOf(addition)}`;
  if (!isMap(below) || below.flow === true || below.items.length === 0) return undefined;
  return inserted(text, below, addition);
}

/** Behind the last entry, and what is said about it, in the column of the others. */
function inserted(text: string, below: YAMLMap, { key, value }: Addition): string | undefined {
  const first = below.items[0]?.key;
  if (!isScalar(first) || !first.range || !below.range) return undefined;
  const column = first.range[0] - (text.lastIndexOf('\n', first.range[0]) + 1);
  const indent = ' '.repeat(column);
  const lines = stringify({ [key]: value }, { lineWidth: 0 })
    .trimEnd()
    .split('\n');
  const block = lines.map((line) => `${indent}${line}\n`).join('');
  const end = endOf(text, lastOffset(below), below.range[2]);
  return closed(text.slice(0, end)) + block + text.slice(end);
}

/** Where the last word of a node ends: that of a mapping or a list counts the comments below it in. */
function lastOffset(node: unknown): number {
  const { items } = node as { items?: readonly unknown[] };
  const last = items?.at(-1);
  if (isPair(last)) return lastOffset(last.value ?? last.key);
  if (last !== undefined) return lastOffset(last);
  return isNode(node) ? (node.range?.[1] ?? 0) : 0;
}

/** A comment at the margin is about what follows. */
function endOf(text: string, from: number, to: number): number {
  const about = /\n(?:[ \t]*\n)*(?=#)/.exec(text.slice(from, to));
  return about === null ? to : from + about.index + 1;
}

const closed = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);
