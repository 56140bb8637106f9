/** `acknowledge`: lowers the alarm. */
import type { Command } from 'commander';
import { UsageError } from '../errors.ts';
import { spread } from '../telling/channels.ts';
import { Operator } from '../ratchet/declared/operator.ts';
import { configOf, consoleOf, repositoriesOf, wantsJson, withExitCodes, type CliContext } from './context.ts';

export function addAcknowledge(program: Command, _context: CliContext): void {
  const command = program
    .command('acknowledge')
    .description('lower the alarm, once you know what it was; what is still wrong raises the next one')
    .argument('<repository>')
    .requiredOption('--reason <text>', 'what it was, for the journal')
    .option('--accept-mtimes', 'take over the new modification times of all files whose size is right (rule mtimes)')
    .action(async (name: string, options: { reason: string; acceptMtimes?: boolean }) => {
      if (options.reason.trim() === '') throw new UsageError('--reason must say what it was', 'nothing was changed');
      const config = configOf(command, [name]);
      const console = consoleOf(command);
      const [repository] = repositoriesOf(config, [name]);
      if (repository === undefined) return;
      const lowered = await new Operator(config, repository).acknowledge(
        options.reason,
        options.acceptMtimes === true,
        new Date(),
      );
      await spread({ config, console }, { kind: 'changed', now: new Date() });
      if (wantsJson(command)) {
        const alarm =
          lowered === undefined ? null : { runId: lowered.runId, since: lowered.since, rules: lowered.rules };
        console.document(JSON.stringify({ version: 1, repository: name, acknowledged: alarm }, null, 2));
      }
      console.mention(
        lowered === undefined
          ? `${name}: no alarm is raised; nothing was changed`
          : `${name}: the alarm of run ${lowered.runId} (${lowered.rules.join(', ')}) is lowered; next: rsync-ratchet sync ${name}`,
      );
    });
  withExitCodes(command, [0, 1, 2]);
}
