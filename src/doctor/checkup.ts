/** What `doctor` finds, as values: one checkup after another, its words, its document and its exit code. */
import { exitCodes } from '../errors.ts';
import { escapeText } from '../printable.ts';
import { counted } from '../figures.ts';
import type { StatusLine } from '../looking/status-rows.ts';

/** `bad`: the night will not work, or not protect. `warning`: it works, with less protection or comfort than there could be. */
type Standing = 'good' | 'warning' | 'bad';

/** What one look came to. `mend` is the command, or the sentence, that mends it. */
export interface Verdict {
  readonly standing: Standing;
  readonly words: string;
  readonly mend?: string;
  /** What could stand in place of a value that is wrong. */
  readonly choices?: readonly string[];
}

/** One looked-at item of this machine (`repository` is undefined) or of a repository. */
export interface Checkup extends Verdict {
  readonly repository: string | undefined;
  readonly item: string;
}

export const good = (words: string): Verdict => ({ standing: 'good', words });
export const warning = (words: string, mend: string): Verdict => ({ standing: 'warning', words, mend });
export const bad = (words: string, mend: string): Verdict => ({ standing: 'bad', words, mend });

const marks = { good: '✔', warning: '!', bad: '✘' };

/** The line of a checkup, and what mends it below. Words may hold serverA's, so they are escaped. */
export function checkupLines({ item, standing, words, mend }: Checkup): StatusLine[] {
  const line = `  ${marks[standing]} ${item.padEnd(13)} ${onOneLine(words)}`;
  return [[line, standing], ...(mend === undefined ? [] : [[`    → ${mend}`, 'plain'] as const])];
}

function onOneLine(words: string): string {
  return escapeText(words.trim().replace(/\s*\n\s*/g, '; '), 400);
}

/** The heading above the checkups of a repository, or of this machine. */
export function checkupTitle(repository: string | undefined): StatusLine {
  return [repository ?? 'this machine', 'title'];
}

/** One line for all. */
export function doctorSummary(checkups: readonly Checkup[]): StatusLine {
  const [wrong, doubtful] = [amount(checkups, 'bad'), amount(checkups, 'warning')];
  const parts = [
    ...(wrong > 0 ? [counted(wrong, 'problem')] : []),
    ...(doubtful > 0 ? [counted(doubtful, 'warning')] : []),
  ];
  if (parts.length === 0) return ['all is well', 'good'];
  return [parts.join(', '), wrong > 0 ? 'bad' : 'warning'];
}

function amount(checkups: readonly Checkup[], wanted: Standing): number {
  return checkups.filter(({ standing }) => standing === wanted).length;
}

/** For `--json`; `repository` is null for this machine, `mend` where there is nothing to mend. */
export function doctorToJson(checkups: readonly Checkup[]): string {
  const all = checkups.map(({ repository, item, standing, words, mend, choices }) => ({
    repository: repository ?? null,
    item,
    standing,
    message: onOneLine(words),
    mend: mend ?? null,
    ...(choices !== undefined && choices.length > 0 && { choices }),
  }));
  return JSON.stringify({ version: 1, healthy: doctorExitCode(checkups) === 0, checkups: all }, null, 2);
}

/** 1 when anything is bad; warnings are no reason to fail. */
export function doctorExitCode(checkups: readonly Checkup[]): number {
  return amount(checkups, 'bad') > 0 ? exitCodes.failed : 0;
}
