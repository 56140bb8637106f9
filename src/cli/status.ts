/** `status`: how the repositories stand; the alarm first. With `--nagios` one line for a monitoring system. */
import type { Command } from 'commander';
import { parseTime } from '../config/units.ts';
import { pluginFailure, pluginResult } from '../looking/nagios.ts';
import { ageOf, type Status } from '../looking/standing.ts';
import { statusLines, statusToJson } from '../looking/status-rows.ts';
import { asFailure, exitCodes, Failure, UsageError } from '../errors.ts';
import { hasState, statusOf } from '../looking/status.ts';
import { configOf, consoleOf, repositoriesOf, wantsJson, withExitCodes, type CliContext } from './context.ts';

interface StatusOptions {
  readonly nagios?: boolean;
  readonly maxAge?: string;
}

/** The monitoring system's own 26 hours: a night, and two hours of grace. */
const usualMaxAge = '26h';

export function addStatus(program: Command, context: CliContext): void {
  const command = program
    .command('status')
    .description('last run, last success, newest snapshot, alarm, window, tombstones, disk, undelivered alerts')
    .argument('[repository...]', 'all of the configuration when none is named')
    .option('--max-age <time>', `how long ago the last success may be (with --nagios ${usualMaxAge} when not given)`)
    .option('--nagios', 'one line and performance data, exit 0, 1, 2 or 3 as monitoring plugins do')
    .action((names: string[], options: StatusOptions) => {
      if (options.nagios === true) return plugin(command, context, names, options);
      const now = new Date();
      const maxAge = options.maxAge === undefined ? Infinity : maxAgeOf(options.maxAge);
      const isOverdue = (status: Status): boolean => (ageOf(status, now) ?? Infinity) > maxAge;
      const console = consoleOf(command);
      const all = gather(command, names, now);
      for (const [text, tone] of all.flatMap((status) => statusLines(status, isOverdue(status))))
        console.say(text, tone);
      if (wantsJson(command)) {
        const repositories = all.map((status) => ({
          ...statusToJson(status),
          ...(options.maxAge === undefined ? {} : { overdue: isOverdue(status) }),
        }));
        console.document(JSON.stringify({ version: 1, repositories }, null, 2));
      }
      context.exit(all.some(({ alarm }) => alarm !== undefined) ? exitCodes.alarm : 0);
    });
  withExitCodes(command, [0, 1, 2, 3]).addHelpText('after', '\nWith --nagios: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN');
}

function gather(command: Command, names: readonly string[], now: Date): Status[] {
  const config = configOf(command, names, { secrets: 'without secrets' });
  return repositoriesOf(config, names).map((repository) => statusOf(config, repository, now));
}

/** Whatever goes wrong in here is UNKNOWN, said on stdout, where monitoring systems read. */
function plugin(command: Command, context: CliContext, names: readonly string[], options: StatusOptions): void {
  const { line, code } = pluginOrFailure(command, names, options);
  consoleOf(command).document(line);
  context.exit(code);
}

function pluginOrFailure(command: Command, names: readonly string[], options: StatusOptions) {
  try {
    const now = new Date();
    const maxAge = maxAgeOf(options.maxAge ?? usualMaxAge);
    const config = configOf(command, names, { secrets: 'without secrets' });
    const repositories = repositoriesOf(config, names);
    const unseen = repositories.find((repository) => !hasState(config, repository));
    if (unseen !== undefined)
      throw new Failure(
        `no state of ${unseen.name} in ${config.state ?? ''}: never initialised, or another user's (set state: in the configuration)`,
        '',
      );
    return pluginResult(
      repositories.map((repository) => statusOf(config, repository, now)),
      maxAge,
      now,
    );
  } catch (error) {
    return pluginFailure(asFailure(error).message);
  }
}

/** Throws UsageError with what would be right. */
function maxAgeOf(text: string): number {
  const age = parseTime()(text);
  if ('wrong' in age) throw new UsageError(`--max-age ${text} ${age.wrong}`, 'nothing was done');
  return age.value;
}
