/** `sync` and `audit`: the whole night, or its first three steps as a question. */
import type { Command } from 'commander';
import { summary } from '../core/report.ts';
import { outcomeOf, runExitCode, toJson, type Run } from '../core/run.ts';
import { worstExitCode } from '../errors.ts';
import type { Console, Tone } from '../io/console.ts';
import { RunEdges } from '../io/edges.ts';
import { Pinger } from '../io/ping.ts';
import { nightlyRun, type NightOptions } from '../nightly.ts';
import { retrySpool } from './alert.ts';
import { configOf, consoleOf, invocation, repositoriesOf, wantsJson, withExitCodes, type CliContext } from './context.ts';

export function addSync(program: Command, context: CliContext): void {
  const sync = program.command('sync')
    .description('the whole night: audit, fetch, verify, admit, tell')
    .argument('[repository...]', 'all of the configuration when none is named')
    .option('--no-limits', 'let this run exceed limits.newFiles and limits.newBytes')
    .action(async (names: string[], options: { limits: boolean }) => {
      await runAll(sync, context, names, { command: 'sync', noLimits: !options.limits });
    });
  withExitCodes(sync, [0, 1, 2, 3, 4, 75, 130, 143]);
  const audit = program.command('audit')
    .description('what would sync find? Fetches nothing, changes nothing, mails nobody')
    .argument('[repository...]', 'all of the configuration when none is named')
    .action(async (names: string[]) => {
      await runAll(audit, context, names, { command: 'audit', noLimits: false });
    });
  withExitCodes(audit, [0, 1, 2, 3, 4, 75, 130, 143]);
}

async function runAll(command: Command, context: CliContext, names: readonly string[], options: NightOptions): Promise<void> {
  const config = configOf(command);
  const console = consoleOf(command);
  const isNight = options.command === 'sync';
  const pinger = new Pinger(isNight ? config.monitoring.ping : undefined, (words) => { console.warn(words); });
  const repositories = repositoriesOf(config, names);
  if (isNight) await retrySpool(config, console);
  const runs: Run[] = [];
  const shared = { config, console, interrupt: context.interrupt, program: invocation(command), onStart: () => { pinger.start(); } };
  for (const repository of repositories) {
    const run = await nightlyRun(new RunEdges({ ...shared, repository }), options);
    print(console, run);
    runs.push(run);
    if (context.interrupt.aborted) break;
  }
  if (wantsJson(command)) console.document(toJson(runs));
  const exitCode = worstExitCode(runs.map(runExitCode));
  await pinger.end(exitCode, runs);
  context.exit(exitCode);
}

/** A night that is well says one line, and under `--quiet` none; an audit beside an alarm says that it stands. A failure goes to stderr, a finding to stdout. */
function print(console: Console, run: Run): void {
  const tones: Partial<Record<ReturnType<typeof outcomeOf>, Tone>> = { synced: 'good', unchanged: 'good', warned: 'warning', alarm: 'bad' };
  const tone = tones[outcomeOf(run)];
  if (run.failure !== undefined) console.error(run.failure);
  const [first = '', ...rest] = summary(run);
  if (tone === 'good' && run.alarm === undefined) console.mention(first, tone);
  else if (outcomeOf(run) !== 'failed') [first, ...rest].forEach((line, index) => { console.say(line, index === 0 ? (tone ?? 'warning') : 'plain'); });
}
