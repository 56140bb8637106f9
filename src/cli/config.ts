/** `config generate`, `config validate` and `config schema`. */
import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { sampleConfig } from '../config/sample.ts';
import { UsageError } from '../errors.ts';
import { ConfigError } from '../config/file.ts';
import { foreseen } from '../doctor/foreseen.ts';
import { configOf, configPath, consoleOf, wantsJson, withExitCodes, type CliContext } from './context.ts';

export function addConfig(program: Command, _context: CliContext): void {
  const config = program.command('config').description('make, check or describe the configuration');
  const generate = config
    .command('generate')
    .description('print a commented sample')
    .option('--destination <file>', 'write it there (0600); an existing file is never overwritten')
    .action((options: { destination?: string }) => {
      const console = consoleOf(generate);
      if (options.destination === undefined) {
        console.document(sampleConfig.trimEnd());
        return;
      }
      write(options.destination);
      console.mention(
        `${options.destination}: written; edit source and replica, then: rsync-ratchet --config ${options.destination} config validate`,
      );
    });
  withExitCodes(generate, [0, 2]);
  const validate = config
    .command('validate')
    .description('all problems at once, each with its place')
    .action(() => {
      sayValid(validate, configPath(validate));
    });
  withExitCodes(validate, [0, 2]);
  const schema = config
    .command('schema')
    .description('print the JSON Schema, from which editors complete and check as you type')
    .action(async () => {
      const { configJsonSchema } = await import('../config/json-schema.ts');
      consoleOf(schema).document(JSON.stringify(configJsonSchema(), null, 2));
    });
  withExitCodes(schema, [0, 2]);
  withExitCodes(config, [0, 2]);
}

function sayValid(command: Command, file: string): void {
  const names = validNames(command, file);
  const found = { version: 1, file, valid: true, repositories: names };
  if (wantsJson(command)) consoleOf(command).document(JSON.stringify(found, null, 2));
  consoleOf(command).mention(`${file}: valid (${names.join(', ')})`, 'good');
}

/** The repositories of a configuration without a problem; what is wrong is thrown on, after programs were told. */
function validNames(command: Command, file: string): string[] {
  try {
    return configOf(command, [], {
      secrets: 'without credentials',
      purpose: 'judging',
      foresee: foreseen,
      comparesAll: true,
    }).repositories.map((repository) => repository.name);
  } catch (error) {
    if (error instanceof ConfigError && wantsJson(command)) {
      consoleOf(command).document(
        JSON.stringify({ version: 1, file, valid: false, problems: error.problems }, null, 2),
      );
    }
    throw error;
  }
}

function write(file: string): void {
  try {
    writeFileSync(file, sampleConfig, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw new UsageError(
      `${file} cannot be written: ${(error as Error).message}`,
      'name a file that does not exist yet, in a folder that does',
    );
  }
}
