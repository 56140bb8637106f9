/** What every command is given, and how a command's outcome becomes an exit code. */
import { type Command } from 'commander';
import type { Config, Repository } from '../core/config.ts';
import { findConfig, loadConfig, type Secrets } from '../io/config-file.ts';
import { isPrintable } from '../core/config-units.ts';
import { Console } from '../io/console.ts';
import { exitCodeMeanings, UsageError } from '../errors.ts';

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

/** The configuration that the options and the environment name. Throws UsageError with all its problems. */
export function configOf(command: Command, secrets?: Secrets): Config {
  return loadConfig(configPath(command), process.env, secrets);
}

/** How a command begins that finds the same configuration: with `--config` where this one was named. */
export function invocation(command: Command): string {
  const isNamed = command.optsWithGlobals<GlobalOptions>().config !== undefined || Boolean(process.env['RSYNC_RATCHET_CONFIG']);
  const path = isNamed ? configPath(command) : '';
  if (path === '' || !isPrintable(path)) return 'rsync-ratchet';
  return `rsync-ratchet --config ${/^[\w./@%+=:,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`}`;
}

export function configPath(command: Command): string {
  return findConfig(command.optsWithGlobals<GlobalOptions>().config, process.env);
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
