/** The one writer of `replica.json`: at `init`, and where a run lets go of a key, takes a new name or completes for the first time. */
import { ownPaths, type Replica } from '../replica-path.ts';
import { replaceFile } from '../state/unguarded.ts';
import type { Marker } from './replica.ts';

export function writeMarker(replica: Replica, marker: Marker): void {
  replaceFile(ownPaths(replica).marker, `${JSON.stringify(marker, null, 2)}\n`);
}
