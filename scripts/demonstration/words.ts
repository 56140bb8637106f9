/** Words of the demo: lines folded for a terminal, command lines as people type them, and the mail that was sent. */
import { readFileSync } from 'node:fs';

/** The demo is written for terminals of this width. */
const columns = 80;

/** How a line is folded. */
export interface Folding {
  /** Put before every line, the first included. */
  readonly margin?: string;
  /** How much further than the line itself its continuation is indented; that of a list item stands below its text. */
  readonly hang?: number;
  /** Put behind every line but the last. */
  readonly end?: string;
}

/** Folds a line at its blanks; words that are longer than a line stay whole. */
export function fold(line: string, { margin = '', hang = 0, end = '' }: Folding = {}): string[] {
  const start = /^ *(- )?/.exec(line)?.[0] ?? '';
  const lines: string[] = [];
  let [current, isEmpty] = [margin + start, true];
  for (const word of line.slice(start.length).split(' ')) {
    const longer = isEmpty ? current + word : `${current} ${word}`;
    if (isEmpty || longer.length + end.length <= columns) {
      current = longer;
    } else {
      lines.push(current.trimEnd() + end);
      current = margin + ' '.repeat(start.length + hang) + word;
    }
    isEmpty = false;
  }
  return [...lines, current.trimEnd()];
}

/**
 * A command line as one would type it into a shell. Of restic's long names so much is shown as tells them apart, with
 * the shell's own `*` for the rest.
 */
export function typedLine(argv: readonly string[]): string {
  return argv
    .map((word) => (/^[\w./:=@,+-]+$/.test(word) ? shortened(word) : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}

function shortened(word: string): string {
  return word.replace(/([0-9a-f]{8})[0-9a-f]{56}/g, '$1*');
}

/** A mail as its reader sees it. */
export interface ShownMail {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** Reads an `.eml` file of our own: headers that may be folded, then parts, of which people are shown the text. */
export function readMail(file: string): ShownMail {
  const eml = readFileSync(file, 'utf8');
  const header = headersOf(eml);
  const [text = ''] = partsOf(eml).filter((part) => headersOf(part)('Content-Type').startsWith('text/plain'));
  const isQuoted = headersOf(text)('Content-Transfer-Encoding').toLowerCase() === 'quoted-printable';
  const body = text.slice(text.indexOf('\n\n') + 2);
  return { from: header('From'), to: header('To'), subject: header('Subject'), text: isQuoted ? unquoted(body) : body };
}

/** What lies between boundaries, of parts of parts too; the first is the head of the message. */
function partsOf(eml: string): string[] {
  const boundaries = [...eml.matchAll(/boundary="([^"]+)"/g)].map(([, boundary = '']) => `--${boundary}`);
  const parts = [''];
  for (const line of eml.split('\n')) {
    if (boundaries.some((boundary) => line.startsWith(boundary))) parts.push('');
    else parts.push(`${parts.pop() ?? ''}${line}\n`);
  }
  return parts;
}

/** The headers of a message, or of a part of it, by name. */
function headersOf(entity: string): (name: string) => string {
  const headers = (entity.split('\n\n', 1)[0] ?? '').replace(/\n(?=[ \t])/g, '');
  return (name) => new RegExp(`^${name}: *(.*)$`, 'im').exec(headers)?.[1] ?? '';
}

function unquoted(text: string): string {
  const bytes = text
    .replace(/=\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
