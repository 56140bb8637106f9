/**
 * What may happen to a repository that only grows. ONE TABLE: the first row that matches rules; the last row refuses.
 * The table is what an auditor should read; everything around it only feeds it.
 */
import type { FileType } from '../layout.ts';

/** What happened to a path, as decided from path, `lstat`, `%l` and `%M` (never from `%i` alone). */
export type ChangeKind =
  | 'unchanged'
  /** Listed by serverA; the replica has nothing of that name. */
  | 'new'
  /** Same size, another modification time. */
  | 'mtime'
  /** Another size. */
  | 'content'
  /** A file became a folder, a symlink, a device; or the other way round. */
  | 'type'
  /** Not a regular file and not a folder on serverA; nothing of that name in the replica. */
  | 'non-regular'
  | 'deleted';

/** What the path is: a file of the layout, a folder of it, or a name that restic does not use. */
export type Subject = FileType | 'folder' | 'outside';

/** Names of what stops a run. Each has its road back in report.ts and its page in src/manual/rules.md. */
export type ViolationRule =
  | 'modified'
  | 'deleted'
  | 'type-changed'
  | 'pinned'
  | 'inconsistent'
  | 'unaccounted'
  | 'over-limit'
  | 'over-budget'
  | 'mtimes'
  | 'spot-check'
  | 'unproven'
  | 'refused';

/** Names of what is told, and lets the run go on. */
export type WarningRule =
  | 'foreign'
  | 'stray'
  | 'quarantined'
  | 'not-delivered'
  | 'unrequested'
  | 'unfinished'
  | 'clock'
  | 'held-back'
  | 'missing-pack'
  | 'unconfirmed'
  | 'postponed'
  | 'came-back'
  | 'unchecked'
  | 'check-failed'
  | 'drill-failed'
  | 'damaged'
  | 'stale'
  | 'no-room'
  | 'unread';

/** What is worth knowing, and neither. */
type NoteRule = 'suspect';

export type Rule = ViolationRule | WarningRule | NoteRule;

/** What the policy says of one change. */
export type Ruling =
  | { readonly verdict: 'nothing' | 'folder' | 'fetch' | 'bury' | 'known' | 'suspect' }
  | { readonly verdict: 'violation'; readonly rule: ViolationRule }
  | { readonly verdict: 'warning'; readonly rule: WarningRule };

/** What the night allows beyond the ordinary. */
export interface Context {
  /** At `init`: `config` and `keys/` are taken over and pinned. */
  readonly initialising: boolean;
  /** The prune window that is open, if any. Its budget is a matter of the whole night, see audit.ts. */
  readonly window: { readonly allowKeys: boolean } | undefined;
}

/** A change with what the table asks of it besides its kind and subject. */
interface Situation extends Context {
  readonly hasTombstone: boolean;
}

/** One row of the table. */
export interface Row {
  readonly change: readonly ChangeKind[] | 'any';
  readonly of: readonly Subject[] | 'any';
  readonly when?: (night: Situation) => boolean;
  readonly ruling: Ruling;
  readonly reason: string;
}

const hashed: readonly Subject[] = ['pack', 'index', 'snapshot', 'key'];
const nothing: Ruling = { verdict: 'nothing' };
const folder: Ruling = { verdict: 'folder' };
/** Into the manifest: what is to be fetched. */
const fetch: Ruling = { verdict: 'fetch' };
/** The deletion becomes a tombstone, if the whole verdict is clean. */
const bury: Ruling = { verdict: 'bury' };
const known: Ruling = { verdict: 'known' };
const suspect: Ruling = { verdict: 'suspect' };
const violation = (rule: ViolationRule): Ruling => ({ verdict: 'violation', rule });
const warning = (rule: WarningRule): Ruling => ({ verdict: 'warning', rule });

/** THE TABLE. */
// prettier-ignore
export const policy: readonly Row[] = [
  // change                         of                              ruling
  { change: ['type'],               of: [...hashed, 'config', 'folder'], ruling: violation('type-changed'),
    reason: 'another type of file stands under the same name' },
  { change: ['non-regular'],        of: 'any',                      ruling: warning('foreign'),
    reason: 'a symlink, device, fifo or socket is never copied' },
  { change: 'any',                  of: ['folder'],                 ruling: folder,
    reason: 'folders hold no data; their files are judged one by one' },
  { change: ['deleted'],            of: ['outside'],                ruling: warning('stray'),
    reason: 'only the replica has it, and restic does not use the name: someone put it there on this machine' },
  { change: 'any',                  of: ['outside'],                ruling: warning('foreign'),
    reason: 'restic does not use the name; never copied' },
  { change: ['unchanged'],          of: 'any',                      ruling: nothing,
    reason: 'as before' },
  { change: ['new'],                of: ['pack', 'index', 'snapshot'], ruling: fetch,
    reason: 'a repository grows by these' },
  { change: ['new'],                of: ['key', 'config'],          ruling: fetch, when: (night) => night.initialising,
    reason: 'trusted on first use, then pinned' },
  { change: ['new'],                of: ['key'],                    ruling: fetch, when: (night) => night.window?.allowKeys === true,
    reason: 'an operator on this machine opened a window that lets keys change' },
  { change: ['new'],                of: ['key', 'config'],          ruling: violation('pinned'),
    reason: 'keys and config are pinned at init; a new one lets somebody else open the repository, or nobody' },
  { change: ['mtime'],              of: [...hashed, 'config'],      ruling: suspect,
    reason: 'restic never touches a file that it wrote; only its modification time differs, so its content is fetched and hashed' },
  { change: ['content'],            of: [...hashed, 'config'],      ruling: violation('modified'),
    reason: 'restic never changes a file that it wrote' },
  { change: ['deleted'],            of: [...hashed],                ruling: known, when: (night) => night.hasTombstone,
    reason: 'its deletion was accepted before' },
  { change: ['deleted'],            of: ['pack', 'index', 'snapshot'], ruling: bury, when: (night) => night.window !== undefined,
    reason: 'an operator on this machine opened a prune window' },
  { change: ['deleted'],            of: ['key'],                    ruling: bury, when: (night) => night.window?.allowKeys === true,
    reason: 'an operator on this machine opened a window that lets keys change' },
  { change: ['deleted'],            of: ['key', 'config'],          ruling: violation('pinned'),
    reason: 'keys and config are pinned at init; without them nobody can open the repository' },
  { change: ['deleted'],            of: ['pack', 'index', 'snapshot'], ruling: violation('deleted'),
    reason: 'nothing may be deleted unless an operator said so beforehand' },
  { change: 'any',                  of: 'any',                      ruling: violation('refused'),
    reason: 'no row of the policy allows it' },
];

/** The first row that matches. */
export function rule(change: ChangeKind, of: Subject, context: Context, hasTombstone = false): Row {
  const situation = { ...context, hasTombstone };
  const row = policy.find(
    (each) =>
      (each.change === 'any' || each.change.includes(change)) &&
      (each.of === 'any' || each.of.includes(of)) &&
      (each.when === undefined || each.when(situation)),
  );
  if (row === undefined) throw new Error('the last row of the policy must match everything');
  return row;
}
