/**
 * Deletions as a whole: what was accepted one by one must also fit the window's budget, and leave a snapshot and a key.
 * Judged when the audit ends, and once more under the lock where the tombstones are born.
 */
import type { Books } from './books.ts';
import { bornTonight, newHere, remaining } from './questions.ts';
import type { HashedType } from '../layout.ts';
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

/** How many deletions a window's budget is charged for: keys are a matter of their own. */
export function chargedFor(books: Books): number {
  return books.amount(bornTonight).files - books.amount(bornTonight, 'key').files;
}

/** Whether tonight's deletions take the last file of a type. */
function leavesNo(books: Books, type: HashedType): boolean {
  return books.amount(bornTonight, type).files > 0 && books.amount(remaining, type).files === 0;
}

/**
 * Whether tonight's deletions leave no snapshot, or no key, but those that are new tonight: then they wait until these
 * are admitted. A snapshot that only has its hash for a proof counts where the grace is a week or longer.
 */
export function waitForNews(books: Books, isProven: boolean, grace: number | 'forever'): boolean {
  const lacks = { snapshot: leavesNo(books, 'snapshot'), key: leavesNo(books, 'key') };
  const isNew = (type: HashedType): boolean => books.amount(newHere, type).files > 0;
  const counts = isProven || grace === 'forever' || grace >= week;
  return (
    (lacks.snapshot || lacks.key) && (!lacks.snapshot || (counts && isNew('snapshot'))) && (!lacks.key || isNew('key'))
  );
}

const week = 7 * 24 * 3600 * 1000;

/** What speaks against tonight's deletions, as the books stand and with what the window lets through now. */
export function objectionsTo(books: Books, window: Allowance | undefined): Objection[] {
  if (window === undefined) return [...undeclared(books)];
  const objections: Objection[] = [];
  const [spent, budget] = [chargedFor(books), window.budget - window.used];
  if (spent > budget) {
    const words = `the prune window lets only ${Math.max(0, budget)} more through`;
    objections.push(objection('over-budget', `${spent} deletions, but ${words}`));
  }
  if (!window.allowKeys && books.amount(bornTonight, 'key').files > 0)
    objections.push(objection('pinned', 'the prune window lets no key change'));
  return [...objections, ...nothingLeft(books)];
}

/** A snapshot and a key must be left that no tombstone and no report takes away. */
export function nothingLeft(books: Books): Objection[] {
  const objections: Objection[] = [];
  if (leavesNo(books, 'snapshot'))
    objections.push(objection('over-budget', 'no snapshot would be left that is not to be deleted'));
  if (leavesNo(books, 'key'))
    objections.push(objection('pinned', 'no key would be left: nobody could open the repository'));
  return objections;
}

function objection(rule: ViolationRule, message: string): Objection {
  return { rule, path: '', message };
}

function* undeclared(books: Books): Generator<Objection> {
  for (const entry of books.select(bornTonight)) {
    const rule = books.type(entry) === 'key' ? 'pinned' : 'deleted';
    yield { rule, path: books.path(entry), message: 'the prune window was closed while the run was at work' };
  }
}
