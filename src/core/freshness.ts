/** A serverA that is frozen, or withholds what is new, gives quiet nights for ever; this is what breaks the silence. */
import type { JournalLine } from './chain.ts';
import { isoMinute } from './report.ts';
import type { Quiet, ReplicaSize, Run } from './run.ts';

/** What the journal remembers: the last finished `sync`, and when the replica was made. */
export interface Remembered {
  readonly finished: JournalLine | undefined;
  readonly initialised: JournalLine | undefined;
}

/**
 * Since when no snapshot has been admitted. A newer snapshot than last time counts as admitted, too: the run that did
 * it may have been killed before it said so.
 */
export function quietOf(run: Run, { finished, initialised }: Remembered): Quiet {
  const startedAt = run.startedAt.toISOString();
  const before = (finished?.['replica'] as ReplicaSize | undefined)?.newestSnapshot ?? '';
  const isNewer = finished !== undefined && (run.replica?.newestSnapshot ?? '') > before;
  if (run.snapshotsAdmitted > 0 || isNewer) return { admittedAt: startedAt, since: startedAt };
  return rememberedQuiet(finished) ?? { admittedAt: null, since: initialised?.time ?? startedAt };
}

/** What the end of a run says of it; undefined where it does not. */
export function rememberedQuiet(finished: JournalLine | undefined): Quiet | undefined {
  const quiet = finished?.['quiet'] as Quiet | undefined;
  return typeof quiet?.since === 'string' ? quiet : undefined;
}

/** What to say when it has been quiet for longer than `freshness` (milliseconds); undefined when all is well. */
export function staleness(run: Run, freshness: number | undefined): string | undefined {
  if (freshness === undefined || run.quiet === undefined) return undefined;
  const since = new Date(run.quiet.since);
  const age = run.startedAt.getTime() - since.getTime();
  return age > freshness ? `no new snapshot has been admitted since ${isoMinute(since)} UTC` : undefined;
}
