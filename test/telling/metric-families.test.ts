/** The metrics file: Prometheus's documented grammar, promtool's rules, and every figure that the operator was promised. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { families, metricsText } from '../../src/telling/metric-families.ts';
import type { Status } from '../../src/looking/standing.ts';
import { assertGolden } from '../support/golden.ts';
import { checkOf, goodEnd, lineOf, now, someAlarm, statusOf } from '../support/statuses.ts';

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * Reads the text format as its documentation has it ("Exposition formats", text-based format): HELP and TYPE at most
 * once for a name and before its samples, all lines of a name together, labels quoted and escaped, a newline at the end.
 */
function parse(text: string): { samples: Sample[]; help: Map<string, string>; types: Map<string, string> } {
  const [samples, help, types, closed] = [[] as Sample[], new Map<string, string>(), new Map<string, string>(), new Set<string>()];
  let current = '';
  assert.ok(text.endsWith('\n'));
  const enter = (name: string): void => {
    if (name === current) return;
    assert.ok(!closed.has(name), `${name} is not in one group`);
    if (current !== '') closed.add(current);
    current = name;
  };
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (comment !== null) {
      const [, kind, name = '', rest = ''] = comment;
      enter(name);
      const table = kind === 'HELP' ? help : types;
      assert.ok(!table.has(name), line);
      assert.ok(!samples.some((sample) => sample.name === name), `${line} comes after its samples`);
      if (kind === 'TYPE') assert.match(rest, /^(?:counter|gauge|histogram|summary|untyped)$/);
      table.set(name, rest);
      continue;
    }
    const [, name = '', labels = '', value = ''] = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? ([+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/.exec(line) ?? assert.fail(`not a sample: ${line}`);
    enter(name);
    const pairs = [...labels.matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', quoted = '']) => [label, quoted.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c))]);
    samples.push({ name, labels: Object.fromEntries(pairs), value: Number(value) });
  }
  const series = samples.map((sample) => `${sample.name} ${JSON.stringify(sample.labels)}`);
  assert.equal(new Set(series).size, series.length, 'a series comes twice');
  return { samples, help, types };
}

const all = (statuses: readonly Status[] = [statusOf()]) => parse(metricsText(statuses, '0.1.0', now));
const valueOf = (name: string, status: Partial<Status> = {}): number | undefined => all([statusOf(status)]).samples.find((sample) => sample.name === `rsync_ratchet_${name}`)?.value;

describe('promtool check metrics', () => {
  const { samples, help, types } = all([statusOf(), statusOf({ repository: 'other' })]);
  test('every family has HELP and TYPE, and a sample', () => {
    const names = new Set(samples.map(({ name }) => name));
    assert.deepEqual([...help.keys()], [...names]);
    assert.deepEqual([...types.keys()], [...names]);
  });
  for (const name of help.keys()) {
    test(name, () => {
      assert.match(name, /^rsync_ratchet_[a-z]+(?:_[a-z]+)*$/, 'snake case, no digits, no colon');
      assert.equal(types.get(name), 'gauge');
      assert.doesNotMatch(name, /_(?:total|count|sum|bucket)$/, 'suffixes of other types');
      assert.doesNotMatch(name, /(?:^|_)(?:gauge|counter|histogram|summary)(?:_|$)/, 'no type in the name');
      assert.doesNotMatch(name, /_(?:s|ms|us|ns|sec|secs|b|kb|mb|gb|kib|mib|gib|minutes|hours|days|milliseconds|kilobytes|megabytes|percent)(?:_|$)/, 'base units, written out');
      assert.match(help.get(name) ?? '', /^[A-Z].*\.$/);
    });
  }
  test('all but the program itself have the label repository', () => {
    for (const { name, labels } of samples) {
      const isOfProgram = /_(?:build_info|written_timestamp_seconds)$/.test(name);
      assert.equal(labels['repository'] === undefined, isOfProgram, name);
    }
  });
});

describe('the figures', () => {
  test('word for word', () => { assertGolden('metrics.prom', metricsText([statusOf()], '0.1.0', now)); });
  const rows: readonly (readonly [name: string, status: Partial<Status>, value: number | undefined])[] = [
    ['last_completion_timestamp_seconds', {}, now.getTime() / 1000 - 6.5 * 3600],
    ['last_completion_timestamp_seconds', { lastRun: undefined }, 0],
    ['last_success_timestamp_seconds', { lastRun: lineOf(1, { exitCode: 1 }), lastSuccess: goodEnd(30) }, now.getTime() / 1000 - 30 * 3600],
    ['last_success_timestamp_seconds', { lastSuccess: undefined }, 0],
    ['last_exit_code', { lastRun: lineOf(1, { exitCode: 3 }) }, 3],
    ['last_exit_code', { lastRun: undefined }, undefined],
    ['last_new_files', {}, 3], ['last_new_bytes', {}, 3000], ['last_quarantined_files', {}, 0], ['last_admitted_bytes', {}, 3000],
    ['newest_snapshot_timestamp_seconds', {}, Date.parse('2026-11-23T01:00:00Z') / 1000],
    ['last_snapshot_admission_timestamp_seconds', { snapshotAdmittedAt: undefined }, 0],
    ['alarm_raised', {}, 0], ['alarm_raised', { alarm: someAlarm }, 1],
    ['prune_window_open', {}, 0],
    ['prune_window_open', { window: { open: { source: 'command', until: now, budget: 1, used: 0, allowKeys: false, row: undefined }, refused: undefined } }, 1],
    ['tombstones_pending', { tombstones: { pending: 7, bytes: 70, nextDue: null } }, 7],
    ['unread_packs', {}, 0], ['unread_since_timestamp_seconds', {}, 0], ['unread_bytes', { unread: { packs: 4, indexes: 1, bytes: 50, since: '1970-01-02T00:00:00.000Z' } }, 50],
    ['unread_since_timestamp_seconds', { unread: { packs: 4, indexes: 1, bytes: 50, since: '1970-01-02T00:00:00.000Z' } }, 86_400],
    ['spooled_alerts', { spool: { alerts: 2, since: null, why: null } }, 2], ['spooled_alerts', { spool: undefined }, undefined],
    ['last_check_timestamp_seconds', {}, now.getTime() / 1000 - 50 * 3600], ['last_check_timestamp_seconds', { lastCheck: undefined }, 0],
    ['last_check_timestamp_seconds', { checks: false, lastCheck: undefined }, undefined],
    ['last_check_passed', {}, 1], ['last_check_passed', { lastCheck: checkOf(false) }, 0], ['last_check_passed', { lastCheck: undefined }, undefined],
    ['disk_free_bytes', {}, 5e11], ['disk_free_bytes', { disk: undefined }, undefined],
    ['replica_files', { lastRun: lineOf(1, { exitCode: 1 }), lastSuccess: goodEnd(30) }, 1],
  ];
  for (const [name, status, value] of rows) test(`${name}: ${value ?? 'absent'} ${Object.keys(status).join(' ')}`, () => { assert.equal(valueOf(name, status), value); });

  test('the replica by type, and the last run by stage', () => {
    const { samples } = all();
    const by = (name: string, label: string) => Object.fromEntries(samples.filter((sample) => sample.name === `rsync_ratchet_${name}`).map(({ labels, value }) => [labels[label], value]));
    assert.deepEqual(by('replica_files', 'type'), { key: 1, pack: 12_000, index: 300, snapshot: 47 });
    assert.deepEqual(by('last_stage_duration_seconds', 'stage'), { audit: 1.25, fetch: 2, prove: 0, admit: 0.5, expire: 0, check: 0 });
  });
  test('a version may have any letters', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }).filter((text) => !text.includes('\r')), (version) => {
      assert.equal(parse(metricsText([], version, now)).samples[0]?.labels['version'], version);
    }));
  });
  test('no name is there twice', () => { assert.equal(new Set(families.map(({ name }) => name)).size, families.length); });
});
