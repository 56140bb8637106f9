/** Which part of the program a command line needs. */

const short: readonly string[] = ['prune-window', 'tombstones', 'acknowledge', 'status', 'history'];

/**
 * Whether the words name a command of `short.ts`: the first word that is neither an option nor the value of one. Help that
 * is asked for before it is that of the whole program.
 */
export function isShort(words: readonly string[]): boolean {
  const at = words.findIndex((word, index) => !word.startsWith('-') && words[index - 1] !== '--config');
  return short.includes(words[at] ?? '') && !words.slice(0, at).some((word) => /^-(?:h|-help$)/.test(word));
}
