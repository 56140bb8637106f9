/** `report --html`: one page that needs nothing else, for a telephone as for a wall. Values in, text out. */
import type { Verification } from '../../state/chain.ts';
import { calendarHtml } from './calendar.ts';
import type { Day, Story } from './story.ts';
import { figureHtml, plotDataHtml, plotDataOf } from './plots.ts';
import { eventsHtml, minute, standingsHtml } from './tables.ts';
import { html, Html } from '../../words/html.ts';
import { formatBytes, formatCount, isoMinute } from '../../figures.ts';
import { counted } from '../../figures.ts';
import { failedShare, replicaOf, type Status } from '../standing.ts';
import { statusRows } from '../status-rows.ts';

/** What the page tells of one repository. */
export interface ReportedRepository {
  readonly status: Status;
  readonly story: Story;
  /** What following the journal's chain came to. */
  readonly journal: Verification;
}

/** The page's own script and style, and how a text is named in a Content-Security-Policy: `sha256-…`. */
interface PageParts {
  readonly script: string;
  readonly style: string;
  readonly nameOf: (text: string) => string;
}

/** Where and when the page was made. */
interface PageOrigin {
  readonly host: string;
  readonly now: Date;
  readonly version: string;
}

/** The whole page. Its policy lets run what it carries, and nothing may be loaded from anywhere. */
export function reportPage(
  repositories: readonly ReportedRepository[],
  { script, style, nameOf }: PageParts,
  { host, now, version }: PageOrigin,
): string {
  const policy = `default-src 'none'; script-src '${nameOf(script)}'; style-src '${nameOf(style)}'; base-uri 'none'; form-action 'none'`;
  return html`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="robots" content="noindex"><meta name="referrer" content="no-referrer"><title>rsync-ratchet on ${host}</title>
<style>${new Html(style)}</style></head>
<body><header><h1>rsync-ratchet on ${host}</h1><p class="muted">As of ${isoMinute(now)} UTC; all times and days are UTC.</p></header>
<main>
${overviewHtml(repositories)}${repositories.some(({ story }) => story.days.length > 0) ? rangesHtml : []}${repositories.map((each, index) => repositoryHtml(each, index, now))}</main>
<footer class="muted">rsync-ratchet ${version}. This page holds all that it shows, and loads nothing.</footer>
${plotDataHtml(repositories.map(({ story }) => plotDataOf(story, now)))}<script>${new Html(script)}</script>
</body></html>
`.text;
}

const rangesHtml = html`<nav class="ranges" hidden><button data-days="30">30 days</button><button data-days="365">1 year</button><button data-days="0">all</button> <span class="muted">Or drag over a plot; double-click: all.</span></nav>
<noscript><p class="muted">The plots need JavaScript; all else is here without.</p></noscript>
`;

function overviewHtml(repositories: readonly ReportedRepository[]): Html {
  return html`<div class="cards">${repositories.map(({ status }, index) => {
    const [mark, tone] = markOf(status);
    const replica = replicaOf(status);
    return html`<a class="card ${tone}" href="#r${index}"><b>${status.repository}</b><span class="mark">${mark}</span><span>${replica === undefined ? 'size not known' : `${formatBytes(replica.bytes)}, ${formatCount(replica.files)} files`}</span><span>last success ${status.lastSuccess === undefined ? 'never' : minute(status.lastSuccess.time)}</span></a>
`;
  })}</div>
`;
}

function markOf(status: Status): readonly [mark: string, tone: 'good' | 'warning' | 'bad'] {
  const { alarm, lastRun, scrub } = status;
  if (alarm !== undefined) return ['ALARM', 'bad'];
  if ((scrub?.damages.length ?? 0) > 0) return ['DAMAGED', 'bad'];
  if (failedShare(status) !== undefined) return ['CHECK FAILED', 'bad'];
  if (status.lastDrill?.passed === false) return ['DRILL FAILED', 'bad'];
  if (lastRun === undefined) return ['NO RUN YET', 'warning'];
  if (lastRun['exitCode'] === 0) return ['OK', 'good'];
  return lastRun['exitCode'] === 4 ? ['WARNING', 'warning'] : ['FAILED', 'bad'];
}

