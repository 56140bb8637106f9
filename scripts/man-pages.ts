/** The manual pages as roff (man(7)), made of the commands, the configuration's schema and the manual. */
import { chapterNames, chapterPages } from './chapter-pages.ts';
import { pageOf } from './pages.ts';
import { roff, titleLine } from './roff.ts';
import { makeProgram } from '../src/cli/program.ts';
import { commands } from '../src/cli/whole.ts';
import type { CommandPage, OptionPage } from './command-page.ts';
import { configJsonSchema, type JsonSchema } from '../src/config/json-schema.ts';
import { sampleConfig } from '../src/config/sample.ts';
import { exitCodeMeanings } from '../src/errors.ts';

/** The whole program as data. */
export function wholePage(): CommandPage {
  return pageOf(makeProgram(commands, { interrupt: new AbortController().signal, exit: () => undefined }));
}

/** `rsync-ratchet.1`, `rsync-ratchet.yaml.5` and the manual's chapters in section 7, by their file names. */
export function manualPages(version: string): Readonly<Record<string, string>> {
  return {
    'rsync-ratchet.1': commandsPage(wholePage(), version),
    'rsync-ratchet.yaml.5': configPage(configJsonSchema(), version),
    ...chapterPages(version),
  };
}

const bold = (text: string): string => `\\fB${roff(text)}\\fR`;
const item = (term: string, text: string): string => `.TP\n${term}\n${roff(text)}`;

function commandsPage(program: CommandPage, version: string): string {
  return joined([
    '.\\" Made by scripts/man.ts of the commands themselves.',
    titleLine('RSYNC-RATCHET', 1, version),
    `.SH NAME\nrsync\\-ratchet \\- a second copy of a restic repository that can only grow`,
    `.SH SYNOPSIS\n${bold('rsync-ratchet')} [${program.options.map(({ flags }) => roff(flags)).join('] [')}] \\fIcommand\\fR`,
    `.SH DESCRIPTION\n${roff(program.description)}`,
    roff(
      'Nothing in the copy is overwritten, and nothing leaves it unless an operator declared it beforehand. What is pulled from where is said by a configuration,',
    ) + '\n.BR rsync\\-ratchet.yaml (5).',
    '.SH OPTIONS\nThey may stand before or behind the command.',
    ...program.options.map(optionItem),
    '.SH COMMANDS',
    ...program.commands.flatMap((command) => commandParts(command)),
    '.SH EXIT STATUS',
    ...Object.entries(exitCodeMeanings).map(([code, meaning]) => item(bold(code), meaning)),
    roff('Over several repositories the worst counts: 3, 1, 75, 4, 0.').replace(/^/, '.PP\n'),
    `.SH ENVIRONMENT\n${item(bold('RSYNC_RATCHET_CONFIG'), 'The configuration, when --config does not name one.')}`,
    item(bold('NO_COLOR'), 'No colour and no progress, as --no-color.'),
    `.SH FILES\n${item(bold('~/.config/rsync-ratchet/config.yaml'), "A user's configuration; $XDG_CONFIG_HOME is honoured.")}`,
    item(bold('/etc/rsync-ratchet/config.yaml'), 'The configuration of the machine.'),
    item(
      bold('/var/lib/rsync-ratchet'),
      'The journal, tombstones and unsent mail; ~/.local/state/rsync-ratchet for a user other than root.',
    ),
    `.SH SEE ALSO\n.BR rsync\\-ratchet.yaml (5),\n${chapterNames()},\n.BR restic (1),\n.BR rsync (1),\n.BR rrsync (1)`,
  ]);
}

function optionItem({ flags, description }: OptionPage): string {
  return item(bold(flags), description);
}

/** A command as a section of its own; a group as its commands. */
function commandParts(command: CommandPage): string[] {
  if (command.commands.length > 0) return command.commands.flatMap(commandParts);
  return [
    `.SS ${roff(command.path)}`,
    `.B ${roff(command.usage)}\n.PP\n${roff(sentence(command.description))}`,
    ...command.arguments
      .filter(({ description }) => description !== '')
      .map(({ name, description }) => item(`\\fI${roff(name)}\\fR`, description)),
    ...command.options.filter(({ long }) => long !== '--help').map(optionItem),
    `.PP\nExit codes: ${[...command.exitCodes.matchAll(/^ +(\d+) /gm)].map(([, code]) => code).join(', ')}.`,
  ];
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

function configPage(schema: JsonSchema, version: string): string {
  return joined([
    '.\\" Made by scripts/man.ts of the schema that reads the file.',
    titleLine('RSYNC-RATCHET.YAML', 5, version),
    '.SH NAME\nrsync\\-ratchet.yaml \\- the configuration of rsync\\-ratchet',
    `.SH DESCRIPTION\n${roff('YAML: what is pulled from where, and whom to tell. The first of --config, $RSYNC_RATCHET_CONFIG, $XDG_CONFIG_HOME/rsync-ratchet/config.yaml and /etc/rsync-ratchet/config.yaml is read. Times take s m h d (30s, 1.5h), sizes MB GB MiB GiB. Relative paths start from the folder of the file. Only its owner may be able to write the file; files that hold a secret must be closed to others.')}`,
    `.PP\n${bold('rsync-ratchet config generate')} prints a commented sample, ${bold('config validate')} tells all problems with their places, ${bold('config schema')} prints JSON Schema for editors.`,
    '.SH KEYS',
    ...keyItems(schema, ''),
    `.SH EXAMPLE\n.nf\n${roff(sampleConfig.trimEnd())}\n.fi`,
    '.SH SEE ALSO\n.BR rsync\\-ratchet (1)',
  ]);
}

/** Every key with its whole path; a repository's name is `NAME`, a list's item `[]`. */
function keyItems(schema: JsonSchema, above: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, key]) => {
    const path = above + name;
    const required = schema.required?.includes(name) === true ? ['Required.'] : [];
    const below =
      key.additionalProperties === undefined || key.additionalProperties === false
        ? []
        : keyItems(key.additionalProperties, `${path}.NAME.`);
    return [
      item(`${bold(path)}${typeOf(key)}`, [key.description ?? '', ...required, ...defaultOf(key)].join(' ')),
      ...keyItems(key, `${path}.`),
      ...below,
      ...(key.items === undefined ? [] : keyItems(key.items, `${path}[].`)),
    ];
  });
}

function typeOf({ type, enum: words, anyOf }: JsonSchema): string {
  const names: Readonly<Record<string, string>> = { object: 'mapping', array: 'list' };
  const either = anyOf?.map((one) => (one.const === undefined ? (one.type ?? '') : JSON.stringify(one.const)));
  return ` (${roff((words ?? either ?? [names[type ?? ''] ?? type ?? '']).join(' | '))})`;
}

function defaultOf(key: JsonSchema): string[] {
  const value = key.default;
  return value === undefined || (typeof value === 'object' && key.properties !== undefined)
    ? []
    : [`Default: ${typeof value === 'string' ? value : JSON.stringify(value)}.`];
}

function joined(parts: readonly string[]): string {
  return `${parts.join('\n')}\n`;
}
