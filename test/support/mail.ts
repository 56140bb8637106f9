/** Just enough of RFC 5322 to read what a test was sent. */

/** One message as it came, and as its reader sees it. */
export interface Mail {
  readonly raw: string;
  /** Decoded headers by lower-case name; of repeated ones the last. */
  readonly headers: ReadonlyMap<string, string>;
  readonly subject: string;
  /** The decoded body; of a multipart message its first text/plain part. */
  readonly text: string;
  /** The decoded text/html part, '' where there is none. */
  readonly html: string;
  /** Decoded attachments by file name. */
  readonly attachments: ReadonlyMap<string, string>;
}

/** Reads a message. */
export function parseMail(raw: string): Mail {
  const { headers, body } = split(raw);
  const leaves = leavesOf(headers, body);
  const html = leaves.find((leaf) => /^text\/html/i.test(leaf.headers.get('content-type') ?? ''));
  const named = leaves.flatMap((leaf): [string, string][] => {
    const name = /filename="?([^";]+)"?/.exec(leaf.headers.get('content-disposition') ?? '')?.[1];
    return name === undefined ? [] : [[name, textOf(leaf.headers, leaf.body)]];
  });
  return {
    raw, headers, subject: headers.get('subject') ?? '', text: textOf(headers, body),
    html: html === undefined ? '' : textOf(html.headers, html.body), attachments: new Map(named),
  };
}

interface Part {
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** The parts that have no parts. */
function leavesOf(headers: ReadonlyMap<string, string>, body: string): Part[] {
  const parts = partsOf(headers, body);
  return parts === undefined ? [{ headers, body }] : parts.flatMap((part) => leavesOf(part.headers, part.body));
}

function partsOf(headers: ReadonlyMap<string, string>, body: string): Part[] | undefined {
  const boundary = /^multipart\/.*boundary="?([^";]+)"?/i.exec(headers.get('content-type') ?? '')?.[1];
  if (boundary === undefined) return undefined;
  return body.split(`--${boundary}`).slice(1, -1).map((part) => split(part.replace(/^\n/, '').replace(/\n$/, '')));
}

function split(entity: string): { headers: Map<string, string>; body: string } {
  const unix = entity.replaceAll('\r\n', '\n');
  const end = unix.indexOf('\n\n');
  const head = end < 0 ? unix : unix.slice(0, end);
  const headers = new Map<string, string>();
  for (const line of head.replace(/\n(?=[ \t])/g, '').split('\n')) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).toLowerCase(), words(line.slice(colon + 1).trim()));
  }
  return { headers, body: end < 0 ? '' : unix.slice(end + 2) };
}

/** `=?utf-8?Q?…?=` and `=?utf-8?B?…?=` (RFC 2047). */
function words(value: string): string {
  const encoded = /=\?[^?]+\?([QB])\?([^?]*)\?=(?:\s+(?==\?))?/gi;
  return value.replace(encoded, (_, how: string, word: string) =>
    how.toUpperCase() === 'B' ? Buffer.from(word, 'base64').toString() : quotedPrintable(word.replaceAll('_', ' ')));
}

function textOf(headers: ReadonlyMap<string, string>, body: string): string {
  const parts = partsOf(headers, body);
  if (parts !== undefined) {
    const part = parts.find((one) => /^text\/plain/i.test(one.headers.get('content-type') ?? '')) ?? parts[0];
    return part === undefined ? '' : textOf(part.headers, part.body);
  }
  const encoding = headers.get('content-transfer-encoding')?.toLowerCase();
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString();
  return encoding === 'quoted-printable' ? quotedPrintable(body) : body;
}

function quotedPrintable(text: string): string {
  const bytes = text
    .replace(/=\n/g, '')
    .replace(/[^\0-\x7f]/g, (c) => Buffer.from(c).toString('latin1'))
    .replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}
