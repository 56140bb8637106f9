/**
 * All that `status` knows of a repository, in the order of the terminal. A new column is an object in `columns/` and its
 * name here; terminal, `--json`, metrics and Nagios read it from there.
 */
import { lastCheck, lastDrill, proves, scrub, unread } from './columns/health.ts';
import { disk, pruneWindow, quarantine, replica, snapshotAdmitted, tombstones } from './columns/holdings.ts';
import { alarm, initialised, lastRun, lastSuccess, sandbox, work } from './columns/nights.ts';
import { spool, tells } from './columns/alerts.ts';
import type { Column } from './column.ts';

// prettier-ignore
export const columns = [
  alarm, initialised, lastRun, lastSuccess, work, sandbox,
  replica, snapshotAdmitted, pruneWindow, tombstones, quarantine, scrub, unread, lastCheck, lastDrill, disk,
  spool, proves, tells,
] as const;

/** What programs read keeps the order in which it has always come; what is not named here stands at the end. */
const orders = {
  json: 'initialised alarm lastRun lastSuccess replica window tombstones quarantine scrub lastCheck disk snapshotAdmitted spool unread proves',
  metrics: 'lastRun lastSuccess work replica snapshotAdmitted alarm window tombstones unread spool lastCheck disk',
  complaints: 'alarm initialised lastSuccess lastRun spool scrub lastCheck lastDrill unread window',
  data: 'lastSuccess lastRun alarm replica tombstones spool disk',
} as const;

/** The columns in the order of one of the documents for programs. */
export function inOrderOf(document: keyof typeof orders): readonly Column[] {
  const names = orders[document].split(' ');
  const placeOf = ({ name }: Column): number => (names.includes(name) ? names.indexOf(name) : names.length);
  return [...columns].sort((a, b) => placeOf(a) - placeOf(b));
}
