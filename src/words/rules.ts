/** What each rule means and the whole road back, in words for people. One entry for each rule; mail and src/manual/rules.md use them. */
import type { Rule } from '../audit/policy.ts';
import { auditRules } from './audit-rules.ts';
import { nightRules } from './night-rules.ts';

/** The words for one rule. `REPO` in a line stands for the repository's name, `REPLICA` for its path, `DESTINATION` for the folder that it comes from. */
export interface RuleWords {
  readonly means: string;
  /** Steps, each a line. */
  readonly road: readonly string[];
}

/** Every rule's words. */
export const ruleWords: Readonly<Record<Rule, RuleWords>> = { ...auditRules, ...nightRules };
