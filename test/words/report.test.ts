import { formatBytes, formatCount } from '../../src/figures.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mailOf } from '../../src/telling/mail.ts';
import type { Rule } from '../../src/audit/policy.ts';
import { headline, subject, summary, type Place } from '../../src/words/report.ts';
import { ruleWords } from '../../src/words/rules.ts';
import type { Run } from '../../src/ratchet/run.ts';
import { Failure, Interrupted } from '../../src/errors.ts';
import { assertGolden } from '../support/golden.ts';
import { fileOf } from '../support/itemized.ts';
import { runOf } from '../support/runs.ts';

const place: Place = { host: 'serverB', replica: '/srv/replica/nightly' };
const head = 'ab'.repeat(32);
const audit = { unchanged: 12_345, new: 3, newBytes: 88_300_000, modified: 0, deleted: 0, known: 0, ignored: 262, foreign: 0, suspects: 0 };
const admitted = { files: 3, bytes: 88_300_000 };
const names = (count: number) => Array.from({ length: count }, (_, n) => fileOf('pack', n));

const golden: Readonly<Record<string, Run>> = {
  synced: runOf({ audit, admitted, fetched: admitted }),
  unchanged: runOf({ audit: { ...audit, new: 0, newBytes: 0 } }),
  alarm: runOf(
    { audit: { ...audit, modified: 1, deleted: 1052, foreign: 1 } },
    ['warning', 'foreign', 'photo\x1b[31m.jpg', 'restic does not use the name; never copied'],
    ['violation', 'modified', fileOf('pack', 'm'), 'size 5 -> 6; restic never changes a file that it wrote'],
    ...names(1052).map((path) => ['violation', 'deleted', path, 'nothing may be deleted unless an operator said so beforehand'] as const),
  ),
  'over-limit': runOf({ audit }, ['violation', 'over-limit', '', '3 new files of 88300000 bytes; the limits are 2 files and 5 bytes a night']),
  warned: runOf(
    { audit, admitted: { files: 1, bytes: 1 }, quarantined: { files: 1, bytes: 9 } },
    ['warning', 'quarantined', fileOf('pack', 'q'), `its content has the SHA-256 ${'c'.repeat(64)}`],
    ['warning', 'not-delivered', fileOf('index', 'n'), 'listed by serverA, but not delivered'],
  ),
  failed: runOf({ failure: new Failure('the audit failed: rsync exit code 23: "\x1b]0;x\x07', 'part of the repository could not be read on serverA') }),
  'failed after admission': runOf({ admitted, audit, failure: new Failure('No space left on device', 'the disk is full: make room') }),
  interrupted: runOf({ failure: new Interrupted('SIGTERM') }),
};

describe('what a terminal is told, word for word', () => {
  for (const [name, run] of Object.entries(golden)) test(name, () => { assertGolden(`terminal/${name.replaceAll(' ', '-')}.txt`, `${summary(run).join('\n')}\n`); });
});

const standing = { version: 1 as const, runId: '20261122T012744Z-0000', since: '2026-11-22T01:27:44.000Z', rules: ['deleted'], findings: [], messageId: 'm@serverB' };
const headlines: readonly (readonly [headline: string, run: Run])[] = [
  ['nothing new', runOf()],
  ['1 new file (1 B) admitted', runOf({ admitted: { files: 1, bytes: 1 } })],
  ['12,345 new files (1.00 MiB) admitted', runOf({ admitted: { files: 12_345, bytes: 1_048_576 } })],
  ['nothing new', runOf({ command: 'audit' })],
  ['3 new files (84.2 MiB) would be fetched', runOf({ command: 'audit', audit })],
  ['nothing new; 1 foreign', runOf({}, ['warning', 'foreign', 'x', 'm'])],
  ['2 modified, 1 deleted', runOf({}, ['violation', 'modified', 'x', 'm'], ['violation', 'deleted', 'y', 'm'], ['violation', 'modified', 'z', 'm'], ['warning', 'foreign', 'x', 'm'])],
  ['disk full', runOf({ failure: new Failure('disk full', 'h') })],
  ['interrupted by SIGINT', runOf({ failure: new Interrupted('SIGINT') })],
  ['the alarm of 2026-11-22 01:27 UTC (deleted) still stands; nothing else was found', runOf({ alarm: standing })],
  ['the alarm of 2026-11-22 01:27 UTC (deleted) still stands, and this run failed: the audit failed', runOf({ alarm: standing, failure: new Failure('the audit failed', 'h') })],
  ['1 pinned; the alarm of 2026-11-22 01:27 UTC (deleted) still stands', runOf({ alarm: standing, failure: new Failure('the audit failed', 'h') }, ['violation', 'pinned', 'x', 'm'])],
  ['another run is at work; nothing was done', runOf({ isLocked: true })],
];

