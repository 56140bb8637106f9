/** The columns that tell whether the replica is whole, as far as somebody has looked. */
import { counted, formatCount } from '../../figures.ts';
import { escapeText } from '../../printable.ts';
import { nothingUnread, unreadToJson, unreadWords } from '../../state/unread.ts';
import type { Memory } from '../../state/memory.ts';
import { readScrubMemory } from '../../scrub/memory.ts';
import { text } from '../../words/history.ts';
import { lastScrubWords } from '../../words/scrub.ts';
import { minute, row, type Column, type StatusRow } from '../column.ts';
import { flag, gauge, seconds } from '../metric.ts';
import { failedShare, type Status } from '../standing.ts';

const damagesOf = ({ scrub: last }: Status): number => last?.damages.length ?? 0;

/** The last scrub. */
export const scrub: Column<'scrub'> = {
  name: 'scrub',
  read: ({ state }) => ({ scrub: readScrubMemory(state.folder) }),
  rows: (status) => [
    row('last scrub', lastScrubWords(status.scrub, status.repository), damagesOf(status) > 0 ? 'bad' : 'plain'),
  ],
  json: ({ scrub: last }) => ({
    scrub:
      last === undefined
        ? null
        : {
            at: last.savedAt,
            share: last.share,
            complete: last.isComplete,
            files: last.files,
            bytes: last.bytes,
            damaged: last.damages,
          },
  }),
  complaints: (status) =>
    damagesOf(status) === 0 ? [] : [[1, `${formatCount(damagesOf(status))} damaged in the replica`]],
};

/** What restic has not read. */
export const unread: Column<'unread'> = {
  name: 'unread',
  read: ({ memory }) => ({ unread: memory.unread }),
  rows: ({ unread: left }) => {
    if (left === null) return [];
    const since = `since ${minute(left.since)} UTC: nothing expires until restic has read them`;
    return [row('unread', `${unreadWords(left)} ${since}`, 'warning')];
  },
  json: ({ unread: left }) => ({ unread: { ...unreadToJson(left ?? nothingUnread), since: left?.since ?? null } }),
  metrics: [
    gauge('unread_packs', 'Packs of the replica that restic has not read.', (status) => status.unread?.packs ?? 0),
    gauge(
      'unread_indexes',
      'Index files of the replica that were not held against their packs.',
      (status) => status.unread?.indexes ?? 0,
    ),
    gauge('unread_bytes', 'Bytes of the replica that restic has not read.', (status) => status.unread?.bytes ?? 0),
    gauge('unread_since_timestamp_seconds', 'Since when something is unread.', (status) =>
      seconds(status.unread?.since),
    ),
  ],
  complaints: ({ unread: left }) =>
    left === null ? [] : [[1, `unread: ${unreadWords(left)} since ${left.since.slice(0, 10)}`]],
};

/** restic's last check of the replica. */
export const lastCheck: Column<'checks' | 'lastCheck'> = {
  name: 'lastCheck',
  read: ({ repository, memory: { checks } }) => {
    const isChecked = repository.restic.check !== undefined;
    return { checks: isChecked, lastCheck: isChecked ? standingCheck(checks) : undefined };
  },
  rows: (status) => (status.checks ? checkRows(status) : []),
  json: ({ lastCheck: last }) => ({
    lastCheck:
      last === undefined ? null : { at: last.time, share: last['share'], passed: last['passed'], words: last['words'] },
  }),
  metrics: [
    gauge('last_check_timestamp_seconds', 'When restic last checked the replica.', (status) =>
      status.checks ? seconds(status.lastCheck?.time) : undefined,
    ),
    gauge(
      'last_check_passed',
      'Whether the last check of restic passed: 0 while any share stands that failed, until that share passes.',
      (status) => status.lastCheck && flag(status.lastCheck['passed'] === true),
    ),
  ],
  complaints: (status) => {
    const failed = failedShare(status);
    return failed === undefined ? [] : [[1, `the last restic check failed (share ${failed})`]];
  },
};

/** A failed check stands until its own share passes, whatever passed since. */
function standingCheck({ last, failed: [failed] }: Memory['checks']): Status['lastCheck'] {
  if (last === null || failed === undefined) return last ?? undefined;
  return { ...last, share: failed.share, time: failed.since, words: failed.words, passed: false };
}

function checkRows(status: Status): StatusRow[] {
  const { lastCheck: last } = status;
  if (last === undefined) return [row('last check', 'never')];
  const words = `${minute(last.time)} UTC, share ${escapeText(text(last['share']), 20)}`;
  if (failedShare(status) === undefined) return [row('last check', `${words}: passed`)];
  return [row('last check', `${words}: FAILED`, 'bad'), row('', escapeText(text(last['words']), 60), 'bad')];
}

/** When files were last restored to try it. */
export const lastDrill: Column<'drills' | 'lastDrill'> = {
  name: 'lastDrill',
  read: ({ repository, memory }) => {
    const { drill } = repository.restic;
    return { drills: drill !== undefined && drill.every !== 'off', lastDrill: memory.drill };
  },
  rows: ({ drills, lastDrill: last }) => (drills || last !== null ? drillRows(last) : []),
  json: ({ lastDrill: last }) => ({
    lastDrill:
      last === null
        ? null
        : {
            at: last.time,
            files: last.files,
            bytes: last.bytes,
            snapshots: last.snapshots,
            passed: last.passed,
            words: last.words,
          },
  }),
  metrics: [
    gauge(
      'last_drill_timestamp_seconds',
      'When files of the replica were last restored to try it.',
      ({ lastDrill: last }) => (last === null ? undefined : seconds(last.time)),
    ),
    gauge(
      'last_drill_passed',
      'Whether they were as they had been backed up: 0 until a drill passes.',
      ({ lastDrill: last }) => (last === null ? undefined : flag(last.passed)),
    ),
  ],
  complaints: ({ lastDrill: last }) => (last?.passed === false ? [[1, 'the last drill failed']] : []),
};

function drillRows(last: Memory['drill']): StatusRow[] {
  if (last === null) return [row('last drill', 'never')];
  const words = `${minute(last.time)} UTC, ${counted(last.files, 'file')} of ${counted(last.snapshots, 'snapshot')}`;
  if (last.passed) return [row('last drill', `${words}: right`)];
  return [row('last drill', `${words}: FAILED`, 'bad'), row('', escapeText(last.words, 60), 'bad')];
}

/** Whether restic proves what comes. */
export const proves: Column<'proves'> = {
  name: 'proves',
  read: ({ repository: { restic } }) => ({ proves: restic.prove !== false && restic.hasPassword }),
  rows: (status) =>
    status.proves ? [] : [row('proof', 'none (restic.passwordFile): only hashes are checked', 'warning')],
  json: (status) => ({ proves: status.proves }),
};
