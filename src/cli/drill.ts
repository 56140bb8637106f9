/** `drill`: files of the replica, chosen at random, are restored now and compared. */
import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import type { Repository } from '../config/config.ts';
import { asFailure, Failure, Interrupted, UsageError } from '../errors.ts';
import { counted, formatBytes } from '../figures.ts';
import { runExitCode, runIdOf, type DrillResult } from '../ratchet/run.ts';
import type { Rescue } from '../rescue/restic.ts';
import type { Console } from '../telling/console.ts';
import { tellAside } from '../telling/tell.ts';
import { tellingOf } from '../telling/telling.ts';
import { drillAsRun } from '../words/asides.ts';
import { configForCaller, consoleOf, repositoriesOf, wantsJson, withExitCodes, type CliContext } from './context.ts';
import { changed, perRepository } from './per-repository.ts';
import { passwordOf } from './restic.ts';

export function addDrill(program: Command, context: CliContext): void {
  const command = program
    .command('drill')
    .description('restore files chosen at random in a box, into its memory, and compare them; changes nothing')
    .argument('[repository...]', 'all of the configuration when none is named')
    .option('--target <folder>', 'restore them there and keep them: clear text; for one repository, not in the journal')
    .action(async (names: string[], { target }: { target?: string }) => {
      if (target !== undefined) return keeping(command, context, names, target);
      await perRepository(command, context, names, {
        one: (options) => drillAndTell({ ...options, owner: undefined }, undefined, options.program),
        exitCode: ({ code }) => code,
        document: (drills) => documentOf(drills.map(({ result }) => result)),
        tells: true,
        end: changed,
      });
    });
  withExitCodes(command, [0, 1, 2, 4, 130, 143]);
}

const documentOf = (drills: readonly object[]): string => JSON.stringify({ version: 1, drills }, null, 2);

/** With the rights of who typed, since what is restored is his. */
async function keeping(command: Command, context: CliContext, names: readonly string[], target: string): Promise<void> {
  const { config, owner } = configForCaller(command, names, {});
  const [repository, ...more] = repositoriesOf(config, names);
  if (repository === undefined || more.length > 0)
    throw new UsageError(
      '--target is for one repository',
      'name it: rsync-ratchet drill REPO --target FOLDER. Nothing was started',
    );
  const console = consoleOf(command);
  const { result, code } = await drillAndTell(
    { config, owner, console, repository, interrupt: context.interrupt },
    target,
  );
  if (wantsJson(command)) console.document(documentOf([result]));
  context.exit(code);
}

/** One drill, said and mailed; what could not be finished does not keep the next repository from its own. */
async function drillAndTell(
  options: Omit<Rescue, 'password'>,
  target: string | undefined,
  program?: string,
): Promise<{ result: object; code: number }> {
  const { repository, console } = options;
  const startedAt = new Date();
  const result = await drilled(options, repository, target);
  print(console, repository.name, result);
  const runId = runIdOf(startedAt, randomBytes(2).toString('hex'));
  const run = drillAsRun(repository.name, runId, startedAt, new Date(), result);
  if (target === undefined)
    await tellAside(tellingOf({ ...options, ...(program === undefined ? {} : { program }) }), run);
  return {
    result: {
      repository: repository.name,
      ...(result instanceof Failure
        ? { error: { message: result.message, hint: result.hint } }
        : { drill: result ?? null }),
    },
    code: runExitCode(run),
  };
}

async function drilled(
  options: Omit<Rescue, 'password'>,
  repository: Repository,
  target: string | undefined,
): Promise<DrillResult | Failure | undefined> {
  const { drillNow } = await import('../rescue/drill-now.ts');
  try {
    return await drillNow({ ...options, password: await passwordOf(repository, options.interrupt) }, target);
  } catch (error) {
    if (error instanceof UsageError || error instanceof Interrupted) throw error;
    return asFailure(error);
  }
}

function print(console: Console, name: string, result: DrillResult | Failure | undefined): void {
  if (result instanceof Failure) return console.error(result);
  if (result === undefined) return console.say(`${name}: there is no snapshot yet to restore from`, 'warning');
  const { files, bytes, snapshots, passed, words } = result;
  const what = `${counted(files, 'file')} (${formatBytes(bytes)}) of ${counted(snapshots, 'snapshot')}`;
  if (passed) return console.mention(`${name}: ${what} restored: right`, 'good');
  console.say(`${name}: the drill failed (${what}): ${words}`, 'bad');
  console.say(`  what that means, and the road back: rsync-ratchet explain drill-failed ${name}`);
}
