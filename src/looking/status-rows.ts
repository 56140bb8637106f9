/** How a repository stands, for a terminal, for the report's page, and as `--json` shows it. */
import type { StatusRow, Tone } from './column.ts';
import { columns, inOrderOf } from './columns.ts';
import type { Status } from './standing.ts';

/** One line, and what it means for its colour. */
export type StatusLine = readonly [text: string, tone: Tone | 'title'];

/** For a terminal. `isOverdue`: the last success is older than what was asked for. */
export function statusLines(status: Status, isOverdue = false): StatusLine[] {
  const rows = statusRows(status, isOverdue);
  return [
    [status.repository, 'title'],
    ...rows.map(([name, text, tone]): StatusLine => [`  ${name.padEnd(17)}${text}`, tone]),
  ];
}

/** All that is known, the alarm first. */
export function statusRows(status: Status, isOverdue = false): StatusRow[] {
  return columns.flatMap(({ rows }) => rows?.(status, isOverdue) ?? []);
}

/** The status as `--json` shows it. */
export function statusToJson(status: Status): object {
  const parts = inOrderOf('json').map(({ json }) => json?.(status));
  return Object.assign({ repository: status.repository }, ...parts) as object;
}
