/** Alerts that wait to be delivered: what is kept of one, and how many may wait. */
import * as v from 'valibot';
import { severities } from './channel.ts';
import type { Mail } from './mail.ts';
import { listOf, moment, versionOne, whole } from '../state/schema.ts';
import { addressOf } from '../config/smtp.ts';

const mail = v.object({
  subject: v.string(),
  text: v.string(),
  html: v.string(),
  attachments: listOf(v.object({ filename: v.string(), content: v.string() })),
  messageId: v.string(),
  references: v.optional(v.string()),
  about: v.optional(
    v.object({
      severity: v.picklist(severities),
      outcome: v.string(),
      exitCode: whole,
      host: v.string(),
      rules: listOf(v.object({ rule: v.string(), severity: v.string(), count: whole })),
    }),
  ),
});

/** One alert as its file in `<state>/spool/` holds it. */
export const spooledSchema = v.object({
  version: versionOne,
  repository: v.string(),
  runId: v.string(),
  /** When it was written; the mail's date. */
  at: moment,
  mail: v.pipe(
    mail,
    v.transform((read): Mail => ({ ...read, references: read.references, about: read.about })),
  ),
  /** Addresses that have it already: they never get it twice. */
  accepted: listOf(v.string()),
  /** Addresses that were refused for good when somebody had it: they are not tried again. */
  givenUp: v.optional(listOf(v.string()), []),
  /** Why somebody has it not yet, as it was said when it was last tried. */
  why: v.optional(v.string()),
});

export type Spooled = Readonly<v.InferOutput<typeof spooledSchema>>;

/** So many alerts wait at most, and so many bytes of them. What came first is kept: it tells what began. */
export const spoolLimits = { alerts: 100, bytes: 32 * 1024 * 1024 } as const;

/** How many alerts wait, since when, and why. */
export interface Waiting {
  readonly alerts: number;
  /** ISO 8601, UTC; null when none does. */
  readonly since: string | null;
  /** Why the oldest was not delivered when it was last tried; null when none waits, or nobody knows. */
  readonly why: string | null;
}

/** The file of an alert; sorted by name the oldest run comes first. */
export function spoolName(runId: string, repository: string): string {
  return `${runId}.${repository}.json`;
}

const nameForm = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-[0-9a-f]{4}\.(.+)\.json$/;

/** Whose alert a file holds and when its run began; undefined when it holds none. */
export function readSpoolName(name: string): { repository: string; since: string } | undefined {
  const [, year, month, day, hour, minute, second, repository] = nameForm.exec(name) ?? [];
  return repository === undefined
    ? undefined
    : { repository, since: `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z` };
}

/** Who of the configured recipients is still to get it; `accepted` are those who need not be tried. */
export function missingOf(to: readonly string[], accepted: readonly string[]): string[] {
  const have = new Set(accepted.map((each) => addressOf(each).toLowerCase()));
  return to.filter((each) => !have.has(addressOf(each).toLowerCase()));
}
