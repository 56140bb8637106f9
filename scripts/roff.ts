/** Words for roff, the language of manual pages. */

/** Text as roff takes it literally: backslashes, the hyphens of options, and dots and quotes that would begin a request. */
export function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&');
}

const special: Readonly<Record<string, string>> = {
  '"': '\\(dq',
  "'": '\\(aq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
};

/** As `roff`, in ASCII, and so that a terminal shows quotes, carets and tildes as they are to be typed. */
export function literal(text: string): string {
  return roff(text).replace(/["'`^~]|[^\x00-\x7f]/gu, (letter) => special[letter] ?? codePoint(letter));
}

function codePoint(letter: string): string {
  return `\\[u${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`;
}

/** The line that begins a page. */
export function titleLine(name: string, section: number, version: string): string {
  return `.TH ${name} ${section} "" "rsync-ratchet ${version}" "rsync-ratchet"`;
}
