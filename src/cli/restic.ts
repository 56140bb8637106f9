/** `restic REPO -- COMMAND…`: restic on the replica, in a box. */
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { Repository } from '../config/config.ts';
import { asFailure, exitCodes, Interrupted, UsageError } from '../errors.ts';
import { printedPassword } from '../programs/restic-password.ts';
import { resticInBox, type Rescue } from '../rescue/restic.ts';
import { wishOf, type Wish } from '../rescue/wish.ts';
import {
  configForCaller,
  configOf,
  consoleOf,
  repositoriesOf,
  wantsJson,
  withExitCodes,
  type CliContext,
} from './context.ts';

export function addRestic(program: Command, context: CliContext): void {
  const command = program
    .command('restic')
    .description('restic on the replica, in a box: no network, and nothing to write to but the --target of restore')
    .argument('<repository>')
    .argument('<command...>', 'behind --: a command of restic (snapshots, ls, find, dump, restore), then its options')
    .action(async (name: string, words: string[]) => {
      if (wantsJson(command))
        throw new UsageError(
          '--json belongs to restic here',
          'type it behind: rsync-ratchet restic REPO -- snapshots --json. Nothing was started',
        );
      const wish = wishOf(words);
      const { config, owner } = readFor(command, name, wish);
      const [repository] = repositoriesOf(config, [name]);
      if (repository === undefined) throw new Error('a name gives a repository');
      const console = consoleOf(command);
      const { interrupt } = context;
      const rescue = { config, repository, owner, interrupt, console };
      context.exit(
        await boxed(console, async () =>
          resticInBox({ ...rescue, password: await passwordOf(repository, interrupt) }, wish),
        ),
      );
    });
  command.addHelpText('after', `\n${ownCodes}`);
  withExitCodes(command, [1, 2, 130, 143]);
}

const ownCodes = `restic's own exit code is passed on. These are ours:`;

/** Root becomes the owner of the replica, but where the caller's rights are needed: to write what is restored. */
function readFor(command: Command, name: string, { target }: Wish): Pick<Rescue, 'config' | 'owner'> {
  if (target !== undefined) return configForCaller(command, [name], {});
  return { config: configOf(command, [name]), owner: undefined };
}

/** restic's exit code; 1 with a last line of ours when there was no box for it. */
async function boxed(console: Rescue['console'], work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UsageError || error instanceof Interrupted) throw error;
    console.error(asFailure(error));
    process.stderr.write("rsync-ratchet: restic was not run to its end, see above; this exit code 1 is not restic's\n");
    return exitCodes.failed;
  }
}

/** The password of the configuration; without one it is asked for on the terminal, and not shown. */
export async function passwordOf(
  { name, restic: { passwordFile, passwordCommand } }: Repository,
  interrupt: AbortSignal,
): Promise<Rescue['password']> {
  if (passwordFile !== undefined) return { file: passwordFile };
  if (passwordCommand !== undefined) return { typed: await printedPassword(passwordCommand, interrupt) };
  if (!process.stdin.isTTY)
    throw new UsageError(
      `${name} has no restic.passwordFile and no passwordCommand, and there is no terminal to ask for the password`,
      'type it on a terminal, or put the password into a file (0600) and name that in the configuration. Nothing was started',
    );
  const terminal = createInterface({ input: process.stdin, terminal: true }); // without an output nothing is echoed
  process.stderr.write(`password of ${name}: `);
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const left = new Promise<never>((_, reject) => {
    terminal.once('close', () => { reject(new UsageError('no password was typed', 'nothing was started')); }); // prettier-ignore
  });
  try {
    return { typed: await Promise.race([terminal.question('', { signal: interrupt }), left]) };
  } catch (error) {
    if (interrupt.aborted) throw interrupt.reason;
    throw error;
  } finally {
    left.catch(() => undefined);
    terminal.close();
    process.stderr.write('\n');
  }
}
