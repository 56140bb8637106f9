/** `sync` and `audit`: the whole night, or its first three steps as a question. */
import { resolve } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { UsageError } from '../errors.ts';
import { summary, summaryOfAll } from '../words/report.ts';
import { outcomeOf, runExitCode, type Run } from '../ratchet/run.ts';
import { toJson } from '../words/run-json.ts';
import type { Console, Tone } from '../telling/console.ts';
import { Invocation } from '../telling/invocation.ts';
import type { NightOptions } from '../ratchet/night.ts';
import { consoleOf, withExitCodes, type CliContext } from './context.ts';
import { perRepository } from './per-repository.ts';

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
    .option(
      '--report <file>',
      'judge this report of the last run (or its folder) against the replica of now; serverA is not asked, the journal has nothing of it',
    )
    .addOption(jobsOption())
    .action(async (names: string[], options: { jobs: number; report?: string }) => {
      const kept = options.report === undefined ? {} : { report: resolve(options.report) };
      if (options.report !== undefined && names.length !== 1)
        throw new UsageError('--report is about one repository', 'name it: rsync-ratchet audit NAME --report FILE');
      await runAll(audit, context, names, { command: 'audit', noLimits: false, ...kept }, options.jobs);
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
  const isNight = options.command === 'sync';
  const { nightly } = await import('../nightly.ts');
  const invocation = new Invocation();
  await perRepository(command, context, names, {
    one: async (given) => {
      const onStart = (): void => {
        if (isNight) invocation.start(given);
      };
      if (options.report !== undefined)
        given.console.mention(
          `${given.repository.name}: judged by ${options.report}, which was kept; serverA is not asked`,
        );
      const run = await nightly({ ...given, onStart }, options);
      print(given.console, run);
      return run;
    },
    exitCode: runExitCode,
    document: toJson,
    tells: isNight,
    jobs,
    end: async (runs, exitCode, teller) => {
      if (runs.length > 1) consoleOf(command).mention(summaryOfAll(runs));
      if (isNight) await invocation.end(teller, exitCode, runs);
    },
  });
}

function jobsOption(): Option {
  return new Option('--jobs <n>', 'so many repositories at once, each under its own lock')
    .default(1)
    .argParser((text) => {
      if (!/^[1-9]\d?$/.test(text)) throw new InvalidArgumentError('It must be a number from 1 to 99.');
      return Number(text);
    });
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
