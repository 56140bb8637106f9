/** `tombstones list | keep`. */
import type { Command } from 'commander';
import { counted, formatBytes, formatCount } from '../figures.ts';
import type { Tombstone } from '../ratchet/departure/tombstones.ts';
import { UsageError } from '../errors.ts';
import type { Console } from '../telling/console.ts';
import { spread } from '../telling/channels.ts';
import { Operator, type Choice } from '../ratchet/declared/operator.ts';
import { configOf, consoleOf, repositoriesOf, wantsJson, withExitCodes, type CliContext } from './context.ts';

export function addTombstones(program: Command, _context: CliContext): void {
  const group = program
    .command('tombstones')
    .description('deletions that were accepted: what leaves the replica, and when');
  const list = group
    .command('list')
    .description('what leaves when')
    .argument('[repository]')
    .action((name?: string) => {
      listAll(list, name);
    });
  const keep = group
    .command('keep')
    .description('keep files for good: gone on serverA, here to stay, no alarm')
    .argument('<repository>')
    .argument('[path...]', 'as "tombstones list" shows them')
    .option('--run <run>', 'all that this run accepted')
    .option('--all', 'all')
    .action(async (name: string, paths: string[], options: { run?: string; all?: boolean }) => {
      const config = configOf(keep, [name]);
      const choice = choiceOf(paths, options);
      const [repository] = repositoriesOf(config, [name]);
      if (repository === undefined) return;
      const kept = await new Operator(config, repository).keep(choice, new Date());
      await spread({ config, console: consoleOf(keep) }, { kind: 'changed', now: new Date() });
      if (wantsJson(keep)) consoleOf(keep).document(JSON.stringify({ version: 1, repository: name, kept }, null, 2));
      consoleOf(keep).mention(`${name}: ${formatCount(kept)} ${kept === 1 ? 'file stays' : 'files stay'} for good`);
    });
  for (const command of [group, list, keep]) withExitCodes(command, [0, 1, 2]);
}

function choiceOf(paths: readonly string[], options: { run?: string; all?: boolean }): Choice {
  const choices: Choice[] = [
    ...(paths.length > 0 ? [{ paths }] : []),
    ...(options.run === undefined ? [] : [{ run: options.run }]),
    ...(options.all === true ? ['all' as const] : []),
  ];
  const [choice] = choices;
  if (choice !== undefined && choices.length === 1) return choice;
  throw new UsageError(
    'say which: paths, or --run RUN, or --all',
    'rsync-ratchet tombstones list shows paths and runs; nothing was changed',
  );
}

/** Streams: a million tombstones are never held at once, but for `--json`, whose document is one. */
function listAll(command: Command, name: string | undefined): void {
  const config = configOf(command, name === undefined ? [] : [name]);
  const console = consoleOf(command);
  const found: object[] = [];
  for (const repository of repositoriesOf(config, name === undefined ? [] : [name])) {
    const sum = { files: 0, bytes: 0 };
    new Operator(config, repository).eachTombstone((tombstone) => {
      if (sum.files === 0) console.say(`${repository.name}: gone on serverA, still here`, 'title');
      sum.files++;
      sum.bytes += tombstone.size;
      if (wantsJson(command)) found.push({ repository: repository.name, ...shown(tombstone) });
      else printOne(console, tombstone);
    });
    console.say(
      sum.files === 0
        ? `${repository.name}: no tombstones`
        : `  ${counted(sum.files, 'file')}, ${formatBytes(sum.bytes)}`,
    );
  }
  if (wantsJson(command)) console.document(JSON.stringify({ version: 1, tombstones: found }, null, 2));
}

function shown({ path, size, run, at, state, due }: Tombstone): object {
  return { path, size, run, at, state, due };
}

function printOne(console: Console, tombstone: Tombstone): void {
  console.say(
    `  ${whenItLeaves(tombstone).padEnd(18)}${formatBytes(tombstone.size).padStart(9)}  ${tombstone.run}  ${tombstone.path}`,
  );
}

function whenItLeaves({ state, due }: Tombstone): string {
  if (state === 'kept') return 'stays';
  if (state === 'came-back') return 'back, then stays';
  if (state === 'unconfirmed') return 'not confirmed yet';
  return due === null ? 'never leaves' : due.slice(0, 16).replace('T', ' ');
}
