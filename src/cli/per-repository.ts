/** The loop of the commands that work on several repositories, one after the other or some at once. */
import type { Command } from 'commander';
import { worstExitCode } from '../errors.ts';
import type { RunOptions } from '../ratchet/holdings.ts';
import { spread } from '../telling/channels.ts';
import type { Teller } from '../telling/channel.ts';
import { retrySpool } from './alert.ts';
import { configOf, consoleOf, invocation, repositoriesOf, wantsJson, type CliContext } from './context.ts';

/** What is done for each repository, and what comes of it. */
interface Work<Result> {
  /** Never throws, so that what could not be finished does not keep the next repository from its turn. */
  readonly one: (options: RunOptions) => Promise<Result>;
  readonly exitCode: (result: Result) => number;
  /** The document of `--json`. */
  readonly document: (results: readonly Result[]) => string;
  /** Whether people are told, and so what waits in the spool is sent first. */
  readonly tells: boolean;
  /** So many repositories at once; by default one. */
  readonly jobs?: number;
  /** The last that is done, before the exit code is given. */
  readonly end: (results: readonly Result[], exitCode: number, teller: Teller) => Promise<void>;
}

/** Works on the named repositories, all when none is named, and begins none once we are told to stop. The worst exit code counts. */
export async function perRepository<Result>(
  command: Command,
  context: CliContext,
  names: readonly string[],
  work: Work<Result>,
): Promise<void> {
  const config = configOf(command, names);
  const console = consoleOf(command);
  const repositories = repositoriesOf(config, names);
  const shared = { config, console, interrupt: context.interrupt, program: invocation(command) };
  if (work.tells) await retrySpool(config, console);
  const results = await inLanes(repositories, work.jobs ?? 1, context.interrupt, (repository) =>
    work.one({ ...shared, repository }),
  );
  if (wantsJson(command)) console.document(work.document(results));
  const exitCode = worstExitCode(results.map(work.exitCode));
  await work.end(results, exitCode, { config, console });
  context.exit(exitCode);
}

/** The end of a command after which the books are not what they were. */
export async function changed(_results: unknown, _exitCode: number, teller: Teller): Promise<void> {
  await spread(teller, { kind: 'changed', now: new Date() });
}

/** Works on all items, `jobs` at once. The results are in the order of the items. */
async function inLanes<Item, Result>(
  items: readonly Item[],
  jobs: number,
  interrupt: AbortSignal,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const waiting = [...items.entries()];
  const done: { readonly at: number; readonly result: Result }[] = [];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && !interrupt.aborted; next = waiting.shift())
      done.push({ at: next[0], result: await work(next[1]) });
  };
  await Promise.all(Array.from({ length: jobs }, lane));
  return done.sort((one, other) => one.at - other.at).map(({ result }) => result);
}
