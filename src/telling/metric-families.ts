/**
 * Prometheus's text format (node exporter's textfile collector): how each repository stands, whatever happened to it.
 * THE TABLE below documents the names; each sample has the label `repository`.
 */
import type { JournalLine } from '../state/chain.ts';
import { replicaOf, type Status } from '../looking/standing.ts';

/** One sample of a family: labels besides `repository`, and the value. */
type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

interface Family {
  readonly name: string;
  readonly help: string;
  /** Whether the last run alone tells, also where the books cannot be read. */
  readonly isOfRun: boolean;
  /** None where nothing is known. */
  readonly samples: (status: Status) => readonly Sample[];
}

/** A repository whose books cannot be read: only how its run ended is known. */
export interface OnlyEnd {
  readonly repository: string;
  readonly end: JournalLine;
}

/** THE TABLE. All are gauges: they say how it is, and may go back. Times are seconds since 1970, 0 for never. */
export const families: readonly Family[] = [
  ofRun('last_completion_timestamp_seconds', 'When the last sync ended, however it ended.', (line) => timeOf(line)),
  of('last_success_timestamp_seconds', 'When a sync last ended with exit code 0 or 4.', ({ lastSuccess }) =>
    timeOf(lastSuccess),
  ),
  ofRun(
    'last_exit_code',
    'Exit code of the last sync: 0 well, 1 failed, 3 alarm, 4 warnings, above 128 interrupted.',
    (line) => at(line, 'exitCode'),
  ),
  many(
    'last_stage_duration_seconds',
    'How long each stage of the last sync took.',
    ({ lastRun }) => numbersIn(lastRun?.['seconds'], 'stage'),
    true,
  ),
  ofRun('last_unchanged_files', 'Files that the last sync found unchanged on serverA.', (line) =>
    at(line, 'audit', 'unchanged'),
  ),
  ofRun('last_new_files', 'New files that the last sync found on serverA.', (line) => at(line, 'audit', 'new')),
  ofRun('last_new_bytes', 'Bytes of the new files that the last sync found on serverA.', (line) =>
    at(line, 'audit', 'newBytes'),
  ),
  ofRun('last_admitted_files', 'Files that the last sync admitted to the replica.', (line) =>
    at(line, 'admitted', 'files'),
  ),
  ofRun('last_admitted_bytes', 'Bytes that the last sync admitted to the replica.', (line) =>
    at(line, 'admitted', 'bytes'),
  ),
  ofRun('last_quarantined_files', 'Files that the last sync put into quarantine.', (line) =>
    at(line, 'quarantined', 'files'),
  ),
  ofRun('last_quarantined_bytes', 'Bytes that the last sync put into quarantine.', (line) =>
    at(line, 'quarantined', 'bytes'),
  ),
  many('replica_files', 'Files in the replica, by type.', (status) => byType(status, 'files')),
  many('replica_bytes', 'Bytes in the replica, by type.', (status) => byType(status, 'bytes')),
  of('newest_snapshot_timestamp_seconds', 'Modification time of the newest snapshot in the replica.', (status) =>
    seconds(replicaOf(status)?.newestSnapshot ?? undefined),
  ),
  of('last_snapshot_admission_timestamp_seconds', 'When a sync last admitted a snapshot.', ({ snapshotAdmittedAt }) =>
    seconds(snapshotAdmittedAt),
  ),
  of('alarm_raised', 'Whether an alarm stands: 1 until an operator acknowledges it.', ({ alarm }) =>
    flag(alarm !== undefined),
  ),
  of('prune_window_open', 'Whether a prune window was open when this was written.', ({ window }) =>
    flag(window.open !== undefined),
  ),
  of('prune_window_end_timestamp_seconds', 'When the prune window that is open will close.', ({ window }) =>
    seconds(window.open?.until.toISOString()),
  ),
  of(
    'tombstones_pending',
    'Files whose deletion was accepted and that will leave the replica.',
    ({ tombstones }) => tombstones.pending,
  ),
  of(
    'tombstones_pending_bytes',
    'Bytes of the files that will leave the replica.',
    ({ tombstones }) => tombstones.bytes,
  ),
  of('unread_packs', 'Packs of the replica that restic has not read.', ({ unread }) => unread?.packs ?? 0),
  of(
    'unread_indexes',
    'Index files of the replica that were not held against their packs.',
    ({ unread }) => unread?.indexes ?? 0,
  ),
  of('unread_bytes', 'Bytes of the replica that restic has not read.', ({ unread }) => unread?.bytes ?? 0),
  of('unread_since_timestamp_seconds', 'Since when something is unread.', ({ unread }) => seconds(unread?.since)),
  of('spooled_alerts', 'Alerts that were not delivered and wait in the spool.', ({ spool }) => spool?.alerts),
  of('last_check_timestamp_seconds', 'When restic last checked the replica.', ({ checks, lastCheck }) =>
    checks ? timeOf(lastCheck) : undefined,
  ),
  of(
    'last_check_passed',
    'Whether the last check of restic passed: 0 while any share stands that failed, until that share passes.',
    ({ lastCheck }) => lastCheck && flag(lastCheck['passed'] === true),
  ),
  of('disk_free_bytes', 'Bytes free on the file system of the replica.', ({ disk }) => disk?.free),
  of('disk_size_bytes', 'Size of the file system of the replica.', ({ disk }) => disk?.total),
];

