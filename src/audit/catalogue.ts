/** What the replica has, as the audit needs it. */
import type { Books, Entry } from './books.ts';
import { inReplica, present } from './questions.ts';
import type { Known } from './facts.ts';
import type { Pass } from '../layout.ts';

/** What the walk found in the replica besides hash-named regular files: `config`, folders, strays. */
export interface Other extends Known {
  named: Pass | 0;
}

/** Everything that the replica has. `others` by path (bytes, one per character); `.` is the replica itself. */
export interface Catalogue {
  readonly books: Books;
  readonly others: Map<string, Other>;
}

/** A catalogue of what has been entered into the books already, and of nothing else. */
export function catalogueOf(books: Books): Catalogue {
  return { books, others: new Map() };
}

/** What the replica has at a path, whose entry in the books is -1 where it has none. */
export function knownAt({ books, others }: Catalogue, path: string, entry: Entry): Known | undefined {
  if (entry < 0 || !books.has(entry, inReplica)) return others.get(path);
  return { type: 'file', size: books.size(entry), mtime: books.mtime(entry) };
}

/** The paths that nobody has named. */
export function* unnamedIn({ books, others }: Catalogue): Generator<string> {
  for (const entry of books.select(present)) if (books.namedIn(entry) === 0) yield books.path(entry);
  for (const [path, other] of others) if (other.named === 0 && path !== '.') yield path;
}