function repositoryHtml(repository: ReportedRepository, index: number, now: Date): Html {
  const { status, story, journal } = repository;
  return html`<section id="r${index}"><h2>${status.repository}</h2>
<dl>${statusRows(status).map(
    ([name, text, tone]) => html`<dt>${name}</dt><dd class="${tone}">${text}</dd>
`,
  )}${journalRow(journal)}</dl>
<h3>Nights</h3>
${calendarHtml(story)}${partsHtml(repository, index, now)}</section>
`;
}

/** Before the first night only what there is to tell. */
function partsHtml({ status, story }: ReportedRepository, index: number, now: Date): Html[] {
  const part = (rows: readonly unknown[], content: Html): Html[] =>
    rows.length > 0 || story.days.length > 0 ? [content] : [];
  return [
    ...part(
      story.days,
      html`${figureHtml('growth', index, 'Growth of the replica', growthWords(story.days, status, now))}${figureHtml('new', index, 'New bytes per night', 'Admitted each day; the scale is logarithmic, a night with nothing new has no bar.')}${figureHtml('stages', index, 'Time per stage', 'How long each part of the night took, one upon the other.')}`,
    ),
    ...part(
      story.alarms,
      html`<h3>Alarms</h3>
${standingsHtml(['raised (UTC)', 'acknowledged', 'rules', 'by'], story.alarms, 'None was ever raised.')}`,
    ),
    ...part(
      story.windows,
      html`<h3>Prune windows opened by hand</h3>
${standingsHtml(['opened (UTC)', 'until', 'lets through', 'end'], story.windows, 'None was ever opened.')}`,
    ),
    ...part(
      story.deletions,
      html`${figureHtml('tombstones', index, 'Tombstones', `Files that serverA deleted in a window and that are still here: ${counted(status.tombstones.pending, 'file')}, ${formatBytes(status.tombstones.bytes)}.`)}${eventsHtml(story.deletions, 'No deletion was ever accepted.')}`,
    ),
    ...part(
      story.troubles,
      html`<h3>What was not well</h3>
${eventsHtml(story.troubles, 'Nothing.')}`,
    ),
  ];
}

function journalRow({ bad, lines, head }: Verification): Html {
  const words =
    bad === undefined
      ? `${counted(lines, 'line')}, the chain is whole; head ${head.hash}`
      : `BROKEN at ${bad.file}, line ${bad.line}: ${bad.why}`;
  return html`<dt>journal</dt><dd class="${bad === undefined ? 'plain' : 'bad'}">${words}</dd>`;
}

/** The pace is that of whole days, after the first that brought anything: a first copy is no growth, and less than a week tells nothing. */
function growthWords(days: readonly Day[], status: Status, now: Date): string {
  const end = Math.ceil(now.getTime() / dayLength) * dayLength;
  const first = days.find(({ newBytes }) => newBytes > 0)?.midnight ?? end;
  const from = Math.max(first + dayLength, end - 30 * dayLength);
  const span = (end - from) / dayLength;
  return `${span < 7 ? '' : paceWords(days, from, span, status)}Red: an alarm stood; blue: a window was open.`;
}

/** How fast it grows, and how long the disk will do at that pace. */
function paceWords(days: readonly Day[], from: number, span: number, { disk }: Status): string {
  const pace = days.filter(({ midnight }) => midnight >= from).reduce((sum, { newBytes }) => sum + newBytes, 0) / span;
  const lasts =
    disk === undefined || pace < 1
      ? ''
      : ` At that pace the disk (${formatBytes(disk.free)} free) lasts for ${lastsFor(disk.free / pace)}.`;
  return `${formatBytes(pace)} a day over the last ${counted(span, 'day')}.${lasts} `;
}

function lastsFor(days: number): string {
  if (days > 10 * 365) return 'more than ten years';
  return days > 730 ? `${Math.floor(days / 365)} years` : counted(Math.floor(days), 'day');
}

const dayLength = 24 * 3600 * 1000;
