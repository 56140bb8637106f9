/** `report --html FILE`: all that the journals know, as one page. */
import { formatBytes } from '../figures.ts';
import type { Command } from 'commander';
import { UsageError } from '../errors.ts';
import { readingAs } from '../state/become.ts';
import { configForCaller, consoleOf, repositoriesOf, wantsJson, withExitCodes, type CliContext } from './context.ts';

export function addReport(program: Command, _context: CliContext): void {
  const command = program
    .command('report')
    .description('growth, nights, alarms, windows and tombstones as one HTML page that needs nothing else')
    .argument('[repository...]', 'all of the configuration when none is named')
    .requiredOption(
      '--html <file>',
      'write it there, 0600; a file that exists is replaced and keeps its mode; - for stdout',
    )
    .action(async (names: string[], { html: file }: { html: string }) => {
      const console = consoleOf(command);
      if (file === '-' && wantsJson(command))
        throw new UsageError('--json and --html - both want stdout', 'name a file for the page');
      const { config, owner } = configForCaller(command, names, { secrets: 'without secrets' });
      const repositories = repositoriesOf(config, names);
      const { htmlReport, writeReport } = await import('../looking/report/report.ts');
      const page = readingAs(owner, () => htmlReport(config, repositories, new Date()));
      if (file === '-') {
        console.document(page.trimEnd());
        return;
      }
      writeReport(file, page, config);
      const bytes = Buffer.byteLength(page);
      console.mention(`${file}: written (${formatBytes(bytes)})`);
      if (wantsJson(command))
        console.document(
          JSON.stringify({ version: 1, file, bytes, repositories: repositories.map(({ name }) => name) }, null, 2),
        );
    });
  withExitCodes(command, [0, 1, 2]);
}
