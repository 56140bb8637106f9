/** `init`: makes or adopts a replica and pins config and keys. */
import type { Command } from 'commander';
import { formatBytes, formatCount } from '../core/report.ts';
import { exitCodes } from '../errors.ts';
import type { Console } from '../io/console.ts';
import { InitEdges } from '../io/initialise-edges.ts';
import { initialise, type Initialised, type Pins } from '../initialise.ts';
import { configOf, consoleOf, repositoriesOf, wantsJson, withExitCodes, type CliContext } from './context.ts';

export function addInit(program: Command, context: CliContext): void {
  const init = program.command('init')
    .description('make the replica, or adopt an existing copy; pin config and keys (trusted on first use)')
    .argument('<repository>')
    .option('--trust-existing', 'adopt an existing copy without hashing its files')
    .action(async (name: string, options: { trustExisting?: boolean }) => {
      const config = configOf(init);
      const console = consoleOf(init);
      const [repository] = repositoriesOf(config, [name]);
      if (repository === undefined) return;
      const edges = new InitEdges({ config, repository, console, interrupt: context.interrupt });
      const { result, pins } = await initialise(edges, { trustExisting: options.trustExisting === true });
      if (wantsJson(init)) console.document(JSON.stringify({ version: 1, repository: name, ...result, pins: pins ?? null }, null, 2));
      tell(console, name, repository.replica, result, pins);
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
    console.mention(`  ${formatCount(result.verified.files)} files (${formatBytes(result.verified.bytes)}) hashed: each is what its name says`);
  }
  if (pins === undefined) return;
  console.mention('  pinned; compare with serverA (sha256sum config, ls keys):');
  console.mention(`    config  ${pins.config}`);
  for (const id of pins.keys) console.mention(`    key     ${id}`);
  if (result.did !== 'nothing') console.mention(`  next: rsync-ratchet sync ${name}`);
}
