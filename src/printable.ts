function toOctal(character: string): string {
  return `\\#${character.charCodeAt(0).toString(8).padStart(3, '0')}`;
}

/** Bytes (latin1) as rsync would show them under LC_ALL=C; tabs too, so that the result is one printable line. */
export function escapePath(path: string): string {
  return path.replace(/[^ -~]|\\(?=#\d{3})/g, toOctal);
}

/**
 * Any text (messages of rsync, ssh, restic) as printable ASCII, in rsync's form, at most `limit` characters. What is
 * printable stays as it is, so that a text that quotes an escaped path may come through here again.
 */
export function escapeText(text: string, limit = 500): string {
  const bytes = Buffer.from(text.trim(), 'utf8')
    .toString('latin1')
    .replace(/[^ -~]/g, toOctal);
  return bytes.length > limit ? `${bytes.slice(0, limit - 3)}...` : bytes;
}

/** Many lines, each as printable ASCII behind its own indentation. */
export function escapeLines(text: string): string {
  return text
    .split('\n')
    .map((line) => `${/^ */.exec(line)?.[0] ?? ''}${escapeText(line, 2000)}`)
    .join('\n');
}

/** What no terminal may be told by somebody else: control characters, and what turns the direction of writing; not a newline, nor a tab. */
const unfitForTerminals = /[^\P{Cc}\t\n]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Text of others (its letters of all languages included) as a terminal may be shown it: the rest as rsync shows it, byte by byte. */
export function forTerminal(text: string): string {
  return text.replace(unfitForTerminals, (character) =>
    Buffer.from(character, 'utf8').toString('latin1').replace(/[^]/g, toOctal),
  );
}

/** The same for a document that programs read: in JSON `\u202e` stands for the character itself, so nothing is lost. */
export function forDocument(text: string): string {
  return text.replace(unfitForTerminals, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
