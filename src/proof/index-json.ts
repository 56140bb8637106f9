/**
 * Reads an index of restic (`restic cat index`) as it comes, in bounded memory. Strict: restic's own decoder takes keys
 * in any case and the last of two, so what restic would not write itself is refused, or we might read another index
 * than restic does.
 */

/**
 * One blob in a pack, as an index or the pack's header has it. Offsets and lengths are bytes; `plain` is the length of its
 * content, said or not: one that is said means that restic takes the blob for compressed, be it the true one or not.
 */
export interface IndexEntry {
  readonly pack: string;
  readonly blob: string;
  readonly isTree: boolean;
  readonly isCompressed: boolean;
  readonly offset: number;
  readonly length: number;
  readonly plain: number;
}

/** Thrown inside: it is not an index as restic writes it. */
class NotAnIndex extends Error {}

/** IV and MAC around every blob. */
const envelope = 32;
/** The longest thing between two places where reading can stop. */
const longestToken = 80;
const token = /[ \t\r\n]*(?:"([0-9a-z_]{0,64})"|(0|[1-9]\d{0,14})|(null)|([{}[\]:,]))/y;

type Place = 'start' | 'index' | 'superseded' | 'packs' | 'pack' | 'blobs' | 'blob' | 'end';
const fieldsOf = {
  index: ['supersedes', 'packs'],
  pack: ['id', 'blobs'],
  blob: ['id', 'type', 'offset', 'length', 'uncompressed_length'],
} as const;
const objects: ReadonlySet<Place> = new Set(['index', 'pack', 'blob']);
/** The groups of `token`. */
const kinds = ['string', 'number', 'null', 'mark'] as const;
type Kind = (typeof kinds)[number];
const isId = (text: unknown): text is string => typeof text === 'string' && /^[0-9a-f]{64}$/.test(text);
/** A whole blob as Go's encoder writes it, with the comma before it: for speed, and the same as token by token. */
const wholeBlob =
  /(,?)\{"id":"([0-9a-f]{64})","type":"(data|tree)","offset":(0|[1-9]\d{0,9}),"length":([1-9]\d{0,9})(?:,"uncompressed_length":([1-9]\d{0,9}))?\}/y;
const longestBlob = 200;

export class IndexReader {
  readonly #tell: (entry: IndexEntry) => void;
  #text = '';
  #place: Place = 'start';
  /** The fields that the objects around this place have had; the innermost last. */
  #fields: Map<string, string | number>[] = [];
  #expects: 'value' | 'key' | 'colon' | 'comma' = 'value';
  #key = '';
  #isFirst = true;
  #fault: string | undefined;

  /** `tell` is called for each blob. */
  constructor(tell: (entry: IndexEntry) => void) {
    this.#tell = tell;
  }

