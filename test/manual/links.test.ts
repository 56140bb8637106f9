/** README and manual lead nowhere that is not there: chapters, headings, files, commands, scripts. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { wholePage } from '../../scripts/man-pages.ts';
import { allCommands } from '../../scripts/command-page.ts';
import { chapters, pageText, projectRoot } from '../support/manual.ts';

const pages = ['README.md', ...chapters, 'test/promises/README.md'];

const fences = /^ *```[^]*?^ *```$/gm;

/** The text of a page without its code. */
const prose = (page: string) => pageText(page).replace(fences, '');

/** All the code of a page: blocks, and what stands between backticks. */
const codeOf = (page: string) => [
  ...(pageText(page).match(fences) ?? []),
  ...[...prose(page).matchAll(/`([^`]+)`/g)].map(([, code = '']) => code),
];

/** The links of a page to others of ours, as [path below the project, heading]. */
function linksOf(page: string): [path: string, heading: string][] {
  const targets = [
    ...prose(page)
      .replace(/`[^`]*`/g, '')
      .matchAll(/\]\(([^)]+)\)/g),
  ].map(([, target = '']) => target);
  return targets
    .filter((target) => !/^https?:/.test(target))
    .map((target) => {
      const [path = '', heading = ''] = target.split('#');
      return [path === '' ? page : relative(projectRoot, join(projectRoot, dirname(page), path)), heading];
    });
}

/** The headings of a page as GitHub writes them into links. */
const headingsOf = (page: string) =>
  [...prose(page).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

for (const page of pages) {
  test(`${page}: each link leads to a page and a heading of it`, () => {
    for (const [path, heading] of linksOf(page)) {
      assert.ok(existsSync(join(projectRoot, path)), path);
      if (heading !== '') assert.ok(headingsOf(path).includes(heading), `${path}#${heading}`);
    }
  });

  test(`${page}: each file of the project that it names is there`, () => {
    const named = codeOf(page).flatMap(
      (code) => code.match(/(?<![\w./-])(?:src|test|scripts|fixtures)\/[\w./@-]*\w/g) ?? [],
    );
    for (const path of named) assert.ok(existsSync(join(projectRoot, path)), path);
  });

  test(`${page}: each command that it types exists`, () => {
    const known = new Set(allCommands(wholePage()).map(({ path }) => path));
    const above = new Set([...known].filter((path) => path.includes(' ')).map((path) => path.replace(/ .*/, '')));
    const typed = codeOf(page).flatMap((code) => [
      ...code.matchAll(/\brsync-ratchet((?: --(?:config \S+|[a-z-]+))*)((?: [a-z][a-z-]*)+)/g),
    ]);
    for (const [whole, , words = ''] of typed) {
      const [first = '', second = ''] = words.trim().split(' ');
      assert.ok(known.has(above.has(first) ? `${first} ${second}` : first), whole);
    }
    const { scripts } = JSON.parse(pageText('package.json')) as { scripts: Record<string, string> };
    for (const code of codeOf(page))
      for (const [whole, name = ''] of code.matchAll(/\bnpm run (?:--silent )?([\w-]+)/g))
        assert.ok(name in scripts, whole);
  });
}

test('README links each chapter, and each chapter leads back', () => {
  const linked = new Set(linksOf('README.md').map(([path]) => path));
  assert.deepEqual(
    chapters.filter((path) => !linked.has(path)),
    [],
  );
  for (const path of chapters)
    assert.ok(
      linksOf(path).some(([back]) => back === 'README.md'),
      path,
    );
});

test('each folder of whole nights stands for a promise, and each promise has one', () => {
  const folders = readdirSync(join(projectRoot, 'test/promises'), { withFileTypes: true }).filter((one) =>
    one.isDirectory(),
  );
  const numbers = folders.map(({ name }) => Number(/^p(\d+)-/.exec(name)?.[1]));
  assert.deepEqual(
    numbers.sort((a, b) => a - b),
    [...Array(15).keys()].map((index) => index + 1),
  );
  for (const { name } of folders)
    assert.ok(pageText('test/promises/README.md').includes(`\`test/promises/${name}\``), name);
});

test('the first page stays a first page', () => {
  assert.ok(pageText('README.md').split('\n').length <= 260);
});
