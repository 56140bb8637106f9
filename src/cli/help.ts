/** `help [TOPIC]`: a command's help, or a chapter of the manual. */
import type { Command } from 'commander';
import { nearest } from '../config/shape.ts';
import { UsageError } from '../errors.ts';
import { escapeText } from '../printable.ts';
import { chapters, type Chapter } from '../words/manual.ts';
import { consoleOf, wantsJson, withExitCodes, type CliContext } from './context.ts';

/** Comes last: it takes the place of commander's own `help`, and speaks of all commands. */
export function addHelp(program: Command, _context: CliContext): void {
  const command = program
    .command('help')
    .description("a command's help, or a chapter of the manual; alone it lists both")
    .argument('[topic]')
    .action((topic: string | undefined) => {
      const asked = topic === undefined ? program : program.commands.find((one) => namesOf(one).includes(topic));
      if (asked !== undefined) asked.outputHelp();
      else sayChapter(command, chapterOf(program, topic ?? ''));
    });
  withExitCodes(command, [0, 2]);
  program.addHelpText('after', () => `\nChapters of the manual, for "help TOPIC":\n${listOf(program)}`);
}

function namesOf(command: Command): string[] {
  return [command.name(), ...command.aliases()];
}

/** The chapter of that name. Throws UsageError, which names what was meant. */
function chapterOf(program: Command, topic: string): Chapter {
  const all = chapters();
  const found = all.find(({ name }) => [name, `${name}.md`].includes(topic));
  if (found !== undefined) return found;
  const near = nearest(topic, [...program.commands.flatMap(namesOf), ...all.map(({ name }) => name)]);
  const guess = near === undefined ? '' : `did you mean ${near}? `;
  throw new UsageError(
    `there is no topic "${escapeText(topic)}"`,
    `${guess}rsync-ratchet help lists commands and chapters`,
  );
}

function sayChapter(command: Command, { name, title, text }: Chapter): void {
  const console = consoleOf(command);
  console.document(wantsJson(command) ? JSON.stringify({ version: 1, topic: name, title, text }, null, 2) : text);
}

/** Each chapter on a line. */
function listOf(program: Command): string {
  const lines = chapters().map((chapter) => `  ${topicOf(program, chapter).padEnd(18)}${chapter.title}`);
  return lines.join('\n');
}

/** What a chapter is asked for by: one that is called like a command, by the `.md` of its file. */
function topicOf(program: Command, { name }: Chapter): string {
  return program.commands.flatMap(namesOf).includes(name) ? `${name}.md` : name;
}

/** All that `help` can be asked for, but for what is hidden. */
export function topicsOf(program: Command): string[] {
  const commands = program.createHelp().visibleCommands(program).flatMap(namesOf);
  return [...commands, ...chapters().map((chapter) => topicOf(program, chapter))];
}
