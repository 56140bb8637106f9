/**
 * A mail as HTML: one page that needs nothing else, narrow enough for a phone, light or dark as its reader likes it.
 * Whatever stands in it went through `html`, which escapes.
 */
import { formatCount } from '../figures.ts';
import { html, Html } from '../words/html.ts';
import type { Block, Letter } from './letter.ts';
import type { Found } from '../words/found.ts';

const style = new Html(`
:root { color-scheme: light dark; supported-color-schemes: light dark; }
body { margin: 0; padding: 16px 10px 32px; background: #eef0f3; color: #1c2126; font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; -webkit-text-size-adjust: 100%; }
.card { max-width: 720px; margin: 0 auto; background: #fff; border: 1px solid #d5dae0; border-radius: 10px; overflow: hidden; }
.verdict { padding: 14px 18px 16px; color: #fff; }
.bad { background: #b3211c; } .warning { background: #8a5a00; } .good { background: #1b6e37; }
.verdict .mark { font-size: 13px; font-weight: 700; letter-spacing: .06em; }
.verdict .where { font-size: 13px; opacity: .9; }
h1 { margin: 4px 0 0; font-size: 20px; line-height: 1.3; font-weight: 650; overflow-wrap: anywhere; }
.part { padding: 14px 18px 4px; border-top: 1px solid #e3e7eb; }
h2 { margin: 0 0 6px; font-size: 15px; line-height: 1.35; font-weight: 650; }
h2 .count { margin-left: 6px; padding: 0 8px; border-radius: 9px; background: #e3e7eb; font-size: 13px; font-weight: 600; }
p { margin: 0 0 8px; overflow-wrap: anywhere; }
.muted { color: #59636e; }
pre { margin: 0 0 10px; padding: 8px 10px; border-radius: 6px; background: #f1f3f5; border: 1px solid #dfe3e8; font: 13px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.when { margin: 0 0 3px; font-size: 13px; color: #59636e; }
table { width: 100%; border-collapse: collapse; margin: 0 0 10px; }
th { text-align: left; font-size: 12px; font-weight: 600; color: #59636e; }
th, td { padding: 4px 10px 4px 0; vertical-align: top; border-bottom: 1px solid #e8ebee; }
tr:last-child td { border-bottom: 0; }
td { overflow-wrap: anywhere; font-size: 14px; }
td.name { width: 88px; color: #59636e; white-space: nowrap; }
.mono { font: 12.5px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.foot { max-width: 720px; margin: 10px auto 0; font-size: 12px; color: #59636e; text-align: center; }
@media (max-width: 480px) { body { padding: 0 0 24px; } .card { border-width: 0; border-radius: 0; } .found th.said { display: none; } .found td { display: block; border-bottom: 0; padding-bottom: 0; } .found td.said { padding-bottom: 7px; border-bottom: 1px solid #e8ebee; } }
@media (prefers-color-scheme: dark) {
  body { background: #0f1215; color: #e2e6ea; }
  .card { background: #191d22; border-color: #2d333a; }
  .bad { background: #8f1d1a; } .warning { background: #6f4a05; } .good { background: #17572d; }
  .part { border-color: #2a3037; } h2 .count { background: #2d343c; }
  .muted, .when, th, td.name, .foot { color: #9aa4af; }
  pre { background: #11151a; border-color: #2d333a; }
  th, td { border-color: #262c33; }
  .found td.said { border-color: #262c33 !important; }
}
`);

/** A whole HTML document in printable ASCII. */
export function letterHtml({ tone, verdict, where, headline, urgent, facts, blocks }: Letter): string {
  return html`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark"><title>${verdict} ${where}</title>
<style>${style}</style></head>
<body><div class="card">
<div class="verdict ${tone}"><div><span class="mark">${verdict}</span> <span class="where">${where}</span></div><h1>${headline}</h1></div>
${urgent.map(blockHtml)}<div class="part"><table>
${facts.map(factHtml)}</table></div>
${blocks.map(blockHtml)}</div>
<p class="foot">The same is in this mail's text part.</p>
</body></html>
`.text;
}

function factHtml([name, value]: readonly [string, string]): Html {
  const isCode = name === 'run' || name === 'journal' || name === 'replica';
  return html`<tr><td class="name">${name}</td><td${isCode ? mono : none}>${value}</td></tr>
`;
}

const mono = new Html(' class="mono"');
const none = new Html('');

function blockHtml(block: Block): Html {
  return html`<div class="part"><h2>${block.title}${block.kind === 'found' ? countHtml(block.found) : none}</h2>
${contentHtml(block)}</div>
`;
}

function countHtml({ count }: Found): Html {
  return html` <span class="count">${formatCount(count)}</span>`;
}

function contentHtml(block: Block): Html {
  switch (block.kind) {
    case 'lines':
      return html`${(block.isProse === true ? flowing(block.lines) : block.lines).map(
        (line) => html`<p>${line}</p>
`,
      )}`;
    case 'steps':
      return html`${block.steps.map(
        ({ when, command }) => html`<p class="when">${when}</p>
<pre>${command}</pre>
`,
      )}`;
    case 'found':
      return foundHtml(block.found);
  }
}

/** Lines of the text part are cut at its width; a sentence that goes on is one paragraph here. */
function flowing(lines: readonly string[]): string[] {
  const paragraphs: string[] = [];
  for (const line of lines) {
    const before = paragraphs.at(-1);
    if (before !== undefined && !/[.:)]$/.test(before) && /^ *[a-z]/.test(line))
      paragraphs[paragraphs.length - 1] = `${before} ${line.trim()}`;
    else paragraphs.push(line.trim());
  }
  return paragraphs;
}

function foundHtml({ means, rows, shared, rest }: Found): Html {
  const paths = rows.filter(({ path }) => path !== '');
  const others = rows.filter(({ path }) => path === '');
  return html`<p class="muted">${means}</p>
${others.map(
  ({ message }) => html`<p>${message}</p>
`,
)}${paths.length === 0 ? none : tableHtml(paths, shared !== undefined)}${
    rest > 0
      ? html`<p class="muted">... and ${formatCount(rest)} more; the attached file has them all.</p>
`
      : none
  }`;
}

function tableHtml(rows: Found['rows'], isShared: boolean): Html {
  const said = (text: string, tag: 'td' | 'th'): Html =>
    isShared ? none : tag === 'th' ? html`<th class="said">${text}</th>` : html`<td class="said">${text}</td>`;
  return html`<table class="found"><tr><th>path</th>${said('what', 'th')}</tr>
${rows.map(
  ({ path, message }) => html`<tr><td class="mono">${path}</td>${said(message, 'td')}</tr>
`,
)}</table>
`;
}
