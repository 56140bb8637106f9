/** How a repository stands, told from the journal and the declarations; the alarm first. */
import type { Alarm } from '../ratchet/declared/alarm.ts';
import type { Amount } from '../audit/books.ts';
import type { JournalLine } from '../state/chain.ts';
import { text } from '../words/history.ts';
import { failedShare, replicaOf, type Status } from './standing.ts';
import { escapeText } from '../printable.ts';
import { formatBytes, formatCount, isoMinute } from '../figures.ts';
import { counted } from '../figures.ts';
import type { ReplicaSize } from '../ratchet/run.ts';
import { windowToJson } from '../words/run-json.ts';
import { lastScrubWords } from '../words/scrub.ts';
import type { Waiting } from '../telling/spooled.ts';
import { nothingUnread, unreadToJson, unreadWords } from '../proof/unread.ts';
import type { WindowDecision } from '../ratchet/declared/window.ts';

type Tone = 'plain' | 'good' | 'warning' | 'bad';

/** One line, and what it means for its colour. */
export type StatusLine = readonly [text: string, tone: Tone | 'title'];

/** One thing that is known: what it is ('': still the one before), how it stands, and what that means for its colour. */
export type StatusRow = readonly [name: string, text: string, tone: Tone];

/** For a terminal. `overdue`: the last success is older than what was asked for. */
export function statusLines(status: Status, overdue = false): StatusLine[] {
  return [
    [status.repository, 'title'],
    ...statusRows(status, overdue).map(([name, text, tone]): StatusLine => [`  ${name.padEnd(17)}${text}`, tone]),
  ];
}

/** All that is known, the alarm first. */
export function statusRows(status: Status, overdue = false): StatusRow[] {
  const { alarm, repository } = status;
  return [
    ...(alarm === undefined ? [] : alarmLines(alarm, repository)),
    ...(status.isInitialised === false ? [absence(status)] : []),
    row('last run', runWords(status.lastRun), status.lastRun?.['exitCode'] === 0 ? 'good' : 'warning'),
    row(
      'last success',
      `${status.lastSuccess === undefined ? 'never' : when(status.lastSuccess)}${overdue ? ': OVERDUE' : ''}`,
      overdue ? 'bad' : 'plain',
    ),
    ...sandboxLines(status),
    ...replicaLines(replicaOf(status)),
    ...(status.snapshotAdmittedAt === undefined
      ? []
      : [row('last new one', `admitted ${minute(status.snapshotAdmittedAt)} UTC`)]),
    ...windowLines(status.window),
    row('tombstones', tombstoneWords(status)),
    ...quarantineLines(status.quarantine),
    row(
      'last scrub',
      lastScrubWords(status.scrub, repository),
      (status.scrub?.damages.length ?? 0) > 0 ? 'bad' : 'plain',
    ),
    ...unreadLines(status),
    ...(status.checks ? checkLines(status) : []),
    ...(status.disk === undefined
      ? []
      : [row('disk', `${formatBytes(status.disk.free)} of ${formatBytes(status.disk.total)} free`)]),
    ...spoolLines(status.spool),
    ...missingLines(status),
  ];
}

/** An init in the place of a disk that is only not mounted would make a second replica. */
function absence({ repository, initialisedAt }: Status): StatusRow {
  const next =
    initialisedAt === undefined
      ? `see rsync-ratchet init ${repository}`
      : `it was there on ${initialisedAt.slice(0, 10)}: mount its disk (init would make a new, empty one)`;
  return row('replica', `not initialised or not mounted; ${next}`, 'warning');
}

/** Told only when the last run had to do without rsync's room. */
function sandboxLines({ lastRun }: Status): StatusRow[] {
  const rules = (lastRun?.['rules'] ?? []) as { rule: string }[];
  return rules.some(({ rule }) => rule === 'no-room')
    ? [row('sandbox', 'none: bubblewrap does not work here, and rsync sees this whole machine', 'warning')]
    : [];
}

function unreadLines({ unread }: Status): StatusRow[] {
  return unread === null
    ? []
    : [
        row(
          'unread',
          `${unreadWords(unread)} since ${minute(unread.since)} UTC: nothing expires until restic has read them`,
          'warning',
        ),
      ];
}

function checkLines(status: Status): StatusRow[] {
  const { lastCheck } = status;
  if (lastCheck === undefined) return [row('last check', 'never')];
  const failed = failedShare(status);
  if (failed === undefined)
    return [row('last check', `${when(lastCheck)}, share ${escapeText(text(lastCheck['share']), 20)}: passed`)];
  return [
    row('last check', `${when(lastCheck)}, share ${failed}: FAILED`, 'bad'),
    row('', escapeText(text(lastCheck['words']), 60), 'bad'),
  ];
}

