/** How a repository stands, told from the journal and the declarations; the alarm first. */
import type { Alarm } from './alerts.ts';
import type { Amount } from './books.ts';
import type { JournalLine } from './chain.ts';
import { escapeText } from './itemize.ts';
import { counted, formatBytes, formatCount, isoMinute } from './report.ts';
import { windowToJson, type ReplicaSize } from './run.ts';
import { lastScrubWords } from './scrub-words.ts';
import type { ScrubMemory } from './scrub.ts';
import type { WindowDecision } from './window.ts';

/** What is known of a repository. */
export interface Status {
  readonly repository: string;
  readonly isInitialised: boolean;
  readonly alarm: Alarm | undefined;
  readonly window: WindowDecision;
  /** The last finished `sync`, and the last that ended with exit code 0 or 4. */
  readonly lastRun: JournalLine | undefined;
  readonly lastSuccess: JournalLine | undefined;
  readonly tombstones: { readonly pending: number; readonly bytes: number; readonly nextDue: string | null };
  /** What is in quarantine, and the last scrub. */
  readonly quarantine: Amount;
  readonly scrub: ScrubMemory | undefined;
  /** Bytes; undefined while the replica is not there. */
  readonly disk: { readonly free: number; readonly total: number } | undefined;
  readonly hasMail: boolean;
  /** Whether restic proves what comes before it is admitted. */
  readonly proves: boolean;
}

/** One line, and what it means for its colour. */
export type StatusLine = readonly [text: string, tone: 'plain' | 'good' | 'warning' | 'bad' | 'title'];

export function statusLines(status: Status): StatusLine[] {
  const { alarm, repository } = status;
  return [
    [repository, 'title'],
    ...(alarm === undefined ? [] : alarmLines(alarm, repository)),
    ...(status.isInitialised ? [] : [row('replica', `not initialised or not mounted; see rsync-ratchet init ${repository}`, 'warning')]),
    row('last run', runWords(status.lastRun), status.lastRun?.['exitCode'] === 0 ? 'good' : 'warning'),
    row('last success', status.lastSuccess === undefined ? 'never' : when(status.lastSuccess)),
    ...replicaLines(replicaOf(status)),
    ...windowLines(status.window),
    row('tombstones', tombstoneWords(status)),
    ...quarantineLines(status.quarantine),
    row('last scrub', lastScrubWords(status.scrub, repository), (status.scrub?.damages.length ?? 0) > 0 ? 'bad' : 'plain'),
    ...(status.disk === undefined ? [] : [row('disk', `${formatBytes(status.disk.free)} of ${formatBytes(status.disk.total)} free`)]),
    ...(status.proves ? [] : [row('proof', 'none (restic.passwordFile): hashes are right, but junk with a right hash would be admitted', 'warning')]),
    ...(status.hasMail ? [] : [row('mail', 'none configured (alerts.email): nobody is told of an alarm but by exit codes', 'warning')]),
  ];
}

function row(name: string, text: string, tone: StatusLine[1] = 'plain'): StatusLine {
  return [`  ${name.padEnd(17)}${text}`, tone];
}

function alarmLines(alarm: Alarm, repository: string): StatusLine[] {
  return [
    row('ALARM', `${alarm.rules.join(', ')}, raised ${alarm.since.slice(0, 16).replace('T', ' ')} UTC by run ${alarm.runId}`, 'bad'),
    row('', `nothing is fetched until: rsync-ratchet acknowledge ${repository} --reason TEXT`, 'bad'),
  ];
}

function when(line: JournalLine): string {
  return `${line.time.slice(0, 16).replace('T', ' ')} UTC`;
}

function runWords(line: JournalLine | undefined): string {
  if (line === undefined) return 'never';
  const failure = typeof line['failure'] === 'string' ? `: ${escapeText(line['failure'], 200)}` : '';
  return `${when(line)}, ${String(line['outcome'])} (exit ${String(line['exitCode'])}${failure})`;
}

function replicaOf(status: Status): ReplicaSize | undefined {
  return (status.lastRun?.['replica'] ?? status.lastSuccess?.['replica']) as ReplicaSize | undefined;
}

function replicaLines(replica: ReplicaSize | undefined): StatusLine[] {
  if (replica === undefined) return [];
  return [
    row('replica', `${formatCount(replica.files)} files, ${formatBytes(replica.bytes)}`),
    row('newest snapshot', replica.newestSnapshot === null ? 'none' : `${replica.newestSnapshot.slice(0, 16).replace('T', ' ')} UTC`),
  ];
}

function windowLines({ open, refused }: WindowDecision): StatusLine[] {
  const refusal = refused === undefined ? [] : [row('prune window', `refused: ${refused}`, 'warning')];
  if (open === undefined) return refused === undefined ? [row('prune window', 'closed')] : refusal;
  const left = Math.max(0, open.budget - open.used);
  return [...refusal, row('prune window', `open until ${isoMinute(open.until)} UTC, ${formatCount(left)} deletions left${open.allowKeys ? ', keys may change' : ''}`, 'warning')];
}

function quarantineLines({ files, bytes }: Amount): StatusLine[] {
  return files === 0 ? [] : [row('quarantine', `${formatCount(files)} ${files === 1 ? 'file' : 'files'}, ${formatBytes(bytes)}`, 'warning')];
}

function tombstoneWords({ tombstones }: Status): string {
  if (tombstones.pending === 0) return 'none';
  const next = tombstones.nextDue === null ? 'none has a due date' : `the next is due ${tombstones.nextDue.slice(0, 16).replace('T', ' ')} UTC`;
  return `${counted(tombstones.pending, 'file')}, ${formatBytes(tombstones.bytes)}; ${next}`;
}

/** The status as `--json` shows it. */
export function statusToJson(status: Status): object {
  const { alarm, lastRun, lastSuccess, tombstones, disk, quarantine, scrub } = status;
  return {
    repository: status.repository,
    initialised: status.isInitialised,
    alarm: alarm === undefined ? null : { runId: alarm.runId, since: alarm.since, rules: alarm.rules },
    lastRun: lastRun === undefined ? null : { runId: lastRun.runId, finishedAt: lastRun.time, outcome: lastRun['outcome'], exitCode: lastRun['exitCode'] },
    lastSuccess: lastSuccess === undefined ? null : { runId: lastSuccess.runId, finishedAt: lastSuccess.time },
    replica: replicaOf(status) ?? null,
    window: windowToJson(status.window.open),
    tombstones,
    quarantine,
    scrub: scrub === undefined ? null : { at: scrub.savedAt, share: scrub.share, complete: scrub.isComplete, files: scrub.files, bytes: scrub.bytes, damaged: scrub.damages },
    disk: disk ?? null,
    proves: status.proves,
  };
}
