import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, lstatSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { chainStart, type JournalLine } from '../../src/state/chain.ts';
import { takeLock } from '../../src/programs/lock.ts';
import { State } from '../../src/ratchet/state.ts';
import { withFileLimit } from '../support/fileLimit.ts';
import { temporaryFolder } from '../support/temporary.ts';

const stateModule = JSON.stringify(new URL('../../src/ratchet/state.ts', import.meta.url).href);
const time = new Date('2026-11-23T01:27:44.012Z');
const hashOf = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');

function fresh(t: TestContext): { state: State; folder: string; journal: string } {
  const folder = temporaryFolder(t);
  return { folder, state: new State(folder, 'nightly'), journal: join(folder, 'nightly/journal.jsonl') };
}

/** The journal's lines; each must carry the SHA-256 of the bytes of the line before, and count on by one. */
function checkedLines(journal: string): JournalLine[] {
  const text = readFileSync(journal, 'utf8');
  assert.ok(text.endsWith('\n'), 'the last line is whole');
  const lines = text.slice(0, -1).split('\n');
  const parsed = lines.map((line) => JSON.parse(line) as JournalLine);
  for (const [n, line] of parsed.entries()) {
    assert.deepEqual([line.sequence, line.previous], [n + 1, n === 0 ? chainStart : hashOf(lines[n - 1] ?? '')], `line ${n + 1}`);
  }
  return parsed;
}

const headOf = (journal: string): string => hashOf(readFileSync(journal, 'utf8').slice(0, -1).split('\n').at(-1) ?? '');

describe('the journal', () => {
  test('is a chain, and each append gives its head', async (t) => {
    const { state, journal } = fresh(t);
    for (const event of ['started', 'verdict', 'finished']) assert.equal(await state.append(time, { event, runId: 'r' }), headOf(journal));
    assert.deepEqual(checkedLines(journal).map(({ event }) => event), ['started', 'verdict', 'finished']);
    assert.deepEqual([lstatSync(journal).mode & 0o777, lstatSync(state.folder).mode & 0o777], [0o600, 0o700]);
  });

  test('it goes on where another process stopped', async (t) => {
    const { state, folder, journal } = fresh(t);
    await state.append(time, { event: 'one' });
    await new State(folder, 'nightly').append(time, { event: 'two' });
    assert.equal(checkedLines(journal).length, 2);
  });

  test('words in any language: the head is the hash of the bytes that are there', async (t) => {
    const { state, journal } = fresh(t);
    assert.equal(await state.append(time, { event: 'finished', failure: 'Datentr\u00e4ger voll \u{1f4be}' }), headOf(journal));
    await state.append(time, { event: 'finished' });
    assert.equal(checkedLines(journal)[0]?.['failure'], 'Datentr\u00e4ger voll \u{1f4be}');
    assert.equal(state.journal.findLast((line) => line['failure'] !== undefined)?.['failure'], 'Datentr\u00e4ger voll \u{1f4be}');
  });

  test('a line before it that was changed breaks the chain', async (t) => {
    const { state, journal } = fresh(t);
    for (const event of ['one', 'two', 'three']) await state.append(time, { event });
    writeFileSync(journal, readFileSync(journal, 'utf8').replace('"two"', '"TWO"'));
    assert.throws(() => checkedLines(journal), /line 3/);
  });
});

describe('a torn last line', () => {
  const torn: readonly (readonly [name: string, bytes: Buffer])[] = [
    ['half a line', Buffer.from('{"sequence":3,"ti')],
    ['a whole line without its newline', Buffer.from('{"sequence":3,"event":"x","previous":""}')],
    ['NULs, as after a power cut', Buffer.alloc(4096)],
    ['bytes above ASCII', Buffer.from('{"failure":"Datentr\u00e4ger \xff\xfe')],
    ['a single byte', Buffer.from('\u00e4').subarray(1)],
    ['more than the end that is looked at', Buffer.alloc(3 * 1024 * 1024, 'x')],
  ];
  for (const [name, bytes] of torn) {
    test(`${name}: dropped, said, and the chain goes on`, async (t) => {
      const { state, journal } = fresh(t);
      await state.append(time, { event: 'one' });
      await state.append(time, { event: 'zw\u00f6lf' });
      appendFileSync(journal, bytes);
      await state.append(time, { event: 'three' });
      const lines = checkedLines(journal);
      assert.deepEqual(lines.map(({ event }) => event), ['one', 'zw\u00f6lf', 'journal-repaired', 'three']);
      assert.equal(lines[2]?.['bytesDropped'], bytes.length);
    });
  }

  test('the first line of all', async (t) => {
    const { state, journal } = fresh(t);
    await state.append(time, { event: 'one' });
    rmSync(join(dirname(journal), 'journal.head')); // it is written after the line
    truncateSync(journal, 20);
    await state.append(time, { event: 'two' });
    assert.deepEqual(checkedLines(journal).map(({ event }) => event), ['journal-repaired', 'two']);
  });

  test('a disk that takes only a part of a line: an error, and the next append repairs it', async (t) => {
    const { state, journal } = fresh(t);
    await state.append(time, { event: 'one' });
    await assert.rejects(withFileLimit(1000, () => state.append(time, { event: 'x'.repeat(5000) })), { code: 'EFBIG' });
    await state.append(time, { event: 'two' });
    assert.deepEqual(checkedLines(journal).map(({ event }) => event), ['one', 'journal-repaired', 'two']);
  });
});

