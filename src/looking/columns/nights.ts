/** The columns that tell of nights: the alarm, the last run and the last that was well. */
import { exitCodes } from '../../errors.ts';
import { escapeText } from '../../printable.ts';
import type { JournalLine } from '../../state/chain.ts';
import { ruleCounts } from '../../words/history.ts';
import { minute, row, type Column, type Complaint } from '../column.ts';
import { at, flag, gauge, ofRun, seconds, type Sample } from '../metric.ts';
import { ageOf, ageWords, type Status } from '../standing.ts';

/** The alarm that stands; everything else waits for it. */
export const alarm: Column<'alarm'> = {
  name: 'alarm',
  read: ({ state }) => ({ alarm: state.alarm() }),
  rows: ({ alarm: raised, repository }) =>
    raised === undefined
      ? []
      : [
          row('ALARM', `${raised.rules.join(', ')}, raised ${minute(raised.since)} UTC by run ${raised.runId}`, 'bad'),
          row('', `nothing is fetched until: rsync-ratchet acknowledge ${repository} --reason TEXT`, 'bad'),
        ],
  json: ({ alarm: raised }) => ({
    alarm: raised === undefined ? null : { runId: raised.runId, since: raised.since, rules: raised.rules },
  }),
  metrics: [
    gauge('alarm_raised', 'Whether an alarm stands: 1 until an operator acknowledges it.', (status) =>
      flag(status.alarm !== undefined),
    ),
  ],
  complaints: ({ alarm: raised }) =>
    raised === undefined ? [] : [[2, `ALARM (${raised.rules.join(' ')}) since ${raised.since.slice(0, 16)}Z`]],
  data: (status) => [['alarm', flag(status.alarm !== undefined), ';;0;0']],
};

/** Whether there is a replica at all. */
export const initialised: Column<'isInitialised' | 'initialisedAt'> = {
  name: 'initialised',
  read: ({ isInitialised, memory }) => ({ isInitialised, initialisedAt: memory.initialisedAt ?? undefined }),
  rows: (status) =>
    status.isInitialised === false
      ? [row('replica', `not initialised or not mounted; ${whatThen(status)}`, 'warning')]
      : [],
  json: ({ isInitialised }) => ({ initialised: isInitialised ?? null }),
  complaints: ({ isInitialised }) =>
    isInitialised === false ? [[2, 'the replica is not initialised or not mounted']] : [],
};

/** An init in the place of a disk that is only not mounted would make a second replica. */
function whatThen({ repository, initialisedAt }: Status): string {
  if (initialisedAt === undefined) return `see rsync-ratchet init ${repository}`;
  return `it was there on ${initialisedAt.slice(0, 10)}: mount its disk (init would make a new, empty one)`;
}

/** How the last sync ended. */
export const lastRun: Column<'lastRun'> = {
  name: 'lastRun',
  read: ({ memory }) => ({ lastRun: memory.lastRun ?? undefined }),
  rows: ({ lastRun: line }) => [row('last run', runWords(line), line?.['exitCode'] === 0 ? 'good' : 'warning')],
  json: ({ lastRun: line }) => ({
    lastRun: line === undefined ? null : { ...endOf(line), outcome: line['outcome'], exitCode: line['exitCode'] },
  }),
  metrics: [
    ofRun('last_completion_timestamp_seconds', 'When the last sync ended, however it ended.', (line) =>
      seconds(line?.time),
    ),
  ],
  complaints: runComplaints,
  data: (status) => [['exit', at(status.lastRun, 'exitCode')]],
};

function runWords(line: JournalLine | undefined): string {
  if (line === undefined) return 'never';
  return `${minute(line.time)} UTC, ${String(line['outcome'])} (exit ${String(line['exitCode'])}${failureOf(line)})`;
}

function failureOf(line: JournalLine): string {
  return typeof line['failure'] === 'string' ? `: ${escapeText(line['failure'], 200)}` : '';
}

function endOf({ runId, time }: JournalLine): { runId: unknown; finishedAt: string } {
  return { runId, finishedAt: time };
}

/** With an alarm its exit code says nothing more. */
function runComplaints({ alarm: raised, lastRun: line }: Status): Complaint[] {
  const code = at(line, 'exitCode') ?? 0;
  if (line === undefined || code === 0) return [];
  if (code === exitCodes.warned) return [[1, `done with warnings (${ruleCounts(line['rules']).join(' ')})`]];
  return raised === undefined ? [[1, `the last sync ended with exit code ${code}${failureOf(line)}`]] : [];
}

