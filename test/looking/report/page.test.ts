/** The report's page: what the journal's lines come to, and that nothing in them is ever more than text. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JournalLine, Verification } from '../../../src/state/chain.ts';
import { storyOf } from '../../../src/looking/report/story.ts';
import { plotDataOf } from '../../../src/looking/report/plots.ts';
import { reportPage, type ReportedRepository } from '../../../src/looking/report/page.ts';
import { attribute, elementsOf, textOf, type Element } from '../../support/html.ts';
import { journalOf } from '../../support/journals.ts';
import { checkOf, damagedScrub, goodEnd, lineOf, now, someAlarm, statusOf } from '../../support/statuses.ts';

const whole: Verification = { lines: 7, head: { sequence: 7, hash: 'ab'.repeat(32) }, bad: undefined, torn: 0, known: undefined };
const origin = { host: 'serverB', now, version: '1.2.3' };
const parts = { script: 'draw(1 < 2)', style: 'p > b { color: red }', nameOf: (text: string) => `sha256-${text.length}` };

function pageOf(lines: readonly JournalLine[], change: Partial<ReportedRepository> = {}): string {
  return reportPage([{ status: statusOf(), story: storyOf(lines, now), journal: whole, ...change }], parts, origin);
}

const byClass = (page: string, name: string): Element[] => elementsOf(page).filter((each) => attribute(each, 'class') === name);
const rowsOf = (page: string): string[][] =>
  elementsOf(page).filter(({ tagName }) => tagName === 'tr').map((row) => row.childNodes.filter((cell) => cell.nodeName === 'td').map(textOf)).filter((cells) => cells.length > 0);

describe('the story of a journal', () => {
  test('a day has the worst outcome of its nights, their bytes and seconds, and what the last one saw', () => {
    const bad = goodEnd(5, { outcome: 'failed', exitCode: 1, replica: null, admitted: { files: 1, bytes: 10 } });
    const { days } = storyOf([goodEnd(7), bad, goodEnd(30)], now);
    assert.deepEqual(days.map(({ midnight, outcome }) => [new Date(midnight).toISOString().slice(0, 10), outcome]), [['2026-11-22', 'synced'], ['2026-11-23', 'failed']]);
    assert.deepEqual([days[1]?.newBytes, days[1]?.seconds.audit, days[1]?.bytes], [3010, 2.5, 12_348_000]);
  });

  test('a night that could not look leaves the plots as they were', () => {
    const lost = goodEnd(5, { outcome: 'failed', exitCode: 1, replica: null });
    const { bytes, snapshots } = plotDataOf(storyOf([goodEnd(53, { replica: null }), goodEnd(29), lost], now), now);
    assert.deepEqual([bytes, snapshots], [[null, 12_348_000, 12_348_000], [null, 47, 47]]);
  });

  test('an alarm stands until it is acknowledged, the last one until now', () => {
    const { alarms } = storyOf([
      lineOf(50, { event: 'alarm-raised', rules: ['deleted', 'modified'] }),
      lineOf(40, { event: 'acknowledged', who: 'alice', reason: 'prune' }),
      lineOf(30, { event: 'alarm-raised', rules: ['pinned'] }),
    ], now);
    assert.deepEqual(alarms.map(({ until, what, end }) => [until, what, end]), [['2026-11-21T16:00:00.000Z', 'deleted, modified', 'alice: prune'], [undefined, 'pinned', '']]);
  });

  const opened = (hoursAgo: number, until: string): JournalLine => lineOf(hoursAgo, { event: 'window-opened', who: 'bob', until, maxDeletions: 5, allowKeys: false, reason: '' });
  const closed = lineOf(10, { event: 'window-closed', who: 'eve', used: 3, source: 'command' });
  const windows: [string, JournalLine[], [string | undefined, string][]][] = [
    ['runs out', [opened(50, '2026-11-21T08:00:00.000Z')], [['2026-11-21T08:00:00.000Z', 'ran out']]],
    ['is open still', [opened(1, '2026-11-24T08:00:00.000Z')], [['2026-11-24T08:00:00.000Z', '']]],
    ['is closed', [opened(20, '2026-11-24T08:00:00.000Z'), closed], [['2026-11-22T22:00:00.000Z', 'closed by eve, 3 deletions used']]],
    ['gives way to the next', [opened(20, '2026-11-24T08:00:00.000Z'), opened(2, '2026-11-24T09:00:00.000Z')], [['2026-11-23T06:00:00.000Z', 'another was opened'], ['2026-11-24T09:00:00.000Z', '']]],
    ['of the configuration, closed by hand', [lineOf(10, { ...closed, source: 'config' })], [['2026-11-22T22:00:00.000Z', 'closed by eve, 3 deletions used']]],
  ];
  for (const [name, lines, expected] of windows) {
    test(`a window ${name}`, () => assert.deepEqual(storyOf(lines, now).windows.map(({ until, end }) => [until, end]), expected));
  }

  test('a line that is not as it should be counts for nothing', () => {
    const { days } = storyOf([lineOf(1, { outcome: 'of another world' }), lineOf(1, { outcome: 'synced', time: 'x' }), lineOf(1, { outcome: 'synced', admitted: 'x', seconds: null, replica: { types: 3 } })], now);
    assert.deepEqual(days.map(({ outcome, newBytes, bytes }) => [outcome, newBytes, bytes]), [['synced', 0, undefined]]);
  });
});

describe('the page', () => {
  test('its policy lets run what it carries, by hash, and nothing else', () => {
    const elements = elementsOf(pageOf([goodEnd(1)]));
    const policy = elements.find((each) => attribute(each, 'http-equiv') === 'Content-Security-Policy');
    assert.equal(attribute(policy, 'content'), "default-src 'none'; script-src 'sha256-11'; style-src 'sha256-20'; base-uri 'none'; form-action 'none'");
    assert.equal(textOf(elements.find(({ tagName }) => tagName === 'style')), parts.style);
    assert.equal(textOf(elements.findLast(({ tagName }) => tagName === 'script')), parts.script);
    assert.deepEqual(elements.filter((each) => attribute(each, 'style') !== undefined), []);
  });

  test('a missing night is seen in the calendar, and days outside are not counted', () => {
    const page = pageOf([goodEnd(54), goodEnd(6, { outcome: 'warned', exitCode: 4 })]);
    const cell = (name: string): string[] => byClass(page, name).flatMap((each) => attribute(each, 'title') ?? []);
    assert.deepEqual([cell('s'), cell('n'), cell('w')], [['2026-11-21 synced, 2.93 KiB'], ['2026-11-22 no run'], ['2026-11-23 warned, 2.93 KiB']]);
    assert.match(page, /2026: 1 warned, 1 synced, 1 without a run/);
  });

  const failed = { lastRun: goodEnd(1, { outcome: 'failed', exitCode: 1 }), lastCheck: checkOf(false) };
  const marks: readonly (readonly [mark: string, tone: string, status: Parameters<typeof statusOf>[0]])[] = [
    ['OK', 'good', {}], ['WARNING', 'warning', { lastRun: goodEnd(1, { outcome: 'warned', exitCode: 4 }) }], ['FAILED', 'bad', { ...failed, lastCheck: checkOf(true) }],
    ['CHECK FAILED', 'bad', failed], ['DAMAGED', 'bad', { ...failed, scrub: damagedScrub }], ['ALARM', 'bad', { ...failed, scrub: damagedScrub, alarm: someAlarm }],
  ];
  for (const [mark, tone, status] of marks) {
    test(`the card says ${mark}`, () => {
      const page = pageOf([goodEnd(1)], { status: statusOf(status) });
      assert.deepEqual([byClass(page, 'mark').map(textOf), byClass(page, `card ${tone}`).length], [[mark], 1]);
    });
  }

  test('a repository that never ran has a page, too', () => {
    const page = pageOf([], { status: statusOf({ lastRun: undefined, lastSuccess: undefined, isInitialised: false, disk: undefined }) });
    assert.match(page, /NO RUN YET/);
    const elements = elementsOf(page);
    assert.deepEqual(elements.filter(({ tagName }) => tagName === 'h3').map(textOf), ['Nights']);
    assert.deepEqual(elements.filter(({ tagName }) => ['nav', 'noscript', 'figure', 'button'].includes(tagName)), []);
    assert.deepEqual(elements.filter((each) => textOf(each) === 'No night yet.').length, 1);
  });

  test('what was declared before the first night is told', () => {
    const page = pageOf([lineOf(3, { event: 'window-opened', who: 'bob', until: '2026-11-24T08:00:00.000Z', maxDeletions: 5, allowKeys: false, reason: '' })]);
    assert.deepEqual(elementsOf(page).filter(({ tagName }) => tagName === 'h3').map(textOf), ['Nights', 'Prune windows opened by hand']);
    assert.equal(rowsOf(page)[0]?.[0], '2026-11-23 05:00');
  });

  const brings = (daysAgo: number, bytes: number): JournalLine => goodEnd(daysAgo * 24 + 6.5, { admitted: { files: 1, bytes } });
  const growth = (lines: readonly JournalLine[]): string => attribute(elementsOf(pageOf(lines)).find((each) => attribute(each, 'data-plot') === 'growth'), 'aria-label') ?? '';
  const week = [6, 5, 4, 3, 2, 1, 0].map((daysAgo) => brings(daysAgo, 2 ** 20));

  test('the pace of growth leaves the first copy out', () => {
    const pace = /: 1\.00 MiB a day over the last 7 days\. At that pace the disk \(466 GiB free\) lasts for more than ten years\. Red/;
    assert.match(growth([brings(7, 2 ** 40), ...week]), pace);
    assert.match(growth([brings(9, 0), brings(7, 2 ** 40), ...week]), pace, 'also after a night that brought nothing');
    assert.match(growth([brings(90, 2 ** 40), brings(29, 15 * 2 ** 20), brings(1, 15 * 2 ** 20)]), /: 1\.00 MiB a day over the last 30 days/);
  });

  test('no pace is told before there is a week of it, or where nothing ever came', () => {
    for (const lines of [[brings(0, 2 ** 23)], [brings(6, 2 ** 40), ...week.slice(1)], [brings(40, 0), brings(0, 0)]]) {
      assert.match(growth(lines), /^Growth of the replica: Red: an alarm stood/);
    }
  });

  test('a broken journal is said, and tables show the newest two hundred', () => {
    const events = Array.from({ length: 205 }, (_, index) => lineOf(300 - index, { event: 'expired', files: index, bytes: 0, runId: `run-${index}` }));
    const page = pageOf(events, { journal: { ...whole, bad: { file: 'journal.jsonl', line: 3, why: 'it was changed' } } });
    assert.match(page, /BROKEN at journal\.jsonl, line 3: it was changed/);
    assert.equal(rowsOf(page).length, 200);
    assert.equal(rowsOf(page)[0]?.[3], 'run-204');
    assert.match(page, /\.\.\. and 5 before that/);
  });

  const hostile = ['</script><script>alert(1)</script>', '<img src=x onerror=alert(1)>', '" onmouseover="alert(1)', "'><!--", '\u202egpj.exe', '\x1b[31m', ']]></style>'];
  for (const words of hostile) {
    test(`${JSON.stringify(words)} stays text wherever it comes from`, () => {
      const lines = [
        goodEnd(9, { outcome: 'failed', exitCode: 1, failure: words, runId: words, rules: [{ rule: words, count: words }] }),
        lineOf(8, { event: 'alarm-raised', rules: [words] }),
        lineOf(7, { event: 'acknowledged', who: words, reason: words }),
        lineOf(6, { event: 'window-opened', who: words, until: words, maxDeletions: words, allowKeys: true, reason: words }),
        lineOf(5, { event: 'tombstones', added: 3, runId: words, [words]: words }),
        lineOf(4, { event: words, runId: words }), lineOf(3, { event: 'tombstones-kept', files: words, who: words, time: words }),
      ];
      const page = pageOf(lines, { status: statusOf({ repository: words, lastRun: lines[0] }) });
      const harmless = elementsOf(pageOf([goodEnd(9)])).map(({ tagName }) => tagName);
      const elements = elementsOf(page);
      assert.deepEqual(elements.map(({ tagName }) => tagName).filter((tag) => !harmless.includes(tag) && !['table', 'tbody', 'tr', 'th', 'td'].includes(tag)), []);
      assert.equal(elements.filter(({ tagName }) => tagName === 'script').length, 2);
      const known = new Set(['lang', 'charset', 'http-equiv', 'content', 'name', 'class', 'href', 'hidden', 'id', 'role', 'aria-label', 'title', 'data-days', 'data-plot', 'data-repository', 'data-head', 'type']);
      assert.deepEqual(elements.flatMap(({ attrs }) => attrs.map(({ name }) => name)).filter((name) => !known.has(name)), []);
      assert.deepEqual(elements.flatMap((each) => attribute(each, 'href') ?? []), ['#r0']);
      assert.ok(rowsOf(page).flat().every((cell) => /^[ -~]*$/.test(cell)), 'printable ASCII');
    });
  }

  test('ten years of nights fit, and every one of them is in it', () => {
    const lines = journalOf(3650, now);
    const page = pageOf(lines);
    assert.ok(page.length < 1.9e6, `${page.length} characters`);
    const ends = lines.filter(({ event }) => event === 'finished').length;
    const nights = ['s', 'u', 'w', 'f', 'a'].flatMap((name) => byClass(page, name)).filter((cell) => attribute(cell, 'title') !== undefined);
    assert.equal(nights.length, ends);
    assert.equal((JSON.parse(textOf(elementsOf(page).find((each) => attribute(each, 'id') === 'data'))) as { time: number[] }[])[0]?.time.length, ends);
  });
});
