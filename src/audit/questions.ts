/**
 * What the books know of a file, a bit each (the lowest four are the books' own), and the questions that are asked of
 * them, by name. No other file puts two bits together: `books.amount(toFetch)`, `books.select(admissible, 'pack')`.
 */

/** The replica has it. */
export const inReplica = 1 << 4;
/** Listed by serverA and accepted by the policy: to be fetched. */
export const wanted = 1 << 5;
/** Its SHA-256 is its name, and it lies in `candidate/`. */
export const verified = 1 << 6;
/** Came with wrong content and lies in `quarantine/`. */
export const rejected = 1 << 7;
/** serverA no longer has it, as tonight's report says. */
export const gone = 1 << 8;
/** Its deletion on serverA was accepted; it stays until its grace has passed. */
export const tombstoned = 1 << 9;
/** Its tombstone has a due date, or none because the grace is `forever`. */
export const confirmed = 1 << 10;
/** Its tombstone stands for good. */
export const kept = 1 << 11;
/** People were reminded that it will leave. */
export const reminded = 1 << 12;
/** Its tombstone has been told in the listing that is under way. */
export const told = 1 << 13;
/** A candidate that must wait: its snapshot cannot be read yet, or the packs that it needs have not all come. */
export const waiting = 1 << 14;
/** Listed with its old size and another modification time; hashed before it counts as unchanged. */
export const suspect = 1 << 15;
/** It lies in `candidate/`, and nobody has hashed it yet. */
export const taken = 1 << 16;

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
