/** `sync` and `audit`: the whole night, or its first three steps as a question. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { summary, summaryOfAll } from '../words/report.ts';
import { outcomeOf, runExitCode, type Run } from '../ratchet/run.ts';
import { toJson } from '../words/run-json.ts';
import { worstExitCode } from '../errors.ts';
import type { Console, Tone } from '../telling/console.ts';
import { Pinger } from '../telling/ping.ts';
import type { NightOptions } from '../ratchet/night.ts';
import { retrySpool } from './alert.ts';
import {
  configOf,
  consoleOf,
  invocation,
  repositoriesOf,
  wantsJson,
  withExitCodes,
  type CliContext,
} from './context.ts';

export function addSync(program: Command, context: CliContext): void {
  const sync = program
    .command('sync')
    .description('the whole night: audit, fetch, verify, admit, tell')
    .argument('[repository...]', 'all of the configuration when none is named')
    .option('--no-limits', 'let this run exceed limits.newFiles and limits.newBytes')
    .addOption(jobsOption())
    .action(async (names: string[], options: { limits: boolean; jobs: number }) => {
      await runAll(sync, context, names, { command: 'sync', noLimits: !options.limits }, options.jobs);
    });
  withExitCodes(sync, [0, 1, 2, 3, 4, 75, 130, 143]);
  const audit = program
    .command('audit')
    .description('what would sync find? Fetches nothing, changes nothing, mails nobody')
    .argument('[repository...]', 'all of the configuration when none is named')
    .addOption(jobsOption())
    .action(async (names: string[], options: { jobs: number }) => {
      await runAll(audit, context, names, { command: 'audit', noLimits: false }, options.jobs);
    });
  withExitCodes(audit, [0, 1, 2, 3, 4, 75, 130, 143]);
}

async function runAll(
  command: Command,
  context: CliContext,
  names: readonly string[],
  options: NightOptions,
  jobs: number,
): Promise<void> {
  const config = configOf(command, names);
  const console = consoleOf(command);
  const isNight = options.command === 'sync';
  const pinger = new Pinger(isNight ? config.monitoring.ping : undefined, (words) => {
    console.warn(words);
  });
  const repositories = repositoriesOf(config, names);
  if (isNight) await retrySpool(config, console);
  const { nightly } = await import('../nightly.ts');
  const shared = {
    config,
    console,
    interrupt: context.interrupt,
    program: invocation(command),
    onStart: () => {
      pinger.start();
    },
  };
  const runs = await inLanes(repositories, jobs, context.interrupt, async (repository) => {
    const run = await nightly({ ...shared, repository }, options);
    print(console, run);
    return run;
  });
  if (runs.length > 1) console.mention(summaryOfAll(runs));
  if (wantsJson(command)) console.document(toJson(runs));
  const exitCode = worstExitCode(runs.map(runExitCode));
  await pinger.end(exitCode, runs);
  context.exit(exitCode);
}

function jobsOption(): Option {
  return new Option('--jobs <n>', 'so many repositories at once, each under its own lock')
    .default(1)
    .argParser((text) => {
      if (!/^[1-9]\d?$/.test(text)) throw new InvalidArgumentError('It must be a number from 1 to 99.');
      return Number(text);
    });
}

/** Works on all items, `jobs` at once, and begins none once we are told to stop. The results are in the order of the items. */
async function inLanes<Item, Result>(
  items: readonly Item[],
  jobs: number,
  interrupt: AbortSignal,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const waiting = [...items.entries()];
  const done: Result[] = [];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && !interrupt.aborted; next = waiting.shift())
      done[next[0]] = await work(next[1]);
  };
  await Promise.all(Array.from({ length: jobs }, lane));
  return done.filter((each) => each !== undefined);
}

/** A night that is well says one line, and under `--quiet` none; an audit beside an alarm says that it stands. A failure goes to stderr, a finding to stdout. */
function print(console: Console, run: Run): void {
  const tones: Partial<Record<ReturnType<typeof outcomeOf>, Tone>> = {
    synced: 'good',
    unchanged: 'good',
    warned: 'warning',
    alarm: 'bad',
  };
  const tone = tones[outcomeOf(run)];
  if (run.failure !== undefined) console.error(run.failure);
  const [first = '', ...rest] = summary(run);
  if (tone === 'good' && run.alarm === undefined) console.mention(first, tone);
  else if (outcomeOf(run) !== 'failed')
    [first, ...rest].forEach((line, index) => {
      console.say(line, index === 0 ? (tone ?? 'warning') : 'plain');
    });
}
