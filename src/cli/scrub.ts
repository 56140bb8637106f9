/** `scrub`: is every file of the replica still what it was when it came? */
import type { Command } from 'commander';
import { scrubAsRun } from '../words/asides.ts';
import type { RunOptions } from '../ratchet/holdings.ts';
import { mostShares, parseShare, scrubExitCode, scrubOutcome, type Scrub, type Share } from '../scrub/share.ts';
import { scrubLines, scrubsToJson } from '../words/scrub.ts';
import { UsageError } from '../errors.ts';
import type { Console } from '../telling/console.ts';
import type { ScrubOptions } from '../scrub/scrub.ts';
import { tellingOf } from '../telling/telling.ts';
import { tellAside } from '../telling/tell.ts';
import { withExitCodes, type CliContext } from './context.ts';
import { changed, perRepository } from './per-repository.ts';

/** A scrub that is killed loses so much at most, in milliseconds. */
const rememberEvery = 5000;

export function addScrub(program: Command, context: CliContext): void {
  const command = program
    .command('scrub')
    .description("re-hash the replica's own files (bit rot on this machine); exit 4 when damaged ones are left")
    .argument('[repository...]', 'all of the configuration when none is named')
    .option('--share <n/t>', 'only the n-th of t shares: a different n every night reads everything in t nights')
    .option(
      '--repair',
      'fetch damaged files from serverA again; only right content gets in, the damaged copy goes to quarantine',
    )
    .action(async (names: string[], options: { share?: string; repair?: boolean }) => {
      const share = shareOf(options.share);
      await perRepository(command, context, names, {
        one: (given) => scrubAndTell(given, { share, repair: options.repair === true, rememberEvery }),
        exitCode: scrubExitCode,
        document: scrubsToJson,
        tells: true,
        end: changed,
      });
    });
  withExitCodes(command, [0, 1, 2, 4, 75, 130, 143]);
}

async function scrubAndTell(options: RunOptions, how: ScrubOptions): Promise<Scrub> {
  const { console, repository } = options;
  const { scrub } = await import('../scrub/scrub.ts');
  const done = await console.withProgress(`${repository.name}: scrub`, (onProgress) =>
    scrub(options, { ...how, ...(onProgress && { onProgress }) }),
  );
  print(console, done);
  await tellAside(tellingOf(options), scrubAsRun(done));
  return done;
}

/** Throws UsageError with what would be right. */
function shareOf(text: string | undefined): Share | undefined {
  const share = text === undefined ? undefined : parseShare(text);
  if (text !== undefined && share === undefined) {
    throw new UsageError(
      `--share ${text} must be n/t, n from 1 to t, t at most ${mostShares}`,
      'for example --share 3/30; nothing was read',
    );
  }
  return share;
}

/** A scrub that finds nothing says one line, and under `--quiet` none; one that could not even begin says only why. */
function print(console: Console, done: Scrub): void {
  if (done.failure !== undefined) console.error(done.failure);
  if (done.failure !== undefined && done.hashed.files === 0 && done.damages.size === 0) return;
  const outcome = scrubOutcome(done);
  const [first = '', ...rest] = scrubLines(done);
  if (outcome === 'whole') return console.mention(first, 'good');
  console.say(first, outcome === 'repaired' ? 'good' : outcome === 'damaged' ? 'bad' : 'warning');
  for (const line of rest) console.say(line);
}
