/**
 * Deletions as a whole: what was accepted one by one must also fit the window's budget, and leave a snapshot and a key.
 * Judged when the audit ends, and once more under the lock where the tombstones are born.
 */
import type { Books } from './books.ts';
import { bornTonight, newHere, type Question, remaining } from './questions.ts';
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

type Counts = Readonly<Record<HashedType, number>>;

/** How many files of each type are deleted tonight, and how many would be left. */
function countsOf(books: Books): { tonight: Counts; left: Counts } {
  const count = (question: Question): Counts => {
    const counts = { key: 0, pack: 0, index: 0, snapshot: 0 };
    for (const entry of books.select(question)) counts[books.type(entry)]++;
    return counts;
  };
  return { tonight: count(bornTonight), left: count(remaining) };
}

/** How many deletions a window's budget is charged for: keys are a matter of their own. */
export function chargedFor(books: Books): number {
  const { pack, index, snapshot } = countsOf(books).tonight;
  return pack + index + snapshot;
}

/**
 * Whether tonight's deletions leave no snapshot, or no key, but those that are new tonight: then they wait until these
 * are admitted. A snapshot that only has its hash for a proof counts where the grace is a week or longer.
 */
export function waitForNews(books: Books, isProven: boolean, grace: number | 'forever'): boolean {
  const { tonight, left } = countsOf(books);
  const isNew = (type: HashedType): boolean => books.amount(newHere, type).files > 0;
  const counts = isProven || grace === 'forever' || grace >= week;
  const lacksSnapshot = tonight.snapshot > 0 && left.snapshot === 0;
  const lacksKey = tonight.key > 0 && left.key === 0;
  return (
    (lacksSnapshot || lacksKey) && (!lacksSnapshot || (counts && isNew('snapshot'))) && (!lacksKey || isNew('key'))
  );
}

const week = 7 * 24 * 3600 * 1000;

/** What speaks against tonight's deletions, as the books stand and with what the window lets through now. */
export function objectionsTo(books: Books, window: Allowance | undefined): Objection[] {
  const { tonight } = countsOf(books);
  if (window === undefined) return [...undeclared(books)];
  const budget = window.budget - window.used;
  const spent = tonight.pack + tonight.index + tonight.snapshot;
  return [
    ...(spent > budget
      ? [
          objection(
            'over-budget',
            `${spent} deletions, but the prune window lets only ${Math.max(0, budget)} more through`,
          ),
        ]
      : []),
    ...(tonight.key > 0 && !window.allowKeys ? [objection('pinned', 'the prune window lets no key change')] : []),
    ...nothingLeft(books),
  ];
}

/** A snapshot and a key must be left that no tombstone and no report takes away. */
export function nothingLeft(books: Books): Objection[] {
  const { tonight, left } = countsOf(books);
  return [
    ...(tonight.snapshot > 0 && left.snapshot === 0
      ? [objection('over-budget', 'no snapshot would be left that is not to be deleted')]
      : []),
    ...(tonight.key > 0 && left.key === 0
      ? [objection('pinned', 'no key would be left: nobody could open the repository')]
      : []),
  ];
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
