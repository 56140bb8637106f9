/** `explain [RULE] [REPO]`: what a finding means, and the road back. */
import type { Command } from 'commander';
import { UsageError } from '../errors.ts';
import { placeOf } from '../programs/place.ts';
import { explanation, explanationLines, ruleList, type Explained } from '../words/explain.ts';
import { allRules, isRule, pageOf } from '../words/rule-pages.ts';
import {
  configOf,
  consoleOf,
  invocation,
  repositoriesOf,
  wantsJson,
  withExitCodes,
  type CliContext,
} from './context.ts';

export function addExplain(program: Command, _context: CliContext): void {
  const command = program
    .command('explain')
    .description(
      'what a finding means, an innocent cause, an attack, where to look, and the road back; alone it lists the rules',
    )
    .argument('[rule]')
    .argument('[repository]', 'its names are filled in')
    .action((rule: string | undefined, name: string | undefined) => {
      const console = consoleOf(command);
      const document = (what: object): void => {
        console.document(JSON.stringify({ version: 1, ...what }, null, 2));
      };
      if (rule === undefined) {
        if (wantsJson(command))
          return document({ rules: allRules.map((each) => ({ rule: each, means: pageOf(each).short })) });
        for (const line of ruleList()) console.say(line);
        return;
      }
      if (!isRule(rule)) throw new UsageError(`there is no rule "${rule}"`, `the rules are: ${allRules.join(', ')}`);
      const of = name === undefined ? undefined : explained(command, name);
      if (wantsJson(command)) return document(explanation(rule, of));
      for (const line of explanationLines(rule, of)) console.say(line);
    });
  withExitCodes(command, [0, 2]);
}

function explained(command: Command, name: string): Explained | undefined {
  const config = configOf(command, [name], { secrets: 'without secrets' });
  const [repository] = repositoriesOf(config, [name]);
  return repository && { name, place: placeOf({ repository, program: invocation(command) }) };
}
