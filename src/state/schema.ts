/** What every file that we keep is made of, as schemas: a file with anything else in it is damaged. */
import * as v from 'valibot';

/** A moment: ISO 8601 in UTC. */
export const moment = v.pipe(
  v.string(),
  v.check((text) => /^\d{4}-\d\d-\d\dT.*Z$/.test(text) && !Number.isNaN(Date.parse(text)), 'no time'),
);

/** A whole number from 0. */
export const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** SHA-256, hexadecimal. */
export const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

/** Each kind of file counts its own versions; a number that we do not know is not guessed at. */
export const versionOne = v.literal(1);

/** `n/t`, a share of all data. */
export const shareOfData = v.pipe(v.string(), v.regex(/^[1-9]\d{0,4}\/[1-9]\d{0,4}$/));

/** A list that nobody changes. */
export function listOf<const S extends v.GenericSchema>(item: S) {
  return v.pipe(v.array(item), v.readonly());
}
