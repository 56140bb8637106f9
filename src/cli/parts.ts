/** Which part of the program a command line needs. */

/** A part that is built by itself, see scripts/build.mjs; `whole` has every command. */
export type Part = 'short' | 'night' | 'whole';

const partOfCommand: Readonly<Partial<Record<string, Part>>> = {
  'prune-window': 'short',
  tombstones: 'short',
  acknowledge: 'short',
  status: 'short',
  history: 'short',
  sync: 'night',
  audit: 'night',
};

/**
 * The part that has the command which the words name: the first word that is neither an option nor the value of one. Help
 * that is asked for before it is that of the whole program.
 */
export function partOf(words: readonly string[]): Part {
  const at = words.findIndex((word, index) => !word.startsWith('-') && words[index - 1] !== '--config');
  const command = words[at] ?? '';
  const asksForHelp = at > 0 && words.slice(0, at).some((word) => /^-(?:h|-help$)/.test(word));
  return (!asksForHelp && Object.hasOwn(partOfCommand, command) ? partOfCommand[command] : undefined) ?? 'whole';
}