test('two processes that append at once make one chain', async (t) => {
  const { folder, journal } = fresh(t);
  const script = `
    import { State } from ${stateModule};
    const state = new State(${JSON.stringify(folder)}, 'nightly');
    for (let n = 0; n < 20; n++) await state.append(new Date(), { event: process.argv[1], n });
  `;
  const writers = ['one', 'two', 'three'].map((name) =>
    spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script, name], { stdio: 'inherit' }));
  const ends = await Promise.all(writers.map((writer) => once(writer, 'exit')));
  assert.deepEqual(ends, [[0, null], [0, null], [0, null]]);
  const lines = checkedLines(journal);
  assert.equal(lines.length, 60);
  for (const name of ['one', 'two', 'three']) {
    assert.deepEqual(lines.filter(({ event }) => event === name).map((line) => line['n']), Array.from({ length: 20 }, (_, n) => n));
  }
});

test('whoever holds the state lock is waited for', async (t) => {
  const { state, folder, journal } = fresh(t);
  await state.append(time, { event: 'one' });
  const lock = await takeLock(join(folder, 'nightly/state.lock'));
  const appended = state.append(time, { event: 'two' });
  assert.equal(checkedLines(journal).length, 1);
  lock?.release();
  await appended;
  assert.equal(checkedLines(journal).length, 2);
});

describe('looking back', () => {
  test('the last line that fits; none before the first', async (t) => {
    const { state } = fresh(t);
    assert.equal(state.journal.findLast(() => true), undefined);
    for (const n of [1, 2, 3]) await state.append(time, { event: n === 3 ? 'finished' : 'audited', n });
    assert.equal(state.journal.findLast(({ event }) => event === 'audited')?.['n'], 2);
    assert.equal(state.journal.findLast(({ event }) => event === 'none'), undefined);
  });

  test('lines that cannot be read are passed over', async (t) => {
    const { state, journal } = fresh(t);
    await state.append(time, { event: 'one' });
    appendFileSync(journal, 'garbage\nnull\n{"half":');
    assert.equal(state.journal.findLast(() => true)?.event, 'one');
  });

  test('a journal longer than what is read at once', async (t) => {
    const { state, journal } = fresh(t);
    await state.append(time, { event: 'one' });
    await state.append(time, { event: 'long', text: 'x'.repeat(700_000) });
    await state.append(time, { event: 'long', text: 'x'.repeat(700_000) });
    await state.append(time, { event: 'four' });
    assert.deepEqual(checkedLines(journal).map(({ event }) => event), ['one', 'long', 'long', 'four']);
    assert.deepEqual([state.journal.findLast(() => true)?.event, state.journal.findLast(({ event }) => event === 'one')?.event], ['four', 'one']);
  });
});

describe('folders of runs', () => {
  test('are made, 0700; of the old ones sixty are kept', (t) => {
    const { state } = fresh(t);
    const name = (n: number): string => `20261123T0127${String(n).padStart(2, '0')}Z-3f9c`;
    for (let n = 0; n < 65; n++) state.writeRunFile(name(n), 'findings.jsonl', `${n}\n`);
    const left = readdirSync(join(state.folder, 'runs')).sort();
    assert.deepEqual(left, Array.from({ length: 60 }, (_, n) => name(n + 5)));
    const folder = state.runFolder(name(64));
    assert.deepEqual([lstatSync(folder).mode & 0o777, lstatSync(join(folder, 'findings.jsonl')).mode & 0o777], [0o700, 0o600]);
    assert.equal(readFileSync(join(folder, 'findings.jsonl'), 'utf8'), '64\n');
  });

  test('a state that cannot be made is an error with a name', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'nightly'), '');
    await assert.rejects(new State(folder, 'nightly').append(time, { event: 'x' }), { code: /EEXIST|ENOTDIR/ });
  });
});
