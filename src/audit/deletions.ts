/**
 * Deletions as a whole: what was accepted one by one must also fit the window's budget, and leave a snapshot and a key.
 * Judged when the audit ends, and once more under the lock where the tombstones are born.
 */
import type { Books } from './books.ts';
import { bornTonight, newHere, remaining } from './questions.ts';
import type { HashedType, Pass } from '../layout.ts';
import type { ViolationRule } from './policy.ts';

/** What a window lets through; undefined: none is open. */
export interface Allowance {
  readonly budget: number;
  readonly used: number;
  readonly allowKeys: boolean;
}

/** What speaks against tonight's deletions. */
export interface Objection {
  readonly rule: ViolationRule;
  readonly path: string;
  readonly message: string;
}

/**
 * Whether tonight's deletions leave no snapshot, or no key, but those that are new tonight: then they wait until these
 * are admitted. A snapshot that only has its hash for a proof counts where the grace is a week or longer.
 */
export function waitForNews(books: Books, isProven: boolean, grace: number | 'forever'): boolean {
  const lacks = { snapshot: leavesNo(books, 'snapshot'), key: leavesNo(books, 'key') };
  const hasSnapshot = hasNew(books, 'snapshot') && (isProven || grace === 'forever' || grace >= week);
  return (lacks.snapshot || lacks.key) && (!lacks.snapshot || hasSnapshot) && (!lacks.key || hasNew(books, 'key'));
}

const week = 7 * 24 * 3600 * 1000;

/** What speaks against tonight's deletions, as the books stand and with what the window lets through now. */
export function objectionsTo(books: Books, window: Allowance | undefined): Objection[] {
  if (window === undefined) return [...undeclared(books)];
  const changesKeys = !window.allowKeys && books.amount(bornTonight, 'key').files > 0;
  return [
    ...overBudget(books, window.budget - window.used),
    ...(changesKeys ? [objection('pinned', 'the prune window lets no key change')] : []),
    ...nothingLeft(books),
  ];
}

function* undeclared(books: Books): Generator<Objection> {
  for (const entry of books.select(bornTonight)) {
    const rule = books.type(entry) === 'key' ? 'pinned' : 'deleted';
    yield { rule, path: books.path(entry), message: 'the prune window was closed while the run was at work' };
  }
}

/** More deletions than a window still lets through. */
export function overBudget(books: Books, budget: number): Objection[] {
  const spent = chargedFor(books);
  if (spent <= budget) return [];
  const words = `the prune window lets only ${Math.max(0, budget)} more through`;
  return [objection('over-budget', `${spent} deletions, but ${words}`)];
}

/** How many deletions a window's budget is charged for: keys are a matter of their own. */
export function chargedFor(books: Books): number {
  return books.amount(bornTonight).files - books.amount(bornTonight, 'key').files;
}

/** What must be left that no tombstone and no report takes away, and the pass that lists it. */
const lastOnes = [
  { type: 'snapshot', pass: 1, rule: 'over-budget', message: 'no snapshot would be left that is not to be deleted' },
  { type: 'key', pass: 2, rule: 'pinned', message: 'no key would be left: nobody could open the repository' },
] as const;

/**
 * A snapshot and a key must be left. Where a pass `failed` nobody can say that what it did not list is missing, nor whether
 * what is new would have made up for what is not.
 */
export function nothingLeft(books: Books, failed: ReadonlySet<Pass> = new Set()): Objection[] {
  const isOpen = (type: HashedType, pass: Pass): boolean =>
    failed.has(pass) || (failed.size > 0 && hasNew(books, type));
  return lastOnes
    .filter(({ type, pass }) => leavesNo(books, type) && !isOpen(type, pass))
    .map(({ rule, message }) => objection(rule, message));
}

/** Whether tonight's deletions take the last file of a type. */
function leavesNo(books: Books, type: HashedType): boolean {
  return books.amount(bornTonight, type).files > 0 && books.amount(remaining, type).files === 0;
}

function hasNew(books: Books, type: HashedType): boolean {
  return books.amount(newHere, type).files > 0;
}

function objection(rule: ViolationRule, message: string): Objection {
  return { rule, path: '', message };
}
