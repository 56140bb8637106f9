/**
 * The questions that are asked of the books, by name: each is what an entry must have, and what it must not (flags.ts).
 * No other file puts two flags together: `books.amount(...toFetch)`, `books.select(...admissible, 'pack')`.
 */
import {
  confirmed,
  gone,
  inReplica,
  kept,
  rejected,
  suspect,
  taken,
  told,
  tombstoned,
  verified,
  waiting,
  wanted,
} from './flags.ts';

/** All of the first, none of the second. */
export type Question = readonly [flags: number, without: number];

/** What the replica has. */
export const present: Question = [inReplica, 0];
/** What the replica has, and no tombstone is for. */
export const unburied: Question = [inReplica, tombstoned];
/** What the replica has, and neither a tombstone nor tonight's report takes away. */
export const remaining: Question = [inReplica, gone | tombstoned];
/** What serverA listed as it was, and is not looked at for another reason: a spot check may choose it. */
export const unsuspected: Question = [inReplica, gone | suspect];

/** What serverA lists as new, and the policy lets in. */
export const listedNew: Question = [wanted, 0];
/** The same, where nothing of that name is in the replica. */
export const newHere: Question = [wanted, inReplica];
/** What is still to come: the manifest of a fetch. */
export const toFetch: Question = [wanted, verified | rejected];
/** What is listed and has not been verified, for whatever reason. */
export const unverified: Question = [wanted, verified];
/** What is listed, whether it has come or not, and was not refused. */
export const unrefused: Question = [wanted, rejected];
/** What lies in `candidate/`, and nobody has hashed yet. */
export const unhashed: Question = [taken, 0];
/** What lies in `candidate/`, right by its hash. */
export const candidates: Question = [verified, 0];
/** The candidates that enter tonight. */
export const admissible: Question = [verified, waiting];
/** The candidates that must wait. */
export const heldBack: Question = [verified | waiting, 0];
/** What waits, whatever else is known of it. */
export const waits: Question = [waiting, 0];

/** What has another modification time, and may be as it was. */
export const suspects: Question = [suspect, 0];

/** Deletions that tonight's report brings: no tombstone knows them yet, and no operator has said that they stay. */
export const bornTonight: Question = [gone, tombstoned | kept];
/** Deleted tonight, kept files included, and without a tombstone. */
export const newlyGone: Question = [gone, tombstoned];
/** Has a tombstone, and serverA lists it again. */
export const cameBack: Question = [tombstoned, gone];
/** The same, where an operator keeps it for good. */
export const keptAndBack: Question = [tombstoned | kept, gone];
/** The same, where nobody does: its tombstone is dropped. */
export const returned: Question = [tombstoned, gone | kept];
/** Has a tombstone that no operator has made one for good. */
export const mayLeave: Question = [tombstoned, kept];
/** In the replica with a tombstone. */
export const buriedHere: Question = [inReplica | tombstoned, 0];
/** In the replica, and will leave: what restic is asked to do without. */
export const pending: Question = [inReplica | tombstoned, kept];
/** The same, without a due date so far. */
export const unconfirmed: Question = [inReplica | tombstoned, confirmed | kept];
/** Told in the listing that is under way. */
export const alreadyTold: Question = [told, 0];
