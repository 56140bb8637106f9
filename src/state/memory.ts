/**
 * `memory.json`: what the next run must know of the ones before. It is what the journal's lines come to, folded one by
 * one as they are written; for the lock the journal is never asked again. Lost, it is folded anew from the whole journal.
 */
import * as v from 'valibot';
import type { JournalLine } from './chain.ts';
import { noClock, clockAfter, clockSchema } from './clock.ts';
import { unreadAfter, unreadSchema } from './unread.ts';
import { listOf, moment, shareOfData, versionOne, whole } from './schema.ts';

/** A line of the journal that is remembered as it is. */
const line = v.looseObject({
  sequence: whole,
  time: moment,
  repository: v.string(),
  event: v.string(),
  previous: v.string(),
  runId: v.exactOptional(v.string()),
});

/** The end of a `sync`. */
const runEnd = v.looseObject({ ...line.entries, outcome: v.string(), exitCode: whole });

const check = v.looseObject({
  ...line.entries,
  share: v.string(),
  passed: v.boolean(),
  words: v.optional(v.string(), ''),
});

const drill = v.looseObject({
  ...line.entries,
  files: whole,
  bytes: whole,
  snapshots: whole,
  passed: v.boolean(),
  words: v.optional(v.string(), ''),
});

const untoldRun = v.object({ runId: v.string(), added: whole });

export const memorySchema = v.object({
  version: versionOne,
  /** The number of the last line of the journal that has been folded in. */
  sequence: whole,
  /** When `init` made the replica. */
  initialisedAt: v.nullable(moment),
  /** The ids of the markers that it wrote, of this replica and of those that it made in its place; null where it did not say of one. */
  markers: v.optional(v.nullable(listOf(v.string())), null),
  /** The last `sync` that ended, and the last that ended with exit code 0 or 4. */
  lastRun: v.nullable(runEnd),
  lastSuccess: v.nullable(runEnd),
  /** Whether files that serverA listed had not come when a run last got so far as to fetch; a run that failed says nothing of it. */
  undelivered: v.optional(v.boolean(), false),
  /** When a snapshot that had never been there was last admitted, and since when it has been quiet. */
  quiet: v.nullable(v.object({ admittedAt: v.nullable(moment), since: moment })),
  /** The alarm that stands; `alarm.json` has its findings. */
  alarm: v.nullable(v.object({ runId: v.string(), since: moment, rules: listOf(v.string()), messageId: v.string() })),
  /** The alarm whose suspects an operator has settled. */
  acceptedMtimes: v.nullable(v.object({ alarm: v.string(), at: moment })),
  /** Whether an operator ever opened or closed a window: then `prune-window.json` must be there. */
  hasWindows: v.optional(v.boolean(), false),
  /** Sets of warnings, by their fingerprint, and when each was last told by mail; the oldest first. */
  told: listOf(v.object({ warnings: v.string(), at: moment })),
  /** The runs that accepted deletions and that no mail has told of yet, the oldest first; once it was the last one, or null. */
  untold: v.union([
    listOf(untoldRun),
    v.pipe(
      v.nullable(untoldRun),
      v.transform((run) => (run === null ? [] : [run])),
    ),
  ]),
  checks: v.object({
    last: v.nullable(check),
    /** The share whose turn it was last, and when. */
    turn: v.nullable(v.string()),
    turnAt: v.nullable(moment),
    /** Shares whose last check failed, the one that was tried longest ago first. */
    failed: listOf(v.object({ share: shareOfData, since: moment, words: v.string() })),
  }),
  /** The last drill, whose failure stands until one passes. */
  drill: v.optional(v.nullable(drill), null),
  clock: clockSchema,
  /** What of the replica restic has not read, and since when; null when it has read all, or is never asked. */
  unread: v.optional(unreadSchema, null),
  /** The restic that was last asked for its version; `mtime` in milliseconds. */
  restic: v.optional(
    v.nullable(v.object({ program: v.string(), size: whole, mtime: v.number(), version: v.string() })),
    null,
  ),
  /** What rsync asks serverA for, for each program and kind of call (`call` names both): the words, one character a byte. */
  calls: v.optional(listOf(v.object({ call: v.string(), asks: listOf(v.string()) })), () => []),
  /** What the room depended on that rsync had; null before the first, and after a run that failed. */
  room: v.optional(v.nullable(v.string()), null),
});

export type Memory = v.InferOutput<typeof memorySchema>;

export const noMemory: Memory = {
  version: 1,
  sequence: 0,
  initialisedAt: null,
  markers: [],
  lastRun: null,
  lastSuccess: null,
  undelivered: false,
  quiet: null,
  alarm: null,
  acceptedMtimes: null,
  hasWindows: false,
  told: [],
  untold: [],
  checks: { last: null, turn: null, turnAt: null, failed: [] },
  drill: null,
  clock: noClock,
  unread: null,
  restic: null,
  calls: [],
  room: null,
};

/** Each says that something which serverA lists is not there: it did not come, or the time was over. */
export const saysLacking = ['not-delivered', 'unfinished'] as const;

/** So many sets of warnings (and untold runs), and so many calls of rsync, are remembered. */
const [mostTold, mostCalls] = [50, 16];

type Fold = (memory: Memory, line: JournalLine) => Partial<Memory>;

