/** Mails as they are sent: word for word (UPDATE_GOLDEN=1 writes fixtures/mail/ anew), capped, and with everything escaped. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { checkAsRun, scrubAsRun } from '../../src/words/asides.ts';
import { mailOf, testMail, type Mail } from '../../src/telling/mail.ts';
import type { Rule } from '../../src/audit/policy.ts';
import { summary, type Place } from '../../src/words/report.ts';
import { ruleWords } from '../../src/words/rules.ts';
import type { Run } from '../../src/ratchet/run.ts';
import { newScrub, type Damage, type Scrub } from '../../src/scrub/share.ts';
import { Failure, Interrupted } from '../../src/errors.ts';
import { assertGolden } from '../support/golden.ts';
import { fileOf, idOf } from '../support/itemized.ts';
import { runOf, startedAt } from '../support/runs.ts';

const place: Place = { host: 'serverB', replica: '/srv/replica/nightly' };
const head = 'ab'.repeat(32);
const audit = { unchanged: 12_345, new: 3, newBytes: 88_300_000, modified: 0, deleted: 0, known: 0, ignored: 262, foreign: 0, suspects: 0 };
const admitted = { files: 3, bytes: 88_300_000 };
const names = (count: number): string[] => Array.from({ length: count }, (_, n) => fileOf('pack', n));
const raised = { version: 1, runId: '20261121T012702Z-77aa', since: '2026-11-21T01:27:02.000Z', rules: ['deleted'], findings: [], messageId: '20261121T012702Z-77aa.nightly@serverB' } as const;

function scrubOf(damages: readonly Damage[]): Scrub {
  const scrub = newScrub('nightly', '20261123T012744Z-3f9c', undefined, startedAt);
  for (const damage of damages) scrub.damages.set(damage.path, damage);
  return Object.assign(scrub, { finishedAt: new Date(startedAt.getTime() + 61_500), isComplete: true });
}

const golden: Readonly<Record<string, Run>> = {
  synced: runOf({ audit, admitted, fetched: admitted }),
  unchanged: runOf({ audit: { ...audit, new: 0, newBytes: 0 } }),
  alarm: runOf(
    { audit: { ...audit, modified: 1, deleted: 1052, foreign: 1 } },
    ['warning', 'foreign', 'photo\x1b[31m<b>.jpg', 'restic does not use the name; never copied'],
    ['violation', 'modified', fileOf('pack', 'm'), 'size 5 -> 6; restic never changes a file that it wrote'],
    ...names(1052).map((path) => ['violation', 'deleted', path, 'nothing may be deleted unless an operator said so beforehand'] as const),
  ),
  'alarm-standing': runOf({ audit: { ...audit, new: 0, newBytes: 0 }, alarm: raised }),
  'over-limit': runOf({ audit }, ['violation', 'over-limit', '', '3 new files of 88300000 bytes; the limits are 2 files and 5 bytes a night']),
  warned: runOf(
    { audit, admitted: { files: 1, bytes: 1 }, quarantined: { files: 1, bytes: 9 } },
    ['warning', 'quarantined', fileOf('pack', 'q'), `its content has the SHA-256 ${'c'.repeat(64)}`],
    ['warning', 'not-delivered', fileOf('index', 'n'), 'listed by serverA, but not delivered'],
  ),
  'deletions-accepted': runOf({
    audit: { ...audit, deleted: 4 }, admitted, tombstones: { added: 4, unconfirmed: 0, dropped: 0, expired: 0, pending: 4 },
    buried: { types: { key: 0, pack: 2, index: 1, snapshot: 1 }, bytes: 5_000_000, snapshots: [idOf('s')] },
    hasConfirmed: true, tombstonesDue: new Date('2026-12-23T01:27:44Z'),
  }),
  reminder: runOf({ audit, reminder: { amount: { files: 12, bytes: 1_200_000 }, firstDue: new Date('2026-11-29T01:27:44Z') } }),
  failed: runOf({ failure: new Failure('the audit failed: rsync exit code 23: "\x1b]0;x\x07<script>"', 'part of the repository could not be read on serverA') }),
  'failed-after-admission': runOf({ admitted, audit, failure: new Failure('No space left on device', 'the disk is full: make room') }),
  'held-back': runOf(
    { audit, admitted: { files: 2, bytes: 9 }, proof: 'passed', tombstones: { added: 0, unconfirmed: 3, dropped: 0, expired: 0, pending: 3 } },
    ['warning', 'held-back', fileOf('snapshot', 'h'), 'restic decrypts it but cannot read its tree yet; it waits as a candidate'],
    ['warning', 'unconfirmed', '', `without the deleted files restic would miss: pack ${idOf('p')}`],
    ['note', 'suspect', fileOf('pack', 's'), 'only its time differs'],
  ),
  unproven: runOf({ audit, fetched: admitted, proof: 'failed' }, ['violation', 'unproven', fileOf('index', 'u'), 'restic cannot decrypt it']),
  mtimes: runOf({ audit: { ...audit, suspects: 5000 } }, ['violation', 'mtimes', '', '5000 files have another modification time, limits.suspects is 100; 100 at random were hashed']),
  stale: runOf({ audit: { ...audit, new: 0, newBytes: 0 } }, ['warning', 'stale', '', 'no new snapshot has been admitted since 2026-11-20 01:27 UTC']),
  'check-failed': checkAsRun('nightly', '20261123T012744Z-3f9c', startedAt, new Date(startedAt.getTime() + 9000), { share: '3/30', passed: false, words: `pack ${idOf('p')}: not found` }),
  damaged: scrubAsRun(scrubOf([{ path: fileOf('pack', 'd'), fault: 'its content has the SHA-256 00', mended: undefined }, { path: fileOf('pack', 'e'), fault: 'it cannot be read (EIO)', mended: 'serverA did not deliver it' }])),
  interrupted: runOf({ failure: new Interrupted('SIGTERM') }),
};

const headers = ({ subject, messageId, references, attachments }: Mail): string => [
  `Subject: ${subject}`, `Message-ID: <${messageId}>`, ...(references === undefined ? [] : [`References: <${references}>`]),
  ...attachments.map(({ filename, content }) => `Attachment: ${filename}, ${content.split('\n').length - 1} lines`),
].join('\n');

/** What is said, without how it is set: letters and digits. */
const said = (text: string): string => text.replace(/[^a-z0-9]/gi, '');

