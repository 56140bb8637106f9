/** Words for the deletions that a mail and a terminal tell of: accepted tonight, accepted earlier and untold, soon due. */
import { counted, formatBytes, formatCount, isoMinute } from '../figures.ts';
import type { Memory } from '../state/memory.ts';
import type { Run } from '../ratchet/run.ts';

/** Deletions that were accepted tonight, in words. */
export function buriedLines(run: Run): string[] {
  if (run.buried === undefined) return run.hasConfirmed ? confirmedLines(run) : [];
  const { types, bytes, snapshots } = run.buried;
  const counts = (['snapshot', 'index', 'pack', 'key'] as const)
    .filter((type) => types[type] > 0)
    .map((type) => counted(types[type], `${type} file`));
  return [
    `serverA deleted ${counts.join(', ')} (${formatBytes(bytes)}), as the open prune window allows. The files are still in the replica.`,
    whenTheyLeave(run),
    `To keep them for good: rsync-ratchet tombstones keep ${run.repository} --run ${run.runId}`,
    ...snapshots.map((id) => `snapshot ${id}`),
    ...(types.snapshot > snapshots.length
      ? [`... and ${formatCount(types.snapshot - snapshots.length)} more snapshots`]
      : []),
  ];
}

/** Deletions of earlier nights, whose mails could not say yet when they leave. */
function confirmedLines(run: Run): string[] {
  return [
    'The deletions that earlier runs accepted are confirmed: what would remain is complete without them.',
    whenTheyLeave(run),
    `To keep them for good: rsync-ratchet tombstones keep ${run.repository} --all`,
  ];
}

/** Deletions that earlier runs accepted without telling: they were killed, or their mail was lost. */
export function untoldLines(run: Run, untold: Memory['untold']): string[] {
  const earlier = untold.filter(({ runId }) => runId !== run.runId);
  if (earlier.length === 0) return [];
  return [
    ...earlier.map(
      ({ runId, added }) =>
        `The run ${runId} accepted ${counted(added, 'deletion')} and ended before it could tell you.`,
    ),
    `What they are, and when they leave: rsync-ratchet tombstones list ${run.repository}`,
    ...earlier.map(
      ({ runId }) => `To keep them for good: rsync-ratchet tombstones keep ${run.repository} --run ${runId}`,
    ),
  ];
}

function whenTheyLeave(run: Run): string {
  if (!run.hasConfirmed)
    return 'restic has not confirmed yet that the repository is complete without them, so they have no due date.';
  if (run.tombstonesDue === undefined) return 'They never leave (deletionGrace: forever).';
  return `They leave the replica on ${isoMinute(run.tombstonesDue)} UTC or in the first run after that.`;
}

/** What will leave within a week, in words. */
export function reminderLines(run: Run): string[] {
  if (run.reminder === undefined) return [];
  const { amount, firstDue } = run.reminder;
  return [
    `${counted(amount.files, 'file')} (${formatBytes(amount.bytes)}) whose deletion was accepted ${amount.files === 1 ? 'leaves' : 'leave'} the replica from ${isoMinute(firstDue)} UTC on.`,
    `What they are: rsync-ratchet tombstones list ${run.repository}`,
    `To keep them for good: rsync-ratchet tombstones keep ${run.repository} --all`,
  ];
}
