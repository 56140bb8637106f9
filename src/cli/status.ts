/** `status`: how the repositories stand; the alarm first. */
import type { Command } from 'commander';
import { statusLines, statusToJson } from '../core/status.ts';
import { exitCodes } from '../errors.ts';
import { statusOf } from '../io/status.ts';
import { configOf, consoleOf, repositoriesOf, wantsJson, withExitCodes, type CliContext } from './context.ts';

export function addStatus(program: Command, context: CliContext): void {
  const command = program.command('status')
    .description('last run, last success, newest snapshot, alarm, window, tombstones, disk, undelivered alerts')
    .argument('[repository...]', 'all of the configuration when none is named')
    .action((names: string[]) => {
      const config = configOf(command, 'without secrets');
      const console = consoleOf(command);
      const all = repositoriesOf(config, names).map((repository) => statusOf(config, repository, new Date()));
      for (const [text, tone] of all.flatMap((status) => statusLines(status))) console.say(text, tone);
      if (wantsJson(command)) console.document(JSON.stringify({ version: 1, repositories: all.map(statusToJson) }, null, 2));
      context.exit(all.some(({ alarm }) => alarm !== undefined) ? exitCodes.alarm : 0);
    });
  withExitCodes(command, [0, 1, 2, 3]);
}
