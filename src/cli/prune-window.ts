/** `prune-window open | close | status | toggle`. */
import type { Command } from 'commander';
import { parseTime } from '../config/units.ts';
import type { Config, Repository } from '../config/config.ts';
import { isoMinute } from '../figures.ts';
import { counted } from '../figures.ts';
import { windowToJson } from '../words/run-json.ts';
import { longestWindow, type OpenWindow, type WindowDecision } from '../ratchet/declared/window.ts';
import { UsageError } from '../errors.ts';
import type { Console } from '../telling/console.ts';
import { spread } from '../telling/channels.ts';
import { Operator, type WindowRequest } from '../ratchet/declared/operator.ts';
import { configOf, consoleOf, repositoriesOf, wantsJson, withExitCodes, type CliContext } from './context.ts';

interface OpenOptions {
  readonly for: string;
  readonly maxDeletions?: string;
  readonly allowKeys?: boolean;
  readonly reason?: string;
}

export function addPruneWindow(program: Command, _context: CliContext): void {
  const group = program.command('prune-window').description('declare that serverA will be pruned');
  const open = withOpenOptions(group.command('open').description('let deletions on serverA through for a while'))
    .argument('<repository...>')
    .action(async (names: string[], options: OpenOptions) => {
      const request = requestOf(options);
      await each(open, names, async (console, operator, repository) =>
        decision(await opened(console, operator, repository, request)),
      );
    });
  const close = group
    .command('close')
    .description('let nothing through any more')
    .argument('<repository...>')
    .action(async (names: string[]) => {
      await each(close, names, async (console, operator, repository) => {
        await closed(console, operator, repository);
        return operator.window(new Date());
      });
    });
  const toggle = withOpenOptions(group.command('toggle').description('close the window that is open, or open one'))
    .argument('<repository...>')
    .action(async (names: string[], options: OpenOptions) => {
      const request = requestOf(options);
      await each(toggle, names, async (console, operator, repository) => {
        if (operator.window(new Date()).open === undefined)
          return decision(await opened(console, operator, repository, request));
        await closed(console, operator, repository);
        return operator.window(new Date());
      });
    });
  const status = group
    .command('status')
    .description('is a window open, and what does it still let through?')
    .argument('[repository...]')
    .action(async (names: string[]) => {
      await each(status, names, stated);
    });
  for (const command of [group, open, close, toggle, status]) withExitCodes(command, [0, 1, 2]);
}

/** Says where the window of a repository stands. */
async function stated(console: Console, operator: Operator, { name }: Repository): Promise<WindowDecision> {
  const found = operator.window(new Date());
  console.say(found.open === undefined ? `closed: ${name} lets no deletion through` : standing(name, found.open));
  if (found.refused !== undefined) console.say(`  refused: ${found.refused}`, 'warning');
  return found;
}

function withOpenOptions(command: Command): Command {
  return command
    .option('--for <time>', 'how long, at most 7d', '12h')
    .option(
      '--max-deletions <n>',
      "how many deletions, over all runs in the window; 0: none (default: a quarter of the replica's files)",
    )
    .option('--allow-keys', 'let keys be added and deleted; alone it lets nothing else through')
    .option('--reason <text>', 'why, for the journal');
}

/** Nine digits. */
const mostDeletions = 999_999_999;

/** Throws UsageError with what would be right. */
function requestOf(options: OpenOptions): WindowRequest {
  const length = parseTime(longestWindow)(options.for);
  if ('wrong' in length) throw new UsageError(`--for ${options.for} ${length.wrong}`, 'no window was opened');
  const { maxDeletions } = options;
  if (maxDeletions !== undefined && !/^\d{1,9}$/.test(maxDeletions)) {
    throw new UsageError(
      `--max-deletions ${maxDeletions} must be a whole number from 0 to ${mostDeletions}`,
      'no window was opened',
    );
  }
  return {
    length: length.value,
    maxDeletions: maxDeletions === undefined ? undefined : Number(maxDeletions),
    allowKeys: options.allowKeys === true,
    reason: options.reason ?? '',
  };
}

type Work = (console: Console, operator: Operator, repository: Repository) => Promise<WindowDecision>;

async function each(command: Command, names: readonly string[], work: Work): Promise<void> {
  const config: Config = configOf(command, names);
  const console = consoleOf(command);
  const windows: object[] = [];
  for (const repository of repositoriesOf(config, names)) {
    const { open, refused } = await work(console, new Operator(config, repository), repository);
    windows.push({ repository: repository.name, window: windowToJson(open), refused: refused ?? null });
  }
  if (command.name() !== 'status') await spread({ config, console }, { kind: 'changed', now: new Date() });
  if (wantsJson(command)) console.document(JSON.stringify({ version: 1, windows }, null, 2));
}

function decision(open: OpenWindow): WindowDecision {
  return { open, refused: undefined };
}

async function opened(
  console: Console,
  operator: Operator,
  repository: Repository,
  request: WindowRequest,
): Promise<OpenWindow> {
  const window = await operator.openWindow(request, new Date());
  console.mention(`${repository.name}: ${sentence(window)}`);
  console.mention('  Modified files, the config and the last snapshot are never let through.');
  if (operator.alarm() !== undefined) {
    console.say(
      `  An alarm is raised: sync fetches and accepts nothing until: rsync-ratchet acknowledge ${repository.name} --reason TEXT`,
      'warning',
    );
  }
  return window;
}

async function closed(console: Console, operator: Operator, repository: Repository): Promise<void> {
  const window = await operator.closeWindow(new Date());
  console.mention(
    `${repository.name}: ${window === undefined ? 'no prune window was open' : `the prune window is closed; it let ${counted(window.used, 'deletion')} through`}`,
  );
}

/** Open or not comes first, for the eye and for `grep`. */
function standing(name: string, window: OpenWindow): string {
  return `open until ${isoMinute(window.until)} UTC: ${name} lets through ${throughput(window)}`;
}

/** What a window lets through, in plain words. */
function sentence(window: OpenWindow): string {
  return `until ${isoMinute(window.until)} UTC the prune window lets through ${throughput(window)}`;
}

function throughput(window: OpenWindow): string {
  const left = Math.max(0, window.budget - window.used);
  const files =
    left === 0
      ? 'no deletion of packs, indexes or snapshots'
      : `up to ${counted(left, 'deletion')} of packs, indexes and snapshots`;
  const keys = window.allowKeys ? ', and keys may be added and deleted' : '';
  const source = window.source === 'config' ? ' (from the configuration)' : '';
  return `${files}${keys}${source}.`;
}
