/** `check`: restic looks at the replica now and reads the next share of its data. */
import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { checkAsRun } from '../words/asides.ts';
import type { CheckResult } from '../proof/proof.ts';
import { runExitCode, runIdOf } from '../ratchet/run.ts';
import { asFailure, exitCodes, Failure } from '../errors.ts';
import type { Console } from '../telling/console.ts';
import type { RunOptions } from '../ratchet/holdings.ts';
import { tellingOf } from '../telling/telling.ts';
import { tellAside } from '../telling/tell.ts';
import { withExitCodes, type CliContext } from './context.ts';
import { changed, perRepository } from './per-repository.ts';

export function addCheck(program: Command, context: CliContext): void {
  const command = program
    .command('check')
    .description('have restic check the replica and read the next share of its data; changes nothing')
    .argument('[repository...]', 'all of the configuration when none is named')
    .action(async (names: string[]) => {
      await perRepository(command, context, names, {
        one: checkAndTell,
        exitCode: ({ code }) => code,
        document: (checks) => JSON.stringify({ version: 1, checks: checks.map(({ result }) => result) }, null, 2),
        tells: true,
        end: changed,
      });
    });
  withExitCodes(command, [0, 1, 2, 4, 75, 130, 143]);
}

/** One check, said and mailed; what could not be finished does not keep the next repository from its check. */
async function checkAndTell(options: RunOptions): Promise<{ result: object; code: number }> {
  const {
    repository: { name },
    console,
  } = options;
  const startedAt = new Date();
  const { checkNow } = await import('../scrub/check.ts');
  const result = await checkNow(options).catch(asFailure);
  if (result === undefined) {
    console.mention(`${name}: another run is at work; nothing was done`, 'warning');
    return { result: { repository: name, locked: true }, code: exitCodes.locked };
  }
  print(console, name, result);
  const run = checkAsRun(name, runIdOf(startedAt, randomBytes(2).toString('hex')), startedAt, new Date(), result);
  await tellAside(tellingOf(options), run);
  return {
    result: {
      repository: name,
      ...(result instanceof Failure ? { error: { message: result.message, hint: result.hint } } : result),
    },
    code: runExitCode(run),
  };
}

/** So many missing packs are named. */
const shownPacks = 8;

function print(console: Console, name: string, result: CheckResult | Failure): void {
  if (result instanceof Failure) return console.error(result);
  const { share, passed, words, missing = [] } = result;
  if (missing.length > 0) {
    console.say(
      `${name}: restic check misses packs that are not there, and found nothing else wrong; share ${share} of the data was read`,
      'warning',
    );
    for (const path of missing.slice(0, shownPacks)) console.say(`  ${path}`);
    return console.say(
      '  look whether serverA has them; what to do when they are lost: the mail of each night tells (missing-pack)',
    );
  }
  if (passed) return console.mention(`${name}: restic check passed; share ${share} of the data was read`, 'good');
  console.say(`${name}: restic check failed (share ${share} of the data): ${words}`, 'bad');
  console.say(`  find damaged files and fetch them again: rsync-ratchet scrub --repair ${name}`);
}