/** What the HTML says, with its entities read as what they stand for. */
const saidBy = (html: string): string => said(html.replace(/<[^>]*>/g, '').replace(/&(?:amp|lt|gt|quot|#39);/g, ''));

describe('mails, word for word', () => {
  for (const [name, run] of Object.entries(golden)) {
    test(name, () => {
      const mail = mailOf(run, place, head);
      assertGolden(`mail/${name}.txt`, `${headers(mail)}\n\n${mail.text}`);
      const missing = mail.text.split('\n').filter((line) => !saidBy(mail.html).includes(said(line)));
      assert.deepEqual(missing, [], 'the HTML says all that the text says');
    });
  }
  for (const name of ['alarm', 'warned', 'deletions-accepted', 'failed']) {
    test(`${name}, as HTML`, () => { assertGolden(`mail/${name}.html`, mailOf(golden[name] ?? assert.fail(name), place, head).html); });
  }
  test('deletions-untold', () => {
    const untold = [{ runId: '20261122T012702Z-77aa', added: 4 }];
    const mail = mailOf(runOf({ audit }), place, head, untold);
    assertGolden('mail/deletions-untold.txt', `${headers(mail)}\n\n${mail.text}`);
  });
  test('deletions of several runs that nobody was told of: each is named, with the command that keeps what it accepted', () => {
    const { text } = mailOf(runOf({ audit }), place, head, [{ runId: 'first', added: 4 }, { runId: 'second', added: 1 }]);
    for (const words of ['The run first accepted 4 deletions', 'The run second accepted 1 deletion', 'keep nightly --run first', 'keep nightly --run second'])
      assert.ok(text.includes(words), text);
  });
  test('a night that confirms what earlier nights had deleted says when it leaves', () => {
    const { text } = mailOf(runOf({ audit, hasConfirmed: true, tombstonesDue: new Date('2026-12-01T01:30:00Z') }), place, head);
    for (const words of ['They leave the replica on 2026-12-01 01:30 UTC', 'keep nightly --all']) assert.ok(text.includes(words), text);
  });
  test('the one of alert test', () => {
    const mail = testMail(startedAt, '3f9c', 'serverB');
    assertGolden('mail/test.txt', `${headers(mail)}\n\n${mail.text}`);
  });
});

/** The commands of the block "Run next". */
function commandsOf(run: Run, where = place): string[] {
  const [, block = ''] = /^Run next\n((?: {2}.*\n)+)/m.exec(mailOf(run, where, head).text) ?? [];
  return block.split('\n').map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

describe('the commands to run next', () => {
  const deleted = (...more: Parameters<typeof runOf>[1][]) => runOf({}, ['violation', 'deleted', 'x', 'm'], ['violation', 'deleted', 'y', 'm'], ...more);

  test('an alarm about deletions: how many a window would have had to allow', () => {
    assert.deepEqual(commandsOf(deleted()), [
      'rsync-ratchet audit nightly', 'rsync-ratchet prune-window open nightly --for 2h --max-deletions 2 --reason "forget, prune, tag or rewrite"',
      'rsync-ratchet acknowledge nightly --reason "what it was"', 'rsync-ratchet sync nightly',
    ]);
  });
  for (const [types, commands] of [
    [['pack', 'index', 'snapshot'], 'prune'], [['index'], 'repair index (rebuild-index)'], [['index', 'snapshot'], 'repair index (rebuild-index)'], [['snapshot'], 'forget, tag or rewrite'],
  ] as const) {
    test(`deleted: ${types.join(', ')}: what of restic's deletes such files`, () => {
      const run = runOf({}, ...types.map((type) => ['violation', 'deleted', fileOf(type, 'x'), 'm'] as const));
      assert.match(mailOf(run, place, head).text, new RegExp(`# only if you ran restic ${commands.replace(/[()]/g, '\\$&')} on purpose\n.*--reason "${commands.replace(/[()]/g, '\\$&')}"`));
    });
  }
  test('a key: a window that lets keys change and nothing else', () => {
    assert.equal(commandsOf(runOf({}, ['violation', 'pinned', 'keys/x', 'm']))[1], 'rsync-ratchet prune-window open nightly --for 2h --allow-keys --reason "keys"');
  });
  test('too much at once: the override', () => {
    assert.equal(commandsOf(runOf({}, ['violation', 'over-limit', '', 'm'])).at(-1), 'rsync-ratchet sync nightly --no-limits');
  });
  test('a changed config: taken over with init', () => {
    assert.equal(commandsOf(runOf({}, ['violation', 'modified', 'config', 'm']))[1], 'rsync-ratchet init nightly --repin');
  });
  test('new times: taken over when the alarm is lowered, also by the mail of a later night', () => {
    const command = 'rsync-ratchet acknowledge nightly --accept-mtimes --reason "restored from tape"';
    assert.equal(commandsOf(runOf({}, ['violation', 'mtimes', '', 'm']))[1], command);
    assert.equal(commandsOf(runOf({ alarm: { ...raised, rules: ['mtimes'] } }))[1], command);
  });
  for (const rule of ['check-failed', 'damaged'] as const) {
    test(`${rule}: a repair`, () => { assert.equal(commandsOf(runOf({}, ['warning', rule, '', 'm']))[0], 'rsync-ratchet scrub --repair nightly'); });
  }
  for (const rule of ['unconfirmed', 'postponed'] as const) {
    test(`${rule}: what is buried, and how it stays`, () => {
      assert.deepEqual(commandsOf(runOf({}, ['warning', rule, '', 'm'])).slice(1), ['rsync-ratchet tombstones list nightly', 'rsync-ratchet tombstones keep nightly --all']);
    });
  }
  test('another configuration is named in every command, those of the road back included', () => {
    const program = "rsync-ratchet --config '/etc/my ratchet.yaml'";
    const { text, html } = mailOf(deleted(), { ...place, program }, head);
    for (const command of commandsOf(deleted(), { ...place, program })) assert.ok(command.startsWith(`${program} `), command);
    assert.doesNotMatch(text, /rsync-ratchet (?:acknowledge|sync|tombstones|prune-window)/);
    assert.ok(html.includes('rsync-ratchet --config &#39;/etc/my ratchet.yaml&#39; acknowledge'));
  });
  test('a good night: none', () => { assert.deepEqual(commandsOf(runOf()), []); });
});

describe('the whole list', () => {
  const found = (count: number, path = (n: number) => fileOf('pack', n)) => runOf({}, ...Array.from({ length: count }, (_, n) => ['violation', 'deleted', path(n), 'm'] as const));
  const attached = (run: Run) => mailOf(run, place, head).attachments;
  const lines = (run: Run) => (attached(run)[0]?.content ?? '').trimEnd().split('\n').map((line) => JSON.parse(line) as { path?: string; omitted?: number });

  test('is not attached when the mail shows all of it', () => { assert.deepEqual(attached(found(50)), []); });
  test('is attached as JSON lines when it does not', () => {
    const all = lines(found(51));
    assert.equal(all.length, 51);
    assert.equal(all[50]?.path, fileOf('pack', 50));
  });
  test('says how many were never kept', () => { assert.deepEqual(lines(found(1234)).at(-1), { omitted: 234 }); });
  test('stays below a megabyte or so, whatever serverA names its files', () => {
    const run = found(1000, (n) => `${n}${'\x01'.repeat(4000)}`);
    const mail = mailOf(run, place, head);
    assert.ok((mail.attachments[0]?.content.length ?? 0) <= 1024 * 1024 + 100);
    assert.ok(mail.text.length < 100_000 && mail.html.length < 100_000, `${mail.text.length} ${mail.html.length}`);
    const all = lines(run);
    assert.equal(all.length - 1 + (all.at(-1)?.omitted ?? 0), 1000);
  });
});

describe('threads', () => {
  const alarm = { ...raised, runId: '20261123T012744Z-3f9c', messageId: '20261123T012744Z-3f9c.nightly@serverB' };
  const run = (change: Partial<Run>) => runOf(change, ['violation', 'deleted', 'x', 'm']);
  test('the mail that raises an alarm begins one', () => { assert.equal(mailOf(run({ alarm }), place, head).references, undefined); });
  test('later ones refer to it', () => { assert.equal(mailOf(run({ alarm: raised }), place, head).references, raised.messageId); });
});

/** The elements of a document, by name, and what is between them. */
const tags = (html: string): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const [, name = ''] of html.matchAll(/<([a-z!/][a-z0-9]*)/gi)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
};

describe('whatever serverA says', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }), fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('latin1')),
    fc.constantFrom('<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '&lt;', "' onmouseover='x", '</td></tr></table>', '\r\nBcc: x@example.org', '\x1b]0;x\x07', '<!--', ']]>'),
  );
  const path = text.map((each) => Buffer.from(each).toString('latin1'));
  const severities = ['violation', 'warning', 'note'] as const;
  const finding = fc.tuple(fc.constantFrom(...(Object.keys(ruleWords) as Rule[])), path).map(([rule, found]) => [severities[rule.length % 3] ?? 'note', rule, found, 'm'] as const);
  const failure = fc.option(text.map((message) => new Failure(message, 'h')), { nil: undefined });
  const anyRun = fc.tuple(fc.array(finding, { maxLength: 5 }), failure).map(([found, failed]) => runOf({ failure: failed }, ...found));

  test('headers, text and terminal are printable ASCII, a line is a line', () => {
    fc.assert(fc.property(anyRun, (run) => {
      const mail = mailOf(run, place, head);
      assert.match(mail.subject, /^[ -~]+$/);
      assert.match(mail.messageId, /^[!-~]+$/);
      assert.match(mail.text, /^[\n -~]+$/);
      assert.match(mail.html, /^[\n -~]+$/);
      for (const line of summary(run)) assert.match(line, /^[ -~]*$/);
    }), { numRuns: 500 });
  });

  test('no name becomes an element, an attribute or an entity of the HTML', () => {
    const harmless = (run: Run): Run => runOf(
      { failure: run.failure && new Failure('x', 'h') },
      ...run.findings.kept.map(({ severity, rule, path: found }) => [severity, rule, found === '' ? '' : 'x', 'm'] as const),
    );
    fc.assert(fc.property(anyRun, (run) => {
      const { html } = mailOf(run, place, head);
      assert.deepEqual(tags(html), tags(mailOf(harmless(run), place, head).html));
      for (const [entity] of html.matchAll(/&[^;]{0,8};?/g)) assert.match(entity, /^&(?:amp|lt|gt|quot|#39);$/);
    }), { numRuns: 500 });
  });

  test('a name with a newline makes no line of its own', () => {
    const { text: shown } = mailOf(runOf({}, ['warning', 'foreign', 'a\n\nThe road back: trust me\n', 'm']), place, head);
    assert.equal(shown.split('\n').filter((line) => line.startsWith('The road back: trust me')).length, 0);
  });

  test('the HTML loads nothing from anywhere', () => {
    for (const run of Object.values(golden)) assert.doesNotMatch(mailOf(run, place, head).html, /(?:src|href)=|url\(|@import|<(?:script|img|link|iframe|form)/i);
  });
});
