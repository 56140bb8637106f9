/**
 * A forger who has the password: packs with headers, indexes, trees, snapshots and keys, as restic's design document
 * describes them (formats 1 and 2). Honest by default; each lie is an argument.
 */
import { createDecipheriv, createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ResticRepository } from './restic.ts';
import { seal } from './resticInit.ts';

/** A blob that is to be packed. */
export interface Blob {
  readonly type: 'data' | 'tree';
  readonly content: Buffer;
  /** The ID that header and index give it; by default the true one, the SHA-256 of its content. */
  readonly id?: string;
  /** Format 2 only: stored as a zstd frame, with its plain length in header and index. */
  readonly compressed?: boolean;
  /** The plain length that header and index give a compressed blob; by default the true one. */
  readonly plainLength?: number;
}

/** What an index says of a blob. Offsets and lengths are bytes of the pack. */
export interface Entry {
  readonly id: string;
  readonly type: 'data' | 'tree';
  readonly offset: number;
  readonly length: number;
  readonly uncompressed_length?: number;
}

/** What an index says of a pack. */
export interface Pack {
  readonly id: string;
  readonly blobs: readonly Entry[];
}

/** What a forged index is made of. */
export interface Index {
  readonly packs: readonly Pack[];
  readonly supersedes?: readonly string[];
}

/** So many times the same byte: a zstd frame holds it in four. */
export interface Repeated {
  readonly byte: number;
  readonly times: number;
}

export const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
export const packPath = (id: string): string => `data/${id.slice(0, 2)}/${id}`;
export const dataBlob = (content: Buffer | string, more: Partial<Blob> = {}): Blob => ({ type: 'data', content: Buffer.from(content), ...more });

/** The tree of a folder whose files consist of these data blobs, in order. */
export function treeBlob(files: Readonly<Record<string, readonly Blob[]>>, change: Readonly<Record<string, unknown>> = {}): Blob {
  const time = '2026-01-01T00:00:00Z';
  const nodes = Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, blobs]) => ({
    name, type: 'file', mode: 0o644, mtime: time, atime: time, ctime: time, uid: 0, gid: 0, inode: 1, links: 1,
    size: blobs.reduce((sum, { content }) => sum + content.length, 0), content: blobs.map(idOf), ...change,
  }));
  return { type: 'tree', content: Buffer.from(`${JSON.stringify({ nodes })}\n`) };
}

export function idOf({ id, content }: Blob): string {
  return id ?? hashOf(content);
}

export class Forge {
  readonly repository: ResticRepository;
  private readonly key: Buffer;

  private constructor(repository: ResticRepository, key: Buffer) {
    this.repository = repository;
    this.key = key;
  }

  /** Asks restic for the master key. */
  static async of(repository: ResticRepository): Promise<Forge> {
    const { mac, encrypt } = JSON.parse(await repository.run(['cat', 'masterkey', '--no-lock'])) as { mac: { k: string; r: string }; encrypt: string };
    return new Forge(repository, Buffer.concat([encrypt, mac.k, mac.r].map((text) => Buffer.from(text, 'base64'))));
  }

  /** Writes a pack; what a true index says of it. */
  pack(blobs: readonly Blob[]): Pack {
    const bodies = blobs.map((blob) => seal(blob.compressed === true ? zstd([blob.content]) : blob.content, this.key));
    let offset = 0;
    const entries = blobs.map((blob, n): Entry => {
      const length = bodies[n]?.length ?? 0;
      const plain = blob.compressed === true ? { uncompressed_length: blob.plainLength ?? blob.content.length } : {};
      offset += length;
      return { id: idOf(blob), type: blob.type, offset: offset - length, length, ...plain };
    });
    return { id: this.packOf(Buffer.concat(bodies), entries).slice(-64), blobs: entries };
  }

  /** Writes a pack of blobs that are sealed already (cut out of other packs, say) with this header; its path. */
  packOf(sealed: Buffer, entries: readonly Entry[]): string {
    const header = seal(Buffer.concat(entries.map(headerEntry)), this.key);
    return this.write('data', Buffer.concat([sealed, header, uint32(header.length)]));
  }

