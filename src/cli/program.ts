/** The command line: its global options and its commands. Wiring only. */
import { Command, CommanderError } from 'commander';
import { version } from '../core/version.ts';
import { asFailure, exitCodeMeanings, exitCodeOf, exitCodes } from '../errors.ts';
import { addAcknowledge } from './acknowledge.ts';
import { addAlert } from './alert.ts';
import { addCheck } from './check.ts';
import { addCompletion } from './completion.ts';
import { addConfig } from './config.ts';
import { consoleOf, withExitCodes, type CliContext } from './context.ts';
import { addDemo } from './demo.ts';
import { addDoctor } from './doctor.ts';
import { addHistory } from './history.ts';
import { addInit } from './init.ts';
import { addPruneWindow } from './prune-window.ts';
import { addReport } from './report.ts';
import { addScrub } from './scrub.ts';
import { addStatus } from './status.ts';
import { addSync } from './sync.ts';
import { addTombstones } from './tombstones.ts';

/** Runs the command that `argv` names; its exit code. Never throws. */
export async function runProgram(argv: readonly string[], interrupt: AbortSignal): Promise<number> {
  let code = 0;
  const isPlugin = argv.includes('--nagios');
  const program = makeProgram({ interrupt, exit: (given) => { code = given; } });
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

/** All commands, wired. */
export function makeProgram(context: CliContext): Command {
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
    .configureHelp({ showGlobalOptions: true });
  for (const add of [addInit, addSync, addPruneWindow, addTombstones, addAcknowledge, addStatus, addHistory, addReport, addScrub, addCheck, addAlert, addConfig, addDoctor, addCompletion, addDemo]) add(program, context);
  return withExitCodes(program, Object.keys(exitCodeMeanings).map(Number));
}
