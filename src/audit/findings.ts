/** What a run found, as data: capped, so that serverA cannot fill our memory with complaints. */
import { escapePath } from '../printable.ts';
import type { Rule } from './policy.ts';

export type Severity = 'violation' | 'warning' | 'note';

/** One thing found. `path` is escaped as rsync escapes it and may be empty; `message` is printable ASCII. */
export interface Finding {
  readonly rule: Rule;
  readonly severity: Severity;
  readonly path: string;
  readonly message: string;
}

/** So many findings of one rule are kept; beyond that they are only counted. */
export const keptPerRule = 1000;

export class Findings {
  readonly #kept = new Map<Rule, Finding[]>();
  readonly #counts = new Map<Rule, number>();

  /** `path` holds bytes as in itemize.ts; it is escaped here, once for everything that shows it. */
  add(severity: Severity, rule: Rule, path: string, message: string): void {
    this.#add({ rule, severity, path: escapePath(path), message });
  }

  #add(finding: Finding): void {
    const { rule } = finding;
    const kept = this.#kept.get(rule) ?? [];
    this.#kept.set(rule, kept);
    this.#counts.set(rule, this.count(rule) + 1);
    if (kept.length < keptPerRule) kept.push(finding);
  }

  /** Adds the violations that `other` has kept and that are not among these. */
  addViolations(other = new Findings()): void {
    const nameOf = ({ rule, path }: Finding): string => `${rule} ${path}`;
    const known = new Set(this.kept.map(nameOf));
    for (const finding of other.kept)
      if (finding.severity === 'violation' && !known.has(nameOf(finding))) this.#add(finding);
  }

  /** Adds all of `other`, which is not used any more. */
  merge(other: Findings): void {
    for (const [rule, kept] of other.#kept) {
      const mine = this.#kept.get(rule) ?? [];
      this.#kept.set(rule, mine.concat(kept).slice(0, keptPerRule));
      this.#counts.set(rule, this.count(rule) + other.count(rule));
    }
  }

  /** How many there were of a rule, kept or not. */
  count(rule: Rule): number {
    return this.#counts.get(rule) ?? 0;
  }

  /** The findings kept, violations first, by rule in the order of their first appearance. */
  get kept(): Finding[] {
    const all = [...this.#kept.values()].flat();
    const order: readonly Severity[] = ['violation', 'warning', 'note'];
    return order.flatMap((severity) => all.filter((finding) => finding.severity === severity));
  }

  /** How many were counted but not kept. */
  get omitted(): number {
    const counted = [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
    return counted - this.kept.length;
  }

  /** The rules of a severity, with how many findings each has. */
  rules(severity: Severity): { rule: Rule; count: number }[] {
    return [...this.#kept]
      .filter(([, kept]) => kept[0]?.severity === severity)
      .map(([rule]) => ({ rule, count: this.count(rule) }));
  }
}
