/**
 * Whether this machine's clock can be believed. A clock that is more than a week away from the last run whose clock
 * could be is doubted, in this run and in all that follow at that distance: what a wrong clock wrote proves nothing.
 * Once it has gone on steadily for a week it is believed again (the machine was off, or its clock had been wrong before),
 * and due dates move by the distance that it jumped: so no jump shortens a grace, and a jump back undoes the one before.
 */
import * as v from 'valibot';
import { moment } from './schema.ts';

export const clockSchema = v.object({
  /** When a run with a believed clock was last seen; null before the first. */
  believed: v.nullable(moment),
  /** A clock that is too far from that: when it was first seen, and when last. */
  doubted: v.nullable(v.object({ since: moment, last: moment })),
});

export type Clock = v.InferOutput<typeof clockSchema>;

export const noClock: Clock = { believed: null, doubted: null };

/** The distance beyond which a clock is doubted, and how long it is doubted, in milliseconds. */
const doubt = 7 * 24 * 3600 * 1000;

/** The clock after a run that began at `now`. */
export function clockAfter(clock: Clock, now: Date): Clock {
  const { believed, doubted } = clock;
  const time = now.toISOString();
  if (believed === null || isNear(believed, now) || jumpAt(clock, now) !== undefined)
    return { believed: time, doubted: null };
  const isSteady = doubted !== null && isNear(doubted.last, now) && now.getTime() >= Date.parse(doubted.last);
  return { believed, doubted: { since: isSteady ? doubted.since : time, last: time } };
}

/** Whether a run that begins at `now` may bury, confirm and expire. The first one after a doubted clock may not: it has jumped, too. */
export function isBelieved(clock: Clock, now: Date): boolean {
  const { believed, doubted } = clock;
  if (believed === null || jumpAt(clock, now) !== undefined) return true;
  return isNear(believed, now) && (doubted === null || isNear(doubted.last, now));
}

/** By how many milliseconds due dates move when the clock of `now` is believed although it is far from the last; else undefined. */
export function jumpAt({ believed, doubted }: Clock, now: Date): number | undefined {
  if (believed === null || doubted === null || isNear(believed, now) || !isNear(doubted.last, now)) return undefined;
  return now.getTime() - Date.parse(doubted.since) < doubt
    ? undefined
    : Date.parse(doubted.since) - Date.parse(believed);
}

/** Milliseconds since a remembered time; one in the future was written by a wrong clock and counts as never. */
export function sinceThen(then: string | undefined, now: Date): number {
  const since = then === undefined ? NaN : now.getTime() - Date.parse(then);
  return since >= -skew ? Math.max(0, since) : Infinity;
}

/** How far the clocks of honest runs may differ, in milliseconds: a clock that NTP sets back a little is not wrong. */
const skew = 5 * 60 * 1000;

function isNear(then: string, now: Date): boolean {
  return Math.abs(now.getTime() - Date.parse(then)) <= doubt;
}
