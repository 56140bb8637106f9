import type { MinFree } from './types.ts';

/** What a text means, or the sentence that says what it should have been. */
export type Parsed<T> = { value: T } | { wrong: string };

/** A pure reading of one text. */
export type Parse<T> = (text: string) => Parsed<T>;

/** Milliseconds of one second, one hour and one day. */
const second = 1000;
export const hour = 3_600_000;
export const day = 86_400_000;

const timeUnits: Readonly<Record<string, number>> = { s: second, m: 60 * second, h: hour, d: day };
const sizeUnits: Readonly<Record<string, number>> = {
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** The longest time: a due date that far away is still a date. Who wants more says `forever`. */
const longest = 36_500 * day;

export const aTime = 'must be a time with its unit s, m, h or d, such as 30s, 10m, 1.5h or 30d';
export const aSize = 'must be a size with its unit KB, MB, GB, TB, KiB, MiB, GiB or TiB, such as 20MB or 1.5GiB';
export const aGrace = 'must be a time with its unit s, m, h or d, such as 30d, or 0, or forever';
export const aMinFree =
  'must be a percentage such as 5%, or a size with its unit KB, MB, GB, TB, KiB, MiB, GiB or TiB, such as 50GB';

/** The same as regular expressions that JSON Schema can show. */
const [timeForm, sizeForm] = ['\\d+(?:\\.\\d+)?[smhd]', '\\d+(?:\\.\\d+)?(?:[KMGT]i?B)'];
export const timePattern = `^${timeForm}$`;
export const sizePattern = `^${sizeForm}$`;
export const gracePattern = `^(?:0|forever|${timeForm})$`;
export const minFreePattern = `^(?:\\d+(?:\\.\\d+)?%|${sizeForm})$`;

/** `1.5h` with the units of one kind, rounded to whole ones; undefined when it is no such thing. */
function quantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)([A-Za-z]+)$/.exec(text) ?? [];
  if (!Object.hasOwn(units, unit)) return undefined;
  const value = Math.round(Number(amount) * (units[unit] ?? NaN));
  return Number.isSafeInteger(value) ? value : undefined;
}

/** A time of `s`, `m`, `h` or `d` in milliseconds: above 0, at least `least` (said in hours), and at most `most` (said in days). */
export function parseTime(most = longest, least = 0): Parse<number> {
  return (text) => {
    const value = quantity(text, timeUnits);
    if (value === undefined) return { wrong: aTime };
    if (value === 0) return { wrong: `must be more than nothing: ${aTime}` };
    if (value < least) return { wrong: `must be at least ${least / hour}h` };
    return value > most ? { wrong: `must be at most ${most / day}d` } : { value };
  };
}

/** A size of `KB` to `TB` or `KiB` to `TiB` in bytes, at least `least` of them. */
export function parseSize(least = 0): Parse<number> {
  return (text) => {
    const value = quantity(text, sizeUnits);
    if (value === undefined) return { wrong: aSize };
    return value < least ? { wrong: `must be at least ${least} bytes: ${aSize}` } : { value };
  };
}

/** How long a deleted file stays: milliseconds, 0, or `forever`. */
export function parseGrace(input: string | number): Parsed<number | 'forever'> {
  if (input === 0 || /^0[smhd]?$/.test(String(input))) return { value: 0 };
  if (input === 'forever') return { value: 'forever' };
  const time = parseTime()(String(input));
  return 'value' in time || time.wrong !== aTime ? time : { wrong: aGrace };
}

/** `5%`, from 0 to below 100, or a size. */
export function parseMinFree(text: string): Parsed<MinFree> {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text)?.[1];
  if (percent !== undefined) {
    return Number(percent) < 100 ? { value: { percent: Number(percent) } } : { wrong: 'must be less than 100%' };
  }
  const size = parseSize()(text);
  return 'value' in size ? { value: { bytes: size.value } } : { wrong: aMinFree };
}

/** How many bytes of a disk of `total` bytes must stay free. */
export function reservedBytes(minFree: MinFree, total: number): number {
  return 'percent' in minFree ? (total * minFree.percent) / 100 : minFree.bytes;
}

/** Whether a text can stand in a command line, a mail header or a file name: no control character, no line break. */
export function isPrintable(text: string): boolean {
  return !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(text);
}

/** An absolute path without `.`, `..`, doubled or trailing slashes; a relative one starts from `folder`. */
export function resolvePath(folder: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${folder}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** Whether a resolved path is `folder` or lies in it. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}
