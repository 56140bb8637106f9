/** What a pass of the audit has come to, how passes add up, and how much they may bring. */
import { Failure } from '../errors.ts';
import { Findings } from './findings.ts';
import type { ChangeKind, Row } from './policy.ts';

/** One pass, or all of them together. */
export interface PassReport {
  readonly counts: AuditCounts;
  readonly findings: Findings;
  rootNamed: number;
  /** Lines that name what the replica does not have, or once more what it has. */
  strangers: number;
  /** The modification time that serverA lists for `config`, when only that differs. */
  configMtime: number | undefined;
  /** Folders that are none of the layout's; the first of them. */
  readonly foreignFolders: string[];
}

/** The counts of section 8's JSON, before anything was reported. */
export const noCounts = () => ({
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

export type AuditCounts = ReturnType<typeof noCounts>;

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
export type Verdict = Pick<PassReport, 'counts' | 'findings' | 'configMtime'>;

/** What the night as a whole may bring; undefined: no bound. */
export interface Limits {
  readonly newFiles?: number;
  readonly newBytes?: number;
  /** Deletions that the open window still lets through. */
  readonly deletions?: number;
  /** Tonight's deletions wait until what is new is admitted, and are judged then: whether a snapshot and a key are left. */
  readonly isNewsAwaited?: boolean;
}

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
