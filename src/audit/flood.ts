/** How much a report may name that is new. serverA can print lines, or have our rsync print them, for ever. */
import { Failure } from '../errors.ts';

/** More new names than any report that the limits let through can have. */
export class Flood extends Failure {
  override readonly name: string = 'Flood';

  constructor(most: number) {
    super(
      `serverA lists more than ${most} names in one pass that the replica does not have, or names some again and again`,
      'see what lies on serverA, or raise limits.newFiles; nothing was fetched',
    );
  }
}

/** Where no limit is set (a first copy, --no-limits): so many packs of 16 MiB are 320 TB. */
const unlimited = 20_000_000;
/** Names that restic does not use, of which an honest serverA may have some. */
const foreign = 1000;

/** How many names of a pass may be strange to the replica: each new file, a folder for it, and some that are foreign. */
export function mostStrangers(newFiles = unlimited): number {
  return 2 * newFiles + foreign;
}
