import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { Document, Node, Pair, ParsedNode, YAMLError, YAMLMap } from 'yaml';
import type { Finding, KeyPath, Position, Problem } from './types.ts';

/** A parsed YAML text: its value, and where in the text each part of it stands. */
export interface Yaml {
  root: Node | null;
  /** Plain data: mappings, lists, text, numbers, booleans, null. */
  raw: unknown;
  /** A node, or what it is an alias of. */
  resolve(node: unknown): unknown;
  /** The pairs of a mapping, those that come in by merge keys (`<<`) included. */
  pairs(map: YAMLMap): Pair[];
  place(path: KeyPath, at: Finding['at']): Position;
  /** Keys that stand twice; everything else that YAML dislikes makes the text unreadable. */
  duplicates: Problem[];
}

type Parsed = Document.Parsed;
const hints: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with blanks',
  BLOCK_AS_IMPLICIT_KEY: 'put a value that contains ": " or ends with ":" in quotes',
  BAD_SCALAR_START: 'put the value in quotes',
  MULTIPLE_DOCS: 'keep one document, without a second ---',
  TAG_RESOLVE_FAILED: 'leave the ! tag away',
  NON_STRING_KEY: 'a key is a plain word',
  MISSING_CHAR: 'close the quote or bracket',
};

/** So many syntax errors are told: what stands behind the first one is seldom wrong itself. */
const mostErrors = 3;

/** Parses YAML 1.2; what cannot be read comes back as problems, the first few that the parser found. */
export function readYaml(text: string): Yaml | { problems: Problem[] } {
  const lines = new LineCounter();
  const doc = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    merge: true,
    logLevel: 'error',
  });
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const told = [...doc.errors, ...doc.warnings];
  const broken = told.filter((error) => error.code !== 'DUPLICATE_KEY');
  if (broken.length > 0) return { problems: syntaxProblems(broken, text, position) };
  const duplicates = told.map((error) => duplicateProblem(doc, error, position));
  try {
    const raw: unknown = doc.toJS();
    const place: Yaml['place'] = (path, at) => position(offsetOf(doc, path, at));
    return {
      root: doc.contents,
      raw,
      duplicates,
      place,
      resolve: (node) => resolveNode(doc, node),
      pairs: (map) => pairsOf(doc, map),
    };
  } catch (error) {
    return { problems: [...duplicates, aliasProblem(doc, error, position)] };
  }
}

/** One stray line makes every token behind it unexpected: of those only the first is told. */
function syntaxProblems(errors: readonly YAMLError[], text: string, position: (offset: number) => Position): Problem[] {
  const first = errors.find(isUnexpected);
  const told = errors.filter((error) => error === first || !isUnexpected(error)).slice(0, mostErrors);
  const rest = errors.length - told.length;
  const problems = told.map((error) => syntaxProblem(error, text, position));
  return rest === 0
    ? problems
    : [
        ...problems,
        {
          ...position(0),
          key: '',
          message: `… and ${rest} more that follow from ${told.length === 1 ? 'it' : 'them'}`,
        },
      ];
}

function isUnexpected({ code }: YAMLError): boolean {
  return code === 'UNEXPECTED_TOKEN';
}

