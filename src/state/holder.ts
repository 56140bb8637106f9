/** What the holder of a replica's lock notes in the lock file: for the run that tidies up after it, and for who waits too long. */
import * as v from 'valibot';
import { sinceThen } from './clock.ts';
import type { Repository } from '../config/config.ts';
import { escapeText } from '../printable.ts';
import { Failure } from '../errors.ts';
import { ifJson } from './json-file.ts';
import { readText } from './read-file.ts';
import { ownPaths } from '../replica-path.ts';

const holderSchema = v.object({ pid: v.number(), phase: v.string(), since: v.string() });

/** Who holds the lock. `since`: when its run began, ISO 8601. */
type Holder = Readonly<v.InferOutput<typeof holderSchema>>;

/** Two lines: the run's private folder, and the holder. */
export function noteOf(folder: string, holder: Holder): string {
  return `${folder}\n${JSON.stringify(holder)}\n`;
}

/** The run folder that a note names. */
export function folderIn(note: string): string {
  return note.split('\n', 1)[0] ?? '';
}

/** Throws Failure when the lock has been held for longer than a night can last: that run hangs, and nobody else would say so. */
export function requireShortHold({ name, replica, timeouts }: Repository): void {
  const holder = holderIn(readText(ownPaths(replica).lock) ?? '');
  // A time in the future was written by a wrong clock: it must not make this run's silence last for years.
  if (holder === undefined || sinceThen(holder.since, new Date()) <= timeouts.run + 2 * timeouts.prove + timeouts.check)
    return;
  throw new Failure(
    `another run has held the lock since ${escapeText(holder.since)}, longer than a night can last, or by a clock that was wrong: process ${holder.pid}, at step "${escapeText(holder.phase)}"`,
    `look what it waits for (ps -o pid,stat,wchan:32,args -p ${holder.pid}), end it, and run: rsync-ratchet sync ${name}. Nothing was fetched`,
  );
}

/** Undefined where the note is of another version, or was cut. */
function holderIn(note: string): Holder | undefined {
  return ifJson(note.split('\n')[1] ?? '', holderSchema);
}
