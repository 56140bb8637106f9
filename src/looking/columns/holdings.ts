/** The columns that tell what the replica holds, what leaves it, and what room it has. */
import type { Amount } from '../../audit/books.ts';
import { counted, formatBytes, formatCount, isoMinute } from '../../figures.ts';
import { quarantined } from '../../ratchet/arrival/quarantined.ts';
import { decideWindow, type WindowDecision } from '../../ratchet/declared/window.ts';
import { freeSpace } from '../../programs/disk.ts';
import type { ReplicaSize } from '../../ratchet/run.ts';
import type { State } from '../../ratchet/state.ts';
import { windowToJson } from '../../words/run-json.ts';
import { minute, row, unlessClosed, type Column, type StatusRow } from '../column.ts';
import { flag, gauge, seconds, type Family } from '../metric.ts';
import { replicaOf, type Status } from '../standing.ts';

/** What the replica held after the last run that looked. */
export const replica: Column = {
  name: 'replica',
  rows: (status) => sizeRows(replicaOf(status)),
  json: (status) => ({ replica: replicaOf(status) ?? null }),
  metrics: [
    byType('replica_files', 'Files in the replica, by type.', 'files'),
    byType('replica_bytes', 'Bytes in the replica, by type.', 'bytes'),
    gauge('newest_snapshot_timestamp_seconds', 'Modification time of the newest snapshot in the replica.', (status) =>
      seconds(replicaOf(status)?.newestSnapshot ?? undefined),
    ),
  ],
  data: (status) => [
    ['files', replicaOf(status)?.files, ';;;0'],
    ['bytes', replicaOf(status)?.bytes, 'B;;;0'],
  ],
};

function sizeRows(size: ReplicaSize | undefined): StatusRow[] {
  if (size === undefined) return [];
  return [
    row('replica', `${formatCount(size.files)} files, ${formatBytes(size.bytes)}`),
    row('newest snapshot', size.newestSnapshot === null ? 'none' : `${minute(size.newestSnapshot)} UTC`),
  ];
}

/** An old line of the journal has no types. */
function byType(name: string, help: string, measure: keyof Amount): Family {
  const typesOf = (status: Status): Readonly<Record<string, Amount>> =>
    (replicaOf(status) as Partial<ReplicaSize> | undefined)?.types ?? {};
  const samples: Family['samples'] = (status) =>
    Object.entries(typesOf(status)).map(([type, amount]) => [{ type }, amount[measure]]);
  return { name, help, samples, isOfRun: false };
}

/** When a snapshot last came. */
export const snapshotAdmitted: Column<'snapshotAdmittedAt'> = {
  name: 'snapshotAdmitted',
  read: ({ memory }) => ({ snapshotAdmittedAt: memory.quiet?.admittedAt ?? undefined }),
  rows: ({ snapshotAdmittedAt: time }) =>
    time === undefined ? [] : [row('last new one', `admitted ${minute(time)} UTC`)],
  json: ({ snapshotAdmittedAt }) => ({ snapshotAdmittedAt: snapshotAdmittedAt ?? null }),
  metrics: [
    gauge('last_snapshot_admission_timestamp_seconds', 'When a sync last admitted a snapshot.', (status) =>
      seconds(status.snapshotAdmittedAt),
    ),
  ],
};

/** Whether deletions are expected now. */
export const pruneWindow: Column<'window'> = {
  name: 'window',
  read: ({ state, repository, now }) => ({ window: decideWindow(now, state.windows(), repository.pruneWindows) }),
  rows: ({ window }) => windowRows(window),
  json: ({ window }) => ({ window: windowToJson(window.open) }),
  metrics: [
    gauge('prune_window_open', 'Whether a prune window was open when this was written.', ({ window }) =>
      flag(window.open !== undefined),
    ),
    gauge('prune_window_end_timestamp_seconds', 'When the prune window that is open will close.', ({ window }) =>
      seconds(window.open?.until.toISOString()),
    ),
  ],
  complaints: ({ window: { refused } }) => (refused === undefined ? [] : [[1, `prune window refused: ${refused}`]]),
};

function windowRows({ open, refused }: WindowDecision): StatusRow[] {
  const refusal = refused === undefined ? [] : [row('prune window', `refused: ${refused}`, 'warning')];
  if (open === undefined) return refused === undefined ? [row('prune window', 'closed')] : refusal;
  const left = formatCount(Math.max(0, open.budget - open.used));
  const keys = open.allowKeys ? ', keys may change' : '';
  const words = `open until ${isoMinute(open.until)} UTC, ${left} deletions left${keys}`;
  return [...refusal, row('prune window', words, 'warning')];
}

/** What will leave. */
export const tombstones: Column<'tombstones'> = {
  name: 'tombstones',
  read: ({ state }) => ({ tombstones: pendingIn(state) }),
  rows: (status) => [row('tombstones', tombstoneWords(status.tombstones))],
  json: (status) => ({ tombstones: status.tombstones }),
  metrics: [
    gauge(
      'tombstones_pending',
      'Files whose deletion was accepted and that will leave the replica.',
      (status) => status.tombstones.pending,
    ),
    gauge(
      'tombstones_pending_bytes',
      'Bytes of the files that will leave the replica.',
      (status) => status.tombstones.bytes,
    ),
  ],
  data: (status) => [['tombstones', status.tombstones.pending, ';;;0']],
};

function pendingIn(state: State): Status['tombstones'] {
  const pending = { pending: 0, bytes: 0, nextDue: null as string | null };
  state.tombstones.eachCurrent(state.tombstones.ownBooks(), ({ state: standing, size, due }) => {
    if (standing === 'kept' || standing === 'came-back') return;
    pending.pending++;
    pending.bytes += size;
    if (due !== null && (pending.nextDue === null || due < pending.nextDue)) pending.nextDue = due;
  });
  return pending;
}

function tombstoneWords({ pending, bytes, nextDue }: Status['tombstones']): string {
  if (pending === 0) return 'none';
  const next = nextDue === null ? 'none has a due date' : `the next is due ${minute(nextDue)} UTC`;
  return `${counted(pending, 'file')}, ${formatBytes(bytes)}; ${next}`;
}

/** What was refused at the door. */
export const quarantine: Column<'quarantine'> = {
  name: 'quarantine',
  read: ({ repository }) => ({
    quarantine: unlessClosed(() => quarantined(repository.replica)),
  }),
  rows: ({ quarantine: held }) =>
    held === undefined || held.files === 0
      ? []
      : [row('quarantine', `${counted(held.files, 'file')}, ${formatBytes(held.bytes)}`, 'warning')],
  json: ({ quarantine: held }) => ({ quarantine: held ?? null }),
};

/** The file system of the replica. */
export const disk: Column<'disk'> = {
  name: 'disk',
  read: ({ repository, isInitialised }) => ({
    disk: isInitialised === false ? undefined : unlessClosed(() => freeSpace(repository.replica)),
  }),
  rows: ({ disk: room }) =>
    room === undefined ? [] : [row('disk', `${formatBytes(room.free)} of ${formatBytes(room.total)} free`)],
  json: ({ disk: room }) => ({ disk: room ?? null }),
  metrics: [
    gauge('disk_free_bytes', 'Bytes free on the file system of the replica.', (status) => status.disk?.free),
    gauge('disk_size_bytes', 'Size of the file system of the replica.', (status) => status.disk?.total),
  ],
  data: ({ disk: room }) => [['free', room?.free, `B;;;0;${room?.total ?? ''}`]],
};
