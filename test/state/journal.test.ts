/** The journal on disk: crashes, tampering with any byte, and the turn of the year. */
import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Journal } from '../../src/state/journal.ts';
import { State } from '../../src/ratchet/state.ts';
import { temporaryFolder } from '../support/temporary.ts';

interface Fixture {
  readonly folder: string;
  readonly journal: Journal;
  /** Appends an event of a year; what was repaired. */
  readonly add: (year: number, event?: string) => string | undefined;
  readonly names: () => string[];
  readonly events: () => string[];
}

function fixture(t: TestContext): Fixture {
  const folder = temporaryFolder(t);
  const journal = new Journal(folder, 'nightly');
  let count = 0;
  return {
    folder, journal,
    add: (year, event = 'started') => journal.append(new Date(Date.UTC(year, 5, 1, 0, 0, count++)), { event, reason: 'B\u00fcro \u2013 "x"' }).repaired,
    names: () => readdirSync(folder).filter((name) => name.endsWith('.jsonl')).sort(),
    events: () => journal.newest(1000).map(({ event }) => event),
  };
}

test('what append returns is the hash of what is on disk, whatever letters it holds', (t) => {
  const { folder, journal } = fixture(t);
  const { head } = journal.append(new Date(0), { event: 'started', reason: 'B\u00fcro \u2013 \u{1f512}' });
  assert.equal(journal.verify().head.hash, head);
  assert.equal(journal.verify(head).known, true);
  assert.equal(journal.newest(1)[0]?.['reason'], 'B\u00fcro \u2013 \u{1f512}');
  assert.equal(statSync(join(folder, 'journal.jsonl')).mode & 0o7777, 0o600);
});

test('a line that a crash cut short is dropped and said, once', (t) => {
  const { folder, journal, add, events } = fixture(t);
  add(2026);
  appendFileSync(join(folder, 'journal.jsonl'), '{"sequence":2,"time":"2026-');
  assert.deepEqual([journal.verify().bad, journal.verify().torn], [undefined, 27]);
  assert.match(add(2026) ?? '', /cut short by a crash; 27 bytes were dropped/);
  assert.equal(add(2026), undefined);
  assert.deepEqual(events(), ['started', 'journal-repaired', 'started', 'started']);
  assert.deepEqual([journal.verify().bad, journal.verify().lines], [undefined, 4]);
});

test('a line that was complete is not "repaired" away: without its newline the journal is broken, and stays so', (t) => {
  const { folder, journal, add, events } = fixture(t);
  add(2026);
  add(2026);
  const path = join(folder, 'journal.jsonl');
  truncateSync(path, statSync(path).size - 1);
  assert.equal(journal.verify().bad?.line, 1);
  assert.match(add(2026) ?? '', /does not end as it ended last time/);
  assert.deepEqual(events(), ['started', 'journal-damaged', 'started']);
  assert.deepEqual([journal.verify().bad?.line, add(2026), journal.verify().bad?.line], [2, undefined, 2]);
});

test('a tail that was cut off is found at once and by the next append', (t) => {
  const { folder, journal, add } = fixture(t);
  for (let n = 0; n < 5; n++) add(2026);
  const path = join(folder, 'journal.jsonl');
  writeFileSync(path, readFileSync(path, 'utf8').split('\n').slice(0, 3).map((line) => `${line}\n`).join(''));
  assert.deepEqual([journal.verify().bad?.line, journal.verify().lines], [3, 3]);
  assert.match(add(2026) ?? '', /changed or cut off/);
  assert.equal(journal.verify().bad?.line, 4);
});

test('a crash between the line and its head is no damage', (t) => {
  const { folder, journal, add } = fixture(t);
  add(2026);
  const head = readFileSync(join(folder, 'journal.head'));
  add(2026);
  writeFileSync(join(folder, 'journal.head'), head);
  assert.deepEqual([journal.verify().bad, add(2026), journal.verify().lines], [undefined, undefined, 3]);
});

test('any byte that is changed is found, in files of earlier years too', (t) => {
  const { folder, journal, add, names } = fixture(t);
  for (const year of [2024, 2024, 2025, 2026, 2026]) add(year);
  let flips = 0;
  for (const name of names()) {
    const whole = readFileSync(join(folder, name));
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      writeFileSync(join(folder, name), changed);
      const { bad } = journal.verify();
      assert.ok(bad !== undefined, `${name} at ${at}`);
      if (at < whole.length - 1) assert.equal(bad.file, name);
      flips++;
    }
    writeFileSync(join(folder, name), whole);
  }
  assert.ok(flips > 600, String(flips));
  assert.equal(journal.verify().bad, undefined);
});

