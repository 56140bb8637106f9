/** The commands as data, read from the program that commander runs: for the completion and the manual page. */
import type { Argument, Command, Option } from 'commander';
import type { CommandPage, Kind } from './command-page.ts';
import { topicsOf } from '../src/cli/help.ts';
import { allRules } from '../src/words/rule-pages.ts';

/** A command with everything below it that is not hidden. */
export function pageOf(command: Command, above: readonly string[] = []): CommandPage {
  const help = command.createHelp();
  const path = [...above, ...(command.parent === null ? [] : [command.name()])];
  return {
    usage: help.commandUsage(command),
    path: path.join(' '),
    name: command.name(),
    description: command.description(),
    arguments: command.registeredArguments.map((one) => ({
      name: one.name(),
      description: one.description,
      kind: wordsOf(one.name(), command) ?? kindOf(one),
      repeats: one.variadic,
    })),
    options: help.visibleOptions(command).map((one) => ({
      flags: one.flags,
      long: one.long ?? '',
      description: help.optionDescription(one),
      ...(one.required || one.optional ? { value: kindOf(one) } : {}),
    })),
    commands: help
      .visibleCommands(command)
      .filter((one) => one.name() !== 'help' || command.parent === null) // a group's own is commander's
      .map((one) => pageOf(one, path)),
    exitCodes: endOfHelp(command),
  };
}

/** The words of an argument that are known when the program is built. */
function wordsOf(argument: string, command: Command): readonly string[] | undefined {
  if (argument === 'rule') return allRules;
  return argument === 'topic' && command.parent !== null ? topicsOf(command.parent) : undefined;
}

const kinds: readonly (readonly [RegExp, Kind])[] = [
  [/^(?:file|destination)$/, 'file'],
  [/^run$/, 'run'],
  [/^repository$/, 'repository'],
];

/** What to complete: the choices, or what the name in `<…>` says. */
function kindOf(one: Argument | Option): Kind {
  if (one.argChoices !== undefined) return one.argChoices;
  const name = 'flags' in one ? (/<(.*)>/.exec(one.flags)?.[1] ?? '') : one.name();
  return kinds.find(([matches]) => matches.test(name))?.[1] ?? 'text';
}

/** What withExitCodes put behind the help. */
function endOfHelp(command: Command): string {
  let text = '';
  const before = command.configureOutput();
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  command.configureOutput(before);
  return (/\nExit codes:\n([^]*)$/.exec(text)?.[1] ?? '').trimEnd();
}