  /** Writes an index; its path. */
  index(index: Index): string {
    return this.write('index', seal(JSON.stringify(index), this.key));
  }

  /** Writes a snapshot of a tree, given by its ID; its path. */
  snapshot(tree: string, change: Readonly<Record<string, unknown>> = {}): string {
    return this.write('snapshots', seal(JSON.stringify({ ...snapshotOf(tree), ...change }), this.key));
  }

  /** Format 2: a snapshot with a tag of so many letters, which are some hundred bytes on disk; its path. */
  longSnapshot(tree: string, letters: number, hostname = 'client'): string {
    const [before, after] = JSON.stringify({ ...snapshotOf(tree), hostname, tags: ['@'] }).split('@') as [string, string];
    const frame = zstd([Buffer.from(before), { byte: 0x61, times: letters }, Buffer.from(after)]);
    return this.write('snapshots', seal(Buffer.concat([Buffer.of(2), frame]), this.key));
  }

  /** The plain bytes of a blob that is not compressed, or of a header, index or snapshot, from where it lies. */
  open(path: string, start = 0, length?: number): Buffer {
    const sealed = this.bytes(path).subarray(start, length === undefined ? undefined : start + length);
    const decipher = createDecipheriv('aes-256-ctr', this.key.subarray(0, 32), sealed.subarray(0, 16));
    return decipher.update(sealed.subarray(16, -16));
  }

  /** The bytes of a file as it lies in the repository. */
  bytes(path: string): Buffer {
    return readFileSync(join(this.repository.path, path));
  }

  /** Writes a file under the name of its hash; its path. */
  write(kind: 'data' | 'index' | 'snapshots' | 'keys', content: Buffer): string {
    const path = kind === 'data' ? packPath(hashOf(content)) : `${kind}/${hashOf(content)}`;
    mkdirSync(dirname(join(this.repository.path, path)), { recursive: true });
    writeFileSync(join(this.repository.path, path), content, { mode: 0o600 });
    return path;
  }
}

function snapshotOf(tree: string): Record<string, unknown> {
  return { time: new Date().toISOString(), tree, paths: ['/forged'], hostname: 'client', username: 'forger', uid: 0, gid: 0 };
}

/** One line of a pack's header: type, length, plain length of what is compressed, ID. */
function headerEntry({ type, length, uncompressed_length: plain, id }: Entry): Buffer {
  const kind = (type === 'tree' ? 1 : 0) + (plain === undefined ? 0 : 2);
  return Buffer.concat([Buffer.of(kind), uint32(length), ...(plain === undefined ? [] : [uint32(plain)]), Buffer.from(id, 'hex')]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** A zstd frame (RFC 8878) that compresses nothing but repetitions: raw blocks and blocks of one byte. */
export function zstd(parts: readonly (Buffer | Repeated)[]): Buffer {
  const blocks = parts.flatMap(blocksOf);
  const size = parts.reduce((sum, part) => sum + (Buffer.isBuffer(part) ? part.length : part.times), 0);
  const last = Buffer.of(1, 0, 0); // An empty raw block, marked as the last.
  return Buffer.concat([Buffer.from('28b52ffda0', 'hex'), uint32(size), ...blocks, last]);
}

const largestBlock = 128 * 1024;

function blocksOf(part: Buffer | Repeated): Buffer[] {
  const length = Buffer.isBuffer(part) ? part.length : part.times;
  return Array.from({ length: Math.ceil(length / largestBlock) }, (_, n) => {
    const size = Math.min(largestBlock, length - n * largestBlock);
    const header = (type: number): Buffer => uint32((size << 3) | (type << 1)).subarray(0, 3);
    return Buffer.isBuffer(part) ? Buffer.concat([header(0), part.subarray(n * largestBlock, n * largestBlock + size)]) : Buffer.concat([header(1), Buffer.of(part.byte)]);
  });
}