test('a new year begins a new file, and the chain goes on', (t) => {
  const { journal, add, names, events } = fixture(t);
  for (const year of [2024, 2024, 2025, 2026, 2026]) add(year, `in-${year}`);
  assert.deepEqual(names(), ['journal-2024.jsonl', 'journal-2025.jsonl', 'journal.jsonl']);
  assert.deepEqual([journal.verify().lines, journal.verify().bad], [5, undefined]);
  assert.deepEqual(events(), ['in-2024', 'in-2024', 'in-2025', 'in-2026', 'in-2026']);
  assert.deepEqual(journal.newest(3).map(({ event }) => event), ['in-2025', 'in-2026', 'in-2026']);
  assert.equal(journal.findLast(({ event }) => event === 'in-2024')?.sequence, 2);
});

test('a missing year is found', (t) => {
  const { folder, journal, add } = fixture(t);
  for (const year of [2024, 2025, 2026]) add(year);
  rmSync(join(folder, 'journal-2025.jsonl'));
  assert.deepEqual(journal.verify().bad, { file: 'journal.jsonl', line: 1, why: 'it has the number 3, but 2 comes next' });
});

test('a run that was killed between putting the year aside and its first line goes on where it was', (t) => {
  const { folder, journal, add, names } = fixture(t);
  add(2025);
  renameSync(join(folder, 'journal.jsonl'), join(folder, 'journal-2025.jsonl'));
  assert.equal(journal.verify().bad, undefined);
  assert.equal(add(2026), undefined);
  assert.deepEqual([names(), journal.verify().lines, journal.verify().bad], [['journal-2025.jsonl', 'journal.jsonl'], 2, undefined]);
});

test('a line that the turn of the year finds cut short is repaired before', (t) => {
  const { folder, journal, add, names } = fixture(t);
  add(2025);
  appendFileSync(join(folder, 'journal.jsonl'), '{"sequ');
  assert.match(add(2026) ?? '', /6 bytes were dropped/);
  assert.deepEqual([names(), journal.verify().bad, journal.verify().lines], [['journal-2025.jsonl', 'journal.jsonl'], undefined, 3]);
});

test('a clock that jumps a year ahead and back overwrites no year', (t) => {
  const { journal, add, names } = fixture(t);
  for (const year of [2026, 2027, 2026, 2027, 2028]) add(year, `in-${year}`);
  assert.deepEqual([journal.verify().bad, journal.verify().lines], [undefined, 5]);
  assert.ok(names().includes('journal-2026.jsonl'));
});

test('what is looked for is found however long ago it was, and not looked for beyond a bound', (t) => {
  const { journal, add } = fixture(t);
  add(2025, 'long ago');
  add(2026, 'first');
  for (let n = 0; n < 40; n++) journal.append(new Date(Date.UTC(2026, 7)), { event: 'filler', text: 'x'.repeat(20_000) });
  for (const event of ['long ago', 'first']) assert.equal(journal.findLast((line) => line.event === event)?.event, event);
  assert.equal(journal.findLast((line) => line.event === 'long ago', new Date(Date.UTC(2026, 0))), undefined);
  assert.deepEqual(journal.newest(42).map(({ event }) => event).slice(0, 3), ['long ago', 'first', 'filler']);
});

test('lines longer than any block that is read at once', (t) => {
  const { journal, add } = fixture(t);
  add(2026);
  journal.append(new Date(Date.UTC(2026, 6)), { event: 'tombstones-kept', paths: Array.from({ length: 5000 }, (_, n) => `data/${n}`) });
  add(2026);
  assert.deepEqual([journal.verify().bad, journal.verify().lines], [undefined, 3]);
});

test('the group may read what its folder lets it read, and nobody else ever', async (t) => {
  for (const [mode, expected] of [[0o700, 0o600], [0o750, 0o640], [0o755, 0o640]] as const) {
    const state = temporaryFolder(t);
    const own = new State(state, 'nightly');
    mkdirSync(own.folder);
    chmodSync(own.folder, mode);
    await own.append(new Date(), { event: 'started' });
    await own.locked(() => { own.setWindows({ version: 1, command: null, rows: {} }); });
    for (const name of ['journal.jsonl', 'journal.head', 'prune-window.json']) assert.equal(statSync(join(own.folder, name)).mode & 0o7777, expected, name);
  }
});

test('a journal is lost when the line that init wrote is gone, whatever was written since', (t) => {
  const { folder, journal, add } = fixture(t);
  assert.equal(journal.isLost(), true);
  add(2025, 'initialised');
  add(2025, 'finished');
  add(2026, 'finished');
  assert.equal(journal.isLost(), false);
  rmSync(join(folder, 'journal-2025.jsonl'));
  assert.equal(journal.isLost(), false, 'an early year that was put away');
  rmSync(join(folder, 'journal.jsonl'));
  add(2026, 'finished');
  assert.equal(journal.isLost(), true);
  add(2026, 'initialised');
  assert.equal(journal.isLost(), false, 'init was run again');
});