/** When a sync last ended well. */
export const lastSuccess: Column<'lastSuccess'> = {
  name: 'lastSuccess',
  read: ({ memory }) => ({ lastSuccess: memory.lastSuccess ?? undefined }),
  rows: ({ lastSuccess: line }, isOverdue) => [
    row(
      'last success',
      `${line === undefined ? 'never' : `${minute(line.time)} UTC`}${isOverdue ? ': OVERDUE' : ''}`,
      isOverdue ? 'bad' : 'plain',
    ),
  ],
  json: ({ lastSuccess: line }) => ({ lastSuccess: line === undefined ? null : endOf(line) }),
  metrics: [
    gauge('last_success_timestamp_seconds', 'When a sync last ended with exit code 0 or 4.', (status) =>
      seconds(status.lastSuccess?.time),
    ),
  ],
  complaints: (status, { maxAge, now }) => ageComplaints(status, ageOf(status, now), maxAge),
  data: (status, { maxAge, now }) => {
    const age = ageOf(status, now);
    return [['age', age && Math.max(0, Math.round(age / 1000)), `s;;${Math.round(maxAge / 1000)};0`]];
  },
};

/** How far clocks may differ, in milliseconds. */
const skew = 5 * 60 * 1000;

function ageComplaints(status: Status, age: number | undefined, maxAge: number): Complaint[] {
  if (age === undefined) {
    const isUnseen = status.lastRun === undefined && status.isInitialised === undefined;
    return [isUnseen ? [3, 'no journal to be seen'] : [2, 'no sync has ever succeeded']];
  }
  if (age > maxAge) return [[2, `last success ${ageWords(age)} ago, allowed are ${ageWords(maxAge)}`]];
  return age < -skew ? [[3, 'the last success is in the future: a clock is wrong']] : [];
}

/** What the last sync did; for people the mail tells it. */
export const work: Column = {
  name: 'work',
  metrics: [
    ofRun(
      'last_exit_code',
      'Exit code of the last sync: 0 well, 1 failed, 3 alarm, 4 warnings, above 128 interrupted.',
      (line) => at(line, 'exitCode'),
    ),
    {
      name: 'last_stage_duration_seconds',
      help: 'How long each stage of the last sync took.',
      samples: (status) => stagesOf(status.lastRun?.['seconds']),
      isOfRun: true,
    },
    ofRunAt('last_unchanged_files', 'Files that the last sync found unchanged on serverA.', 'audit', 'unchanged'),
    ofRunAt('last_new_files', 'New files that the last sync found on serverA.', 'audit', 'new'),
    ofRunAt('last_new_bytes', 'Bytes of the new files that the last sync found on serverA.', 'audit', 'newBytes'),
    ofRunAt('last_admitted_files', 'Files that the last sync admitted to the replica.', 'admitted', 'files'),
    ofRunAt('last_admitted_bytes', 'Bytes that the last sync admitted to the replica.', 'admitted', 'bytes'),
    ofRunAt('last_quarantined_files', 'Files that the last sync put into quarantine.', 'quarantined', 'files'),
    ofRunAt('last_quarantined_bytes', 'Bytes that the last sync put into quarantine.', 'quarantined', 'bytes'),
  ],
};

function ofRunAt(name: string, help: string, ...path: readonly string[]): ReturnType<typeof ofRun> {
  return ofRun(name, help, (line) => at(line, ...path));
}

function stagesOf(taken: unknown): Sample[] {
  if (typeof taken !== 'object' || taken === null) return [];
  return Object.entries(taken).flatMap(([stage, time]): Sample[] =>
    typeof time === 'number' ? [[{ stage }, time]] : [],
  );
}

/** Told only when the last run had to do without rsync's room. */
export const sandbox: Column = {
  name: 'sandbox',
  rows: ({ lastRun: line }) => {
    const rules = (line?.['rules'] ?? []) as { rule: string }[];
    return rules.some(({ rule }) => rule === 'no-room')
      ? [row('sandbox', 'none: bubblewrap does not work here, and rsync sees this whole machine', 'warning')]
      : [];
  },
};
