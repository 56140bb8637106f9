/** `demo`: the whole story on a throw-away repository, no configuration needed. */
import type { Command } from 'commander';
import { Failure, Interrupted } from '../errors.ts';
import { consoleOf, wantsJson, withExitCodes, type CliContext } from './context.ts';

export function addDemo(program: Command, context: CliContext): void {
  const demo = program
    .command('demo')
    .description(
      'tell the whole story on a throw-away restic repository on this machine; needs no configuration, and restic',
    )
    .option('--keep', 'keep the folder afterwards, and say where it is and how to go on playing')
    .action(async (options: { keep?: boolean }) => {
      const { playDemo } = await import('../../scripts/demonstration/demo.ts');
      const console = consoleOf(demo);
      try {
        const report = await playDemo({ keep: options.keep === true, console, interrupt: context.interrupt });
        if (wantsJson(demo)) console.document(JSON.stringify(report, null, 2));
      } catch (error) {
        if (!(error instanceof Interrupted)) throw error;
        console.error(
          new Failure(
            error.message,
            options.keep === true ? 'the folder was kept, as you asked' : 'nothing is left behind',
          ),
        );
        context.exit(error.exitCode);
      }
    });
  withExitCodes(demo, [0, 1, 2, 130, 143]);
}
