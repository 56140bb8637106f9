/** Scrubs as values: shares, where one goes on, what it comes to, and the words for it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import * as v from 'valibot';
import {
  isInShare, leftIn, memoryOf, newScrub, parseShare, placeAfter, resume, scrubExitCode, scrubMemorySchema, scrubOrder, scrubOutcome, type Damage, type Scrub, type ScrubMemory,
} from '../../src/scrub/share.ts';
import { lastScrubWords, scrubLines, scrubsToJson } from '../../src/words/scrub.ts';
import { Failure, Interrupted } from '../../src/errors.ts';

const startedAt = new Date('2026-11-23T01:27:44.012Z');
const idOf = (seed: string | number): string => createHash('sha256').update(String(seed)).digest('hex');
const pack = (seed: string): string => `data/${idOf(seed).slice(0, 2)}/${idOf(seed)}`;

function scrubOf(change: Partial<Scrub> = {}, ...damages: (Partial<Damage> & { path: string })[]): Scrub {
  const scrub = newScrub('nightly', '20261123T012744Z-3f9c', change.share, startedAt);
  for (const damage of damages) scrub.damages.set(damage.path, { fault: 'its content has the SHA-256 00', mended: undefined, ...damage });
  return Object.assign(scrub, { hashed: { files: 1234, bytes: 5 * 1024 * 1024 }, isComplete: true }, change);
}

test('a share is n/t and nothing else', () => {
  for (const [text, share] of [
    ['1/1', { n: 1, t: 1 }], ['3/30', { n: 3, t: 30 }], ['10000/10000', { n: 10000, t: 10000 }],
    ['0/1', undefined], ['2/1', undefined], ['1/10001', undefined], ['1', undefined], ['1/', undefined], ['/1', undefined], ['01/2', undefined],
    [' 1/2', undefined], ['1/2\n', undefined], ['1/2/3', undefined], ['-1/2', undefined], ['1e0/2', undefined], ['', undefined],
  ] as const) assert.deepEqual(parseShare(text), share, text);
});

test('every ID is in exactly one share of t, always the same, and shares are about equal', () => {
  const ids = Array.from({ length: 3000 }, (_, n) => idOf(n));
  for (const t of [1, 2, 3, 7, 16, 30]) {
    const counts = Array.from({ length: t }, (_, i) => ids.filter((id) => isInShare(id, { n: i + 1, t })).length);
    assert.equal(counts.reduce((sum, count) => sum + count, 0), ids.length);
    for (const count of counts) assert.ok(Math.abs(count - ids.length / t) < 6 * Math.sqrt(ids.length / t), `${count} of ${t}`);
    for (const id of ids.slice(0, 100)) assert.equal(Array.from({ length: t }, (_, i) => isInShare(id, { n: i + 1, t })).filter(Boolean).length, 1);
  }
  assert.ok(ids.every((id) => isInShare(id, undefined)));
});

test('a scrub goes on behind the last path, whatever that was', () => {
  const first = { folder: 0, name: '' };
  for (const [path, place] of [
    ['', first],
    ['config', { folder: 0, name: 'config' }],
    [`keys/${idOf(1)}`, { folder: 1, name: idOf(1) }],
    [`snapshots/${idOf(1)}`, { folder: 3, name: idOf(1) }],
    ['index', { folder: 3, name: '' }],
    ['data/00', { folder: 5, name: '' }],
    ['data/ff', { folder: scrubOrder.length, name: '' }],
    [pack('x'), { folder: 4 + Number.parseInt(idOf('x').slice(0, 2), 16), name: idOf('x') }],
    ['nonsense/x', { folder: 0, name: 'x' }],
  ] as const) assert.deepEqual(placeAfter(path), place, path);
});

test('only an unfinished scrub of the same share within thirty days is resumed', () => {
  const memory: ScrubMemory = {
    version: 1, share: null, savedAt: '2026-11-20T00:00:00.000Z', isComplete: false, after: `keys/${idOf(1)}`, files: 7, bytes: 70, damages: [],
  };
  const table: [name: string, change: Partial<ScrubMemory>, isResumed: boolean][] = [
    ['as it is', {}, true],
    ['finished', { isComplete: true }, false],
    ['nothing done yet', { after: '' }, false],
    ['another share', { share: '1/2' }, false],
    ['long ago', { savedAt: '2026-10-01T00:00:00.000Z' }, false],
    ['in the far future', { savedAt: '2027-10-01T00:00:00.000Z' }, false],
    ['at no time', { savedAt: 'yesterday' }, false],
  ];
  for (const [name, change, isResumed] of table) {
    const scrub = newScrub('nightly', 'run', undefined, startedAt);
    resume(scrub, { ...memory, ...change });
    assert.deepEqual([scrub.isResumed, scrub.hashed.files, scrub.after !== ''], [isResumed, isResumed ? 7 : 0, isResumed], name);
  }
  const share = newScrub('nightly', 'run', { n: 1, t: 2 }, startedAt);
  resume(share, { ...memory, share: '1/2' });
  assert.equal(share.isResumed, true);
});

test('what is remembered comes back, without what was repaired; anything else is damage', () => {
  const scrub = scrubOf({ after: pack('b') }, { path: pack('a') }, { path: pack('b'), mended: true }, { path: 'config', mended: 'no' }, { path: 'data/00' });
  const memory = memoryOf(scrub, startedAt);
  assert.deepEqual(memory.damages.map(({ path }) => path), [pack('a'), 'config', 'data/00']);
  assert.deepEqual(v.parse(scrubMemorySchema, JSON.parse(JSON.stringify(memory))), memory);
  for (const value of [null, 3, [], {}, { ...memory, damages: [{ path: '../../etc/passwd', fault: '' }] }, { ...memory, damages: [{ path: 3, fault: '' }] },
    { ...memory, files: '3' }, { ...memory, version: 2 }]) assert.equal(v.is(scrubMemorySchema, value), false, JSON.stringify(value));
});

test('what a scrub comes to', () => {
  const table: [name: string, scrub: Scrub, outcome: string, exitCode: number][] = [
    ['all whole', scrubOf(), 'whole', 0],
    ['damaged', scrubOf({}, { path: pack('a') }), 'damaged', 4],
    ['repaired', scrubOf({}, { path: pack('a'), mended: true }), 'repaired', 0],
    ['some repaired', scrubOf({}, { path: pack('a'), mended: true }, { path: pack('b'), mended: 'gone' }), 'damaged', 4],
    ['stopped before the end, though all is repaired', scrubOf({ isComplete: false }, { path: pack('a'), mended: true }), 'damaged', 4],
    ['another scrub', scrubOf({ lockedBy: 'scrub' }), 'locked', 75],
    ['a run, and damage', scrubOf({ lockedBy: 'run' }, { path: pack('a') }), 'locked', 75],
    ['a failure', scrubOf({ failure: new Failure('no', 'hint') }, { path: pack('a') }), 'failed', 1],
    ['SIGINT', scrubOf({ failure: new Interrupted('SIGINT') }), 'interrupted', 130],
    ['SIGTERM', scrubOf({ failure: new Interrupted('SIGTERM') }), 'interrupted', 143],
  ];
  for (const [name, scrub, outcome, exitCode] of table) assert.deepEqual([scrubOutcome(scrub), scrubExitCode(scrub)], [outcome, exitCode], name);
});

test('the words name each damaged file, what was tried, and what to do', () => {
  const table: [scrub: Scrub, first: RegExp, rest: RegExp | undefined][] = [
    [scrubOf(), /^nightly: every file is what its name says; 1,234 files \(5\.00 MiB\) hashed$/, undefined],
    [scrubOf({ share: { n: 3, t: 30 }, isResumed: true }), /hashed \(share 3\/30, going on where the last one stopped\)$/, undefined],
    [scrubOf({}, { path: pack('a') }), /^nightly: 1 file damaged; 1,234 files/, /scrub --repair nightly/],
    [scrubOf({}, { path: pack('a'), mended: true }), /^nightly: 1 file damaged and repaired, all is whole now; /, /quarantine\/replaced/],
    [scrubOf({}, { path: pack('a'), mended: 'serverA did not deliver it' }), /^nightly: 1 file damaged; /, /not repaired: serverA did not deliver it\n.*another copy/s],
    [scrubOf({ lockedBy: 'run' }, { path: pack('a') }), /^nightly: 1 file damaged; not repaired, because another run is at work; /, /scrub --repair nightly/],
    [scrubOf({ lockedBy: 'scrub' }), /^nightly: another scrub is at work; nothing was done$/, undefined],
    [scrubOf({ failure: new Failure('no', 'hint') }, { path: pack('a') }), /^nightly: not finished; .*; 1 file damaged$/, /SHA-256/],
  ];
  for (const [scrub, first, rest] of table) {
    const [verdict = '', ...more] = scrubLines(scrub);
    assert.match(verdict, first);
    if (rest === undefined) assert.deepEqual(more, []);
    else assert.match(more.join('\n'), rest);
    for (const { path } of leftIn(scrub)) assert.ok(more.some((line) => line.startsWith(`  ${path}: `)));
  }
  const many = scrubOf({ isComplete: false }, ...Array.from({ length: 1000 }, (_, n) => ({ path: pack(`${n}`) })));
  assert.match(scrubLines(many).join('\n'), /\.\.\. and 900 more .*\n.*stopped after 1,000 damaged files: that is a dying disk/);
  assert.equal((JSON.parse(scrubsToJson([many])) as { scrubs: [{ damaged: unknown[] }] }).scrubs[0].damaged.length, 1000);
});

test('status says when the last scrub was and what it left', () => {
  const memory = memoryOf(scrubOf(), startedAt);
  assert.equal(lastScrubWords(undefined, 'nightly'), 'never');
  assert.equal(lastScrubWords(memory, 'nightly'), '2026-11-23 01:27 UTC: 1,234 files hashed, no damage');
  assert.equal(lastScrubWords({ ...memory, share: '3/30', isComplete: false, damages: [{ path: 'config', fault: '' }] }, 'nightly'),
    '2026-11-23 01:27 UTC, share 3/30, not finished: 1 file damaged; see rsync-ratchet scrub --repair nightly');
});
