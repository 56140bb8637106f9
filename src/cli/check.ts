/** `check`: restic looks at the replica now and reads the next share of its data. */
import type { Command } from 'commander';
import type { CheckResult } from '../core/proof.ts';
import { exitCodes, worstExitCode } from '../errors.ts';
import type { Console } from '../io/console.ts';
import { checkNow } from '../io/proof-edges.ts';
import { configOf, consoleOf, repositoriesOf, wantsJson, withExitCodes, type CliContext } from './context.ts';

export function addCheck(program: Command, context: CliContext): void {
  const command = program.command('check')
    .description('have restic check the replica and read the next share of its data; changes nothing')
    .argument('[repository...]', 'all of the configuration when none is named')
    .action(async (names: string[]) => {
      const config = configOf(command);
      const results: object[] = [];
      const codes: number[] = [];
      for (const repository of repositoriesOf(config, names)) {
        const result = await checkNow(config, repository, context.interrupt);
        print(consoleOf(command), repository.name, result);
        results.push({ repository: repository.name, ...(result ?? { locked: true }) });
        codes.push(result === undefined ? exitCodes.locked : result.passed ? 0 : exitCodes.warned);
      }
      if (wantsJson(command)) consoleOf(command).document(JSON.stringify({ version: 1, checks: results }, null, 2));
      context.exit(worstExitCode(codes));
    });
  withExitCodes(command, [0, 1, 2, 4, 75, 130, 143]);
}

function print(console: Console, name: string, result: CheckResult | undefined): void {
  if (result === undefined) return console.mention(`${name}: another run is at work; nothing was done`, 'warning');
  const { share, passed, words } = result;
  if (passed) return console.mention(`${name}: restic check passed; share ${share} of the data was read`, 'good');
  console.say(`${name}: restic check failed (share ${share} of the data): ${words}`, 'bad');
  console.say(`  find damaged files and fetch them again: rsync-ratchet scrub --repair ${name}`);
}
