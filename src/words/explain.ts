/** `explain`: what the manual's page of a rule says, for a terminal. */
import type { Rule } from '../audit/policy.ts';
import { allRules, pageOf } from './rule-pages.ts';
import { filled, type Place } from './report.ts';

/** A repository whose name and places stand where the page has REPO, REPLICA and DESTINATION. */
export interface Explained {
  readonly name: string;
  readonly place: Place;
}

/** Every rule on a line, with what it means in short. */
export function ruleList(): string[] {
  const width = Math.max(...allRules.map((rule) => rule.length));
  return allRules.map((rule) => `${rule.padEnd(width)}  ${pageOf(rule).short}`);
}

/** The page of a rule as data: what `--json` prints. */
export function explanation(rule: Rule, of: Explained | undefined) {
  const { means, innocent, attack, look, road } = pageOf(rule);
  const put = (line: string): string => (of === undefined ? line : filled(line, of.name, of.place));
  return { rule, means: put(means), innocent, attack, look: put(look), road: road.map(put) };
}

/** The same as lines. */
export function explanationLines(rule: Rule, of: Explained | undefined): string[] {
  const { means, innocent, attack, look, road } = explanation(rule, of);
  return [
    `${rule}: ${means}`,
    '',
    `An innocent cause: ${innocent}`,
    `An attack: ${attack}`,
    `Where to look: ${look}`,
    ...(road.length === 0 ? [] : ['', 'The road back:', ...road.map((line) => `  ${line}`)]),
  ];
}
