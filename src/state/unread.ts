/** What entered the replica before restic had read it, as data: how much, since when, and how long the rest takes. */
import * as v from 'valibot';
import { counted, formatBytes } from '../figures.ts';
import { moment, whole } from './schema.ts';

const amount = { packs: whole, indexes: whole, bytes: whole };

/** Packs that were not read whole, indexes that were not held against the headers of their packs. */
export interface Unread {
  readonly packs: number;
  readonly indexes: number;
  readonly bytes: number;
}

/** What `memory.json` has of it; null when nothing is unread. */
export const unreadSchema = v.nullable(v.object({ ...amount, since: moment }));

export type UnreadSince = v.InferOutput<typeof unreadSchema>;

export const nothingUnread: Unread = { packs: 0, indexes: 0, bytes: 0 };

export function isUnread({ packs, indexes }: Unread): boolean {
  return packs + indexes > 0;
}

/** What a line of the journal says of it, after what was known `before`; undefined when it says nothing. */
export function unreadAfter(
  before: UnreadSince,
  { time, unread }: { readonly time: string; readonly unread?: unknown },
): UnreadSince | undefined {
  const said = v.safeParse(v.object(amount), unread);
  if (!said.success) return undefined;
  return isUnread(said.output) ? { ...said.output, since: before?.since ?? time } : null;
}

/** As `--json` and the journal show it. */
export function unreadToJson({ packs, indexes, bytes }: Unread): Unread {
  return { packs, indexes, bytes };
}

/** `4 packs and 1 index file (12.0 MiB)`. */
export function unreadWords({ packs, indexes, bytes }: Unread): string {
  const parts = [
    ...(packs === 0 ? [] : [counted(packs, 'pack')]),
    ...(indexes === 0 ? [] : [counted(indexes, 'index file')]),
  ];
  return `${parts.join(' and ')} (${formatBytes(bytes)})`;
}

/** What a slow disk delivers, in bytes a second: until a night has shown what this one does. */
const slowDisk = 50e6;

/** In how many nights the rest is read, when each has so many milliseconds. `read`: bytes that tonight's reading came to. */
export function nightsFor({ bytes }: Unread, read: number, night: number): number {
  return Math.max(1, Math.ceil(bytes / (read > 0 ? read : Math.max(1, (slowDisk * night) / 1000))));
}
