/** The page of `report --html`, drawn by a real browser where there is one. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { browse, hasChromium } from '../support/chromium.ts';
import { ratchet } from '../support/cli.ts';
import { attribute, elementsOf, textOf } from '../support/html.ts';
import { preparedReport as prepared } from '../support/reports.ts';

/** Whether anybody can look; said where nobody can. */
function seen(t: TestContext): boolean {
  if (!hasChromium) t.diagnostic('no Chromium on this machine: nothing was drawn');
  return hasChromium;
}

test('all plots of ten years are there, nothing was refused by the policy, and no word of the journal ran', async (t) => {
  if (!seen(t)) return;
  const { folder, config } = prepared(t, 3650);
  const file = join(folder, 'report.html');
  assert.equal((await ratchet(['report', '--html', file], { config: config.file })).code, 0);
  const { dom, console } = await browse(file, join(folder, 'profile'));
  assert.deepEqual(console, []);
  const elements = elementsOf(dom);
  const plots = elements.filter((each) => /\buplot\b/.test(attribute(each, 'class') ?? ''));
  assert.equal(plots.length, 4);
  assert.equal(elements.filter(({ tagName }) => tagName === 'canvas').length, 4);
  const pressed = elements.filter((each) => attribute(each, 'aria-pressed') === 'true');
  assert.deepEqual(pressed.map(textOf), ['1 year']);
  assert.match(textOf(elements.find(({ tagName }) => tagName === 'title')), /^rsync-ratchet on /);
});

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
    if (!seen(t)) return;
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
