/** What the books know of a file, a bit each; the lowest four bits are the books' own. */

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
