/** Alerts that wait to be delivered: what is kept of one, and how many may wait. */
import * as v from 'valibot';
import type { Mail } from './mail.ts';
import { listOf, moment, versionOne } from '../state/schema.ts';
import { addressOf } from '../config/smtp.ts';

const mail = v.object({
  subject: v.string(),
  text: v.string(),
  html: v.string(),
  attachments: listOf(v.object({ filename: v.string(), content: v.string() })),
  messageId: v.string(),
  references: v.optional(v.string()),
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
    v.transform((read): Mail => ({ ...read, references: read.references })),
  ),
  /** Addresses that have it already: they never get it twice. */
  accepted: listOf(v.string()),
  /** Addresses that were refused for good when somebody had it: they are not tried again. */
  givenUp: v.optional(listOf(v.string()), []),
});

export type Spooled = Readonly<v.InferOutput<typeof spooledSchema>>;

/** So many alerts wait at most, and so many bytes of them. What came first is kept: it tells what began. */
export const spoolLimits = { alerts: 100, bytes: 32 * 1024 * 1024 } as const;

/** How many alerts wait, and since when. */
export interface Waiting {
  readonly alerts: number;
  /** ISO 8601, UTC; null when none does. */
  readonly since: string | null;
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

/** How many alerts of a repository wait, or of all. */
export function waitingIn(names: readonly string[], repository?: string): Waiting {
  const waiting = names
    .map(readSpoolName)
    .filter((each) => each !== undefined && (repository === undefined || each.repository === repository));
  const since = waiting.map((each) => each?.since ?? '').sort()[0] ?? null;
  return { alerts: waiting.length, since };
}

/** Who of the configured recipients is still to get it; `accepted` are those who need not be tried. */
export function missingOf(to: readonly string[], accepted: readonly string[]): string[] {
  const have = new Set(accepted.map((each) => addressOf(each).toLowerCase()));
  return to.filter((each) => !have.has(addressOf(each).toLowerCase()));
}
