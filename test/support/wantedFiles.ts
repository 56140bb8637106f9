/** A replica's own folder, and books that want some files: for tests of what comes in. */
import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Books } from '../../src/audit/books.ts';
import { wanted } from '../../src/audit/questions.ts';
import { Findings } from '../../src/audit/findings.ts';
import { admissionOrder, foldersOf, repositoryPath, type HashedType } from '../../src/layout.ts';
import { Incoming } from '../../src/ratchet/arrival/incoming.ts';
import { Quarantine } from '../../src/ratchet/arrival/quarantine.ts';
import { ownPaths, Replica } from '../../src/replica-path.ts';
import { type Ending, temporaryFolder } from './temporary.ts';

/** A file of the layout whose content is its seed, so that its name is right. */
export interface SeedFile {
  readonly type: HashedType;
  readonly id: string;
  readonly path: string;
  readonly content: string;
}

export function seedFile(type: HashedType, content: string): SeedFile {
  const id = createHash('sha256').update(content).digest('hex');
  return { type, id, path: repositoryPath(type, id), content };
}

export interface Bench {
  readonly replica: string;
  readonly paths: ReturnType<typeof ownPaths>;
  readonly books: Books;
  readonly findings: Findings;
  readonly incoming: Incoming;
  /** Enters a file with a flag, by default as wanted, with the size of its content or another. */
  want(file: SeedFile, flag?: number, size?: number): SeedFile;
  has(file: SeedFile, flag: number): boolean;
}

export function bench(t: Ending): Bench {
  const replica = temporaryFolder(t);
  const paths = ownPaths(new Replica('nightly', replica));
  for (const folder of admissionOrder.flatMap(foldersOf)) mkdirSync(join(replica, folder), { recursive: true, mode: 0o700 });
  for (const folder of [paths.own, paths.quarantine, paths.incoming]) mkdirSync(folder, { mode: 0o700 });
  const [books, findings] = [new Books(), new Findings()];
  return {
    replica, paths, books, findings,
    incoming: new Incoming(paths, books, findings, new Quarantine(paths.quarantine)),
    want: (file, flag = wanted, size = Buffer.byteLength(file.content)) => {
      books.set(books.enter(file.type, file.id, size, 0), flag);
      return file;
    },
    has: ({ type, id }, flag) => {
      const entry = books.find(type, id);
      return entry >= 0 && books.has(entry, flag);
    },
  };
}

/** Writes a file below a folder, with the folders that it needs. */
export function put(folder: string, path: string, content: string | Buffer): string {
  mkdirSync(dirname(join(folder, path)), { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, path), content, { mode: 0o600 });
  return join(folder, path);
}

/** The same file under a second name. */
export function alias(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  linkSync(from, to);
}
