/** What the report's page runs in the browser: draws each figure from the numbers that the page carries. */
import uPlot from 'uplot';
import type { PlotData, PlotKind } from '../report/plots.ts';
import { formatBytes, formatCount } from '../../figures.ts';

type Look = Pick<uPlot.Options, 'series' | 'axes' | 'hooks'> & {
  readonly data: uPlot.AlignedData;
  readonly scales?: uPlot.Scales;
};

/** A colour of the style sheet, asked anew at each drawing: light and dark may change while the page is open. */
const colour = (name: string) => (): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);

const looks: Readonly<Record<PlotKind, (data: PlotData) => Look>> = {
  growth,
  new: newBytes,
  stages: stagesLook,
  tombstones,
};

function growth({ time, bytes, snapshots, alarms, windows }: PlotData): Look {
  return {
    data: [time, bytes, snapshots],
    series: [
      date,
      line('replica', 'c1', formatBytes, { fill: colour('c1-soft') }),
      line('snapshots', 'c2', formatCount, { scale: 'count' }),
    ],
    axes: [
      dates,
      axis('y', formatBytes, powersOfTwo),
      // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- uPlot declares its enums without values
      { ...axis('count', formatCount), side: 1, grid: { show: false } },
    ],
    scales: { y: { range: fromZero }, count: { range: fromZero } },
    hooks: { drawClear: [shade(alarms, 'bad-soft'), shade(windows, 'c1-shade')] },
  };
}

/** The scale is logarithmic by hand, so that its marks are round in powers of 1024. */
function newBytes({ time, newBytes }: PlotData): Look {
  const words = (power: number): string => formatBytes(2 ** power);
  return {
    data: [time, newBytes.map((bytes) => (bytes > 0 ? Math.log2(bytes) : null))],
    series: [date, line('new', 'c1', words, bars)],
    axes: [dates, axis('y', words, [1, 2, 5, 10, 20])],
    scales: { y: { range: (_, low, high) => [Math.max(0, Math.floor(low / 10) * 10 - 1), Math.ceil(high + 0.5)] } },
  };
}

/** Stacked: each series is drawn as the sum of all up to it, the largest sum first. */
function stagesLook({ time, stages }: PlotData): Look {
  let sum = time.map(() => 0);
  const sums = stages.map(({ seconds }) => (sum = sum.map((each, index) => each + (seconds[index] ?? 0))));
  const series = stages.map(({ name, seconds }, index): uPlot.Series => ({
    ...line(name, `s${index + 1}`, formatSeconds, bars),
    value: (_u, _sum, _series, at) => (at === null ? '--' : formatSeconds(seconds[at] ?? 0)),
  }));
  return {
    data: [time, ...sums.reverse()],
    series: [date, ...series.reverse()],
    axes: [dates, axis('y', formatSeconds, [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 28_800])],
    scales: { y: { range: fromZero } },
  };
}

function tombstones({ time, tombstones: pending }: PlotData): Look {
  return {
    data: [time, pending],
    series: [date, line('tombstones', 'c2', formatCount, { fill: colour('c2-soft') })],
    axes: [dates, axis('y', formatCount)],
    scales: { y: { range: fromZero } },
  };
}

const day = 86_400;

/** The last day has a width, too: its bar, and what stands since its midnight. (uPlot makes a single day a thousand.) */
const throughLastDay: uPlot.Range.Function = (u, low, high) => {
  const last = u.data[0].at(-1) ?? high;
  return [Math.min(low, last), high < last ? high : last + day];
};

const date: uPlot.Series = { label: 'day', value: '{YYYY}-{MM}-{DD}' };
const powersOfTwo = Array.from({ length: 55 }, (_, power) => 2 ** power);
const fromZero: uPlot.Range.Function = (_, _low, high) => [0, Math.max(1, high * 1.05)];

/** Bars touch; a day more is a bar more. */
const barPaths = uPlot.paths.bars?.({ size: [1, 24], align: 1 });
const bars: uPlot.Series = {
  ...(barPaths === undefined ? {} : { paths: barPaths }),
  width: 0,
  points: { show: false },
};

