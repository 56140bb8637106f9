/** `history`: the journal for people, and the proof that it is whole. */
import { formatCount } from '../figures.ts';
import type { Command } from 'commander';
import { historyLine } from '../words/history.ts';
import type { Verification } from '../state/chain.ts';
import type { Config, Repository } from '../config/config.ts';
import type { Journal } from '../state/journal.ts';
import { exitCodes, UsageError } from '../errors.ts';
import type { Console } from '../telling/console.ts';
import { State } from '../ratchet/state.ts';
import { configOf, consoleOf, repositoriesOf, wantsJson, withExitCodes, type CliContext } from './context.ts';

interface HistoryOptions {
  readonly limit: string;
  readonly verify?: boolean;
  readonly head?: string;
}

export function addHistory(program: Command, context: CliContext): void {
  const command = program
    .command('history')
    .description('the journal: what happened, when, and who said so')
    .argument('[repository]', 'all of the configuration when none is named')
    .option('--limit <n>', 'so many of the newest events', '20')
    .option('--verify', 'follow the chain of hashes through the whole journal; exit 1 at the first bad line')
    .option('--head <hash>', 'with --verify: a head hash from a mail, which must be in the chain')
    .action((name: string | undefined, options: HistoryOptions) => {
      const config = configOf(command, name === undefined ? [] : [name], { secrets: 'without secrets' });
      const repositories = repositoriesOf(config, name === undefined ? [] : [name]);
      const journals = repositories.map((each) => ({ repository: each.name, journal: journalOf(config, each) }));
      if (options.verify !== true && options.head === undefined) return show(command, journals, limitOf(options.limit));
      context.exit(verify(command, journals, headOf(options.head)) ? 0 : exitCodes.failed);
    });
  withExitCodes(command, [0, 1, 2]);
}

const journalOf = (config: Config, { name }: Repository): Journal => new State(config.state ?? '', name).journal;

type Journals = readonly { readonly repository: string; readonly journal: Journal }[];

function show(command: Command, journals: Journals, limit: number): void {
  const console = consoleOf(command);
  const found = journals.map(({ repository, journal }) => ({ repository, events: journal.newest(limit) }));
  for (const { repository, events } of found) {
    console.say(repository, 'title');
    for (const event of events) console.say(`  ${historyLine(event)}`);
    if (events.length === 0) console.say('  no journal yet');
  }
  if (wantsJson(command)) console.document(JSON.stringify({ version: 1, repositories: found }, null, 2));
}

/** Follows the chains, and says what it found; whether all are whole. */
function verify(command: Command, journals: Journals, head: string | undefined): boolean {
  const console = consoleOf(command);
  const found = journals.map(({ repository, journal }) => ({ repository, ...journal.verify(head) }));
  for (const each of found) sayVerified(console, each);
  const repositories = found.map((each) => {
    return { ...each, bad: each.bad ?? null, known: each.known ?? null, valid: isValid(each) };
  });
  if (wantsJson(command)) console.document(JSON.stringify({ version: 1, repositories }, null, 2));
  return found.every(isValid);
}

function isValid({ bad, known }: Verification): boolean {
  return bad === undefined && known !== false;
}

function sayVerified(console: Console, found: Verification & { repository: string }): void {
  const { repository, lines, head, bad, torn, known } = found;
  if (bad !== undefined) {
    console.say(`${repository}: BROKEN at ${bad.file}, line ${bad.line}: ${bad.why}`, 'bad');
    console.say(`  the ${formatCount(lines)} lines before it are as they were written`);
  } else {
    console.say(`${repository}: ${formatCount(lines)} lines, the chain is whole; head ${head.hash}`, 'good');
    console.say(
      '  compare the head with the one in the last mail: a chain that was rewritten from its beginning is whole, too',
    );
  }
  if (torn > 0)
    console.say(
      `  ${formatCount(torn)} bytes of an unfinished line follow, which a crash left; the next run drops them`,
      'warning',
    );
  if (known !== undefined)
    console.say(
      known
        ? '  the head that was asked for is in it'
        : '  the head that was asked for is NOT in it: the journal was rewritten or cut',
      known ? 'good' : 'bad',
    );
}

function limitOf(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new UsageError(`--limit ${text} must be a whole number from 1 to 9999999`, 'nothing was done');
}

function headOf(text: string | undefined): string | undefined {
  if (text === undefined || /^[0-9a-f]{64}$/.test(text)) return text;
  throw new UsageError(`--head must be 64 hexadecimal digits, as a mail has them after "journal:"`, 'nothing was done');
}
