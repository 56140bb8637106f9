/** Secrets that are one line of a file: what an editor puts around it (a byte order mark, the end of the line) is no part of it. */
import { readFileSync } from 'node:fs';

/** The secret in `file`. Throws when it cannot be read. */
export function secretLine(file: string): string {
  return readFileSync(file, 'utf8')
    .replace(/^\uFEFF/, '')
    .replace(/[\r\n]+$/, '');
}

/** The address of a monitor, or what is wrong with its file; never what stands in it. */
export function addressIn(file: string): URL | string {
  try {
    const line = secretLine(file).trim();
    if (/[\r\n]/.test(line)) return `${file} has several lines, and must be one http or https address alone`;
    const url = new URL(line);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : `${file} has no http or https address`;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code === 'ERR_INVALID_URL'
      ? `${file} has no address (https://...)`
      : `${file} cannot be read (${code ?? 'unknown error'})`;
  }
}

/** What is wrong with what stands in the file of a login's password; undefined when nothing is. */
export function passwordFault(file: string): string | undefined {
  return /\p{Cc}|\uFFFD/u.test(secretLine(file))
    ? `${file} is not one line of plain text (UTF-8): must be the password alone`
    : undefined;
}
