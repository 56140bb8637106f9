/** What every command is given, and how a command's outcome becomes an exit code. */
import { type Command } from 'commander';
import type { Config, Repository } from '../config/config.ts';
import { AnotherProcess, arrive, become, canBecome, type Owner } from '../state/become.ts';
import { defaultState, findConfig, loadConfig, type Secrets, type Settled, type ValueProblem } from '../config/file.ts';
import { isPrintable } from '../config/units.ts';
import { Console } from '../telling/console.ts';
import { pathHanded } from '../state/handed.ts';
import { ownershipOf, soleOwner, type Purpose } from '../state/owner.ts';
import { exitCodeMeanings, UsageError } from '../errors.ts';
import { keepOutOf } from '../state/files.ts';

/** The options of every command. */
export interface GlobalOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color: boolean;
}

/** Shared by all commands of one invocation. */
export interface CliContext {
  readonly interrupt: AbortSignal;
  /** Takes the command's exit code. */
  readonly exit: (code: number) => void;
}

export function consoleOf(command: Command): Console {
  const { json = false, quiet = false, verbose = false, color } = command.optsWithGlobals<GlobalOptions>();
  return new Console({ json, quiet, verbose, color });
}

export function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<GlobalOptions>().json === true;
}

/** Whose rights a command works with, and what it wants of the configuration. */
interface Reading {
  readonly secrets?: Secrets;
  readonly purpose?: Purpose;
  readonly foresee?: (config: Config) => readonly ValueProblem[];
  /** Whether all folders are compared, see config-file.ts. */
  readonly comparesAll?: boolean;
}

/**
 * The configuration that the options and the environment name, read as who typed. Then root is the owner of the named
 * repositories (all when none is named), for good. Throws UsageError with all problems, AnotherProcess where this one cannot.
 */
export function configOf(command: Command, names: readonly string[], reading: Reading = {}): Config {
  const { HOME: home = '/', USER: name = '' } = process.env;
  if (pathHanded() !== undefined) arrive({ name, home });
  return readAs(command, names, reading, (owner, text) => {
    if (owner.uid === 0) return;
    consoleOf(command).detail(`root goes on as ${owner.name}, to whom state and replica belong`);
    if (!canBecome()) throw new AnotherProcess(owner, { path: configPath(command), text });
    become(owner);
  });
}

/** The same for a command whose result is written with the caller's rights: `owner` is for what it reads of state and replica, `another` for what it writes there. */
export function configForCaller(
  command: Command,
  names: readonly string[],
  reading: Reading,
): { config: Config; owner: Owner | undefined; another: AnotherProcess | undefined } {
  let another: AnotherProcess | undefined;
  const config = readAs(command, names, reading, (owner, text) => {
    another = new AnotherProcess(owner, { path: configPath(command), text });
  });
  return { config, owner: another?.owner, another };
}

function readAs(
  command: Command,
  names: readonly string[],
  { secrets, foresee, comparesAll = false, purpose = 'using' }: Reading,
  take: (owner: Owner, text: string) => void,
): Config {
  const settle = (config: Config, text: string): Settled => {
    const stateOf = (owner: Owner): string => defaultState({ HOME: owner.home }, owner.uid);
    const all = repositoriesOf(config, names).map((repository) =>
      ownershipOf(repository, config.state, purpose, stateOf),
    );
    const problems = all.flatMap(({ repository, objection }) =>
      objection === undefined ? [] : [{ path: ['repositories', repository, 'replica'], message: objection }],
    );
    const owner = problems.length > 0 ? undefined : soleOwner(all, purpose);
    if (owner !== undefined) take(owner, text);
    return { problems, state: owner && stateOf(owner) };
  };
  const config = loadConfig(configPath(command), {
    names,
    comparesAll,
    ...(foresee && { foresee }),
    ...(secrets && { secrets }),
    ...(process.getuid?.() === 0 && { settle }),
  });
  const replicasOf = (repositories: Repository[]) => repositories.map(({ replica }) => replica);
  keepOutOf(replicasOf(config.repositories), replicasOf(repositoriesOf(config, names)));
  return config;
}

/** How a command begins that finds the same configuration: with `--config` where this one was named. */
export function invocation(command: Command): string {
  const isNamed =
    command.optsWithGlobals<GlobalOptions>().config !== undefined || Boolean(process.env['RSYNC_RATCHET_CONFIG']);
  const path = isNamed ? configPath(command) : '';
  if (path === '' || !isPrintable(path)) return 'rsync-ratchet';
  return `rsync-ratchet --config ${/^[\w./@%+=:,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`}`;
}

const paths = new WeakMap<Command, string>();

/** Found once: the owner that root becomes may not see it, and is elsewhere. */
export function configPath(command: Command): string {
  const path = paths.get(command) ?? findConfig(command.optsWithGlobals<GlobalOptions>().config, process.env);
  paths.set(command, path);
  return path;
}

/** The named repositories in the order given, all when none is named. Throws UsageError for an unknown name. */
export function repositoriesOf(config: Config, names: readonly string[]): Repository[] {
  if (names.length === 0) return config.repositories;
  return [...new Set(names)].map((name) => {
    const found = config.repositories.find((repository) => repository.name === name);
    if (found !== undefined) return found;
    const known = config.repositories.map((repository) => repository.name).join(', ');
    throw new UsageError(`there is no repository "${name}" in the configuration`, `it has: ${known}`);
  });
}

/** Ends a command's `--help` with the exit codes that it can give. */
export function withExitCodes(command: Command, codes: readonly number[]): Command {
  const lines = codes.map((code) => `  ${String(code).padEnd(5)}${exitCodeMeanings[code] ?? ''}`);
  return command.addHelpText('after', `\nExit codes:\n${lines.join('\n')}`);
}
