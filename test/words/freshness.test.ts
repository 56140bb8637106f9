/** Quiet nights for too long. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { noMemory, type Memory } from '../../src/state/memory.ts';
import { quietOf, staleness } from '../../src/words/freshness.ts';
import type { Quiet } from '../../src/ratchet/run.ts';
import { runOf, startedAt } from '../support/runs.ts';
import { lineOf } from '../support/statuses.ts';

const before = '2026-11-20T01:27:44.000Z';
const none = { files: 0, bytes: 0 };
const replica = (newestSnapshot: string | null) => ({ ...none, types: { key: none, pack: none, index: none, snapshot: none }, newestSnapshot });
const remembered = (finished?: { quiet?: Quiet; replica?: object }, initialised?: { time: string }): Memory =>
  ({ ...noMemory, lastRun: finished === undefined ? null : { ...lineOf(1, finished), outcome: 'synced', exitCode: 0 }, quiet: finished?.quiet ?? null, initialisedAt: initialised?.time ?? null });
const admitted = (at: string): Quiet => ({ admittedAt: at, since: at });

describe('since when it is quiet', () => {
  const tonight = startedAt.toISOString();
  const rows: readonly (readonly [name: string, run: Parameters<typeof runOf>[0], past: Memory, quiet: Quiet])[] = [
    ['a snapshot was admitted in this run', { snapshotsAdmitted: 1 }, remembered({ quiet: admitted(before) }), admitted(tonight)],
    ['in an earlier one', {}, remembered({ quiet: admitted(before) }), admitted(before)],
    ['with a newer time of a snapshot alone: it was touched', { replica: replica('2026-11-23T00:00:00Z') }, remembered({ quiet: admitted(before), replica: replica(before) }), admitted(before)],
    ['never: since the replica was made', {}, remembered(undefined, { time: before }), { admittedAt: null, since: before }],
    ['never, as the last run said', {}, remembered({ quiet: { admittedAt: null, since: before } }), { admittedAt: null, since: before }],
    ['never, and nobody knows since when', {}, remembered(), { admittedAt: null, since: tonight }],
    ['by runs of a version that did not say', { replica: replica(before) }, remembered({ replica: replica(before) }, { time: before }), { admittedAt: null, since: before }],
    ['a run that could not look', { replica: undefined }, remembered({ quiet: admitted(before), replica: replica(before) }), admitted(before)],
  ];
  for (const [name, run, past, quiet] of rows) test(name, () => { assert.deepEqual(quietOf(runOf(run), past), quiet); });
});

describe('a warning', () => {
  const day = 24 * 3600 * 1000;
  const said = (since: string | undefined, freshness: number | undefined) => staleness(runOf({ quiet: since === undefined ? undefined : admitted(since) }), freshness);
  test('when it is longer ago than alerts.freshness', () => { assert.equal(said(before, 2 * day), 'no new snapshot has been admitted since 2026-11-20 01:27 UTC'); });
  test('not before', () => { assert.equal(said(before, 4 * day), undefined); });
  test('not without alerts.freshness', () => { assert.equal(said(before, undefined), undefined); });
  test('not when nobody knows', () => { assert.equal(said(undefined, day), undefined); });
  test('when what is remembered lies in the future: a wrong clock wrote that', () => { assert.match(said('2036-11-20T01:27:44.000Z', day) ?? '', /lies in the future$/); });
});
