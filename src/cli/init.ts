/** `init`: makes or adopts a replica and pins config and keys. */
import { pathOf } from '../replica-path.ts';
import { formatBytes, formatCount } from '../figures.ts';
import type { Command } from 'commander';
import { exitCodes, UsageError } from '../errors.ts';
import type { Console } from '../telling/console.ts';
import type { RunOptions } from '../ratchet/holdings.ts';
import type { Initialised, KeyDifferences } from '../ratchet/init.ts';
import type { Pins } from '../ratchet/replica.ts';
import { isYes } from './ask.ts';
import { configOf, consoleOf, repositoriesOf, wantsJson, withExitCodes, type CliContext } from './context.ts';

export function addInit(program: Command, context: CliContext): void {
  const init = program
    .command('init')
    .description('make the replica, or adopt an existing copy; pin config and keys (trusted on first use)')
    .argument('<repository>')
    .option('--trust-existing', 'adopt an existing copy without hashing its files')
    .option('--repin', 'accept a changed config, after restic migrate on serverA, say; asks first')
    .option('--yes', 'with --repin: do not ask')
    .action(async (name: string, options: { trustExisting?: boolean; repin?: boolean; yes?: boolean }) => {
      const config = configOf(init, [name], { purpose: 'making', comparesAll: true });
      const console = consoleOf(init);
      const [repository] = repositoriesOf(config, [name]);
      if (repository === undefined) return;
      const { initialise } = await import('../ratchet/init.ts');
      const all = { config, repository, console, interrupt: context.interrupt };
      if (options.repin === true) return context.exit(await repinned(init, console, name, all, options.yes === true));
      const { result, pins } = await initialise(all, { trustExisting: options.trustExisting === true });
      if (wantsJson(init))
        console.document(JSON.stringify({ version: 1, repository: name, ...result, pins: pins ?? null }, null, 2));
      tell(console, name, pathOf(repository.replica), result, pins);
      context.exit(result.did === 'locked' ? exitCodes.locked : 0);
    });
  withExitCodes(init, [0, 1, 2, 75, 130, 143]);
}

const words = {
  nothing: 'is initialised already; nothing was changed',
  locked: 'is locked: another run is at work; nothing was done',
  made: 'replica made',
  adopted: 'existing copy adopted',
};

function tell(console: Console, name: string, replica: string, result: Initialised, pins: Pins | undefined): void {
  console.mention(`${name}: ${words[result.did]} (${replica})`, result.did === 'locked' ? 'warning' : 'good');
  if ('verified' in result && result.verified !== undefined && result.verified.files > 0) {
    console.mention(
      `  ${formatCount(result.verified.files)} files (${formatBytes(result.verified.bytes)}) hashed: each is what its name says`,
    );
  }
  if ('keys' in result) tellKeys(console, result.keys);
  if ('earlier' in result) {
    console.say(
      `  a replica of this name was there before (since ${result.earlier.slice(0, 10)}), and this one is new and empty: if the disk of that one`,
      'warning',
    );
    console.say(
      '  is only not mounted, mount it now over this one, and do not sync before; if it is lost, go on: the journal goes on too',
      'warning',
    );
  }
  if (pins === undefined) return;
  console.mention('  pinned; compare with serverA (sha256sum config, ls keys):');
  console.mention(`    config  ${pins.config}`);
  for (const id of pins.keys) console.mention(`    key     ${id}`);
  if (result.did !== 'nothing') console.mention(`  next: rsync-ratchet sync ${name}`);
}

/** Keys that came or went while nobody compared: after a lost state this is where a new one would slip in. */
function tellKeys(console: Console, { onlyOnServerA, onlyHere }: KeyDifferences): void {
  for (const id of onlyOnServerA)
    console.say(
      `  a key that the existing copy did not have, and is pinned now: ${id}; was it you who added it?`,
      'warning',
    );
  for (const id of onlyHere)
    console.say(
      `  a key of the existing copy that serverA does not have: ${id}; was it you who removed it?`,
      'warning',
    );
}

const repinWords = {
  nothing: 'the config of serverA is the pinned one; nothing was changed',
  refused: 'nothing was changed',
  repinned: 'the new config is pinned; the old one is kept in quarantine',
  locked: words.locked,
};

async function repinned(
  command: Command,
  console: Console,
  name: string,
  all: RunOptions,
  isSure: boolean,
): Promise<number> {
  const { repin } = await import('../ratchet/init.ts');
  const result = await repin(all, async (before, after) => {
    console.say(`${name}: the config of serverA is not the pinned one (SHA-256)`);
    console.say(`  pinned   ${before}`);
    console.say(`  serverA  ${after}`);
    return (
      isSure ||
      (await answered(
        'Take over the new one? Only after restic migrate or another change of your own. [y/N] ',
        all.interrupt,
      ))
    );
  });
  if (wantsJson(command)) console.document(JSON.stringify({ version: 1, repository: name, ...result }, null, 2));
  console.mention(`${name}: ${repinWords[result.did]}`);
  return result.did === 'locked' ? exitCodes.locked : 0;
}

/** Throws UsageError where there is no terminal to ask on. */
async function answered(question: string, interrupt: AbortSignal): Promise<boolean> {
  const answer = await isYes(question, interrupt);
  if (answer !== undefined) return answer;
  throw new UsageError('init --repin asks, and there is no terminal', 'say --yes; nothing was changed');
}
