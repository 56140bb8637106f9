/** The one reader of the JSON files that we keep. It fails closed: what is not what its schema says is an error, never a default. */
import * as v from 'valibot';
import { escapeText } from '../printable.ts';
import { Failure } from '../errors.ts';
import { readText } from './read-file.ts';

/** What helps when a file of ours is damaged. */
export const fromBackup = 'nothing was done; restore the file from a backup of this machine';

/**
 * What a file holds; undefined when there is none. Throws Failure when it may not be read, and in other words, with
 * `hint`, when it is not what `schema` says.
 */
export function readJson<S extends v.GenericSchema>(
  path: string,
  schema: S,
  hint = fromBackup,
): v.InferOutput<S> | undefined {
  const text = readText(path);
  return text === undefined ? undefined : parseJson(text, path, schema, hint);
}

/** A text of `path` as `schema` says. Throws Failure with what is wrong. */
export function parseJson<S extends v.GenericSchema>(
  text: string,
  path: string,
  schema: S,
  hint = fromBackup,
): v.InferOutput<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Failure(`${path} is damaged: it is no JSON`, hint, { cause: error });
  }
  const parsed = v.safeParse(schema, value, { abortEarly: true });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const place = v.getDotPath(issue);
  throw new Failure(
    `${path} is damaged: ${place === null ? '' : `${escapeText(place, 100)}: `}${escapeText(issue.message, 200)}`,
    hint,
  );
}

/** A text as `schema` says; undefined where it is anything else, for who can do without it. */
export function ifJson<S extends v.GenericSchema>(text: string, schema: S): v.InferOutput<S> | undefined {
  try {
    const parsed = v.safeParse(schema, JSON.parse(text));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined; // the answer, not an error
  }
}
