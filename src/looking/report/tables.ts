/** The report's tables. Names and messages in the journal are serverA's bytes, so each cell goes through `escapeText`, and through `html`. */
import { formatCount } from '../../figures.ts';
import type { JournalLine } from '../../state/chain.ts';
import { eventWords } from '../../words/history.ts';
import type { Standing } from './story.ts';
import { html, type Html } from '../../words/html.ts';
import { escapeText } from '../../printable.ts';

/** So many rows of a table are shown, the newest. */
const rowsShown = 200;

/** Alarms or windows: from when to when, what, and how it ended. `none` is said where there are none. */
export function standingsHtml(
  heads: readonly [since: string, until: string, what: string, end: string],
  all: readonly Standing[],
  none: string,
): Html {
  return tableHtml(heads, all, none, ({ since, until, what, end }) => [
    minute(since),
    until === undefined ? 'still stands' : minute(until),
    what,
    end,
  ]);
}

/** Lines of the journal, in the words of `history`. */
export function eventsHtml(lines: readonly JournalLine[], none: string): Html {
  return tableHtml(['when (UTC)', 'what', 'in words', 'run'], lines, none, (line) => [
    minute(line.time),
    line.event,
    eventWords(line),
    line.runId ?? '',
  ]);
}

function tableHtml<Row>(
  heads: readonly string[],
  rows: readonly Row[],
  none: string,
  cells: (row: Row) => readonly string[],
): Html {
  if (rows.length === 0)
    return html`<p class="muted">${none}</p>
`;
  const hidden = rows.length - rowsShown;
  return html`<div class="wide"><table><tr>${heads.map((head) => html`<th>${head}</th>`)}</tr>
${rows
  .slice(-rowsShown)
  .reverse()
  .map(
    (
      row,
    ) => html`<tr>${cells(row).map((cell, index) => html`<td data-head="${heads[index] ?? ''}">${escapeText(cell, 400)}</td>`)}</tr>
`,
  )}</table></div>
${
  hidden > 0
    ? html`<p class="muted">... and ${formatCount(hidden)} before that; see rsync-ratchet history.</p>
`
    : []
}`;
}

/** `2026-11-23 01:27`. */
export function minute(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ');
}
