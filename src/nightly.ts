/** The whole night: the lock's work first, then restic's look at the replica, then telling, by who cannot reach the replica. */
import { hold, release, type RunOptions } from './ratchet/holdings.ts';
import { afterwards, night, type NightOptions } from './ratchet/night.ts';
import type { Run } from './ratchet/run.ts';
import { drillDue } from './rescue/drill.ts';
import { checkDue } from './scrub/check.ts';
import { tell } from './telling/tell.ts';
import { tellingOf } from './telling/telling.ts';

/** One night for one repository; what it came to. What goes wrong in it, or while it is told, is the run's failure and not thrown. A kept report judged again is no night: nobody is told, and the journal has nothing of it. */
export async function nightly(options: RunOptions, wish: NightOptions): Promise<Run> {
  const held = hold(options);
  const tonight = await night(held, wish);
  // Under the lock still: what the next run finds in the journal must be the end of this one.
  try {
    await afterwards(held, tonight, 'check', checkDue);
    await afterwards(held, tonight, 'check', drillDue);
    if (wish.report === undefined) await tell(tellingOf(options, held.state), tonight.run);
  } finally {
    await release(held);
  }
  return tonight.run;
}
