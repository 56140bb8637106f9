/** `setup`: the first hour, as questions and answers, or by options. */
import type { Command } from 'commander';
import type { Wishes } from '../setup/wishes.ts';
import { consoleOf, withExitCodes, type CliContext, type GlobalOptions } from './context.ts';

export function addSetup(program: Command, context: CliContext): void {
  const command = program
    .command('setup')
    .description(
      'the first hour as questions and answers: key, host key, configuration, first copy, timer; can be broken off and started again',
    )
    .option('--name <name>', 'the name of the repository')
    .option('--source <source>', 'user@host:path, sftp://user@host/path, or a folder of this machine')
    .option('--port <number>', "sshd's port on serverA")
    .option('--replica <folder>', 'where the copy will lie')
    .option('--password-file <file>', "a file with the repository's password, closed to others")
    .option('--mail-to <addresses>', 'who is told, with commas; - for nobody')
    .option(
      '--host-key <fingerprint>',
      "serverA's host key must have it, as in SHA256:abc; needed where nobody is asked",
    )
    .option('--yes', 'ask nothing: the options, and what is usual')
    .action(async (wishes: Wishes) => {
      const [{ setUp }, { Talk }, { Questions }] = await Promise.all([
        import('../setup/setup.ts'),
        import('../setup/talk.ts'),
        import('../setup/questions.ts'),
      ]);
      const console = consoleOf(command);
      const isAsking = process.stdin.isTTY && wishes.yes !== true;
      const { config } = command.optsWithGlobals<GlobalOptions>();
      context.exit(await setUp(new Talk(console, new Questions(console, isAsking)), wishes, config, context.interrupt));
    });
  withExitCodes(command, [0, 1, 2, 4, 130, 143]);
}
