/** The command line: its global options and its commands. Wiring only. */
import { Command, CommanderError } from 'commander';
import { version } from '../core/version.ts';
import { asFailure, exitCodeMeanings, exitCodeOf, exitCodes } from '../errors.ts';
import { addAcknowledge } from './acknowledge.ts';
import { addAlert } from './alert.ts';
import { addCompletion } from './completion.ts';
import { addConfig } from './config.ts';
import { consoleOf, withExitCodes, type CliContext } from './context.ts';
import { addHistory } from './history.ts';
import { addPruneWindow } from './prune-window.ts';
import { addStatus } from './status.ts';
import { addTombstones } from './tombstones.ts';

type Add = (program: Command, context: CliContext) => void;

const long = (): Promise<typeof import('./long.ts')> => import('./long.ts');

/** All commands by their names, in the order of `--help`. Those that take long are loaded when they are asked for. */
const commands: readonly (readonly [names: readonly string[], load: () => Add | Promise<Add>])[] = [
  [['init'], async () => (await long()).addInit],
  [['sync', 'audit'], async () => (await long()).addSync],
  [['prune-window'], () => addPruneWindow],
  [['tombstones'], () => addTombstones],
  [['acknowledge'], () => addAcknowledge],
  [['status'], () => addStatus],
  [['history'], () => addHistory],
  [['report'], async () => (await long()).addReport],
  [['scrub'], async () => (await long()).addScrub],
  [['check'], async () => (await long()).addCheck],
  [['alert'], () => addAlert],
  [['config'], () => addConfig],
  [['doctor'], async () => (await long()).addDoctor],
  [['completion', 'complete'], () => addCompletion],
  [['demo'], async () => (await long()).addDemo],
];

/** Runs the command that `argv` names; its exit code. Never throws. */
export async function runProgram(argv: readonly string[], interrupt: AbortSignal): Promise<number> {
  let code = 0;
  const isPlugin = argv.includes('--nagios');
  const program = await makeProgram({ interrupt, exit: (given) => { code = given; } }, argv.slice(2));
  try {
    await program.parseAsync(argv);
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : isPlugin ? pluginUnknown : exitCodes.usage;
    consoleOf(program).error(asFailure(error));
    return exitCodeOf(error);
  }
}

/** A monitoring plugin that was called in a wrong way knows nothing; 2 would be CRITICAL. */
const pluginUnknown = 3;

/** The program with the command that `words` name; with all where they name none, or speak of the others. */
export async function makeProgram(context: CliContext, words: readonly string[] = []): Promise<Command> {
  const program = new Command('rsync-ratchet')
    .description('A second copy of a restic repository that can only grow: audits serverA every night, and fetches what is new.')
    .version(version)
    .option('--config <file>', 'the configuration; see "config generate"')
    .option('--json', 'one JSON document on stdout, and nothing else')
    .option('--quiet', 'print nothing when all is well (for cron)')
    .option('--verbose', 'say what is being done')
    .option('--no-color', 'no colour, also without NO_COLOR')
    .exitOverride()
    .showHelpAfterError('(try --help)')
    .configureHelp({ showGlobalOptions: true, minWidthToWrap: 30 });
  for (const [, load] of commandsFor(words)) (await load())(program, context);
  return withExitCodes(program, Object.keys(exitCodeMeanings).map(Number));
}

/** The command is the first word that is neither an option nor the value of one; help that is asked for before it is that of all. */
function commandsFor(words: readonly string[]): typeof commands {
  const at = words.findIndex((word, index) => !word.startsWith('-') && words[index - 1] !== '--config');
  const isAboutAll = words[at] === 'completion' || words.slice(0, at).some((word) => /^-(?:h|-help$)/.test(word));
  const named = commands.filter(([names]) => names.includes(words[at] ?? ''));
  return isAboutAll || named.length === 0 ? commands : named;
}