describe('headlines', () => {
  for (const [words, run] of headlines) test(words, () => { assert.equal(headline(run), words); });
  test('the subject says verdict, repository and host', () => {
    assert.equal(subject(runOf(), 'serverB'), '[OK] nightly on serverB: nothing new');
    assert.equal(subject(runOf({ isLocked: true }), 'serverB'), '[LOCKED] nightly on serverB: another run is at work; nothing was done');
  });
});

describe('paths in a mail', () => {
  const shownOf = (run: Run) => mailOf(run, place, head).text.split('\n').filter((line) => line.startsWith('  - '));
  const deleted = (count: number) => runOf({}, ...names(count).map((path) => ['violation', 'deleted', path, 'm'] as const));
  for (const [count, shown, rest] of [[1, 1, ''], [50, 50, ''], [51, 50, '... and 1 more'], [5000, 50, '... and 4,950 more']] as const) {
    test(`${count} deletions: ${shown} ${rest}`, () => {
      const { text } = mailOf(deleted(count), place, head);
      assert.equal(shownOf(deleted(count)).length, shown);
      assert.equal(text.includes('... and'), rest !== '');
      assert.ok(text.includes(rest));
      assert.ok(text.includes(`deleted (${formatCount(count)})`));
    });
  }
});

describe('every rule', () => {
  for (const rule of Object.keys(ruleWords) as Rule[]) {
    test(`${rule}: the mail says what it means and the whole road back, with names filled in`, () => {
      const { text } = mailOf(runOf({}, ['violation', rule, 'x', 'm']), place, head);
      assert.ok(text.includes(ruleWords[rule].means), text);
      for (const line of ruleWords[rule].road) assert.ok(text.includes(line.replaceAll('REPLICA', place.replica).replaceAll('REPO', 'nightly').replaceAll('DESTINATION', 'USER@serverA:/FOLDER')), line);
      assert.doesNotMatch(text, /\b(REP(O|LICA)|DESTINATION)\b/);
    });
  }

  test('a replica with a dollar sign in its path is named as it is', () => {
    const { text } = mailOf(runOf({}, ['violation', 'modified', 'x', 'm']), { ...place, replica: '/srv/$&/$$', destination: "/srv/$'" }, head);
    assert.ok(text.includes('from /srv/$&/$$/'), text);
    assert.ok(text.includes("give-back nightly --to /srv/$'"), text);
  });
});

describe('numbers', () => {
  const counts: readonly (readonly [number, string])[] = [[0, '0'], [999, '999'], [1000, '1,000'], [1_234_567, '1,234,567'], [12_345_678_901, '12,345,678,901']];
  for (const [count, words] of counts) test(words, () => { assert.equal(formatCount(count), words); });

  const bytes: readonly (readonly [number, string])[] = [
    [0, '0 B'], [1, '1 B'], [1023, '1023 B'], [1024, '1.00 KiB'], [1536, '1.50 KiB'], [10_240, '10.0 KiB'], [102_400, '100 KiB'],
    [1_023_000, '999 KiB'], [1_023_898, '1000 KiB'], [1_048_000, '1023 KiB'], [1_048_575, '1024 KiB'], [1_048_576, '1.00 MiB'], [88_300_000, '84.2 MiB'],
    [5e9, '4.66 GiB'], [5e11, '466 GiB'], [2 ** 40, '1.00 TiB'], [2 ** 50, '1024 TiB'], [2 ** 53, '8192 TiB'], [2 ** 60, '1048576 TiB'],
  ];
  for (const [count, words] of bytes) test(`${count} bytes: ${words}`, () => { assert.equal(formatBytes(count), words); });
});
