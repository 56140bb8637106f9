/** How a repository stands, as values. */
import type { JournalLine } from '../../src/state/chain.ts';
import type { ScrubMemory } from '../../src/scrub/share.ts';
import type { Status } from '../../src/looking/standing.ts';

export const now = new Date('2026-11-23T08:00:00.000Z');
const hour = 3600 * 1000;

/** A line of the journal that was written so many hours ago. */
export const lineOf = (hoursAgo: number, detail: Partial<JournalLine> = {}): JournalLine =>
  ({ sequence: 9, time: new Date(now.getTime() - hoursAgo * hour).toISOString(), repository: 'nightly', event: 'finished', previous: '', ...detail });

const amount = (files: number): { files: number; bytes: number } => ({ files, bytes: files * 1000 });

/** The end of a good sync, so many hours ago. */
export const goodEnd = (hoursAgo: number, detail: Partial<JournalLine> = {}): JournalLine => lineOf(hoursAgo, {
  runId: '20261123T012744Z-3f9c', outcome: 'synced', exitCode: 0, rules: [],
  audit: { unchanged: 12_345, new: 3, newBytes: 3000, modified: 0, deleted: 0, known: 0, ignored: 262, foreign: 0, suspects: 0 },
  fetched: amount(3), admitted: amount(3), quarantined: amount(0), seconds: { audit: 1.25, fetch: 2, prove: 0, admit: 0.5, expire: 0, check: 0 },
  replica: { ...amount(12_348), types: { key: amount(1), pack: amount(12_000), index: amount(300), snapshot: amount(47) }, newestSnapshot: '2026-11-23T01:00:00.000Z' },
  ...detail,
});

/** A check of restic, 50 hours ago. */
export const checkOf = (passed: boolean, words = ''): JournalLine => lineOf(50, { event: 'checked', share: '3/30', passed, words });

/** All well, six and a half hours ago; changed as `change` says. */
export function statusOf(change: Partial<Status> = {}): Status {
  return {
    repository: 'nightly', isInitialised: true, initialisedAt: undefined, alarm: undefined, window: { open: undefined, refused: undefined },
    lastRun: goodEnd(6.5), lastSuccess: goodEnd(6.5), snapshotAdmittedAt: '2026-11-23T01:27:44.000Z',
    tombstones: { pending: 0, bytes: 0, nextDue: null }, quarantine: { files: 0, bytes: 0 }, scrub: undefined, unread: null, checks: true, lastCheck: checkOf(true), drills: false, lastDrill: null, disk: { free: 5e11, total: 1e12 }, spool: { alerts: 0, since: null, why: null },
    tells: { alerts: true, ping: true, metrics: true }, proves: true, ...change,
  };
}

export const someAlarm = { version: 1, runId: '20261121T012702Z-77aa', since: '2026-11-21T01:27:02.000Z', rules: ['deleted', 'modified'], findings: [], messageId: 'x@y' } as const;

/** What a scrub keeps that has found a damaged file. */
export const damagedScrub: ScrubMemory = {
  version: 1, share: null, savedAt: now.toISOString(), isComplete: true, after: '', files: 12_348, bytes: 12_348_000, damages: [{ path: 'config', fault: 'm' }],
};
