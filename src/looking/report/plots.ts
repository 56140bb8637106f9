/** The numbers that the report's plots are drawn from, as the page carries them. */
import { stages, type Standing, type Story } from './story.ts';
import { html, Html } from '../../words/html.ts';
import type { Stage } from '../../ratchet/run.ts';

/** Columns of one repository, one value for each day; null as long as nobody knew. */
export interface PlotData {
  /** Seconds since 1970, ascending. */
  readonly time: number[];
  readonly bytes: (number | null)[];
  readonly snapshots: (number | null)[];
  readonly newBytes: number[];
  readonly tombstones: (number | null)[];
  /** In the order of a night; seconds. */
  readonly stages: { readonly name: Stage; readonly seconds: number[] }[];
  /** From and to, in seconds since 1970. */
  readonly alarms: [number, number][];
  readonly windows: [number, number][];
}

/** What a figure shows; src/looking/page/plots.ts draws it. */
export type PlotKind = 'growth' | 'new' | 'stages' | 'tombstones';

/** The columns of a repository. */
export function plotDataOf({ days, alarms, windows }: Story, now: Date): PlotData {
  return {
    time: days.map(({ midnight }) => midnight / 1000),
    bytes: known(days.map(({ bytes }) => bytes)),
    snapshots: known(days.map(({ snapshots }) => snapshots)),
    newBytes: days.map(({ newBytes }) => newBytes),
    tombstones: known(days.map(({ tombstones }) => tombstones)),
    stages: stages.map((name) => ({ name, seconds: days.map(({ seconds }) => Math.round(seconds[name] * 10) / 10) })),
    alarms: alarms.map((each) => spanOf(each, now)),
    windows: windows.map((each) => spanOf(each, now)),
  };
}

/** A night that could not look changed nothing: what was known before still holds. */
function known(values: readonly (number | undefined)[]): (number | null)[] {
  let last: number | null = null;
  return values.map((value) => (last = value ?? last));
}

function spanOf({ since, until }: Standing, now: Date): [number, number] {
  const end = until === undefined ? now.getTime() : Date.parse(until);
  return [Math.round(Date.parse(since) / 1000), Math.round(end / 1000)];
}

/** All repositories' columns, for the page's script; nothing in it can end the element. */
export function plotDataHtml(data: readonly PlotData[]): Html {
  return html`<script type="application/json" id="data">${new Html(JSON.stringify(data).replaceAll('<', '\\u003c'))}</script>
`;
}

/** The place of one plot. `caption` says in words what it shows. */
export function figureHtml(kind: PlotKind, repository: number, title: string, caption: string): Html {
  return html`<figure data-plot="${kind}" data-repository="${repository}" aria-label="${title}: ${caption}"><figcaption><h3>${title}</h3><p>${caption}</p></figcaption></figure>
`;
}
