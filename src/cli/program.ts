/** The command line: its global options and its commands. Wiring only. */
import { Command, CommanderError } from 'commander';
import { version } from '../version.ts';
import { asFailure, exitCodeMeanings, exitCodeOf, exitCodes } from '../errors.ts';
import { startAs } from '../programs/another-process.ts';
import { signalsOfProcess } from '../programs/interrupt.ts';
import { AnotherProcess } from '../state/become.ts';
import { consoleOf, withExitCodes, type CliContext } from './context.ts';

/** Adds a command to the program. */
export type Add = (program: Command, context: CliContext) => void;

/** Runs that of the commands that `argv` names; its exit code. Never throws. */
export async function runProgram(commands: readonly Add[], argv: readonly string[]): Promise<number> {
  let code = 0;
  const isPlugin = argv.includes('--nagios');
  const program = makeProgram(commands, {
    interrupt: signalsOfProcess(),
    exit: (given) => {
      code = given;
    },
  });
  try {
    return (await elsewhere(() => program.parseAsync(argv))) ?? code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : isPlugin ? pluginUnknown : exitCodes.usage;
    consoleOf(program).error(asFailure(error));
    return exitCodeOf(error);
  }
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
