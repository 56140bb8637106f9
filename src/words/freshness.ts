/** A serverA that is frozen, or withholds what is new, gives quiet nights for ever; this is what breaks the silence. */
import { sinceThen } from '../state/clock.ts';
import type { Memory } from '../state/memory.ts';
import { isoMinute } from '../figures.ts';
import type { Quiet, Run } from '../ratchet/run.ts';

/** Since when no snapshot has been admitted that was never there before. A run whose clock is doubted does not know what time it is. */
export function quietOf(
  run: Run,
  { quiet, initialisedAt, clock }: Pick<Memory, 'quiet' | 'initialisedAt' | 'clock'>,
): Quiet {
  const startedAt = (run.isClockDoubted ? clock.believed : null) ?? run.startedAt.toISOString();
  if (run.snapshotsAdmitted > 0) return { admittedAt: startedAt, since: startedAt };
  return quiet ?? { admittedAt: null, since: initialisedAt ?? startedAt };
}

/** What to say when it has been quiet for longer than `freshness` (milliseconds); undefined when all is well. */
export function staleness(run: Run, freshness: number | undefined): string | undefined {
  if (freshness === undefined || run.quiet === undefined) return undefined;
  const age = sinceThen(run.quiet.since, run.startedAt);
  if (age === Infinity)
    return `nobody knows since when no new snapshot has been admitted: ${run.quiet.since} lies in the future`;
  return age > freshness
    ? `no new snapshot has been admitted since ${isoMinute(new Date(run.quiet.since))} UTC`
    : undefined;
}
