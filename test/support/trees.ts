/** Source and replica as values, what an honest rsync reports of them, and what the audit makes of that. */
import type { Catalogue } from '../../src/audit/facts.ts';
import { Audit } from '../../src/audit/audit.ts';
import type { Limits, Verdict } from '../../src/audit/tally.ts';
import { Books } from '../../src/audit/books.ts';
import { inReplica } from '../../src/audit/questions.ts';
import type { Known } from '../../src/audit/facts.ts';
import type { Change } from '../../src/audit/itemize.ts';
import { passes, passOf, placeOf, type Pass } from '../../src/layout.ts';
import { fileOf, someSeconds } from './itemized.ts';

/** Paths (bytes, one per character) and what stands there; without the root. */
export type Tree = Readonly<Record<string, Known>>;

export const file = (size = 10, mtime = someSeconds): Known => ({ type: 'file', size, mtime });
export const folder: Known = { type: 'folder', size: 4096, mtime: someSeconds };
export const special: Known = { type: 'special', size: 3, mtime: someSeconds };

/** A repository with one file of each type. */
export const repository: Tree = {
  config: file(155),
  keys: folder, index: folder, snapshots: folder, data: folder,
  [fileOf('pack', 'old').slice(0, 7)]: folder,
  [fileOf('key', 'old')]: file(450),
  [fileOf('pack', 'old')]: file(1000),
  [fileOf('index', 'old')]: file(300),
  [fileOf('snapshot', 'old')]: file(200),
};

/** A tree without some of its paths. */
export function without(tree: Tree, ...paths: readonly string[]): Tree {
  return Object.fromEntries(Object.entries(tree).filter(([path]) => !paths.includes(path)));
}

/** What the walk of a replica finds. */
export function catalogueOf(replica: Tree): Catalogue {
  const catalogue: Catalogue = { books: new Books(new Uint32Array(8)), others: new Map() };
  for (const [path, { type, size, mtime }] of Object.entries({ '.': folder, ...replica })) {
    const place = placeOf(path);
    if ('id' in place && type === 'file') catalogue.books.set(catalogue.books.enter(place.of, place.id, size, mtime), inReplica);
    else catalogue.others.set(path, { type, size, mtime, named: 0 });
  }
  return catalogue;
}

/** The changes of one pass as an honest rsync reports them: deletions, what it skips, then the list. */
export type Report = Readonly<Record<Pass, readonly Change[]>>;

export function reportOf(everything: Tree, replica: Tree): Report {
  const source = Object.fromEntries(Object.entries(everything).filter(([path]) => isLookedAt(path)));
  const isSpecial = (path: string): boolean => source[path]?.type === 'special';
  const isListedHere = (path: string): boolean => isSpecial(path) && !topFolders.includes(path);
  // What lies below a name that serverA has as something else is named as deleted only where the pass does not list that name.
  const gone = Object.keys(replica).filter((path) => source[path] === undefined && !isListedHere(path.slice(0, path.lastIndexOf('/'))))
    .concat(Object.keys(replica).filter((path) => isSpecial(path) && topFolders.includes(path)));
  const changes = [
    ...gone.map((path): Change => ({ kind: 'deletion', isFolder: replica[path]?.type === 'folder', path })),
    ...Object.entries(source).map(([path, entry]) => changeOf(path, entry, replica[path])),
  ];
  const ofPass = (pass: Pass): Change[] => [changeOf('.', folder, folder), ...changes.filter((change) => passOfChange(change) === pass)];
  return { 1: ofPass(1), 2: ofPass(2), 3: ofPass(3) };
}

/** Pass 2 leaves out the folders of the others, not what else has their names. */
function passOfChange({ kind, path }: Change): Pass {
  return kind === 'non-regular' && topFolders.includes(path) ? 2 : passOf(path);
}

const topFolders = ['data', 'snapshots'];

/** What is foreign on serverA is named and not looked into. */
function isLookedAt(path: string): boolean {
  return placeOf(path.split('/').slice(0, -1).join('/') || '.').of === 'folder';
}

function changeOf(path: string, { type, size, mtime }: Known, known: Known | undefined): Change {
  if (type === 'special') return { kind: 'non-regular', path };
  const fileType = type === 'folder' ? 'd' : 'f';
  return { kind: 'item', itemized: itemizedOf(fileType, size, mtime, known), fileType, size, mtime, path };
}

function itemizedOf(fileType: 'd' | 'f', size: number, mtime: number, known: Known | undefined): string {
  if (known?.type !== (fileType === 'd' ? 'folder' : 'file')) return fileType === 'd' ? 'cd+++++++++' : '>f+++++++++';
  const signs = `${fileType === 'f' && known.size !== size ? 's' : '.'}${known.mtime === mtime ? '.' : 't'}`;
  if (signs === '..') return `.${fileType}         `;
  return `${fileType === 'd' ? '.' : '>'}${fileType}.${signs}......`;
}

export interface Night {
  readonly replica: Tree;
  readonly source: Tree;
  /** What the liar makes of the honest report. */
  readonly lie?: (report: Report) => Report;
  readonly initialising?: boolean;
  readonly limits?: Limits;
  /** What `lstat` finds in the replica at the end; by default the replica. */
  readonly later?: Tree;
}

/** An audit at its end, and the books that it kept. */
export function auditOf(night: Night): { verdict: Verdict; catalogue: Catalogue } {
  const { replica, source, lie = (report) => report, initialising = false, limits, later = replica } = night;
  const catalogue = catalogueOf(replica);
  const audit = new Audit(catalogue, { initialising, window: undefined }, (path) => later[path] !== undefined);
  const report = lie(reportOf(source, replica));
  for (const pass of passes) {
    audit.begin(pass);
    for (const change of report[pass]) audit.judge(change);
  }
  return { verdict: audit.verdict(limits ?? {}), catalogue };
}

/** The findings as `rule path`, with `!` for a violation, `?` for a warning and `.` for a note, sorted. */
export function findingsOf({ findings }: Verdict): string[] {
  return findings.kept.map(({ severity, rule, path }) => `${{ violation: '!', warning: '?', note: '.' }[severity]}${rule} ${path}`).sort();
}