function spoolLines(spool: Waiting | undefined): StatusRow[] {
  if (spool === undefined || spool.alerts === 0) return [];
  const { alerts, since } = spool;
  return [
    row(
      'UNDELIVERED',
      `${counted(alerts, 'alert')} ${alerts === 1 ? 'waits' : 'wait'} in the spool${since === null ? '' : `, the oldest since ${minute(since)} UTC`}`,
      'bad',
    ),
    row('', 'see why: rsync-ratchet alert flush', 'bad'),
  ];
}

/** What is not configured, and what that means. */
function missingLines({ proves, tells: { mail, ping, metrics } }: Status): StatusRow[] {
  return [
    ...(proves ? [] : [row('proof', 'none (restic.passwordFile): only hashes are checked', 'warning')]),
    ...(mail ? [] : [row('mail', 'none configured (alerts.email): only exit codes tell', 'warning')]),
    ...(ping || metrics ? [] : [row('monitoring', 'no ping, no metrics: who notices when nothing runs?')]),
  ];
}

function minute(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ');
}

function row(name: string, text: string, tone: Tone = 'plain'): StatusRow {
  return [name, text, tone];
}

function alarmLines(alarm: Alarm, repository: string): StatusRow[] {
  return [
    row('ALARM', `${alarm.rules.join(', ')}, raised ${minute(alarm.since)} UTC by run ${alarm.runId}`, 'bad'),
    row('', `nothing is fetched until: rsync-ratchet acknowledge ${repository} --reason TEXT`, 'bad'),
  ];
}

function when(line: JournalLine): string {
  return `${minute(line.time)} UTC`;
}

function runWords(line: JournalLine | undefined): string {
  if (line === undefined) return 'never';
  const failure = typeof line['failure'] === 'string' ? `: ${escapeText(line['failure'], 200)}` : '';
  return `${when(line)}, ${String(line['outcome'])} (exit ${String(line['exitCode'])}${failure})`;
}

function replicaLines(replica: ReplicaSize | undefined): StatusRow[] {
  if (replica === undefined) return [];
  return [
    row('replica', `${formatCount(replica.files)} files, ${formatBytes(replica.bytes)}`),
    row('newest snapshot', replica.newestSnapshot === null ? 'none' : `${minute(replica.newestSnapshot)} UTC`),
  ];
}

function windowLines({ open, refused }: WindowDecision): StatusRow[] {
  const refusal = refused === undefined ? [] : [row('prune window', `refused: ${refused}`, 'warning')];
  if (open === undefined) return refused === undefined ? [row('prune window', 'closed')] : refusal;
  const left = Math.max(0, open.budget - open.used);
  return [
    ...refusal,
    row(
      'prune window',
      `open until ${isoMinute(open.until)} UTC, ${formatCount(left)} deletions left${open.allowKeys ? ', keys may change' : ''}`,
      'warning',
    ),
  ];
}

function quarantineLines({ files, bytes }: Amount = { files: 0, bytes: 0 }): StatusRow[] {
  return files === 0
    ? []
    : [row('quarantine', `${formatCount(files)} ${files === 1 ? 'file' : 'files'}, ${formatBytes(bytes)}`, 'warning')];
}

function tombstoneWords({ tombstones }: Status): string {
  if (tombstones.pending === 0) return 'none';
  const next =
    tombstones.nextDue === null ? 'none has a due date' : `the next is due ${minute(tombstones.nextDue)} UTC`;
  return `${counted(tombstones.pending, 'file')}, ${formatBytes(tombstones.bytes)}; ${next}`;
}

/** The status as `--json` shows it. */
export function statusToJson(status: Status): object {
  const { alarm, lastRun, lastSuccess, tombstones, disk, quarantine, scrub, lastCheck } = status;
  return {
    repository: status.repository,
    initialised: status.isInitialised ?? null,
    alarm: alarm === undefined ? null : { runId: alarm.runId, since: alarm.since, rules: alarm.rules },
    lastRun:
      lastRun === undefined
        ? null
        : {
            runId: lastRun.runId,
            finishedAt: lastRun.time,
            outcome: lastRun['outcome'],
            exitCode: lastRun['exitCode'],
          },
    lastSuccess: lastSuccess === undefined ? null : { runId: lastSuccess.runId, finishedAt: lastSuccess.time },
    replica: replicaOf(status) ?? null,
    window: windowToJson(status.window.open),
    tombstones,
    quarantine: quarantine ?? null,
    scrub:
      scrub === undefined
        ? null
        : {
            at: scrub.savedAt,
            share: scrub.share,
            complete: scrub.isComplete,
            files: scrub.files,
            bytes: scrub.bytes,
            damaged: scrub.damages,
          },
    lastCheck:
      lastCheck === undefined
        ? null
        : { at: lastCheck.time, share: lastCheck['share'], passed: lastCheck['passed'], words: lastCheck['words'] },
    disk: disk ?? null,
    snapshotAdmittedAt: status.snapshotAdmittedAt ?? null,
    spool: status.spool ?? null,
    unread: { ...unreadToJson(status.unread ?? nothingUnread), since: status.unread?.since ?? null },
    proves: status.proves,
  };
}
