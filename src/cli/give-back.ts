/** `give-back`: brings serverA back from the replica. */
import type { Command } from 'commander';
import { exitCodes } from '../errors.ts';
import { noteCommand } from '../state/handed.ts';
import type { GivenBack, Plan } from '../rescue/give-back.ts';
import type { Console } from '../telling/console.ts';
import { givenBackJson, givenBackLines, leftFiles, planLines } from '../words/give-back.ts';
import { isYes } from './ask.ts';
import {
  configForCaller,
  configOf,
  consoleOf,
  invocation,
  repositoriesOf,
  wantsJson,
  withExitCodes,
  type CliContext,
} from './context.ts';

interface GiveBackFlags {
  readonly to: string;
  readonly all?: boolean;
  readonly yes?: boolean;
  readonly quick?: boolean;
  readonly aside?: string;
  readonly withTombstones?: boolean;
}

export function addGiveBack(program: Command, context: CliContext): void {
  const command = program
    .command('give-back')
    .description('bring serverA back from the replica: shows what it would do, then sends; deletes nothing there')
    .argument('<repository>')
    .requiredOption('--to <destination>', 'a folder of this machine, or user@host:/path by your own ssh')
    .option('--all', "everything that is missing or differs; without it the files of the standing alarm's findings")
    .option('--yes', 'do it; without it a terminal is asked, and elsewhere nothing is sent')
    .option('--quick', 'size and time tell what differs, not the content')
    .option('--aside <folder>', 'set aside there what is replaced; by default beside the destination')
    .option('--with-tombstones', 'files with a tombstone as well: those whose deletion was accepted')
    .action(async (name: string, flags: GiveBackFlags) => {
      const { config, another } = configForCaller(command, [name], { secrets: 'without secrets' });
      const console = consoleOf(command);
      const [repository] = repositoriesOf(config, [name]);
      if (repository === undefined) return;
      const { to, all = false, quick = false, aside, withTombstones = false } = flags;
      const { giveBack } = await import('../rescue/give-back.ts');
      const options = {
        config,
        repository,
        console,
        another,
        interrupt: context.interrupt,
        program: invocation(command),
      };
      const done = await giveBack(options, { to, all, quick, aside, withTombstones }, (plan) =>
        agrees(console, name, flags, plan, wantsJson(command) ? undefined : context.interrupt),
      );
      const code = leftFiles(done.left) === 0 ? 0 : exitCodes.warned;
      tell(console, name, to, done);
      if (wantsJson(command)) console.document(givenBackJson(name, to, code, done));
      context.exit(code);
    });
  withExitCodes(command, [0, 1, 2, 4, 130, 143]);
  addNote(program);
}

/** The owner's part, where root cannot become him: hidden, and only ever started by ourselves. */
function addNote(program: Command): void {
  const command = program
    .command(noteCommand, { hidden: true })
    .argument('<repository>')
    .action(async (name: string) => {
      const config = configOf(command, [name], { secrets: 'without secrets' });
      const { noteGiven } = await import('../rescue/note.ts');
      let line = '';
      for await (const chunk of process.stdin.setEncoding('utf8')) line += String(chunk);
      await noteGiven(config, name, line);
    });
  withExitCodes(command, [0, 1, 2]);
}

/** `interrupt`: what ends a question; undefined: nobody is asked. */
async function agrees(
  console: Console,
  name: string,
  { to, yes = false }: GiveBackFlags,
  plan: Plan,
  interrupt: AbortSignal | undefined,
): Promise<boolean> {
  for (const line of planLines(name, to, plan)) console.say(line);
  if (yes) return true;
  const answer = interrupt && (await isYes('Send it? [y/N] ', interrupt));
  if (answer === undefined) console.say('nothing was sent: say --yes', 'warning');
  return answer === true;
}

function tell(console: Console, name: string, to: string, done: GivenBack): void {
  const [first = '', ...rest] = givenBackLines(name, to, done);
  console.say(first, leftFiles(done.left) === 0 ? 'good' : 'warning');
  for (const line of rest) console.say(line);
}
