/** A small repository in restic's layout, the same each time: the tables of lies name its files. */
import { createCipheriv, createHash } from 'node:crypto';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { foldersOf, repositoryPath, type HashedType } from '../../../src/layout.ts';

/** A file by the path that its content gives it. */
interface File {
  readonly path: string;
  readonly content: Buffer;
}

const config: File = { path: 'config', content: noise('config', 155) };
const keys = [1, 2].map((n) => file('key', Buffer.from(keyText(n))));
const oldPacks = [1, 2, 3, 4, 5].map((n) => file('pack', noise(`pack ${n}`, 1000 * n)));
const oldRest = [file('index', noise('index 1', 400)), file('snapshot', noise('snapshot 1', 250)), file('snapshot', noise('snapshot 2', 260))];
const newPacks = [100_000, 5000, 3000].map((size, n) => file('pack', noise(`new pack ${n}`, size)));
const newRest = [file('index', noise('new index', 500)), file('snapshot', noise('new snapshot', 270))];

/** What the replica has: `packs[0]` is gone on serverA and `packs[1]` another one there, when there is a crime. */
export const old = {
  config: 'config',
  key: keys[0]!.path,
  packs: oldPacks.map(({ path }) => path),
  index: oldRest[0]!.path,
  snapshot: oldRest[1]!.path,
};

/** What is new on serverA; `packs[0]` is the largest. */
export const fresh = { packs: newPacks.map(({ path }) => path), index: newRest[0]!.path, snapshot: newRest[1]!.path };

/** All that is new, and its bytes. */
export const freshPaths = [...newPacks, ...newRest].map(({ path }) => path);
export const freshBytes = [...newPacks, ...newRest].reduce((sum, { content }) => sum + content.length, 0);
export const largestFresh = newPacks[0]!.content.length;

/** The pack that a crime changes, and the one that it deletes. */
export const [deletedPack, modifiedPack] = [oldPacks[0]!.path, oldPacks[1]!.path];

export function writeOld(folder: string): void {
  for (const sub of (['pack', 'index', 'snapshot', 'key'] as const).flatMap(foldersOf)) mkdirSync(join(folder, sub), { recursive: true, mode: 0o700 });
  writeFiles(folder, [config, ...keys, ...oldPacks, ...oldRest]);
}

export function writeNew(folder: string): void {
  writeFiles(folder, [...newPacks, ...newRest]);
}

function writeFiles(folder: string, files: readonly File[]): void {
  for (const { path, content } of files) {
    writeFileSync(join(folder, path), content, { mode: 0o600 });
    utimesSync(join(folder, path), 1_790_000_000, 1_790_000_000);
    utimesSync(dirname(join(folder, path)), 1_790_000_000, 1_790_000_000);
  }
}

function file(type: HashedType, content: Buffer): File {
  return { path: repositoryPath(type, createHash('sha256').update(content).digest('hex')), content };
}

function keyText(n: number): string {
  const base64 = (name: string, size: number): string => noise(`${name} ${n}`, size).toString('base64');
  return JSON.stringify({
    created: '2026-01-01T00:00:00Z', username: `user${n}`, hostname: 'client', kdf: 'scrypt', N: 32768, r: 8, p: 5,
    salt: base64('salt', 64), data: base64('key', 160),
  });
}

function noise(seed: string, size: number): Buffer {
  return createCipheriv('aes-256-ctr', createHash('sha256').update(seed).digest(), Buffer.alloc(16)).update(Buffer.alloc(size));
}