function line(label: string, name: string, words: (value: number) => string, more: uPlot.Series = {}): uPlot.Series {
  const value = (_: uPlot, raw: number | null): string => (raw === null ? '--' : words(raw));
  const fill = more.paths === undefined ? {} : { fill: colour(name) };
  return {
    label,
    value,
    stroke: colour(name),
    width: 1.5,
    points: { show: (u) => u.data[0].length < 3 },
    ...fill,
    ...more,
  };
}

const ink = {
  stroke: colour('muted'),
  grid: { stroke: colour('line'), width: 1 },
  ticks: { stroke: colour('line'), width: 1 },
};

/** Years, months and days as people write them here, not as in America. */
const dates: uPlot.Axis = {
  ...ink,
  incrs: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 30, 60, 90, 120, 180, 365, 730, 1825, 3650].map((days) => days * day),
  values: [
    [31_536_000, '{YYYY}', null, null, null, null, null, null, 1],
    [2_419_200, '{MMM}', '\n{YYYY}', null, null, null, null, null, 1],
    [86_400, '{DD} {MMM}', '\n{YYYY}', null, null, null, null, null, 1],
  ],
};

function axis(scale: string, words: (value: number) => string, incrs?: number[]): uPlot.Axis {
  return {
    ...ink,
    scale,
    size: 72,
    values: (_, splits) => splits.map(words),
    ...(incrs === undefined ? {} : { incrs }),
  };
}

function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds * 10) / 10} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60
    ? `${minutes} min`
    : `${Math.floor(minutes / 60)} h${minutes % 60 === 0 ? '' : ` ${minutes % 60} min`}`;
}

/** Marks times behind the lines; the shortest is still seen. */
function shade(spans: readonly [number, number][], name: string): (u: uPlot) => void {
  return (u) => {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.fillStyle = colour(name)();
    for (const [from, to] of spans) {
      const left = Math.max(bbox.left, u.valToPos(from, 'x', true));
      const right = Math.min(bbox.left + bbox.width, Math.max(u.valToPos(to, 'x', true), left + 2));
      if (right > left) ctx.fillRect(left, bbox.top, right - left, bbox.height);
    }
    ctx.restore();
  };
}

const plots: uPlot[] = [];

function draw(figure: HTMLElement, all: readonly PlotData[]): void {
  const data = all[Number(figure.dataset['repository'])];
  if (data === undefined || data.time.length === 0) return;
  const { data: columns, series, axes, scales, hooks } = looks[figure.dataset['plot'] as PlotKind](data);
  const size = (): { width: number; height: number } => ({
    width: figure.clientWidth,
    height: figure.clientWidth < 500 ? 200 : 240,
  });
  const plot = new uPlot(
    {
      ...size(),
      series,
      axes: axes ?? [],
      scales: { ...scales, x: { range: throughLastDay } },
      hooks: hooks ?? {},
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
      cursor: { y: false, sync: { key: String(figure.dataset['repository']) } },
    },
    columns,
    figure,
  );
  plots.push(plot);
  new ResizeObserver(() => {
    plot.setSize(size());
  }).observe(figure);
}

/** Shows the last days of all plots, everything for 0. */
function show(days: number): void {
  for (const plot of plots) {
    const [first = 0, last = 0] = [plot.data[0][0], plot.data[0].at(-1)];
    plot.setScale('x', { min: days === 0 ? first : Math.max(first, last - (days - 1) * day), max: last });
  }
  for (const button of buttons) button.setAttribute('aria-pressed', String(Number(button.dataset['days']) === days));
}

const numbers = JSON.parse(document.getElementById('data')?.textContent ?? '[]') as PlotData[];
for (const figure of document.querySelectorAll<HTMLElement>('figure[data-plot]')) draw(figure, numbers);
const buttons = document.querySelectorAll<HTMLElement>('.ranges button');
for (const button of buttons)
  button.addEventListener('click', () => {
    show(Number(button.dataset['days']));
  });
document.querySelector('.ranges')?.removeAttribute('hidden');
show(numbers.some(({ time }) => time.length > 2 * 365) ? 365 : 0); // more than two years at once are hard to read
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const plot of plots) plot.redraw(false);
});