const prefix = 'rsync_ratchet_';

/** The whole file. */
export function metricsText(all: readonly (Status | OnlyEnd)[], version: string, now: Date): string {
  const info = familyText('build_info', 'The version of rsync-ratchet that wrote this.', [
    sampleLine('build_info', { version }, 1),
  ]);
  const written = familyText('written_timestamp_seconds', 'When this file was written.', [
    sampleLine('written_timestamp_seconds', {}, now.getTime() / 1000),
  ]);
  const rest = families.map((family) =>
    familyText(
      family.name,
      family.help,
      all.flatMap((each) =>
        samplesOf(family, each).map(([labels, value]) =>
          sampleLine(family.name, { repository: each.repository, ...labels }, value),
        ),
      ),
    ),
  );
  return [info, written, ...rest].join('');
}

function samplesOf({ isOfRun, samples }: Family, each: Status | OnlyEnd): readonly Sample[] {
  if (!('end' in each)) return samples(each);
  return isOfRun ? samples({ lastRun: each.end } as Status) : [];
}

function familyText(name: string, help: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `# HELP ${prefix}${name} ${help}\n# TYPE ${prefix}${name} gauge\n${lines.join('')}`;
}

function sampleLine(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  return `${prefix}${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
}

function escapeLabel(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}

function of(name: string, help: string, value: (status: Status) => number | undefined, isOfRun = false): Family {
  return many(
    name,
    help,
    (status) => {
      const found = value(status);
      return found === undefined || !Number.isFinite(found) ? [] : [[{}, found]];
    },
    isOfRun,
  );
}

function ofRun(name: string, help: string, value: (lastRun: JournalLine | undefined) => number | undefined): Family {
  return of(name, help, ({ lastRun }) => value(lastRun), true);
}

function many(name: string, help: string, samples: Family['samples'], isOfRun = false): Family {
  return { name, help, samples, isOfRun };
}

function flag(is: boolean): number {
  return is ? 1 : 0;
}

function seconds(iso: string | undefined): number {
  return iso === undefined ? 0 : Date.parse(iso) / 1000;
}

function timeOf(line: JournalLine | undefined): number {
  return seconds(line?.time);
}

/** A number in a line of the journal; undefined where there is none. */
function at(line: JournalLine | undefined, ...path: readonly string[]): number | undefined {
  const value = path.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined),
    line,
  );
  return typeof value === 'number' ? value : undefined;
}

function numbersIn(value: unknown, label: string): Sample[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, number]): Sample[] =>
    typeof number === 'number' ? [[{ [label]: name }, number]] : [],
  );
}

function byType(status: Status, measure: 'files' | 'bytes'): Sample[] {
  const types = (replicaOf(status) as { types?: Record<string, { files: number; bytes: number }> } | undefined)?.types;
  return Object.entries(types ?? {}).map(([type, amount]) => [{ type }, amount[measure]]);
}
