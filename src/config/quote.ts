import type { Position } from './types.ts';

/** How much of a line is shown at most, and how much of that may stand before the place, in characters. */
const [shownLength, before] = [100, 60];

/**
 * The line of a place and a caret below it, indented, in printable ASCII of one column each, so that the caret stands
 * right whatever the terminal makes of other characters. Nothing for the file as a whole (line 1, column 1) and for a
 * place that has no text.
 */
export function quoteLine(text: string, { line, column }: Position): string[] {
  const whole = text.split('\n')[line - 1]?.replace(/\r$/, '') ?? '';
  if (whole.trim() === '' || (line === 1 && column === 1)) return [];
  const from = column - 1 > before ? column - 1 - before : 0;
  const gutter = `  ${line} | `;
  const caret = plain(whole.slice(from, column - 1)).length;
  return [
    (gutter + plain(whole.slice(from, from + shownLength))).trimEnd(),
    `${' '.repeat(gutter.length - 2)}| ${' '.repeat(caret)}^`,
  ];
}

/** A tab is shown as one blank, anything else that is not ASCII as `?`. */
function plain(text: string): string {
  return text.replace(/\t/g, ' ').replace(/[^ -~]/gu, '?');
}
