/** `report --html`: the built program's page, read as a browser reads it, and by one where there is one. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { browse, hasChromium } from '../support/chromium.ts';
import { ratchet } from '../support/cli.ts';
import { writeConfig, type WrittenConfig } from '../support/config.ts';
import { attribute, elementsOf, textOf } from '../support/html.ts';
import { writeJournal } from '../support/journals.ts';
import { temporaryFolder, type Ending } from '../support/temporary.ts';

const hostile = '</script><script>document.title = "taken over"</script><img src=x onerror="document.title=1">';

function prepared(t: Ending, nights: number): { folder: string; config: WrittenConfig } {
  const folder = temporaryFolder(t);
  const config = writeConfig(folder, join(folder, 'source'));
  writeJournal(config.state, nights, new Date('2026-11-23T01:40:00Z'), [{ event: 'acknowledged', who: 'mallory', reason: hostile }]);
  return { folder, config };
}

const sha256 = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`;

test('ten years are one page that loads nothing, whose policy names its own script and style', async (t) => {
  const { folder, config } = prepared(t, 3650);
  const file = join(folder, 'report.html');
  const { code, stdout, stderr } = await ratchet(['report', '--html', file], { config: config.file });
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /report\.html: written \(\d+ KiB\)\n$/);
  const page = readFileSync(file, 'utf8');
  assert.ok(page.length < 2e6);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const elements = elementsOf(page);
  const scripts = elements.filter(({ tagName }) => tagName === 'script');
  const style = textOf(elements.find(({ tagName }) => tagName === 'style'));
  assert.deepEqual(scripts.map((each) => attribute(each, 'type')), ['application/json', undefined]);
  assert.ok(textOf(scripts[1]).length > 50_000, 'the library is in it');
  const policy = attribute(elements.find((each) => attribute(each, 'http-equiv') !== undefined), 'content');
  assert.equal(policy, `default-src 'none'; script-src '${sha256(textOf(scripts[1]))}'; style-src '${sha256(style)}'; base-uri 'none'; form-action 'none'`);
  assert.doesNotMatch(style, /url\(|@import/);
  assert.deepEqual(elements.filter((each) => ['link', 'img', 'iframe', 'object', 'base'].includes(each.tagName) || attribute(each, 'src') !== undefined), []);
  assert.equal(elements.filter((each) => attribute(each, 'data-plot') !== undefined).length, 4);
  assert.match(page, /the chain is whole/);
  await seenInBrowser(file, folder, t);
});

/** All plots are there, nothing was refused by the policy, and no word of the journal ran. */
async function seenInBrowser(file: string, folder: string, t: { diagnostic: (words: string) => void }): Promise<void> {
  if (!hasChromium) {
    t.diagnostic('no Chromium on this machine: the page was read by a parser only');
    return;
  }
  const { dom, console } = await browse(file, join(folder, 'profile'));
  assert.deepEqual(console, []);
  const elements = elementsOf(dom);
  const plots = elements.filter((each) => /\buplot\b/.test(attribute(each, 'class') ?? ''));
  assert.equal(plots.length, 4);
  assert.equal(elements.filter(({ tagName }) => tagName === 'canvas').length, 4);
  const pressed = elements.filter((each) => attribute(each, 'aria-pressed') === 'true');
  assert.deepEqual(pressed.map(textOf), ['1 year']);
  assert.match(textOf(elements.find(({ tagName }) => tagName === 'title')), /^rsync-ratchet on /);
}

/** Before the page's own script: notes what is written at the axes. */
const listener = `<script>const written = new Set(), { fillText } = CanvasRenderingContext2D.prototype;
CanvasRenderingContext2D.prototype.fillText = function (text, ...more) { written.add(text); fillText.call(this, text, ...more); };</script>`;

