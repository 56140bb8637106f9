/** Nights and their outcomes as a calendar: one cell for each day, the weeks of a year side by side. */
import { outcomes, type Day, type Story } from './story.ts';
import { html, type Html } from '../../words/html.ts';
import { counted, formatBytes } from '../../figures.ts';

const dayLength = 24 * 3600 * 1000;
/** So many years are open, the newest; the others wait for a tap. */
const yearsOpen = 2;

const classes = {
  alarm: 'a',
  failed: 'f',
  interrupted: 'f',
  warned: 'w',
  locked: 'f',
  synced: 's',
  unchanged: 'u',
} as const;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The newest year first. */
export function calendarHtml({ days }: Story): Html {
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined)
    return html`<p class="muted">No night yet.</p>
`;
  const byDay = new Map(days.map((day) => [day.midnight, day]));
  const newest = yearOf(last);
  const years = Array.from({ length: newest - yearOf(first) + 1 }, (_, index) => newest - index);
  const parts = years.map((year) => yearHtml(year, cellsOf(year, byDay, first.midnight, last.midnight)));
  const older = parts.slice(yearsOpen);
  return html`${legend}${parts.slice(0, yearsOpen)}${
    older.length === 0
      ? []
      : html`<details><summary>${counted(older.length, 'earlier year')}</summary>
${older}</details>
`
  }`;
}

const legend = html`<p class="legend"><i class="s"></i> new files <i class="u"></i> nothing new <i class="w"></i> warnings <i class="f"></i> failed <i class="a"></i> alarm <i class="n"></i> no run</p>
`;

function yearOf({ midnight }: Day): number {
  return new Date(midnight).getUTCFullYear();
}

/** What a day was: a night, none between others (undefined), or before the first and after the last (null). */
type Cell = readonly [midnight: number, day: Day | undefined | null];

function cellsOf(year: number, byDay: ReadonlyMap<number, Day>, first: number, last: number): Cell[] {
  const cells: Cell[] = [];
  for (let midnight = Date.UTC(year, 0, 1); midnight < Date.UTC(year + 1, 0, 1); midnight += dayLength) {
    const isOutside = midnight < first || midnight > last;
    cells.push([midnight, isOutside ? null : byDay.get(midnight)]);
  }
  return cells;
}

/** Weeks begin on Monday: empty cells stand before the first of January. */
function yearHtml(year: number, cells: readonly Cell[]): Html {
  const before = (new Date(Date.UTC(year, 0, 1)).getUTCDay() + 6) % 7;
  const words = yearWords(cells);
  return html`<div class="year"><h4>${year} <span class="muted">${words}</span></h4>
<div class="months">${months.map((month) => html`<span>${month}</span>`)}</div>
<div class="cells" role="img" aria-label="${year}: ${words}">${Array.from({ length: before }, () => html`<b></b>`)}${cells.map(cellHtml)}</div></div>
`;
}

function cellHtml([midnight, day]: Cell): Html {
  if (day === null) return html`<b></b>`;
  const date = new Date(midnight).toISOString().slice(0, 10);
  if (day === undefined) return html`<i class="n" title="${date} no run"></i>`;
  const more = day.newBytes > 0 ? `, ${formatBytes(day.newBytes)}` : '';
  return html`<i class="${classes[day.outcome]}" title="${date} ${day.outcome}${more}"></i>`;
}

/** `350 synced, 8 unchanged, 1 alarm, 2 without a run`. */
function yearWords(cells: readonly Cell[]): string {
  const count = (isCounted: (day: Cell[1]) => boolean): number => cells.filter(([, day]) => isCounted(day)).length;
  const none = count((day) => day === undefined);
  return [
    ...outcomes
      .map((outcome) => [count((day) => day?.outcome === outcome), outcome] as const)
      .filter(([nights]) => nights > 0)
      .map(([nights, outcome]) => `${nights} ${outcome}`),
    ...(none === 0 ? [] : [`${none} without a run`]),
  ].join(', ');
}