/** What each event changes; all others change nothing. */
const folds: Readonly<Record<string, Fold>> = {
  initialised: (memory, { time, marker }) => ({
    initialisedAt: time,
    markers: typeof marker === 'string' && memory.markers !== null ? [...memory.markers, marker] : null,
    clock: clockAfter(memory.clock, new Date(time)),
  }),
  started: (memory, { time }) => ({ clock: clockAfter(memory.clock, new Date(time)) }),
  finished: ended,
  audited: withoutRoom,
  'alarm-raised': (_memory, raised) => ({ alarm: alarmOf(raised), acceptedMtimes: null }),
  acknowledged: (_memory, { acceptMtimes, alarm, time }) => ({
    alarm: null,
    acceptedMtimes: acceptMtimes === true && typeof alarm === 'string' ? { alarm, at: time } : null,
  }),
  'window-opened': () => ({ hasWindows: true }),
  'window-closed': () => ({ hasWindows: true }),
  'mtimes-accepted': () => ({ acceptedMtimes: null }),
  'alert-sent': alerted,
  'alert-spooled': alerted,
  'alert-lost': alerted,
  tombstones: ({ untold }, { runId = '', added }) =>
    typeof added === 'number' && added > 0 ? { untold: [...untold, { runId, added }].slice(-mostTold) } : {},
  checked,
  drilled: (memory, drilled) => ({ drill: valid(memorySchema.entries.drill, drilled) ?? memory.drill }),
  'rsync-call': called,
  room: (memory, { room }) => ({ room: typeof room === 'string' ? room : memory.room }),
  restic: (memory, { program, size, mtime, version }) => ({
    restic: valid(memorySchema.entries.restic, { program, size, mtime, version }) ?? memory.restic,
  }),
};

/** The memory after one more line of the journal. */
export function remember(memory: Memory, line: JournalLine): Memory {
  const fold = Object.hasOwn(folds, line.event) ? folds[line.event] : undefined;
  const unread = unreadAfter(memory.unread, line);
  return { ...memory, ...fold?.(memory, line), ...(unread === undefined ? {} : { unread }), sequence: line.sequence };
}

function ended(memory: Memory, line: JournalLine): Partial<Memory> {
  const { outcome, exitCode, quiet, rules } = line;
  if (typeof outcome !== 'string' || typeof exitCode !== 'number') return {};
  const lastRun = { ...line, outcome, exitCode };
  const isSuccess = exitCode === 0 || exitCode === 4;
  return {
    lastRun,
    ...(isSuccess ? { lastSuccess: lastRun } : {}),
    undelivered: saysUndelivered(rules) || (memory.undelivered && !isSuccess),
    quiet: valid(memorySchema.entries.quiet, quiet) ?? memory.quiet,
    ...withoutRoom(memory, line),
  };
}

function saysUndelivered(rules: unknown): boolean {
  const said = valid(listOf(v.object({ rule: v.string() })), rules) ?? [];
  return said.some(({ rule }) => saysLacking.some((each) => each === rule));
}

/** A detail of a line, if it is what a schema says: whatever stands in a journal must not stop the night. */
function valid<S extends v.GenericSchema>(schema: S, value: unknown): v.InferOutput<S> | undefined {
  const parsed = v.safeParse(schema, value);
  return parsed.success ? parsed.output : undefined;
}

/** A room that is gone fails the run: the next one looks whether there is one, also while an alarm stands. */
function withoutRoom(_memory: Memory, { failure }: JournalLine): Partial<Memory> {
  return failure === undefined ? {} : { room: null };
}

function called({ calls }: Memory, { call, asks }: JournalLine): Partial<Memory> {
  const said = valid(listOf(v.string()), asks);
  if (typeof call !== 'string' || said === undefined) return {};
  return { calls: [...calls.filter((each) => each.call !== call), { call, asks: said }].slice(-mostCalls) };
}

function alarmOf({ runId = '', time, rules, since, messageId }: JournalLine): Memory['alarm'] {
  const named = Array.isArray(rules) ? rules.filter((rule) => typeof rule === 'string') : [];
  return {
    runId,
    since: v.is(moment, since) ? since : time,
    rules: named,
    messageId: typeof messageId === 'string' ? messageId : '',
  };
}

/** A mail that waits in the spool counts as told, one that is lost does not. */
function alerted(memory: Memory, { event, warnings, deletionsTold, time }: JournalLine): Partial<Memory> {
  const isTold = typeof warnings === 'string' && event !== 'alert-lost';
  return {
    ...(isTold
      ? { told: [...memory.told.filter((each) => each.warnings !== warnings), { warnings, at: time }].slice(-mostTold) }
      : {}),
    ...(deletionsTold === true ? { untold: [] } : {}),
  };
}

/** A failed share stands until it has passed itself; each try moves it behind the others. */
function checked({ checks }: Memory, line: JournalLine): Partial<Memory> {
  const { share, passed, words, time } = line;
  if (typeof share !== 'string' || typeof passed !== 'boolean') return {};
  const before = checks.failed.find((each) => each.share === share);
  const others = checks.failed.filter((each) => each.share !== share);
  const said = typeof words === 'string' ? words : '';
  const failed =
    passed || !v.is(shareOfData, share) ? others : [...others, { share, since: before?.since ?? time, words: said }];
  return {
    checks: {
      last: { ...line, share, passed, words: said },
      ...(before === undefined ? { turn: share, turnAt: time } : { turn: checks.turn, turnAt: checks.turnAt }),
      failed,
    },
  };
}
