/** `report --html`: the built program's page, read as a browser reads it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ratchet } from '../support/cli.ts';
import { attribute, elementsOf, textOf } from '../support/html.ts';
import { preparedReport as prepared } from '../support/reports.ts';

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
});

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
    assert.deepEqual([code, args.includes('--json') ? Object.keys(JSON.parse(stdout) as object) : stdout], [2, args.includes('--json') ? ['version', 'error'] : ''], args.join(' '));
    assert.match(stderr, words);
  }
  assert.equal(readFileSync(join(config.replica, 'config'), 'utf8'), 'precious');
});
