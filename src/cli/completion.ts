/** `completion`, and the hidden `complete` that its scripts ask for what stands in the configuration and the state. */
import { Argument, type Command } from 'commander';
import { AnotherProcess } from '../state/become.ts';
import type { Shell } from './completions.ts';
import { configOf, consoleOf, repositoriesOf, withExitCodes, type CliContext } from './context.ts';

const shells: readonly Shell[] = ['bash', 'zsh', 'fish'];

export function addCompletion(program: Command, _context: CliContext): void {
  const completion = program
    .command('completion')
    .description(
      'print the completion of commands, options, repositories and runs for a shell: source <(rsync-ratchet completion bash)',
    )
    .addArgument(new Argument('<shell>').choices(shells))
    .action(async (shell: Shell) => {
      const { completionOf } = await import('./completions.ts');
      consoleOf(completion).document(completionOf(shell).trimEnd());
    });
  withExitCodes(completion, [0, 2]);
  const complete = program
    .command('complete', { hidden: true })
    .addArgument(new Argument('<what>').choices(['repositories', 'runs']))
    .argument('[repository]')
    .action(async (what: string, name?: string) => {
      try {
        const words =
          what === 'runs'
            ? await runs(complete, name)
            : configOf(complete, [], { secrets: 'without secrets' }).repositories.map((one) => one.name);
        if (words.length > 0) consoleOf(complete).document(words.join('\n'));
      } catch (error) {
        if (error instanceof AnotherProcess) throw error;
        // Nobody wants to read about a broken configuration in the middle of a word; the command itself will tell.
      }
    });
  withExitCodes(complete, [0, 2]);
}

/** The runs whose accepted deletions can still be kept, newest last. */
async function runs(command: Command, name: string | undefined): Promise<string[]> {
  const { Operator } = await import('../ratchet/declared/operator.ts');
  const config = configOf(command, name === undefined || name === '' ? [] : [name], { secrets: 'without secrets' });
  const found = new Set<string>();
  for (const repository of repositoriesOf(config, name === undefined || name === '' ? [] : [name])) {
    new Operator(config, repository).eachTombstone(({ run, state }) => {
      if (state !== 'kept') found.add(run);
    });
  }
  return [...found].sort();
}
