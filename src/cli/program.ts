/** The command line: its global options and its commands. Wiring only. */
import { Command, CommanderError } from 'commander';
import { version } from '../version.ts';
import { asFailure, exitCodeMeanings, exitCodeOf, UsageError } from '../errors.ts';
import { escapeLines } from '../printable.ts';
import { startAs } from '../programs/another-process.ts';
import { signalsOfProcess } from '../programs/interrupt.ts';
import { AnotherProcess } from '../state/become.ts';
import { Console } from '../telling/console.ts';
import { consoleOf, withExitCodes, type CliContext } from './context.ts';

/** Adds a command to the program. */
export type Add = (program: Command, context: CliContext) => void;

/** Runs that of the commands that `argv` names; its exit code. Never throws. */
export async function runProgram(commands: readonly Add[], argv: readonly string[]): Promise<number> {
  let code = 0;
  const program = makeProgram(commands, {
    interrupt: signalsOfProcess(),
    exit: (given) => {
      code = given;
    },
  });
  try {
    return (await elsewhere(() => program.parseAsync(argv))) ?? code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    return refused(program, argv, error);
  }
}

/** Says what went wrong: to people, unless commander has; how the program is used wrongly, with `--json`, to programs as well. The exit code. */
function refused(program: Command, argv: readonly string[], error: unknown): number {
  const isMisread = error instanceof CommanderError;
  const failure = isMisread ? misread(error) : asFailure(error);
  if (!isMisread) consoleOf(program).error(failure);
  const own = argv.slice(0, [...argv, '--'].indexOf('--'));
  if (isMisread && own.includes('--nagios')) return pluginUnknown;
  const isAsked = own.includes('--json') && failure instanceof UsageError;
  if (isAsked && !Console.hasDocument) consoleOf(program).document(errorToJson(failure));
  return exitCodeOf(failure);
}

function misread({ message, code }: CommanderError): UsageError {
  const words = code === 'commander.help' ? 'a command is missing' : message.replace(/^error: /, '');
  return new UsageError(words, 'see rsync-ratchet --help; nothing was tried');
}

function errorToJson(failure: UsageError): string {
  const [message, hint] = [escapeLines(failure.message), escapeLines(failure.hint)];
  const error = { exitCode: exitCodeOf(failure), message, hint };
  return JSON.stringify({ version: 1, error }, null, 2);
}

/** The exit code of the other process, where the work has to be done by one. */
async function elsewhere(work: () => Promise<unknown>): Promise<number | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof AnotherProcess) return startAs(error);
    throw error;
  }
}

/** A monitoring plugin that was called in a wrong way knows nothing; 2 would be CRITICAL. */
const pluginUnknown = 3;

/** The program with these commands. */
export function makeProgram(commands: readonly Add[], context: CliContext): Command {
  const program = new Command('rsync-ratchet')
    .description(
      'A second copy of a restic repository that can only grow: audits serverA every night, and fetches what is new.',
    )
    .version(version)
    .option('--config <file>', 'the configuration; see "config generate"')
    .option('--json', 'one JSON document on stdout, and nothing else')
    .option('--quiet', 'print nothing when all is well (for cron)')
    .option('--verbose', 'say what is being done')
    .option('--no-color', 'no colour, also without NO_COLOR')
    .exitOverride()
    .showHelpAfterError('(try --help)')
    .configureHelp({ showGlobalOptions: true, minWidthToWrap: 30 });
  for (const add of commands) add(program, context);
  return withExitCodes(program, Object.keys(exitCodeMeanings).map(Number));
}