/** The parser stumbles over the first token behind what is wrong, which may be lines before it. */
function strayHint(lines: readonly string[], line: number): string {
  const before = lines.slice(0, line - 1).findLastIndex((each) => /^\s*[^\s#]/.test(each)) + 1;
  return `something in this line${before === 0 ? '' : `, or in line ${before} before it,`} does not belong there`;
}

function syntaxProblem(error: YAMLError, text: string, position: (offset: number) => Position): Problem {
  const hint = isUnexpected(error)
    ? strayHint(text.split('\n'), position(error.pos[0]).line)
    : (hints[error.code] ?? 'check indentation, colons and quotes');
  return { ...position(error.pos[0]), key: '', message: `not valid YAML: ${printable(error.message)}: ${hint}` };
}

function duplicateProblem(doc: Parsed, error: YAMLError, position: (offset: number) => Position): Problem {
  let key = '';
  visit(doc, {
    Pair(_, pair, ancestors) {
      if (offsetOfNode(pair.key) !== error.pos[0]) return undefined;
      key = keyName([...pathTo(ancestors), keyText(pair)]);
      return visit.BREAK;
    },
  });
  return { ...position(error.pos[0]), key, message: 'the same key stands here twice: keep one of them' };
}

/** An alias of nothing, or so many aliases of aliases that they could fill the memory. */
function aliasProblem(doc: Parsed, error: unknown, position: (offset: number) => Position): Problem {
  const aliases: { node: Node; known: boolean }[] = [];
  visit(doc, {
    Alias: (_, node) => {
      aliases.push({ node, known: node.resolve(doc) !== undefined });
    },
  });
  const first = aliases.find(({ known }) => !known) ?? aliases[0];
  const message =
    first?.known === false
      ? 'this alias has no anchor before it'
      : printable(error instanceof Error ? error.message : String(error));
  return { ...position(offsetOfNode(first?.node) ?? 0), key: '', message: `${message}: write the value itself` };
}

/** The keys of the pairs and the places in the lists above a node. */
function pathTo(ancestors: readonly (Document | Node | Pair)[]): KeyPath {
  return ancestors.flatMap((node, depth): (string | number)[] => {
    if (isSeq(node)) return [node.items.indexOf(ancestors[depth + 1])];
    return 'key' in node ? [keyText(node)] : [];
  });
}

/** A pair's key as text; stringKeys made sure that it is a scalar. */
export function keyText(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : '';
}

function resolveNode(doc: Parsed, node: unknown): unknown {
  return isAlias(node) ? node.resolve(doc) : node;
}

/** A key that is the operator's own: a place for anchors, which nothing reads. */
export function isExtra(key: string): boolean {
  return key.startsWith('x-');
}

/** What stands in a mapping itself goes before what is merged in, and an earlier source of that before a later one. */
function pairsOf(doc: Parsed, map: YAMLMap): Pair[] {
  const own = map.items.filter((pair) => keyText(pair) !== '<<');
  const sources = map.items
    .filter((pair) => keyText(pair) === '<<')
    .flatMap(({ value }) => {
      const source = resolveNode(doc, value);
      return isSeq(source) ? source.items.map((item) => resolveNode(doc, item)) : [source];
    });
  const known = new Set(own.map(keyText));
  const merged = sources
    .filter((source) => isMap(source))
    .flatMap((source) => pairsOf(doc, source))
    .filter((pair) => {
      const isNew = !known.has(keyText(pair));
      known.add(keyText(pair));
      return isNew;
    });
  return [...own, ...merged];
}

/** Where a node begins; undefined for one that is not written, such as the value of `key:`. */
function offsetOfNode(node: unknown): number | undefined {
  const range = (node as ParsedNode | null | undefined)?.range;
  return range && (range[0] < range[1] || isMap(node) || isSeq(node)) ? range[0] : undefined;
}

/** Follows a path as far as the document has it; a value that is not written is where its key is. */
function offsetOf(doc: Parsed, path: KeyPath, at: Finding['at']): number {
  if (at === 'parent') return offsetOf(doc, path.slice(0, -1), 'key');
  let spots = { key: offsetOfNode(doc.contents) ?? 0, value: offsetOfNode(doc.contents) ?? 0 };
  let node: unknown = doc.contents;
  for (const part of path) {
    const step = stepInto(doc, resolveNode(doc, node), part);
    if (!step) return spots.key;
    const key = offsetOfNode(step.key) ?? spots.key;
    spots = { key, value: offsetOfNode(step.value) ?? key };
    node = step.value;
  }
  return spots[at];
}

/** One step: a mapping's last pair of that name (the one that counts), or a list's item, which is its own key. */
function stepInto(doc: Parsed, node: unknown, part: string | number): { key: unknown; value: unknown } | undefined {
  if (isMap(node)) return pairsOf(doc, node).findLast((pair) => keyText(pair) === part);
  if (isSeq(node) && typeof part === 'number' && part < node.items.length) {
    return { key: node.items[part], value: node.items[part] };
  }
  return undefined;
}

/** `repositories.nightly.pruneWindows[0].from`. */
export function keyName(path: KeyPath): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : (index > 0 ? '.' : '') + printable(part)))
    .join('');
}

/** Any text on one line, harmless on a terminal: other than visible characters come as `\u{1b}`. */
export function printable(text: string): string {
  const escaped = text.replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
  return escaped.length > 200 ? `${escaped.slice(0, 200)}…` : escaped;
}
