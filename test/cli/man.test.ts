/** The manual pages: made of the commands, the schema and the chapters, complete, and without a complaint of man(1) itself. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { manualPages, wholePage } from '../../scripts/man-pages.ts';
import { literal, roff } from '../../scripts/roff.ts';
import { chapterPage } from '../../scripts/chapter-pages.ts';
import { allCommands } from '../../scripts/command-page.ts';
import { configJsonSchema, type JsonSchema } from '../../src/config/json-schema.ts';
import { temporaryFolder } from '../support/temporary.ts';

const pages = manualPages('1.2.3');
const [commands = '', config = ''] = ['rsync-ratchet.1', 'rsync-ratchet.yaml.5'].map((name) => pages[name]);

test('every command, option and exit code has its place', async () => {
  for (const { path, commands: below, options } of allCommands(wholePage())) {
    if (path !== '' && below.length === 0) assert.ok(commands.includes(`\n.SS ${roff(path)}\n`), path);
    for (const { flags, long } of options) assert.ok(long === '--help' || commands.includes(roff(flags)), `${path} ${flags}`);
  }
  assert.match(commands, /\.SS sync\n[^]*?Exit codes: 0, 1, 2, 3, 4, 75, 130, 143\./);
  assert.doesNotMatch(commands, /\.SS complete\n/);
});

test('every key has its place, with its default', () => {
  const paths = (schema: JsonSchema): string[] => [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, below]) => [name, ...paths(below)]),
    ...(typeof schema.additionalProperties === 'object' ? paths(schema.additionalProperties) : []), ...(schema.items === undefined ? [] : paths(schema.items)),
  ];
  for (const name of paths(configJsonSchema())) assert.match(config, new RegExp(`^\\\\fB(?:[\\w.[\\]]+\\.)?${name}\\\\fR \\(`, 'm'));
  assert.match(config, /\\fBrepositories\.NAME\.deletionGrace\\fR \(.*\)\n.*Default: 30d\.\n/);
  assert.match(config, /\\fBrepositories\.NAME\.source\\fR \(string\)\n.*Required\.\n/);
});

test('what a text may hold is literal', () => {
  assert.equal(roff('.a\n\'b\n--c \\d'), '\\&.a\n\\&\'b\n\\-\\-c \\ed');
});

test('in ASCII, and as it is to be typed', () => {
  assert.equal(literal('.it\'s "~/^`" …'), '\\&.it\\(aqs \\(dq\\(ti/\\(ha\\(ga\\(dq \\[u2026]');
});

const manual = new URL('../../src/manual/', import.meta.url);
const chapters = readdirSync(manual).filter((name) => name.endsWith('.md')).map((name) => name.slice(0, -3));

/** All letters and digits of a page in their order, as it is read: without requests, fonts and escapes. */
const lettersOf = (page: string): string => page
  .replace(/^\.(?:SH|SS) /gm, '').replace(/^\.IP \\\(bu 2$|^\..*$/gm, '')
  .replace(/\\f[BIR]|\\\((?:aq|dq|ga|ha|ti)|\\\[u[0-9A-F]{4,}\]|\\[&:e-]/g, '')
  .replace(/\[rsyncratchet[a-z]*\(7\)\]/g, '').replace(/[^A-Za-z0-9]/g, '');

for (const chapter of chapters) {
  test(`the chapter ${chapter} has a page that holds its words in their order`, () => {
    const page = pages[`rsync-ratchet-${chapter}.7`] ?? assert.fail('no page');
    const [title = '', ...rest] = readFileSync(new URL(`${chapter}.md`, manual), 'utf8').split('\n');
    assert.ok(page.includes(`\n.SH NAME\n${roff(`rsync-ratchet-${chapter}`)} \\- ${literal(title.slice(2))}\n`));
    assert.ok(commands.includes(`\n.BR ${roff(`rsync-ratchet-${chapter}`)} (7)`));
    assert.doesNotMatch(page, /[^\x00-\x7f]/);
    const letters = lettersOf(page);
    let at = 0;
    for (const paragraph of rest.slice(1).join('\n').split(/\n\n+/).filter((text) => !/^\||^\[rsync-ratchet\]\(/.test(text))) {
      const words = paragraph.replace(/^```\w+$/gm, '').replace(/\]\([^)]*\)/g, ']').replace(/[^A-Za-z0-9]/g, '');
      at = letters.indexOf(words, at) + words.length;
      assert.ok(at >= words.length, paragraph);
    }
    for (const row of rest.filter((line) => /^\| (?!---)/.test(line)))
      for (const cell of row.split('|')) assert.ok(letters.includes(cell.replace(/\]\([^)]*\)/g, ']').replace(/[^A-Za-z0-9]/g, '')), cell);
  });
}

test('Markdown becomes roff: no line of text is a request, no font stays open, and a link names the page', () => {
  const page = chapterPage({ name: 'x', title: 'On "it"', text: `# On "it"

[rsync-ratchet](../../README.md)

.begins with a dot, and
'with a quote: **bold \`code\` bold** *slant* \`a*b\` and 2 * 3

## The "heading"
### Below
- one [two](rules.md#there)
  goes on
- three
1. first

| a | b | |
| --- | --- | --- |
| .c | d | \`e\` |

\`\`\`sh
.code "it's" \\n

'more' -- \`**no**\`
\`\`\``, }, '1');
  const [, body = ''] = page.split(/(?=\.SH DESCRIPTION)/);
  assert.equal(body, `.SH DESCRIPTION
.PP
\\&.begins with a dot, and \\(aqwith a quote: \\fBbold \\fBcode\\fB bold\\fR \\fIslant\\fR \\fBa*b\\fR and 2 * 3
.SH The \\(dqheading\\(dq
.SS Below
.IP \\(bu 2
one two [rsync\\-ratchet\\-rules(7)] goes on
.IP \\(bu 2
three
.IP 1. 4
first
.PP
\\fIa\\fR
.TP
\\&\\&.c
\\fIb:\\fR d
.br
\\fBe\\fR
.PP
.RS 4
.nf
\\&.code \\(dqit\\(aqs\\(dq \\en

\\&\\(aqmore\\(aq \\-\\- \\(ga**no**\\(ga
.fi
.RE
.SH SEE ALSO
.BR rsync\\-ratchet (1),
.BR rsync\\-ratchet.yaml (5)
`);
});

for (const [name, page] of Object.entries(pages)) {
  test(`groff reads ${name} without a complaint, where it is installed`, (t) => {
    const file = join(temporaryFolder(t), name);
    writeFileSync(file, page);
    const { error, status, stderr, stdout } = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-rLL=78n', file], { encoding: 'utf8' });
    if (error !== undefined) return;
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout.replace(/.\x08/g, ''), /^NAME\n +rsync-ratchet/m);
  });
}

test('the package has them', () => {
  const { man, files, scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { man: string[]; files: string[]; scripts: Record<string, string> };
  assert.deepEqual(man, Object.keys(pages).map((name) => `dist/man/${name}`));
  assert.ok(files.includes('dist'));
  assert.match(`${scripts['prepack'] ?? ''} ${scripts['build'] ?? ''}`, /npm run build .*scripts\/man\.ts/);
});