  /** Takes the next piece. After a fault nothing more is told. */
  read(chunk: Buffer): void {
    if (this.#fault !== undefined) return;
    this.#text += chunk.toString('latin1');
    this.#go(longestToken);
  }

  /** There is no more, and it is ready for another index. What was wrong with this one; undefined when nothing was. */
  end(): string | undefined {
    this.#go(0);
    const isWhole = this.#place === 'end' && this.#text.trim() === '';
    const fault = this.#fault ?? (isWhole ? undefined : 'it ends too early');
    this.#fault = undefined;
    this.#text = '';
    this.#place = 'start';
    this.#expects = 'value';
    this.#fields = [];
    this.#isFirst = true;
    return fault;
  }

  #go(left: number): void {
    if (this.#fault !== undefined) return;
    try {
      this.#takeTokens(left);
    } catch (error) {
      if (!(error instanceof NotAnIndex)) throw error;
      this.#fault = error.message;
    }
  }

  #takeTokens(left: number): void {
    const text = this.#text;
    let from = 0;
    while (text.length - from > left) {
      const blob = this.#place === 'blobs' && text.length - from > longestBlob ? this.#wholeBlob(text, from) : 0;
      if (blob > 0) {
        from = blob;
        continue;
      }
      token.lastIndex = from;
      const found = token.exec(text);
      if (found === null) break;
      from = token.lastIndex;
      const number = found.slice(1).findIndex((part?: string) => part !== undefined);
      this.#take(found[number + 1] ?? '', kinds[number] ?? 'mark');
    }
    this.#text = text.slice(from);
    if (this.#text.length > longestToken && this.#text.trim() !== '') throw new NotAnIndex('it has what no index has');
  }

  /** Where the blob ends that begins here; 0 when it is written in another way. */
  #wholeBlob(text: string, from: number): number {
    wholeBlob.lastIndex = from;
    const found = wholeBlob.exec(text);
    if (found === null || (found[1] === ',') !== (this.#expects === 'comma')) return 0;
    if (found[1] === '' && !this.#isFirst) return 0;
    const [offset, length] = [Number(found[4]), Number(found[5])];
    this.#tell(this.#entry(found[2], found[3], offset, length, found[6] === undefined ? undefined : Number(found[6])));
    this.#isFirst = false;
    this.#expects = 'comma';
    return wholeBlob.lastIndex;
  }

  #take(text: string, kind: Kind): void {
    if (this.#place === 'end') throw new NotAnIndex('something stands behind its end');
    const isObject = objects.has(this.#place);
    const mayLeave = this.#expects === 'comma' || (this.#isFirst && this.#place !== 'start');
    this.#isFirst = false;
    if (mayLeave && kind === 'mark' && text === (isObject ? '}' : ']')) return this.#leave();
    if (this.#expects === 'value') return this.#value(text, kind);
    if (this.#expects === 'key') return this.#newKey(text, kind);
    const mark = this.#expects === 'colon' ? ':' : ',';
    if (kind !== 'mark' || text !== mark) throw new NotAnIndex(`a ${mark} is missing`);
    this.#expects = mark === ',' && isObject ? 'key' : 'value';
  }

  #newKey(key: string, kind: Kind): void {
    if (kind !== 'string') throw new NotAnIndex('a key is missing');
    const fields = this.#fields.at(-1);
    const known: readonly string[] = fieldsOf[this.#place as keyof typeof fieldsOf];
    if (!known.includes(key)) throw new NotAnIndex(`a field ${key} is none of restic's`);
    if (fields?.has(key) === true) throw new NotAnIndex(`a field ${key} stands twice`);
    fields?.set(key, '');
    this.#key = key;
    this.#expects = 'colon';
  }

  #value(text: string, kind: Kind): void {
    const here = objects.has(this.#place) ? `${this.#place}.${this.#key}` : this.#place;
    const opens = kind === 'mark' ? opening[`${here} ${text}`] : undefined;
    if (opens !== undefined) return this.#enter(opens);
    if (values[here]?.(text, kind) !== true) throw new NotAnIndex(`${here} has a value that no index has`);
    if (here !== 'superseded' && kind !== 'null')
      this.#fields.at(-1)?.set(this.#key, kind === 'number' ? Number(text) : text);
    this.#expects = 'comma';
  }

  #enter(place: Place): void {
    if (place === 'blobs' && !isId(this.#fields.at(-1)?.get('id')))
      throw new NotAnIndex('the blobs of a pack stand before its name');
    this.#place = place;
    this.#isFirst = true;
    const isObject = objects.has(place);
    if (isObject) this.#fields.push(new Map());
    this.#expects = isObject ? 'key' : 'value';
  }

  #leave(): void {
    if (this.#place === 'blob') this.#tellBlob();
    if (this.#place === 'index' || this.#place === 'pack') this.#fields.pop();
    this.#place = above[this.#place] ?? 'end';
    this.#isFirst = false;
    this.#expects = 'comma';
  }

  #tellBlob(): void {
    const blob = this.#fields.pop();
    const [id, type, offset, length, plain] = fieldsOf.blob.map((name) => blob?.get(name));
    this.#tell(this.#entry(id, type, offset, length, plain));
  }

  #entry(blob: unknown, type: unknown, offset: unknown, length: unknown, plain: unknown): IndexEntry {
    const pack = this.#fields.at(-1)?.get('id');
    const isWhole =
      isId(pack) && isId(blob) && typeof type === 'string' && typeof offset === 'number' && typeof length === 'number';
    if (!isWhole || length < envelope || offset > most || length > most || (typeof plain === 'number' && plain > most))
      throw new NotAnIndex('a blob lacks what it must have');
    const isCompressed = typeof plain === 'number' && plain > 0;
    return {
      pack,
      blob,
      isTree: type === 'tree',
      isCompressed,
      offset,
      length,
      plain: isCompressed ? plain : length - envelope,
    };
  }
}

const isNumber = (_: string, kind: Kind): boolean => kind === 'number';
const isNull = (_: string, kind: Kind): boolean => kind === 'null';
const isIdText = (text: string, kind: Kind): boolean => kind === 'string' && isId(text);
/** What may stand where; what opens something is in `opening`. Go writes an empty list as null. */
const values: Readonly<Record<string, (text: string, kind: Kind) => boolean>> = {
  superseded: isIdText,
  'pack.id': isIdText,
  'blob.id': isIdText,
  'blob.type': (text, kind) => kind === 'string' && (text === 'data' || text === 'tree'),
  'blob.offset': isNumber,
  'blob.length': isNumber,
  'blob.uncompressed_length': isNumber,
  'index.packs': isNull,
  'index.supersedes': isNull,
  'pack.blobs': isNull,
};
/** Offsets and lengths are 32 bits to restic. */
const most = 2 ** 32 - 1;
const opening: Readonly<Record<string, Place>> = {
  'start {': 'index',
  'index.supersedes [': 'superseded',
  'index.packs [': 'packs',
  'packs {': 'pack',
  'pack.blobs [': 'blobs',
  'blobs {': 'blob',
};
const above: Partial<Record<Place, Place>> = {
  superseded: 'index',
  packs: 'index',
  pack: 'packs',
  blobs: 'pack',
  blob: 'blobs',
  index: 'end',
};
