/** Quarantine, decided: which copies leave when room is needed. */

/** What quarantine may hold on a disk of so many bytes. */
export function quarantineLimit(disk: number): number {
  return Math.min(10e9, disk / 100);
}

/** Each copy counts as so many bytes at least: a flood of empty files is bounded too. */
export const smallestCopy = 64 * 1024;

/** A file in quarantine. */
export interface Copy {
  readonly path: string;
  readonly bytes: number;
}

/** What a copy of so many bytes takes of the limit. */
export function weightOf(bytes: number): number {
  return Math.max(bytes, smallestCopy);
}

/**
 * The paths of the copies that must leave so that one of `bytes` more finds room: the oldest. Undefined when it is
 * larger than all of quarantine may be. `copies` are oldest first and weigh `total` together.
 */
export function makeRoom(copies: Iterable<Copy>, total: number, bytes: number, limit: number): string[] | undefined {
  if (weightOf(bytes) > limit) return undefined;
  const leaving: string[] = [];
  let weight = total + weightOf(bytes);
  for (const copy of copies) {
    if (weight <= limit) break;
    leaving.push(copy.path);
    weight -= weightOf(copy.bytes);
  }
  return leaving;
}
