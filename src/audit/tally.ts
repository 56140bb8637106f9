/** What a pass of the audit has come to, and how passes add up. */
import { Findings } from './findings.ts';
import type { ChangeKind, Row } from './policy.ts';

/** The counts of section 8's JSON. */
export interface AuditCounts {
  unchanged: number;
  new: number;
  newBytes: number;
  modified: number;
  deleted: number;
  known: number;
  ignored: number;
  foreign: number;
  suspects: number;
}

/** One pass, or all of them together. */
export interface PassReport {
  readonly counts: AuditCounts;
  readonly findings: Findings;
  rootNamed: number;
  /** Lines that name what the replica does not have, or once more what it has. */
  strangers: number;
  configMtime: number | undefined;
  /** Folders that are none of the layout's; the first of them. */
  readonly foreignFolders: string[];
}

/** Before anything was reported. */
export const noCounts = (): AuditCounts => ({
  unchanged: 0,
  new: 0,
  newBytes: 0,
  modified: 0,
  deleted: 0,
  known: 0,
  ignored: 0,
  foreign: 0,
  suspects: 0,
});

export function newReport(): PassReport {
  return {
    counts: noCounts(),
    findings: new Findings(),
    rootNamed: 0,
    strangers: 0,
    configMtime: undefined,
    foreignFolders: [],
  };
}

/** Adds a part to the whole. */
export function addUp(whole: PassReport, part: PassReport): void {
  for (const name of Object.keys(whole.counts) as (keyof AuditCounts)[]) whole.counts[name] += part.counts[name];
  whole.findings.merge(part.findings);
  whole.configMtime ??= part.configMtime;
}

/** Counts one change, by what the policy's row says of it. */
export function count(counts: AuditCounts, kind: ChangeKind, row: Row): void {
  const { ruling } = row;
  if (ruling.verdict === 'folder') counts.ignored++;
  else if (ruling.verdict === 'known') counts.known++;
  else if (ruling.verdict === 'fetch') counts.new++;
  else if (ruling.verdict === 'nothing') counts.unchanged++;
  else if (ruling.verdict === 'suspect') counts.suspects++;
  else if (ruling.verdict === 'warning') counts.foreign++;
  else if (kind === 'deleted') counts.deleted++;
  else if (kind !== 'new') counts.modified++;
}

/** The audit's answer. Clean, if there is no violation among the findings. */
export interface Verdict {
  readonly counts: AuditCounts;
  readonly findings: Findings;
  /** The modification time that serverA lists for `config`, when only that differs. */
  readonly configMtime: number | undefined;
}

/** What the night as a whole may bring; undefined: no bound. */
export interface Limits {
  readonly newFiles?: number;
  readonly newBytes?: number;
  /** Deletions that the open window still lets through. */
  readonly deletions?: number;
  /** Tonight's deletions wait until what is new is admitted, and are judged then: whether a snapshot and a key are left. */
  readonly isNewsAwaited?: boolean;
}
