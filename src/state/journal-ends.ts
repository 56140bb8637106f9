/** The two ends of a file of the journal. */
import { type JournalLine, parseJournalLine } from './chain.ts';
import { firstLineOf, linesBackwards } from './lines.ts';
import { sha256Of } from './sha256.ts';

/** The last line of a file. */
export interface Last {
  readonly line: JournalLine | undefined;
  readonly hash: string;
}

/** The last line of a file; undefined when there is no file, or no line in it. */
export function lastOf(path: string): Last | undefined {
  for (const bytes of linesBackwards(path))
    return { line: parseJournalLine(bytes.toString('utf8')), hash: sha256Of(bytes) };
  return undefined;
}

/** The first line of a file as data; undefined when it is none of a journal. */
export function firstLine(path: string): JournalLine | undefined {
  return parseJournalLine(firstLineOf(path));
}