/** After it: how far right the bars of new bytes reach, as a share of the plot's width, and the marks of the time axes; both into the title. */
const probe = `<script>setTimeout(() => {
  const figure = document.querySelector('figure[data-plot="new"]');
  const [canvas, over] = [figure.querySelector('canvas'), figure.querySelector('.u-over')];
  const [scale, { data, width }] = [canvas.width / canvas.clientWidth, canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)];
  let right = 0;
  for (let at = 0; at < data.length; at += 4) if (data[at] === 0x25 && data[at + 1] === 0x63 && data[at + 2] === 0xb8) right = Math.max(right, at / 4 % width);
  const marks = [...written].filter((text) => /[A-Z][a-z]{2}$|:|^[0-9]{4}$/.test(text));
  document.title = JSON.stringify({ reach: (right / scale - over.offsetLeft) / over.offsetWidth, marks });
}, 1000);</script>`;

for (const nights of [1, 2, 6]) {
  test(`the newest of ${nights} nights has a bar, and the axis counts days`, async (t) => {
    if (!hasChromium) {
      t.diagnostic('no Chromium on this machine: nothing was drawn');
      return;
    }
    const { folder, config } = prepared(t, nights);
    const file = join(folder, 'report.html');
    assert.equal((await ratchet(['report', '--html', file], { config: config.file })).code, 0);
    const page = readFileSync(file, 'utf8').replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, '');
    writeFileSync(file, page.replace('<body>', `<body>${listener}`).replace('</body>', `${probe}</body>`));
    const { dom } = await browse(file, join(folder, 'profile'));
    const { reach, marks } = JSON.parse(textOf(elementsOf(dom).find(({ tagName }) => tagName === 'title'))) as { reach: number; marks: string[] };
    assert.deepEqual(marks.sort(), ['2026', ...Array.from({ length: nights + 1 }, (_, day) => `${24 - nights + day} Nov`)].sort());
    assert.ok(reach > (nights - 1) / nights + 0.01 && reach < (nights - 1) / nights + 0.06, `${reach}`);
  });
}

test('a page replaces the one before and keeps its mode, goes to stdout, and is told as JSON', async (t) => {
  const { folder, config } = prepared(t, 3);
  const file = join(folder, 'report.html');
  writeFileSync(file, 'old');
  chmodSync(file, 0o644);
  symlinkSync('report.html', join(folder, 'link.html'));
  const told = await ratchet(['--json', 'report', 'nightly', '--html', join(folder, 'link.html')], { config: config.file });
  assert.equal(told.code, 0);
  const page = readFileSync(file, 'utf8');
  assert.deepEqual(told.json(), { version: 1, file: join(folder, 'link.html'), bytes: Buffer.byteLength(page), repositories: ['nightly'] });
  assert.equal(statSync(file).mode & 0o777, 0o644);
  const { stdout } = await ratchet(['report', '--html', '-'], { config: config.file });
  assert.match(stdout, /^<!DOCTYPE html>/);
  assert.match(stdout, /<\/html>\n$/);
});

test('where no page may be, none is written', async (t) => {
  const { folder, config } = prepared(t, 3);
  mkdirSync(join(config.replica, 'data'), { recursive: true });
  writeFileSync(join(config.replica, 'config'), 'precious');
  symlinkSync(config.replica, join(folder, 'way-in'));
  const wrong: [string[], RegExp][] = [
    [['--html', join(config.replica, 'config')], /no place for a page/],
    [['--html', join(folder, 'way-in/config')], /no place for a page/],
    [['--html', join(config.state, 'nightly/journal.jsonl')], /no place for a page/],
    [['--html', folder], /is there and is no file/],
    [['--html', '/dev/null'], /is there and is no file/],
    [['--html', join(folder, 'nowhere/report.html')], /the folder of .* is not there/],
    [['--html', '-', '--json'], /both want stdout/],
    [[], /--html/],
    [['nobody', '--html', '-'], /no repository "nobody"/],
  ];
  for (const [args, words] of wrong) {
    const { code, stdout, stderr } = await ratchet(['report', ...args], { config: config.file });
    assert.deepEqual([code, stdout], [2, ''], args.join(' '));
    assert.match(stderr, words);
  }
  assert.equal(readFileSync(join(config.replica, 'config'), 'utf8'), 'precious');
});
