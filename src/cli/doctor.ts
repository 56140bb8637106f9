/** `doctor`: everything that a night needs, looked at one by one. */
import type { Command } from 'commander';
import {
  checkupLines,
  checkupTitle,
  doctorExitCode,
  doctorSummary,
  doctorToJson,
  type Checkup,
} from '../doctor/checkup.ts';
import type { Console } from '../telling/console.ts';
import {
  configOf,
  consoleOf,
  repositoriesOf,
  wantsJson,
  withExitCodes,
  type CliContext,
  type GlobalOptions,
} from './context.ts';

export function addDoctor(program: Command, context: CliContext): void {
  const command = program
    .command('doctor')
    .description(
      'look at everything that a night needs, and say what mends it; changes nothing, asks nothing; exit 1 when something is wrong',
    )
    .argument('[repository...]', 'all of the configuration when none is named')
    .action(async (names: string[]) => {
      const config = configOf(command, names, { secrets: 'without secrets' }); // a missing one is a finding among others
      const repositories = repositoriesOf(config, names);
      const console = consoleOf(command);
      const isQuiet = command.optsWithGlobals<GlobalOptions>().quiet === true;
      const { examine } = await import('../doctor/doctor.ts');
      const checkups: Checkup[] = [];
      const shown: Checkup[] = [];
      for await (const checkup of examine(config, repositories, context.interrupt)) {
        checkups.push(checkup);
        if (isQuiet && checkup.standing === 'good') continue;
        print(console, checkup, shown.at(-1));
        shown.push(checkup);
      }
      if (wantsJson(command)) console.document(doctorToJson(checkups));
      console.mention(...doctorSummary(checkups));
      context.exit(doctorExitCode(checkups));
    });
  withExitCodes(command, [0, 1, 2, 130, 143]);
}

function print(console: Console, checkup: Checkup, before: Checkup | undefined): void {
  if (before === undefined || before.repository !== checkup.repository)
    console.say(...checkupTitle(checkup.repository));
  for (const line of checkupLines(checkup)) console.say(...line);
}
